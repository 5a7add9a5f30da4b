"""One block of a text: a paragraph of prose that is split into sentences, or lines that are not cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctxzip.datamodels import Kind


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a text.

    Attributes:
        kind: `sentence` for a paragraph of prose; otherwise the kind of its spans.
        start, end: half-open code-point offsets; the block includes its indentation.
        body: offset of the content, behind the marker of a list item.
        level: 1 and more for a heading, 0 for one that only the blocks with it as `parent` belong to; 1 for the first row of
            a table; else 0.
        parent: index, among the blocks of the text, of the block that is kept with this one; None leaves it to headings and
            tables.
    """

    kind: Kind
    start: int
    end: int
    body: int
    level: int = 0
    parent: int | None = None
