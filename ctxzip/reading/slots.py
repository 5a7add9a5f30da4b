"""Where the texts of a record were: placeholders in the input record, filled again when it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TextSlot:
    """The place of the text of passage `index`; `original` is its JSON value."""

    index: int
    original: Any


@dataclass(frozen=True, slots=True)
class SentencesSlot:
    """The place of a list of sentences, passage `index`.

    Attributes:
        sentences: start and end of each in the text of the passage, and its JSON value.
    """

    index: int
    sentences: tuple[tuple[int, int, Any], ...]


@dataclass(frozen=True, slots=True)
class PiecesSlot:
    """The place of one string that held texts with other text around them.

    Attributes:
        parts: strings and slots that make the string together.
        original: its JSON value.
    """

    parts: tuple[Any, ...]
    original: Any


@dataclass(frozen=True, slots=True)
class DocsSlot:
    """The place of a list of documents, one item a passage, from passage `first` on.

    Attributes:
        between: what separates two of them inside a string.
    """

    items: tuple[Any, ...]
    first: int = 0
    between: str = ""


@dataclass(frozen=True, slots=True)
class CellSlot:
    """The place of a table cell that held a list, or an object, written as text.

    Attributes:
        inner: the list or object, with slots of its own.
        original: the text.
        notation: `json` or `python`.
    """

    inner: Any
    original: str
    notation: str
