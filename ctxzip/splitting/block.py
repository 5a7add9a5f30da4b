"""One block of a text: what may be split into sentences, or must not be cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctxzip.datamodels import Kind


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a text.

    Attributes:
        start, end: half-open code-point offsets; `start` may include the indentation of the block.
        body: start of the words, behind the marker of a list item.
        level: 1 and more of a heading, 0 of one that only the blocks of `under` belong to; 1 of the row that heads a table;
            else 0.
        under: index, among the blocks of the text, of the block that must be kept with this one; None leaves it to headings
            and tables.
    """

    kind: Kind
    start: int
    end: int
    body: int
    level: int = 0
    under: int | None = None
