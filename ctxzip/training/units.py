"""The units of English passages, as training sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.datamodels import Unit
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans

if TYPE_CHECKING:
    from ctxzip.datamodels import Request


def units_of(request: Request) -> list[Unit]:
    """Return the units of English passages, without token counts."""
    english, _ = splitter_for("en")
    units: list[Unit] = []
    for index, passage in enumerate(request.passages):
        first = len(units)
        units += [
            Unit(index, span.start, span.end, 0, span.kind, None if span.parent is None else first + span.parent)
            for span in split_into_spans(passage.text, english)
        ]
    return units
