"""Variations that keep a question's answer: queries as people type them, passages without titles, pages in chunks."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ctxzip.datamodels import Passage, Request
from ctxzip.training.units import units_of

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from ctxzip.evaluation.labelled import Labelled

_TITLE_DROPPED = 0.2  # share of the passages that lose their title: many retrievers have no titles
_QUERY_VARIED = 0.3  # share of the questions without question mark, mostly in lower case, as people type them
_AS_KEYWORDS = 0.2  # share of those without function words
_TYPO = 0.2  # share of those with a typing error
_FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "can",
        "did",
        "do",
        "does",
        "for",
        "from",
        "has",
        "have",
        "how",
        "i",
        "in",
        "is",
        "it",
        "many",
        "much",
        "my",
        "of",
        "on",
        "or",
        "that",
        "the",
        "there",
        "they",
        "to",
        "was",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "you",
        "your",
    ]
)


def chunked(question: Labelled, rng: random.Random) -> Labelled:
    """Return the question with its long passages cut into chunks of 60 to 300 words, between units.

    Half of the time the chunks keep the title of their passage.
    """
    size = rng.randint(60, 300)
    has_title = rng.random() < 0.5
    chunks: list[Passage] = []
    starts: list[tuple[int, int, int, int]] = []  # passage, start and end in it, index of the chunk
    for index, passage in enumerate(question.request.passages):
        borders, words = [0], 0
        for unit in units_of(Request(question.request.query, (passage,))):
            if words >= size:
                borders.append(unit.start)
                words = 0
            words += len(passage.text[unit.start : unit.end].split())
        for start, end in pairwise((*borders, len(passage.text))):
            starts.append((index, start, end, len(chunks)))
            title = passage.title if has_title or len(borders) == 1 else ""
            chunks.append(replace(passage, title=title, text=passage.text[start:end]))

    def moved(spans: Iterable[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
        return tuple(
            (chunk, max(start, first) - first, min(end, last) - first)
            for passage, start, end in spans
            for owner, first, last, chunk in starts
            if owner == passage and start < last and first < end
        )

    request = replace(question.request, passages=tuple(chunks))
    return replace(question, request=request, evidence=moved(question.evidence), partial=moved(question.partial))


def varied(request: Request, rng: random.Random) -> Request:
    """Return the request with its query as people type it, and without some of its titles."""
    query = request.query
    if rng.random() < _QUERY_VARIED:
        query = re.sub(r"[?.!]+\s*$", "", query)
        query = query.lower() if rng.random() < 0.7 else query
        if rng.random() < _AS_KEYWORDS:
            query = " ".join(word for word in query.split() if word.lower() not in _FUNCTION_WORDS) or query
        if rng.random() < _TYPO:
            query = _with_typo(query, rng)
    return replace(request, query=query, passages=tuple(maybe_untitled(passage, rng) for passage in request.passages))


def _with_typo(query: str, rng: random.Random) -> str:
    """Return the query with two letters of a longer word swapped, or one left out."""
    words = list(re.finditer(r"[a-z]{5,}", query))
    if not words:
        return query
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    swapped = query[at + 1] + query[at] if rng.random() < 0.5 else query[at]
    return query[:at] + swapped + query[at + 2 :]


def maybe_untitled(passage: Passage, rng: random.Random) -> Passage:
    """Return the passage, sometimes without its title."""
    return replace(passage, title="") if rng.random() < _TITLE_DROPPED else passage
