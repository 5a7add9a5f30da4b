"""Tokenized query -> its kind and the reason, by ordered rules: the first that applies decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxzip.query.comparison import comparison_reason
from ctxzip.query.multi_hop import multi_hop_reason
from ctxzip.query.tokenized_query import find_verb, is_keyword_query, is_reply
from ctxzip.query.vocabulary import AUXILIARIES, FUNCTION_WORDS, MONTH, RELATIVE_PRONOUNS, word_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxzip.query.tokenized_query import TokenizedQuery

_CODE = re.compile(
    r"`[^`]|\w\(\)|::\w|[=!]==?|=>|->|</\w|\b0x[0-9a-f]{2}|(?<![\w-])--[a-z]{2}|[a-z0-9]_[a-z0-9]"
    r"|\w\.(?:py|js|ts|cpp|java|rs|sh|json|ya?ml|toml|sql|html|css|exe|dll)\b"
    r"|\b(?:traceback|stack ?trace|stderr|segfault|segmentation fault|core dumped|undefined reference|no such file or directory"
    r"|permission denied|syntax error|null pointer|exit code|error code|npm err|errno)\b|\berror:? [a-z]{0,3}-?\d{2}",
    re.IGNORECASE,
)
# "LockError", "ValueException".
_EXCEPTION_NAME = re.compile(r"(?<=[A-Za-z])(?:Error|Exception)\b")
_SUMMARY = re.compile(
    r"(?:(?:can|could) you )?(?:please )?(?:summari[sz]e|sum up|describe|outline|tl dr|tldr|overview of|summary of"
    r"|(?:give|write|provide) (?:me |us )?(?:an? |the )?(?:\S+ )?(?:overview|summary|outline|description)|tell (?:me|us) (?:more|about)"
    r"|what (?:is|are) the (?:main|key|major|most important) (?:points?|ideas?|takeaways?|findings?|arguments?|conclusions?|themes?))\b"
)
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
# "What is a weir". "What is the capital" is not a question for a definition.
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
# Last words of a sentence whose end is to be found.
_UNFINISHED = word_set(
    "called means is was are were by of in to from with as for the a an known named and into on approximately"
)


def _code(query: TokenizedQuery) -> str:
    match = _CODE.search(query.text) or _EXCEPTION_NAME.search(query.text)
    if not match:
        return ""
    word_start = query.text.rfind(" ", 0, match.end() - 1) + 1
    word = query.text[min(word_start, match.start()) :].split(" ")[0]
    return f"code or error message ('{word[:40]}')"


def _summary(query: TokenizedQuery) -> str:
    match = _SUMMARY.match(query.question)
    return f"summary ('{match.group()}')" if match else ""


def _list(query: TokenizedQuery) -> str:
    match = _LIST.match(query.question)
    return f"list or count ('{match.group(match.lastindex or 0)}')" if match else ""


def _definition(query: TokenizedQuery) -> str:
    match = _WHAT_IS.match(query.question) or _WHO_IS.match(query.question)
    # "What is the capital", "who is hosting" and "what is Europe's largest port" are questions for a fact.
    is_bare_term = (
        match and FUNCTION_WORDS.isdisjoint(match.group("what").split(" ")) and "'s" not in match.group("what")
    )
    if is_bare_term or _DEFINITION.match(query.question) or _WHAT_IS_IN.match(query.question):
        return f"definition ('{' '.join(query.words[:2])}')"
    return ""


def _how_why(query: TokenizedQuery) -> str:
    match = _HOW_WHY.match(query.question)
    return f"procedure or cause ('{match.group(match.lastindex or 0)}')" if match else ""


def _time_scoped(query: TokenizedQuery) -> str:
    if (not query.question_word and "?" not in query.text) or query.question_word in AUXILIARIES:
        return ""
    match = _TIME.search(query.question)
    return f"fact at a given time ('{match.group()}')" if match else ""


def _yes_no(query: TokenizedQuery) -> str:
    words = query.words
    if query.question_word in AUXILIARIES or (words[0] in {"if", "whether"} and not query.question_word):
        return f"yes/no question ('{words[0]}')"
    if query.question_word or "?" in query.text or words[-1] in _UNFINISHED or is_reply(query):
        return ""
    if verb := find_verb(words):
        return f"claim, true or false ('{verb}')"
    return "claim, true or false ('.')" if len(words) > 2 and query.text.endswith(".") else ""


def _fact(query: TokenizedQuery) -> str:
    if query.question_word:
        return f"single fact ('{query.question_word}')"
    if "?" in query.text:
        return "single fact ('?')"
    if is_reply(query):
        return ""
    if query.words[-1] in _UNFINISHED:
        return f"sentence to complete ('{query.words[-1]}')"
    pronoun = next((word for word in query.words[1:] if word in RELATIVE_PRONOUNS), "")
    return f"description of one thing ('{pronoun}')" if pronoun else ""


def _keywords(query: TokenizedQuery) -> str:
    return "keywords: a few words without a verb" if is_keyword_query(query) else ""


# Each rule returns why a query is of its kind, with the words that decided in quotation marks, or "".
_RULES: tuple[tuple[str, Callable[[TokenizedQuery], str]], ...] = (
    ("code", _code),
    ("summary", _summary),
    ("comparison", comparison_reason),
    ("multi_hop", multi_hop_reason),
    ("list", _list),
    ("definition", _definition),
    ("how_why", _how_why),
    ("time_scoped", _time_scoped),
    ("yes_no", _yes_no),
    ("fact", _fact),
    ("keywords", _keywords),
    ("other", lambda _: "neither a question nor keywords"),
)
KINDS = tuple(kind for kind, _ in _RULES)


def classify_by_rules(query: TokenizedQuery) -> tuple[str, str]:
    """Return the kind of a query, one of `KINDS`, and the reason."""
    if not query.words:
        return "other", "no words"
    return next((kind, reason) for kind, rule in _RULES if (reason := rule(query)))
