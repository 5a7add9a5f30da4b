"""Whether a question compares, and what."""

from __future__ import annotations

import re

from ctxzip.query.question_words import AUXILIARY, FUNCTION, JOINS, Reading, is_short, words_of

_COMPARED = re.compile(
    r"\A(?:compare|contrast)\b|\b(?:versus|vs|compared? (?:to|with|against)|in comparison (?:to|with)|differences? between|differ from|distinguish(?:es)? between"
    r"|similarit(?:y|ies) (?:between|of)|in common)\b"
)
COMPARATIVE = (
    r"(?:earlier|later|sooner|more|less|fewer|better|worse|older|younger|newer|larger|smaller|bigger|taller|longer|shorter|higher|lower"
    r"|wider|deeper|greater|faster|slower|cheaper|closer|farther|further|nearer|heavier|lighter|stronger|busier|hotter|colder|richer|poorer)"
)
_MEASURE = (
    rf"(?:{COMPARATIVE}|first|last|earliest|latest|most|least|fewest|best|worst|oldest|youngest|newest|largest|smallest|biggest|tallest"
    r"|longest|shortest|highest|lowest|closest|both|same|either|recently)"
)
# "more or less" and "before or after" compare nothing.
_BY_MEASURE = re.compile(
    rf"\b{_MEASURE}\b.{{0,300}}? or (?!{_MEASURE}\b|(?:not|after|before|so|no|under|over|above|below)\b)"
)
_OF_TWO = re.compile(
    rf"\b{COMPARATIVE}\b.{{0,60}}? (?:between|among) (?!\S+ \d|\d).{{1,100}} and "
    rf"|\b(?:between|which of) (?!\S+ \d|\d).{{1,100}} and .{{0,100}}\b{COMPARATIVE}\b"
)
_BOTH = re.compile(
    r"\bboth (?:\S+ ){1,12}and\b|\band (?:\S+ ){1,8}both\b"
    r"|\A(?:are|were|is|was|do|does|did|have|has|had) .{1,200} and .{1,200}\b(?:same|both|alike|similar)\b(?! time)"
)
_OUT_OF = re.compile(rf"\b{_MEASURE}\b.{{0,30}} out of .{{1,100}} and ")
_ONE_OF_TWO = re.compile(
    rf"\A(?:is|are|was|were|do|does|did|has|have|had) .{{1,150}} or .{{1,150}}\b(?:{COMPARATIVE}|first|last)\b"
)
_THAN = re.compile(rf"\b{COMPARATIVE}(?: \S+){{0,2}} than\b")
_KEY = re.compile(rf"\b{_MEASURE}\b|\b(?:between|alike|similar)\b")
_ALTERNATIVES = re.compile(r"[,:] ?([^,:?]{1,80}),? or ([^,:?]{1,80})\??\Z", re.IGNORECASE)
# A trial's report holds what it compares: "the effect of celecoxib compared to placebo" is one place.
EFFECT = re.compile(r"\b(?:effects?|impact|influence|efficacy) of\b")


def is_comparison(reading: Reading) -> str:
    """Return why a question compares, or nothing."""
    if not reading.asks and not is_short(reading):
        return ""
    if found := _COMPARED.search(reading.asked):
        return f"a comparison ('{found.group()}')"
    for pattern in (_BY_MEASURE, _OF_TWO, _OUT_OF, _BOTH, _ONE_OF_TWO):
        if (found := pattern.search(reading.asked)) and (key := _KEY.search(found.group())):
            return f"a comparison ('{key.group()}')"
    if reading.asks in AUXILIARY:
        if len(reading.names) > 1 and (found := _THAN.search(reading.asked)):
            return f"a comparison ('{found.group()}')"
        return "a choice of two ('or')" if _joined(reading, _OR) else ""
    chosen = 0 <= reading.asks_at < 4 and _ALTERNATIVES.search(reading.text)
    return "a choice of two ('or')" if chosen else ""


_OR = re.compile(r"\W{0,3}or\W(?:[a-z]+ ){0,4}\W?\Z")
_BETWEEN_SIDES = re.compile(r"\W{0,3}(?:and|or|versus|vs\.?|than|compared (?:to|with))\W(?:[a-z]+ ){0,4}\W?\Z")
_LOWER_SIDES = re.compile(
    rf"(?:\b(?:between|out of|{_MEASURE})|\A(?:compare|contrast)|\A(?:are|were|is|was|do|does|did|have|has|had)) (?:both )?(?:(?:is|was|came|has) )?(.{{1,80}}?) (?:or|and|vs|versus) (.{{1,80}})"
)
_VERSUS = re.compile(r"\A(.{1,80}?) (?:vs|versus) (.{1,80})")
_NO_SIDE = (FUNCTION - JOINS) | words_of(
    "located based born directed considered classified come comes originate originated"
)
_SIDE_WORDS = 8


def _joined(reading: Reading, between: re.Pattern[str]) -> tuple[str, ...]:
    """Return the first two names that stand beside each other with such words between them."""
    for left, right in zip(reading.names, reading.names[1:], strict=False):
        start = reading.text.find(left) + len(left)
        if between.match(reading.text[start : reading.text.find(right, start)].removeprefix("'s")):
            return left, right
    return ()


def sides_of(reading: Reading) -> tuple[str, ...]:
    """Return the two things compared as written, or nothing where they are not plain to see."""
    if joined := _joined(reading, _BETWEEN_SIDES):
        return joined
    found = _ALTERNATIVES.search(reading.text) or _LOWER_SIDES.search(reading.asked) or _VERSUS.search(reading.asked)
    sides = tuple(_side(side) for side in found.groups()) if found else ()
    if not all(sides):
        return ()
    lower = reading.text.lower()
    at = [lower.find(side.lower()) for side in sides]
    return tuple(reading.text[i : i + len(side)] if i >= 0 else side for i, side in zip(at, sides, strict=True))


def _side(text: str) -> str:
    words = text.strip(" \"'“”").split(" ")
    while words and words[0].lower() in {"the", "a", "an", "is", "it", "was"}:
        words.pop(0)
    stop = next((i for i, word in enumerate(words) if word in _NO_SIDE), len(words))
    words = words[: min(stop, _SIDE_WORDS)]
    while words and words[-1].lower() in JOINS:
        words.pop()
    return " ".join(words)
