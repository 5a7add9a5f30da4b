"""The input record behind a request, with all that is needed to write it back; and records that could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import encode
from ctxzip.reading.slots import original

if TYPE_CHECKING:
    from ctxzip.datamodels import Request
    from ctxzip.errors import CtxzipError


@dataclass(frozen=True, slots=True)
class Table:
    """The header and format of the table that a record is a row of.

    Attributes:
        columns: names of the columns, in order.
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
        record: the input object with slots (`ctxzip.reading.slots`) in place of the documents and their texts; all
            other values are the bytes of the input, so that they are written unchanged. None without an input record.
        ctxzip_value: the value of the key `ctxzip` in the input, as JSON: a report of an earlier run, or scores. None
            without that key.
        line_no: 1-based line, array element or row at which the record begins; 0 for a request made in Python.
        place: file and line for messages, `notes.jsonl: line 17`; empty for a request made in Python.
        table: the table that the record is a row of, or None.
        raw: the bytes of the record as they came; JSON of the cells for a row of a table. Empty for a request made in
            Python, and for one of several documents that are read with a question.
    """

    record: Any = None
    ctxzip_value: Any = None
    line_no: int = 0
    place: str = ""
    table: Table | None = None
    raw: bytes = b""


NO_ORIGIN = Origin()


def origin_of(request: Request) -> Origin:
    """Return the input record behind a request; `NO_ORIGIN` for a request made in Python."""
    return request.origin if isinstance(request.origin, Origin) else NO_ORIGIN


def original_record(request: Request, *, cells_as_text: bool = False) -> dict[str, Any]:
    """Return the input object with its original texts; `{}` if the request was not read from a record.

    Args:
        request: that was read.
        cells_as_text: whether the cells of a row of a table are the texts that they came as, not the lists in them.
    """
    record = original(origin_of(request).record, cells_as_text=cells_as_text)
    return record if isinstance(record, dict) else {}


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be used.

    Attributes:
        message: where, what and the remedy, in one line.
        line_no: 1-based line, array element or row at which the record begins; 0 for the rest of an unreadable file.
        content: the input: the parsed object, or the undecodable line as text.
        in_output: whether an error record may take its place in the output; not so for one document of a request.
        table: the table that the record is a row of, or None.
        raw: the bytes of the record as they came; JSON of the cells for a row of a table.
        is_cut: whether `raw` is only the beginning of a record that is too long.
        options: the options that the message is about, or that mend it, by their names in Python (`docs_field`).
    """

    message: str
    line_no: int
    content: Any = None
    in_output: bool = True
    table: Table | None = None
    raw: bytes = b""
    is_cut: bool = False
    options: tuple[str, ...] = ()


def failed(request: Request, error: CtxzipError) -> BadRecord:
    """Return the bad record in place of a request that was read, but cannot be used."""
    origin, record = origin_of(request), original_record(request, cells_as_text=True)
    place = f"{origin.place}: " if origin.place else ""
    return BadRecord(
        f"{place}{error.message}",
        origin.line_no,
        record,
        table=origin.table,
        raw=origin.raw or encode(record),
        options=error.options,
    )
