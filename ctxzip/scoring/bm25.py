"""Okapi BM25 over the units and the passages of one request, mapped to 0..1.

BM25 sums, over the terms of the query, the weight of the term (idf) times a saturating count of at most k1 + 1. Divided by
the sum of idf times (k1 + 1), it is the share of the query's weight that a text attains: 0 where no term matches, near 1
where the text is full of all of them. A term of the query that is in no text counts in the divisor.

The probability of a unit is the mean of its own share and that of its passage, smoothed with its neighbours in the same
passage. It is not calibrated. models/README.md has the measurements behind the constants.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
from rank_bm25 import BM25Okapi

from ctxzip.datamodels import Scores, ScoringInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PASSAGE_WEIGHT = 0.5  # 0..1, of the share of the passage in the probability of a unit
_NEIGHBOUR_WEIGHT = 0.1  # of each neighbour, where the unit itself weighs 1
_STEM = 6  # letters of a word that are kept, so that inflected forms match in any language
_MAX_CONTEXT_TERMS = 64  # that a unit gets from its title, and as many from its headings; longer ones are cut

UNSPACED = (  # a letter of a script without spaces between words
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
_FIRST_UNSPACED = "\u0e00"
_WORD = re.compile(
    # A run of unspaced letters, which `terms` cuts into pairs; or a word, with its vowel signs and other marks, which are
    # no letters to `re`.
    UNSPACED + r"+"
    r"|(?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff])+"
)
_ASCII_WORD = re.compile("[a-z0-9]+")  # matches what _WORD matches in lower-case ASCII, and is faster
_STOP_WORDS = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "is", "are", "was", "were", "be", "been",
    "by", "with", "from", "as", "that", "this", "it", "its", "which", "who", "whom", "whose", "what", "when", "where",
    "how", "why", "did", "do", "does", "had", "has", "have", "not", "no", "he", "she", "his", "her", "they", "their",
    "them", "i", "you", "your", "we", "our", "can", "will", "would", "could", "should", "may", "might", "than",
    "then", "there", "these", "those", "but", "if", "so", "into", "about", "also", "such", "any", "all", "some",
    "more", "most", "other", "between", "during",
))  # fmt: skip


def terms(text: str) -> list[str]:
    """Split a text into index terms: stems of words without English stop words, letter pairs of unspaced scripts.

    >>> terms("Who repaired the bridges?")
    ['repair', 'bridge']
    >>> terms("橋の長さ")
    ['橋の', 'の長', '長さ']
    """
    if text.isascii():
        return [
            word[:_STEM] if word.isalpha() else word
            for word in _ASCII_WORD.findall(text.lower())
            if word not in _STOP_WORDS
        ]
    index_terms: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if word[0] >= _FIRST_UNSPACED and re.match(UNSPACED, word):  # compiled when it is needed, which takes 2 ms
            index_terms.extend(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        elif word not in _STOP_WORDS:
            index_terms.append(word[:_STEM] if word.isalpha() or not word.isascii() else word)
    return index_terms


class Bm25Scorer:
    """BM25 by rank-bm25. Needs no model; its probabilities are not calibrated.

    Args:
        warning: why it replaces the scorer of the settings, or None.
    """

    name = "bm25"
    device = "cpu"
    batch_tokens = 0
    has_second_pass = False  # `HybridScorer` uses it in both passes of its model

    def __init__(self, warning: str | None = None) -> None:
        self.warning = warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score each request by itself; the idf of a term is computed from the passages of the request.

        In a second pass the terms of the evidence are added to those of the query.
        """
        return [_score(item) for item in batch]

    def close(self) -> None:
        """Do nothing: it has no threads and no files."""


def _score(item: ScoringInput) -> Scores:
    request, units = item.request, item.units
    query = list(dict.fromkeys(terms(" ".join((request.query, *item.evidence)))))
    titles = [terms(passage.title)[:_MAX_CONTEXT_TERMS] for passage in request.passages]
    unit_terms = [terms(request.passages[unit.passage].text[unit.start : unit.end]) for unit in units]
    passage_terms = [list(title) for title in titles]
    with_context = []
    for unit, own in zip(units, unit_terms, strict=True):
        passage_terms[unit.passage].extend(own)
        headings: list[str] = []
        parent = unit.parent
        while parent is not None and len(headings) < _MAX_CONTEXT_TERMS:
            headings += unit_terms[parent][:_MAX_CONTEXT_TERMS]
            parent = units[parent].parent
        # A unit without terms, such as a rule, must not score by those of its headings.
        with_context.append(own + headings[:_MAX_CONTEXT_TERMS] + titles[unit.passage] if own else [])
    relevance = attained_share(passage_terms, query)
    passages = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
    probability = (1 - _PASSAGE_WEIGHT) * attained_share(with_context, query) + _PASSAGE_WEIGHT * relevance[passages]
    probability = _smoothed(probability, passages)
    probability[[not own for own in unit_terms]] = 0
    return Scores(probability.astype(np.float32), relevance.astype(np.float32))


def _smoothed(values: NDArray[np.float64], passages: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the weighted mean of each value and its neighbours in the same passage, `(n_units,)`.

    The first and the last unit of a passage count themselves in place of the neighbour that they lack.

    >>> _smoothed(np.array([0.0, 0.6, 0.6]), np.array([0, 0, 1])).round(3).tolist()
    [0.05, 0.55, 0.6]
    """
    previous, following = values.copy(), values.copy()
    same_passage = passages[1:] == passages[:-1]
    previous[1:][same_passage] = values[:-1][same_passage]
    following[:-1][same_passage] = values[1:][same_passage]
    return (values + _NEIGHBOUR_WEIGHT * (previous + following)) / (1 + 2 * _NEIGHBOUR_WEIGHT)


def attained_share(texts: list[list[str]], query: list[str]) -> NDArray[np.float64]:
    """Return the share of the query's BM25 weight that each text attains, `(n_texts,)`, 0..1.

    Args:
        texts: the terms of each.
        query: its terms, without duplicates.

    >>> attained_share([["tea", "green"], ["tea"], ["coffee"]], ["green", "tea"]).round(2).tolist()
    [0.33, 0.15, 0.0]
    >>> attained_share([[], []], ["tea"]).tolist()
    [0.0, 0.0]
    """
    if not query or not any(texts):
        return np.zeros(len(texts))
    index = _Okapi(texts, frozenset(query))
    idf_of_unseen = _idf(len(texts), 0)
    max_score = sum(index.idf.get(term, idf_of_unseen) for term in query) * (index.k1 + 1)
    scores: NDArray[np.float64] = index.get_scores(query)
    return scores / max_score


class _Okapi(BM25Okapi):  # type: ignore[misc]
    """rank-bm25's Okapi that indexes only the terms of the query, which is faster, with an idf that is never negative."""

    def __init__(self, texts: list[list[str]], query: frozenset[str]) -> None:
        super().__init__([list(filter(query.__contains__, text)) for text in texts])
        self.doc_len = [len(text) for text in texts]
        self.avgdl = sum(self.doc_len) / len(texts)

    def _calc_idf(self, nd: dict[str, int]) -> None:
        self.idf: dict[str, float] = {term: _idf(self.corpus_size, n) for term, n in nd.items()}
        self.k1: float
        self.corpus_size: Any


def _idf(n_texts: int, n_with_term: int) -> float:
    """Return the inverse document frequency of a term, by the formula of Lucene, which is never negative.

    rank-bm25's formula, of Robertson and others, is negative for a term in more than half of the texts. With ten passages
    that is true of most terms of a query.
    """
    return math.log(1 + (n_texts - n_with_term + 0.5) / (n_with_term + 0.5))
