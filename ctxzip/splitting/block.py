"""One block of a text: a paragraph of prose, which is split into sentences, or lines that are kept whole."""

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
        body: offset of the content, after the marker of a list item.
        level: of a heading 1 or more, or 0 if it covers only the blocks that have it as `parent`; 1 for the first row of a
            table; otherwise 0.
        parent: index, among the blocks of the text, of the block that is kept together with this one. If None, the heading
            or the table header above is the parent.
    """

    kind: Kind
    start: int
    end: int
    body: int
    level: int = 0
    parent: int | None = None
