"""The share of a question's words that occur in passages: where it is low, the passages are about something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.scoring.terms import terms

if TYPE_CHECKING:
    from collections.abc import Iterable

# Last letters of a Snowball stem that are not in all its words: `studi` of study, `larg` of large has none.
_UNSTABLE = "iey"
_MOST_WORDS = 200  # of a query, the first ones: every one is looked for in all the text
_SHORT = 3  # letters, to which such a letter belongs: `key`


def word_coverage(query: str, texts: Iterable[str]) -> tuple[float, float]:
    """Return the shares of the words of an English query that occur in any text and in the best text, each 0..1.

    A word occurs where a word of the text begins with its stem. Words weigh by their length, because short ones are in most
    texts. Both shares are 1 for a query without words.

    Args:
        query: in English; its first 200 words count.
        texts: of the passages.

    >>> word_coverage("Which huts are near the rivers?", ["The hut is open.", "The hut is near a river."])
    (1.0, 1.0)
    >>> word_coverage("Which huts?", ["A boat.", "A house."])
    (0.0, 0.0)
    """
    stems = list(dict.fromkeys(map(_prefix, terms(query))))[:_MOST_WORDS]
    weights = [max(1, len(stem) - 2) for stem in stems]
    total = sum(weights)
    if not total:
        return 1.0, 1.0
    found: set[str] = set()
    best = 0
    for text in texts:
        lowered = text.lower()
        here = [stem for stem in stems if _begins_a_word(stem, lowered)]
        found.update(here)
        best = max(best, sum(max(1, len(stem) - 2) for stem in here))
    return sum(weight for stem, weight in zip(stems, weights, strict=True) if stem in found) / total, best / total


def _prefix(stem: str) -> str:
    return stem[:-1] if len(stem) > _SHORT and stem[-1] in _UNSTABLE else stem


def _begins_a_word(stem: str, text: str) -> bool:
    at = text.find(stem)
    while at > 0 and text[at - 1].isalnum():
        at = text.find(stem, at + 1)
    return at >= 0
