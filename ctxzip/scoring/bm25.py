"""Okapi BM25 over the units and the passages of one request, mapped to 0..1.

BM25 sums, over the terms of the query, the weight of the term (idf) times a saturating count of at most k1 + 1. Divided by
the sum of idf times (k1 + 1), it is the share of the query's weight that a text attains: 0 where no term matches, near 1
where the text is full of all of them. A term of the query that is in no text counts in the divisor.

The probability of a unit is the mean of its own share and that of its passage, smoothed with its neighbours in the same
passage. It is not calibrated. models/README.md has the measurements behind the constants.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rank_bm25 import BM25Okapi

from ctxzip.datamodels import Scores, ScoringInput
from ctxzip.scoring.terms import terms
from ctxzip.splitting.language import detect_language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PASSAGE_WEIGHT = 0.5  # 0..1, of the share of the passage in the probability of a unit
_NEIGHBOUR_WEIGHT = 0.1  # of each neighbour, where the unit itself weighs 1
_MAX_CONTEXT_TERMS = 64  # that a unit gets from its title, and as many from its headings; longer ones are cut


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
    language = detect_language(request.query)
    query = list(dict.fromkeys(terms(" ".join((request.query, *item.evidence)), language)))
    titles = [terms(passage.title, language)[:_MAX_CONTEXT_TERMS] for passage in request.passages]
    unit_terms = [terms(request.passages[unit.passage].text[unit.start : unit.end], language) for unit in units]
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
    """rank-bm25's Okapi that indexes only the terms of the query, which is faster, with an idf that is never negative.

    Its time grows with the number of terms that the texts have in common with the query, not with the product of both.
    """

    def __init__(self, texts: list[list[str]], query: frozenset[str]) -> None:
        super().__init__([list(filter(query.__contains__, text)) for text in texts])
        self.doc_len = [len(text) for text in texts]
        self.avgdl = sum(self.doc_len) / len(texts)

    def get_scores(self, query: list[str]) -> NDArray[np.float64]:
        """Return the score of each text, `(n_texts,)`, as rank-bm25 computes it, from the texts with a term alone."""
        texts_with: dict[str, list[tuple[int, int]]] = {}
        for i, frequencies in enumerate(self.doc_freqs):
            for term, n in frequencies.items():
                texts_with.setdefault(term, []).append((i, n))
        scores = [0.0] * self.corpus_size
        lengths = [self.k1 * (1 - self.b + self.b * length / self.avgdl) for length in self.doc_len]
        for term in filter(texts_with.__contains__, query):
            idf = self.idf[term]
            for i, n in texts_with[term]:
                scores[i] += idf * (n * (self.k1 + 1) / (n + lengths[i]))
        return np.array(scores)

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
