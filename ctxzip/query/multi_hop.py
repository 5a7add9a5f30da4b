"""Whether the answer to one step is the subject of the next."""

from __future__ import annotations

import re

from ctxzip.query.question_words import FUNCTION, RELATIVE, SELF, Reading, is_short, no_relative, words_of

RELATION = (
    r"(?:director|composer|performer|author|writer|singer|songwriter|lyricist|producer|creator|founder|co-founder|owner|actor|actress"
    r"|artist|band|architect|designer|inventor|father|mother|parents?|wife|husband|spouse|partner|sons?|daughters?|child|children|brother"
    r"|sister|siblings?|mentor|teacher|coach|manager|president|leader|ceo|chairman|mayor|king|queen|emperor|publisher|developer"
    r"|manufacturer|successor|predecessor|screenwriter|editor|narrator|winner|star|head)"
)
FAR_RELATION = (
    r"(?:(?:paternal|maternal|great)[ -]\S+|grand(?:father|mother|child|son|daughter|parents?)"
    r"|(?:father|mother|brother|sister|son|daughter)-in-law|uncle|aunt|nephew|niece|cousin|stepfather|stepmother)"
)
_LINK = re.compile(rf"\b({RELATION}(?: \S+)? (?:of|behind|for))\b|'s? (?:\S+ ){{0,2}}({RELATION})\b")
_FAR = re.compile(
    rf"\A(?:who|what|which)(?: \S+)? (?:is|was|are|were) (?:the )?(?:({FAR_RELATION}) of\b|.{{1,120}}'s? ({FAR_RELATION})\Z)"
)
_LINK_ASKED_FOR = re.compile(
    rf"\A(?:who|what|which) (?:is|was|are|were) (?:the )?(?:names? of )?(?:the )?(?:\S+ ){{0,2}}(?:{RELATION}|{FAR_RELATION})\b"
    rf"|\A(?:who|what) (?:is|was|are|were) (?!the (?:\S+ )?\S+ of ).{{1,120}}'s? (?:\S+ ){{0,2}}{RELATION}\Z"
)
_ATTRIBUTE = re.compile(
    r"\b(?:born|birth|birthday|birthplace|die|died|death|buried|burial|nationality|country|citizenship|city|state|county|where|when|why"
    r"|award|educated|education|study|studied|graduated?|school|university|college|attend|attended|work|works|worked|employer|religion"
    r"|hometown|from|age|old)\b"
)
_SAME_AS = re.compile(r"\bthe same (?:\S+ ){1,4}(?:as|that|which)\b")
_NOUN_ASKED_FOR = re.compile(
    r"\A(?:(?:in|on|at|to|from|of|for|by) )?(?:name|list|state|give|identify|who|what|which|when|where)(?:(?: \S+){0,2}? (?:is|was|are|were)| do (?:you|we) call)?(?: the)?"
    r"(?: (?:names?|title|type|kind|one|term|word)(?: given)? (?:of|for|to))?(?: the| a| an)?\Z"
)
_DETERMINER = words_of("the a an this whose")
_NO_NOUN = FUNCTION | words_of(
    "fact idea belief claim evidence way time reason one ones anyone someone people something anything"
)


def has_steps(reading: Reading) -> str:
    """Return why the answer to one step seems to be the subject of the next, or nothing."""
    # What people ask about themselves is told by a rule in one place: "if I am the spouse of a veteran".
    if SELF.search(reading.text) or not (reading.asks or is_short(reading)):
        return ""
    inner = _chain(reading.asked) or (reading.asks and _nested(reading))
    if not inner and (same := _SAME_AS.search(reading.asked)):
        inner = same.group()
    return f"a step inside a step ('{inner}')" if inner else ""


def _chain(asked: str) -> str:
    """Return the relation whose bearer must be found first: 'director of', where its birthplace is asked for."""
    if far := _FAR.search(asked):
        return far.group(far.lastindex or 0)
    links = list(_LINK.finditer(asked))
    if len(links) > 1 or (links and not _LINK_ASKED_FOR.search(asked) and _ATTRIBUTE.search(asked)):
        return links[0].group(links[0].lastindex or 0)
    return ""


def _nested(reading: Reading) -> str:
    """Return a noun that is told by a clause and is not what is asked for: 'the country where'."""
    words = reading.words
    for i in range(3, len(words) - 1):
        if (
            words[i] not in RELATIVE
            or words[i - 1] in _NO_NOUN
            or i == reading.asks_at
            or no_relative("", words[i], words[i + 1])
        ):
            continue
        head = next((j for j in range(i - 2, max(i - 7, 0), -1) if words[j] in FUNCTION), 0)
        if head and words[head] in _DETERMINER and not _NOUN_ASKED_FOR.match(" ".join(words[:head])):
            return " ".join(words[max(head, i - 4) : i + 1])
    return ""
