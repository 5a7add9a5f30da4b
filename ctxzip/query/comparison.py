"""Tokenized query -> whether it is a comparison, and the two entities it compares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxzip.query.tokenized_query import is_keyword_query
from ctxzip.query.vocabulary import AUXILIARIES, FUNCTION_WORDS, NAME_PARTICLES, word_set

if TYPE_CHECKING:
    from ctxzip.query.tokenized_query import TokenizedQuery

_EXPLICIT = re.compile(
    r"\A(?:compare|contrast)\b|\b(?:versus|vs|compared? (?:to|with|against)|in comparison (?:to|with)|differences? between|differ from|distinguish(?:es)? between"
    r"|similarit(?:y|ies) (?:between|of)|in common)\b"
)
COMPARATIVES = (
    r"(?:earlier|later|sooner|more|less|fewer|better|worse|older|younger|newer|larger|smaller|bigger|taller|longer|shorter|higher|lower"
    r"|wider|deeper|greater|faster|slower|cheaper|closer|farther|further|nearer|heavier|lighter|stronger|busier|hotter|colder|richer|poorer)"
)
_DEGREE = (
    rf"(?:{COMPARATIVES}|first|last|earliest|latest|most|least|fewest|best|worst|oldest|youngest|newest|largest|smallest|biggest|tallest"
    r"|longest|shortest|highest|lowest|closest|both|same|either|recently)"
)
# "Which is longer, A or B", but not "more or less" or "before or after".
_DEGREE_OR = re.compile(
    rf"\b{_DEGREE}\b.{{0,300}}? or (?!{_DEGREE}\b|(?:not|after|before|so|no|under|over|above|below)\b)"
)
# "Which is older between A and B", "which of A and B is older"; not "between 1968 and 1971".
_COMPARATIVE_OF_PAIR = re.compile(
    rf"\b{COMPARATIVES}\b.{{0,60}}? (?:between|among) (?!\S+ \d|\d).{{1,100}} and "
    rf"|\b(?:between|which of) (?!\S+ \d|\d).{{1,100}} and .{{0,100}}\b{COMPARATIVES}\b"
)
# "Are A and B both rivers", "were A and B from the same country".
_SAME_OR_BOTH = re.compile(
    r"\bboth (?:\S+ ){1,12}and\b|\band (?:\S+ ){1,8}both\b"
    r"|\A(?:are|were|is|was|do|does|did|have|has|had) .{1,200} and .{1,200}\b(?:same|both|alike|similar)\b(?! time)"
)
# "Which is longest out of A and B".
_DEGREE_OUT_OF = re.compile(rf"\b{_DEGREE}\b.{{0,30}} out of .{{1,100}} and ")
# "Is A or B older".
_YES_NO_OR = re.compile(
    rf"\A(?:is|are|was|were|do|does|did|has|have|had) .{{1,150}} or .{{1,150}}\b(?:{COMPARATIVES}|first|last)\b"
)
# "Is A older than B".
_COMPARATIVE_THAN = re.compile(rf"\b{COMPARATIVES}(?: \S+){{0,2}} than\b")
_COMPARING_WORD = re.compile(rf"\b{_DEGREE}\b|\b(?:between|alike|similar)\b")
# "..., A or B?"
_ALTERNATIVES = re.compile(r"[,:] ?([^,:?]{1,80}),? or ([^,:?]{1,80})\??\Z", re.IGNORECASE)
# "The effect of celecoxib compared to placebo": one report of a trial holds both arms of the comparison.
TREATMENT_EFFECT = re.compile(r"\b(?:effects?|impact|influence|efficacy) of\b")
_OR_BETWEEN_NAMES = re.compile(r"\W{0,3}or\W(?:[a-z]+ ){0,4}\W?\Z")
_LINK_BETWEEN_NAMES = re.compile(r"\W{0,3}(?:and|or|versus|vs\.?|than|compared (?:to|with))\W(?:[a-z]+ ){0,4}\W?\Z")
_UNCAPITALIZED_PAIR = re.compile(
    rf"(?:\b(?:between|out of|{_DEGREE})|\A(?:compare|contrast)|\A(?:are|were|is|was|do|does|did|have|has|had)) (?:both )?(?:(?:is|was|came|has) )?(.{{1,80}}?) (?:or|and|vs|versus) (.{{1,80}})"
)
_VERSUS_PAIR = re.compile(r"\A(.{1,80}?) (?:vs|versus) (.{1,80})")
_ENDS_ENTITY = (FUNCTION_WORDS - NAME_PARTICLES) | word_set(
    "located based born directed considered classified come comes originate originated"
)
_MAX_ENTITY_WORDS = 8


def comparison_reason(query: TokenizedQuery) -> str:
    """Return why a query is a comparison, or ""."""
    if not query.question_word and not is_keyword_query(query):
        return ""
    if explicit := _EXPLICIT.search(query.question):
        return f"comparison ('{explicit.group()}')"
    for pattern in (_DEGREE_OR, _COMPARATIVE_OF_PAIR, _DEGREE_OUT_OF, _SAME_OR_BOTH, _YES_NO_OR):
        if (match := pattern.search(query.question)) and (word := _COMPARING_WORD.search(match.group())):
            return f"comparison ('{word.group()}')"
    if query.question_word in AUXILIARIES:
        if len(query.names) > 1 and (match := _COMPARATIVE_THAN.search(query.question)):
            return f"comparison ('{match.group()}')"
        is_choice = bool(_linked_names(query, _OR_BETWEEN_NAMES))
    else:
        is_choice = 0 <= query.question_word_index < 4 and bool(_ALTERNATIVES.search(query.text))
    return "choice between two ('or')" if is_choice else ""


def compared_entities(query: TokenizedQuery) -> tuple[str, ...]:
    """Return the two entities that a comparison compares, as written, or () where the rules do not find both."""
    if names := _linked_names(query, _LINK_BETWEEN_NAMES):
        return names
    pair = (
        _ALTERNATIVES.search(query.text)
        or _UNCAPITALIZED_PAIR.search(query.question)
        or _VERSUS_PAIR.search(query.question)
    )
    entities = tuple(_entity(text) for text in pair.groups()) if pair else ()
    if not all(entities):
        return ()
    lower = query.text.lower()
    starts = [lower.find(entity.lower()) for entity in entities]
    return tuple(
        query.text[start : start + len(entity)] if start >= 0 else entity
        for start, entity in zip(starts, entities, strict=True)
    )


def _linked_names(query: TokenizedQuery, link: re.Pattern[str]) -> tuple[str, ...]:
    """Return the first two adjacent names whose text in between matches `link`, or ()."""
    for left, right in zip(query.names, query.names[1:], strict=False):
        start = query.text.find(left) + len(left)
        if link.match(query.text[start : query.text.find(right, start)].removeprefix("'s")):
            return left, right
    return ()


def _entity(text: str) -> str:
    """Return one matched side of a comparison without articles in front and function words behind."""
    words = text.strip(" \"'“”").split(" ")
    while words and words[0].lower() in {"the", "a", "an", "is", "it", "was"}:
        words.pop(0)
    stop = next((i for i, word in enumerate(words) if word in _ENDS_ENTITY), len(words))
    words = words[: min(stop, _MAX_ENTITY_WORDS)]
    while words and words[-1].lower() in NAME_PARTICLES:
        words.pop()
    return " ".join(words)
