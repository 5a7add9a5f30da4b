"""Tokenized query -> whether it is English; tuned for queries, which are shorter than `splitting.language` needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.query.tokenized_query import join_quoted
from ctxzip.query.vocabulary import NON_ENGLISH_WORDS, WORD, word_set

if TYPE_CHECKING:
    from ctxzip.query.tokenized_query import TokenizedQuery

_ENGLISH_WORDS = word_set(
    "the and who what where which how why when does did are were that this these those it its his her their be been has had "
    "have can could will would should or will not between with from by of to for at into about if many much there"
)
# Also names and abbreviations in English ("Los Angeles", "EST", "Che Guevara").
_AMBIGUOUS_WORDS = word_set("los mit est ist uma che foi wat wer ont nel")
# Also inside English names ("Ludwig van Beethoven", "El Camino").
_AMBIGUOUS_PARTICLES = word_set(
    "der die den des dem la le el il un du de di da em na con ha hat chi per van von en op met im zu"
)

# Each piece of evidence against English has a weight, each English word subtracts 1. Latin script ends at U+024F.
_LAST_LATIN = "\u024f"
_MIN_WEIGHT = 0.8
_WORD_WEIGHT = 1.0
_AMBIGUOUS_WEIGHT = 0.5
_NAME_WEIGHT = 0.3  # of a particle, or a word that may belong to a name
_ACCENT_WEIGHT = 0.5
_CAPITALIZED_ACCENT_WEIGHT = 0.4  # "Beyoncé age" is English


def not_english_reason(query: TokenizedQuery) -> str:
    """Return the words that show that a query is not English, or "another script"; "" for an English query."""
    words = query.normalized.split(" ")
    non_english = {
        word: _weight(match.group(), is_first=index == 0)
        for index, match in enumerate(WORD.finditer(query.text))
        if (word := match.group().lower()) in NON_ENGLISH_WORDS
    }
    particles = _AMBIGUOUS_PARTICLES.intersection(words)
    if query.text.isascii() and not non_english and not particles:
        return ""
    letters = [character for character in query.text if character.isalpha()]
    # English may contain Greek letters (biomedicine), but fewer than 30% of all letters.
    if 10 * sum(character > _LAST_LATIN for character in letters) > 3 * len(letters):
        return "another script"
    accented = [word for word in WORD.findall(query.text) if not word.isascii()]
    accents = sum(_CAPITALIZED_ACCENT_WEIGHT if word[0].isupper() else _ACCENT_WEIGHT for word in accented)
    weight = sum(non_english.values()) + _NAME_WEIGHT * len(particles) + accents
    if weight - sum(word in _ENGLISH_WORDS for word in words) < _MIN_WEIGHT:
        return ""
    return join_quoted(dict.fromkeys((list(non_english) or accented or sorted(particles))[:2]))


def _weight(word: str, *, is_first: bool) -> float:
    """Return how much a non-English word counts: less if it may be a name or an abbreviation."""
    if word.isupper() or (word[0].isupper() and not is_first):
        return _NAME_WEIGHT
    return _AMBIGUOUS_WEIGHT if word.lower() in _AMBIGUOUS_WORDS else _WORD_WEIGHT
