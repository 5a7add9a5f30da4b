"""The input record behind a request: all that is needed to write it back, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctxzip.datamodels import Request


@dataclass(frozen=True, slots=True)
class Table:
    """The table that a record was a row of.

    Attributes:
        columns: their names, in order.
        delimiter: between the cells of a CSV file.
        schema: of a Parquet file, a `pyarrow.Schema`; None for a CSV file.
    """

    columns: tuple[str, ...]
    delimiter: str = ","
    schema: Any = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The input record that a request was read from.

    Attributes:
        record: the input object with slots (`ctxzip.reading.slots`) in place of the documents and their texts; all other
            values are kept as the bytes that came in, so that they go out unchanged. None where nothing came in.
        own: the value of the key `ctxzip` in the input, as JSON; None where there was none.
        line_no: 1-based line (or element of an array) that the record began on; 0 where it came from Python.
        place: the same in words: `notes.jsonl: line 17`; empty where it came from Python.
        table: that it was a row of, or None.
        n_bytes: of the line that it came in; 0 where it came in none.
    """

    record: Any = None
    own: Any = None
    line_no: int = 0
    place: str = ""
    table: Table | None = None
    n_bytes: int = 0


_NONE = Origin()


def origin_of(request: Request) -> Origin:
    """Return the input record behind a request; an empty one where the request was made in Python."""
    return request.origin if isinstance(request.origin, Origin) else _NONE


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be used.

    Attributes:
        message: where, what and what to do, in one line.
        line_no: 1-based line that it began on.
        content: what came in: the parsed object, or the undecodable line as text.
        emits: whether an error record may take its place in the output. A bad line among the documents of one
            request has no place of its own there.
        table: that it was a row of, or None.
        n_bytes: of the line that it came in; 0 where it came in none.
        options: what the message is about, or what mends it, by their names in Python (`docs_field`).
    """

    message: str
    line_no: int
    content: Any = None
    emits: bool = True
    table: Table | None = None
    n_bytes: int = 0
    options: tuple[str, ...] = ()
