"""Slots: placeholders in an input record for the texts of its documents; rendering fills them.

`ctxzip.reading.origin.Origin.record` holds them. `index` is always that of a passage of the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TextSlot:
    """In place of the text of one passage.

    Attributes:
        original: the JSON value of the text.
    """

    index: int
    original: Any


@dataclass(frozen=True, slots=True)
class SentencesSlot:
    """In place of the list of sentences of one passage.

    Attributes:
        sentences: of each sentence the half-open code-point offsets in the text of the passage, and its JSON value.
    """

    index: int
    sentences: tuple[tuple[int, int, Any], ...]


@dataclass(frozen=True, slots=True)
class PartSlot:
    """In place of one paragraph, or one content part, of a text that is a list of them.

    Attributes:
        start: offset of the paragraph in the text of passage `index`, in code points.
        end: half-open end of it.
        original: the JSON value of the paragraph.
    """

    index: int
    start: int
    end: int
    original: Any


@dataclass(frozen=True, slots=True)
class OffsetSlot:
    """In place of an offset that is wrong once the text of passage `index` is shortened.

    Attributes:
        name: key of the offset in the record.
        original: the JSON value of the offset.
        position: the offset, in code points of the text of the passage, where it points into that text; it is moved. None
            where it points into a text outside the record; it is replaced by null.
    """

    index: int
    name: str
    original: Any
    position: int | None = None


@dataclass(frozen=True, slots=True)
class PiecesSlot:
    """In place of one string that holds the texts of passages among other text.

    Attributes:
        parts: strings and slots, which joined are the string.
        original: the JSON value of the string.
    """

    parts: tuple[Any, ...]
    original: Any


@dataclass(frozen=True, slots=True)
class DocsSlot:
    """In place of a list of documents, which may be reordered or left out.

    Attributes:
        items: one document a passage, with slots.
        first: index of the passage of the first document.
        between: text between two documents, for a list inside a string.
    """

    items: tuple[Any, ...]
    first: int = 0
    between: str = ""


@dataclass(frozen=True, slots=True)
class CellSlot:
    """In place of a table cell in which a list or an object is written as text.

    Attributes:
        inner: the list or object, with slots.
        original: the text of the cell.
        notation: of the text: `json`, `python` or `numpy`.
    """

    inner: Any
    original: str
    notation: str


def original(node: Any, *, cells_as_text: bool) -> Any:
    """Return a part of an input record with its slots replaced by the original values.

    Args:
        node: the part.
        cells_as_text: whether a cell of a table is the text that it came as, not the list or object that it contains.
    """
    if isinstance(node, TextSlot | PiecesSlot | PartSlot | OffsetSlot):
        return node.original
    if isinstance(node, CellSlot):
        return node.original if cells_as_text else original(node.inner, cells_as_text=False)
    if isinstance(node, SentencesSlot):
        return [sentence for _, _, sentence in node.sentences]
    if isinstance(node, DocsSlot):
        return [original(item, cells_as_text=cells_as_text) for item in node.items]
    if isinstance(node, dict):
        return {key: original(value, cells_as_text=cells_as_text) for key, value in node.items()}
    return [original(value, cells_as_text=cells_as_text) for value in node] if isinstance(node, list) else node
