"""What kind of question it is, by rules over its words: the first that fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxzip.query.comparison import is_comparison
from ctxzip.query.multi_hop import has_steps
from ctxzip.query.question_words import (
    AUXILIARY,
    FUNCTION,
    MONTH,
    RELATIVE,
    Reading,
    is_reply,
    is_short,
    verb,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_CODE = re.compile(
    r"`[^`]|\w\(\)|::\w|[=!]==?|=>|->|</\w|\b0x[0-9a-f]{2}|(?<![\w-])--[a-z]{2}|[a-z0-9]_[a-z0-9]"
    r"|\w\.(?:py|js|ts|cpp|java|rs|sh|json|ya?ml|toml|sql|html|css|exe|dll)\b"
    r"|\b(?:traceback|stack ?trace|stderr|segfault|segmentation fault|core dumped|undefined reference|no such file or directory"
    r"|permission denied|syntax error|null pointer|exit code|error code|npm err|errno)\b|\berror:? [a-z]{0,3}-?\d{2}",
    re.IGNORECASE,
)
_RAISED = re.compile(r"(?<=[A-Za-z])(?:Error|Exception)\b")
_SUMMARY = re.compile(
    r"(?:(?:can|could) you )?(?:please )?(?:summari[sz]e|sum up|describe|outline|tl dr|tldr|overview of|summary of"
    r"|(?:give|write|provide) (?:me |us )?(?:an? |the )?(?:\S+ )?(?:overview|summary|outline|description)|tell (?:me|us) (?:more|about)"
    r"|what (?:is|are) the (?:main|key|major|most important) (?:points?|ideas?|takeaways?|findings?|arguments?|conclusions?|themes?))\b"
)


def _is_code(reading: Reading) -> str:
    found = _CODE.search(reading.text) or _RAISED.search(reading.text)
    if not found:
        return ""
    start = reading.text.rfind(" ", 0, found.end() - 1) + 1
    return f"code or an error message ('{reading.text[min(start, found.start()) :].split(' ')[0][:40]}')"


def _is_summary(reading: Reading) -> str:
    found = _SUMMARY.match(reading.asked)
    return f"a summary asked for ('{found.group()}')" if found else ""


_NUMBER = r"(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|several)"
_LIST = re.compile(
    r"((?:list|enumerate|identify|mention|name(?! of| is))\b|give (?:me |us )?(?:all|some|examples)\b"
    rf"|(?:what|which|who|whose) (?:are|were)(?= (?:the|some|all|other|{_NUMBER})\b| (?:\S+ ){{4}})"
    rf"|(?:what|which) (?:{_NUMBER}|other|(?:types|kinds|sorts|classes|forms) of)\b"
    r"|(?:what|which) (?:\S+ ){0,2}\S{2,30}s (?:are|were|have)\b)|.{0,60}?\b(how many)\b"
)
_DEFINITION = re.compile(
    r"define\b|(?:the )?(?:definition|meaning) of\b|what (?:is|are|was|were) (?:the )?(?:definition|meaning) of\b|what is meant by\b"
    r"|what (?:does|do|did) .{1,120} (?:mean|stand for)\b"
)
_WHAT_IS = re.compile(r"what (?:is|are) (?:an? )?(?P<what>(?:\S+ ){0,3}\S+)\Z")
_WHAT_IS_IN = re.compile(r"what (?:is|are) an? (?:\S+ ){1,3}(?:in|under|according to)\b")
_WHO_IS = re.compile(r"who (?:is|was) (?P<what>(?:\S+ ){0,4}\S+)\Z")
_HOW_WHY = re.compile(
    r"(?:.{0,60}\b)?(why\b|how (?:do|does|did|can|could|should|would|to|is|are|was|were|has|have|had|will|come|might|must)\b)|(explain\b|what (?:causes|caused|happens|happened|makes|made)\b"
    r"|what (?:is|was|are|were) the (?:causes?(?! of death)|reasons?|purpose|mechanisms?|process|procedure|function|role|steps?)\b)"
)
_TIME = re.compile(
    r"\b(?:in|on|since|until|till|before|after|by|during|from|between|as of|around|of|through|to|and) "
    rf"(?:(?:the|early|late|mid|year|years|summer|spring|autumn|fall|winter|{MONTH}|\d{{1,2}}) ){{0,3}}(?:1[0-9]|20)\d\ds?\b"
    rf"|\bin (?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
)


def _is_list(reading: Reading) -> str:
    found = _LIST.match(reading.asked)
    return f"several things or a count asked for ('{found.group(found.lastindex or 0)}')" if found else ""


def _is_definition(reading: Reading) -> str:
    plain = next((found for pattern in (_WHAT_IS, _WHO_IS) if (found := pattern.match(reading.asked))), None)
    # "What is the capital", "who is hosting" and "what is Europe's largest port" ask for more than a meaning.
    plainly = plain and FUNCTION.isdisjoint(plain.group("what").split(" ")) and "'s" not in plain.group("what")
    if plainly or _DEFINITION.match(reading.asked) or _WHAT_IS_IN.match(reading.asked):
        return f"a meaning asked for ('{' '.join(reading.words[:2])}')"
    return ""


def _is_how_why(reading: Reading) -> str:
    found = _HOW_WHY.match(reading.asked)
    return f"a way or a reason asked for ('{found.group(found.lastindex or 0)}')" if found else ""


def _is_time_scoped(reading: Reading) -> str:
    if (not reading.asks and "?" not in reading.text) or reading.asks in AUXILIARY:
        return ""
    found = _TIME.search(reading.asked)
    return f"a fact at a time ('{found.group()}')" if found else ""


_UNFINISHED = words_of(
    "called means is was are were by of in to from with as for the a an known named and into on approximately"
)


def _is_yes_no(reading: Reading) -> str:
    words = reading.words
    if reading.asks in AUXILIARY or (words[0] in {"if", "whether"} and not reading.asks):
        return f"yes or no ('{words[0]}')"
    if reading.asks or "?" in reading.text or words[-1] in _UNFINISHED or is_reply(reading):
        return ""
    if found := verb(words):
        return f"a claim, true or false ('{found}')"
    return "a claim, true or false ('.')" if len(words) > 2 and reading.text.endswith(".") else ""


def _is_fact(reading: Reading) -> str:
    if reading.asks:
        return f"one fact asked for ('{reading.asks}')"
    if "?" in reading.text:
        return "one fact asked for ('?')"
    if is_reply(reading):
        return ""
    if reading.words[-1] in _UNFINISHED:
        return f"a sentence to be completed ('{reading.words[-1]}')"
    told = next((word for word in reading.words[1:] if word in RELATIVE), "")
    return f"one thing described ('{told}')" if told else ""


def _is_keywords(reading: Reading) -> str:
    return "a few words and no verb" if is_short(reading) else ""


_RULES: tuple[tuple[str, Callable[[Reading], str]], ...] = (
    ("code", _is_code),
    ("summary", _is_summary),
    ("comparison", is_comparison),
    ("multi_hop", has_steps),
    ("list", _is_list),
    ("definition", _is_definition),
    ("how_why", _is_how_why),
    ("time_scoped", _is_time_scoped),
    ("yes_no", _is_yes_no),
    ("fact", _is_fact),
    ("keywords", _is_keywords),
    ("other", lambda _: "neither a question nor keywords"),
)


def by_rules(reading: Reading) -> tuple[str, str]:
    """Name the kind by rules alone, and why."""
    if not reading.words:
        return "other", "no words"
    return next((kind, why) for kind, rule in _RULES if (why := rule(reading)))
