"""Tokenized query -> whether it is multi-hop: the answer to one step is the subject of the next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxzip.query.tokenized_query import is_interrogative, is_keyword_query
from ctxzip.query.vocabulary import FIRST_PERSON, FUNCTION_WORDS, RELATIVE_PRONOUNS, word_set

if TYPE_CHECKING:
    from ctxzip.query.tokenized_query import TokenizedQuery

RELATION = (
    r"(?:director|composer|performer|author|writer|singer|songwriter|lyricist|producer|creator|founder|co-founder|owner|actor|actress"
    r"|artist|band|architect|designer|inventor|father|mother|parents?|wife|husband|spouse|partner|sons?|daughters?|child|children|brother"
    r"|sister|siblings?|mentor|teacher|coach|manager|president|leader|ceo|chairman|mayor|king|queen|emperor|publisher|developer"
    r"|manufacturer|successor|predecessor|screenwriter|editor|narrator|winner|star|head)"
)
# Kinship of two or more steps: "paternal grandfather" is "father of the father".
COMPOUND_RELATION = (
    r"(?:(?:paternal|maternal|great)[ -]\S+|grand(?:father|mother|child|son|daughter|parents?)"
    r"|(?:father|mother|brother|sister|son|daughter)-in-law|uncle|aunt|nephew|niece|cousin|stepfather|stepmother)"
)
# "The director of", "Ines's father".
_LINK = re.compile(rf"\b({RELATION}(?: \S+)? (?:of|behind|for))\b|'s? (?:\S+ ){{0,2}}({RELATION})\b")
# "Who is the paternal grandfather of".
_COMPOUND = re.compile(
    rf"\A(?:who|what|which)(?: \S+)? (?:is|was|are|were) (?:the )?(?:({COMPOUND_RELATION}) of\b|.{{1,120}}'s? ({COMPOUND_RELATION})\Z)"
)
# "Who is the director of Red Harbour": the relation itself is the answer, one hop.
_LINK_IS_ANSWER = re.compile(
    rf"\A(?:who|what|which) (?:is|was|are|were) (?:the )?(?:names? of )?(?:the )?(?:\S+ ){{0,2}}(?:{RELATION}|{COMPOUND_RELATION})\b"
    rf"|\A(?:who|what) (?:is|was|are|were) (?!the (?:\S+ )?\S+ of ).{{1,120}}'s? (?:\S+ ){{0,2}}{RELATION}\Z"
)
# What a second hop may ask of the person or thing that the first finds.
_ATTRIBUTE = re.compile(
    r"\b(?:born|birth|birthday|birthplace|die|died|death|buried|burial|nationality|country|citizenship|city|state|county|where|when|why"
    r"|award|educated|education|study|studied|graduated?|school|university|college|attend|attended|work|works|worked|employer|religion"
    r"|hometown|from|age|old)\b"
)
_SAME_AS = re.compile(r"\bthe same (?:\S+ ){1,4}(?:as|that|which)\b")
# "What is the name of the ship that ...": the noun in front of the clause is the answer.
_NOUN_IS_ANSWER = re.compile(
    r"\A(?:(?:in|on|at|to|from|of|for|by) )?(?:name|list|state|give|identify|who|what|which|when|where)(?:(?: \S+){0,2}? (?:is|was|are|were)| do (?:you|we) call)?(?: the)?"
    r"(?: (?:names?|title|type|kind|one|term|word)(?: given)? (?:of|for|to))?(?: the| a| an)?\Z"
)
_DETERMINERS = word_set("the a an this whose")
# Words in front of a relative pronoun that name nothing to find first.
_NOT_A_STEP = FUNCTION_WORDS | word_set(
    "fact idea belief claim evidence way time reason one ones anyone someone people something anything"
)


def multi_hop_reason(query: TokenizedQuery) -> str:
    """Return why the answer to one step seems to be the subject of the next, or ""."""
    # Questions about oneself ("if I am the spouse of a veteran") are answered by one rule in one passage.
    if FIRST_PERSON.search(query.text) or not (query.question_word or is_keyword_query(query)):
        return ""
    step = _relation(query.question) or (query.question_word and _relative_clause(query))
    if not step and (same := _SAME_AS.search(query.question)):
        step = same.group()
    return f"multi-hop ('{step}')" if step else ""


def _relation(question: str) -> str:
    """Return a relation that must be resolved first, or "": 'director of' in "where was the director of X born"."""
    if compound := _COMPOUND.search(question):
        return compound.group(compound.lastindex or 0)
    links = list(_LINK.finditer(question))
    if len(links) > 1 or (links and not _LINK_IS_ANSWER.search(question) and _ATTRIBUTE.search(question)):
        return links[0].group(links[0].lastindex or 0)
    return ""


def _relative_clause(query: TokenizedQuery) -> str:
    """Return a noun that a relative clause identifies and that is not the answer ('the country where'), or ""."""
    words = query.words
    for i in range(3, len(words) - 1):
        if (
            words[i] not in RELATIVE_PRONOUNS
            or words[i - 1] in _NOT_A_STEP
            or i == query.question_word_index
            or is_interrogative("", words[i], words[i + 1])
        ):
            continue
        head = next((j for j in range(i - 2, max(i - 7, 0), -1) if words[j] in FUNCTION_WORDS), 0)
        if head and words[head] in _DETERMINERS and not _NOUN_IS_ANSWER.match(" ".join(words[:head])):
            return " ".join(words[max(head, i - 4) : i + 1])
    return ""
