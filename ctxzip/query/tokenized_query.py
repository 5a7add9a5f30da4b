"""Query text -> words, question word and names, found once for all rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxzip.query.entities import names_in
from ctxzip.query.vocabulary import (
    AUXILIARIES,
    FIRST_PERSON,
    FUNCTION_WORDS,
    LEAD_IN_WORDS,
    PREPOSITIONS,
    RELATIVE_PRONOUNS,
    WH_WORDS,
    WORD,
    word_set,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CHARACTERS = 1_000  # code points of a query that are parsed; a longer one is a prompt, and patterns would be slow

_CONTRACTIONS = {f"{w}{s}": f"{w} is" for w in ("what", "who", "where", "when", "why", "how") for s in ("'s", "s")}
# "U.S. Navy", "Dr. Who" and "Oh! What a Nurse!" do not end a sentence: what follows the stop must look like a question.
_SENTENCE_END = re.compile(
    r"(?<=[?.]) (?=(?:who|what|which|when|where|why|how|is|are|was|were|do|does|did|can|could) \S+ \S)", re.IGNORECASE
)
_POLITE_OPENING = re.compile(
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell|show|give|explain to) (?:me|us)|tell (?:me|us)|do you know|any idea"
    r"|(?:i|we)(?:'d| would)? (?:like|want|need|wish) to (?:know|find out|learn|understand)|i(?:'m| am| was)? wonder(?:ing)?) "
    r"(?:about )?(?=(?:who|whom|whose|what|which|when|where|why|how|if|whether|in|on)(?!\S))"
)
_VERBS = (AUXILIARIES - {"may", "am"}) | word_set(
    "became began came died fell found gave got grew held kept knew led left lost made met played plays ran said sang saw sold spoke "
    "stars starred took went won wrote works lives belongs contains includes features"
)
_MAX_KEYWORDS = 10
_REPLY_OPENINGS = word_set("i i'm i've i'd my we our you yes no ok okay thanks thank hi hello")


@dataclass(frozen=True, slots=True)
class TokenizedQuery:
    """A query, tokenized once for all rules.

    Attributes:
        text: as written, runs of white space replaced by one space.
        normalized: its words in lower case, one space between two, contractions such as "what's" expanded.
        question: the same of its last sentence with a question mark (of all of it, if there is none), without greetings
            and openings such as "can you tell me".
        words: of `question`.
        question_word: the word that makes it a question ("who", "did"), or "".
        question_word_index: its index in `words`, or -1.
        names: quoted strings and runs of capitalized words, as written, in order of appearance.
    """

    text: str
    normalized: str
    question: str
    words: tuple[str, ...]
    question_word: str
    question_word_index: int
    names: tuple[str, ...]


def tokenize(query: str) -> TokenizedQuery:
    """Tokenize the first `MAX_CHARACTERS` code points of a query."""
    text = " ".join(query[:MAX_CHARACTERS].split())
    question = _question(text)
    words = tuple(question.split())
    index = _question_word_index(text, words)
    return TokenizedQuery(
        text=text,
        normalized=_normalized(text),
        question=question,
        words=words,
        question_word=words[index] if index >= 0 else "",
        question_word_index=index,
        names=names_in(text),
    )


def _normalized(text: str) -> str:
    # "James Stanley (Bishop)'s father": the possessive belongs to the word before it.
    words = (word.lower().replace("’", "'") for word in WORD.findall(text.replace(")'s", "'s")))
    return " ".join(_CONTRACTIONS.get(word, word) for word in words)


def _question(text: str) -> str:
    sentences = [sentence for sentence in _SENTENCE_END.split(text) if "?" in sentence]
    words = _normalized(sentences[-1] if sentences else text).split(" ")
    first = 0
    while first < len(words) - 2 and words[first] in LEAD_IN_WORDS:
        first += 1
    question = " ".join(words[first:])
    opening = _POLITE_OPENING.match(question)
    return question[opening.end() :] if opening else question


def _question_word_index(text: str, words: tuple[str, ...]) -> int:
    """Return the index of the word that makes a text a question, or -1: "a show which ran in 1990" has none."""
    if words and (words[0] in AUXILIARIES or words[0] in WH_WORDS):
        return 0
    wh_words = [i for i, word in enumerate(words) if word in WH_WORDS]
    interrogative = (
        i for i in wh_words if is_interrogative(words[i - 1], words[i], words[i + 1] if i + 1 < len(words) else "")
    )
    return next(interrogative, wh_words[0] if wh_words and "?" in text else -1)


def is_interrogative(previous: str, word: str, following: str) -> bool:
    """Return whether a wh-word is a question word ("released in which year"), not a relative pronoun ("a show which ran").

    Args:
        previous: the word before, or "".
        word: a wh-word.
        following: the word after, or "".
    """
    return (
        word in {"what", "how"}
        or previous in PREPOSITIONS
        or following in {"", "do", "does", "did"}
        or (word == "which" and following not in FUNCTION_WORDS and not following.endswith(("s", "ed")))
        or (word in {"where", "when"} and following in AUXILIARIES)
    )


def find_verb(words: tuple[str, ...]) -> str:
    """Return the main verb of a statement, or "": "Orwell reviewed the play" has one, "votes required to pass" none."""
    for previous, word, following in zip(words, words[1:], (*words[2:], ""), strict=False):
        past = len(word) > 4 and word.endswith("ed") and following in {"a", "an", "the", "his", "her", "its", "their"}
        if (word in _VERBS or past) and previous not in RELATIVE_PRONOUNS:
            return word
    return ""


def is_reply(query: TokenizedQuery) -> bool:
    """Return whether a query is a turn of a conversation ("Yes, I do", "my loan is late"), not a question."""
    return query.normalized.split(" ")[0] in _REPLY_OPENINGS or bool(FIRST_PERSON.search(query.text))


def is_keyword_query(query: TokenizedQuery) -> bool:
    """Return whether a query is a few words without a verb, as typed into a search box, not a question or a statement."""
    few = len(query.words) <= _MAX_KEYWORDS and not query.text.endswith((".", "?"))
    return few and not query.question_word and not is_reply(query) and not find_verb(query.words)


def join_quoted(words: Iterable[str]) -> str:
    """Return words in quotation marks, separated by commas."""
    return ", ".join(f"'{word}'" for word in words)
