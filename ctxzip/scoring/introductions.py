"""Scores of lines that introduce a list, a table or code -> scores of the best unit under each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.splitting.text_tables import is_caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import PreparedRequest, Scores, Unit

_COLON = re.compile(r"[:：?？]\W*\Z")
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
    for i in introductions:
        below = [j for j in _below(units, i) if not (units[j].kind in _HEADINGS and j in parents)]
        if below:
            best = max(below, key=lambda j: (probability[j], -j))
            probability[best] = max(probability[best], probability[i])
    return replace(scores, probability=probability.astype(np.float32))


def _introduces(prepared: PreparedRequest, unit: Unit) -> bool:
    text = prepared.normalized.passages[unit.passage].text[unit.start : unit.end]
    is_introduction = _COLON.search(text) or is_caption(text)
    return unit.kind == "heading" and bool(is_introduction) and len(text.split()) >= _WORDS


def _below(units: Sequence[Unit], i: int) -> list[int]:
    """Return the indices of the units whose chain of parents contains unit `i`."""
    found = {i}
    for j in range(i + 1, len(units)):
        if units[j].parent in found:
            found.add(j)
        elif units[j].passage != units[i].passage:
            break
    return sorted(found - {i})
