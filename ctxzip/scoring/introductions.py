"""Scores of lines that introduce a list, a table or code -> scores of the best unit under each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.splitting.text_tables import is_caption

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxzip.datamodels import PreparedRequest, Scores, Unit

_COLON = re.compile(r"[:：?？]\W*\Z")
_END = 40  # code points in which a colon ends a text, with marks after it
_WORDS = 3  # of an introduction, at least
_HEADINGS = frozenset({"heading", "table_header"})


def with_introductions(prepared: PreparedRequest, scores: Scores) -> Scores:
    """Return the scores, those of the best unit under each introduction at least as high as that of the introduction.

    An introduction ends in a colon or is a caption, and has several words, unlike the key of a mapping. It is kept only with
    what is under it, so that its match with the query would be lost: "The fees for documents such as a passport:" above
    `| Passport | 70 |`.
    """
    units = prepared.units
    parents = {unit.parent for unit in units if unit.parent is not None}
    introductions = [i for i in sorted(parents) if _introduces(prepared, units[i])]
    if not introductions:
        return scores
    probability = scores.probability.copy()
    best_below = _best_below(units, parents, probability.tolist())
    for i in introductions:
        if (best := best_below[i]) is not None:
            probability[best] = max(probability[best], probability[i])
    return replace(scores, probability=probability.astype(np.float32))


def _introduces(prepared: PreparedRequest, unit: Unit) -> bool:
    text = prepared.normalized.passages[unit.passage].text[unit.start : unit.end]
    is_introduction = _COLON.search(text[-_END:]) or is_caption(text)
    return unit.kind == "heading" and bool(is_introduction) and len(text.split()) >= _WORDS


def _best_below(units: Sequence[Unit], parents: Collection[int], probability: Sequence[float]) -> list[int | None]:
    """Return for each unit the best of those whose chain of parents contains it, headings of others not counted."""
    best: list[int | None] = [None] * len(units)
    for i in range(len(units) - 1, -1, -1):  # each unit comes after its parent
        parent = units[i].parent
        if parent is None:
            continue
        is_heading = units[i].kind in _HEADINGS and i in parents
        found = [j for j in (best[parent], best[i], None if is_heading else i) if j is not None]
        best[parent] = max(found, key=lambda j: (probability[j], -j), default=None)
    return best
