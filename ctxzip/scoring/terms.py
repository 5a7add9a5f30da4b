"""Text -> index terms of BM25: word stems, identifiers and their parts, in scripts without spaces letters and pairs of them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from ctxzip.splitting.language import ENGLISH, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

# The Snowball algorithm of each language code; models/README.md has the comparison with `_PREFIX`.
_ALGORITHMS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", ENGLISH: "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "it": "italian", "nb": "norwegian",
    "nl": "dutch", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil",
    UNKNOWN: "english",
}  # fmt: skip
_PREFIX = 6  # letters; the stem of a word in all other languages. In Turkish it is better than Snowball.
_CACHED_STEMS = 50_000  # words per language

UNSPACED = (  # a letter of a script that has no spaces between words
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
_FIRST_UNSPACED = "\u0e00"
_WORD = re.compile(
    # A run of letters of an unspaced script, which `terms` divides; or a word with its vowel signs and other
    # combining marks, which `\w` does not match.
    UNSPACED + r"+"
    r"|(?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff])+"
)
_ASCII_WORD = re.compile("[a-z0-9]+")  # matches what _WORD matches in lower-case ASCII, and is faster
# A word that is hyphenated at the end of a line: `contrac-` above `tor`.
_LINE_END_HYPHEN = re.compile(r"(?<=[^\W\d_])-[ \t]*\n\s*(?=[^\W\d_])")
# Section numbers, versions and codes (9.3, v2.14.3, E-107), and identifiers (orders_pkey, com.example.Foo, std::vector).
# The look-behind keeps the search of a long word linear: a part of it can match only where all of it does.
_COMPOUND = re.compile(r"[^\W_](?<![^\W_]{2})[^\W_]*+(?:(?:[-./_]|::)[^\W_]++)+")
_CAMEL_CASE = re.compile(r"[A-Z][a-z]++[0-9]*+|(?<![a-z])[a-z]++[0-9]*+(?=[A-Z])")
_HAS_CAMEL_CASE = re.compile(r"[a-z0-9][A-Z][a-z]")
_STOP_WORDS = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "is", "are", "was", "were", "be", "been",
    "by", "with", "from", "as", "that", "this", "it", "its", "which", "who", "whom", "whose", "what", "when", "where",
    "how", "why", "did", "do", "does", "had", "has", "have", "not", "no", "he", "she", "his", "her", "they", "their",
    "them", "i", "you", "your", "we", "our", "can", "will", "would", "could", "should", "may", "might", "than",
    "then", "there", "these", "those", "but", "if", "so", "into", "about", "also", "such", "any", "all", "some",
    "more", "most", "other", "between", "during",
))  # fmt: skip


def terms(text: str, language: str = ENGLISH) -> list[str]:
    """Return the index terms of a text, without English stop words; a term that occurs twice is there twice.

    Args:
        text: a query, a unit or a title.
        language: code of the language whose stemmer is used; the same for all texts of an index.

    >>> terms("Who repaired the bridges?")
    ['repair', 'bridg']
    >>> terms("getUserName in v2.14")
    ['v2.14', 'get', 'user', 'name', 'getusernam', 'v2', '14']
    >>> terms("橋の長さ")
    ['橋の', 'の長', '長さ', '橋', '長']
    """
    if "-" in text and "\n" in text:
        text = _LINE_END_HYPHEN.sub("", text)
    stem = _stemmer(language)
    index_terms = [*_compounds(text), *_camel_case_parts(text, stem)]
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
        return index_terms + [stem(word) if word.isalpha() else word for word in words if word not in _STOP_WORDS]
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if word[0] >= _FIRST_UNSPACED and re.match(UNSPACED, word):  # compiled on first use; compiling takes 2 ms
            index_terms.extend(word[at : at + 2] for at in range(max(1, len(word) - 1)))
            if len(word) > 1:
                index_terms.extend(filter(_is_han, word))
        elif word not in _STOP_WORDS:
            index_terms.append(stem(word) if word.isalpha() or not word.isascii() else word)
    return index_terms


def _is_han(letter: str) -> bool:
    """Return whether a letter is a Han character, which often is a word of its own."""
    return "\u3400" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff"


def _compounds(text: str) -> list[str]:
    """Return the whole numbers, codes and identifiers that contain punctuation. `terms` also returns their parts, as words."""
    if not any(mark in text for mark in "._-/:"):
        return []
    return [
        compound.lower()
        for compound in _COMPOUND.findall(text)
        if "_" in compound or "::" in compound or "." in compound or any(map(str.isdigit, compound))
    ]


def _camel_case_parts(text: str, stem: Callable[[str], str]) -> list[str]:
    """Return the stems of the words in identifiers such as `getUserName`."""
    if not _HAS_CAMEL_CASE.search(text):
        return []
    return [
        stem(part.lower())
        for word in _WORD.findall(text)
        if _HAS_CAMEL_CASE.search(word)
        for part in _CAMEL_CASE.findall(word)
    ]


@lru_cache(maxsize=8)
def _stemmer(language: str) -> Callable[[str], str]:
    """Return a function that maps a lower-case word to its stem."""
    algorithm = _ALGORITHMS.get(language)
    if algorithm is None:
        return lambda word: word[:_PREFIX]
    from Stemmer import Stemmer

    stem: Callable[[str], str] = Stemmer(algorithm, 0).stemWord
    return lru_cache(maxsize=_CACHED_STEMS)(stem)
