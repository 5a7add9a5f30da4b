"""Rows of CSV and Parquet files, one record each, and cells that hold a list written as text."""

from __future__ import annotations

import ast
import csv
from collections import deque
from io import BytesIO, TextIOWrapper
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import parse
from ctxzip.errors import InputError, MissingDependencyError
from ctxzip.reading.origin import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CSV = frozenset({".csv", ".tsv"})
PARQUET = frozenset({".parquet", ".pq"})
_DELIMITERS = ",;\t|"
_LONGEST_CELL = 2**31 - 1  # characters, in place of 131,072; the limit is a C long, which has 32 bits on Windows
_limit = Lock()  # held while the limit, which belongs to the whole process, is another one


def csv_rows(stream: BinaryIO) -> Iterator[tuple[int, Table, dict[str, Any] | list[str] | str, str | None]]:
    """Yield line number, table, values by column and None for every row; for a bad row its cells or text and the error.

    The delimiter is the one of comma, semicolon, tab and bar that occurs most often in the first line. A quote that is not
    closed, or not doubled inside of a cell, spoils only its own line: the lines after it are parsed again.

    Raises:
        InputError: no header, a column twice, or a header that is not in UTF-8.
    """
    text = TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        lines = _Lines(text)
        first = lines.peek()
        delimiter = max(_DELIMITERS, key=first.count)
        columns = tuple(_row(lines, delimiter) or ())
        if not _is_utf8(columns):
            raise InputError("no CSV in UTF-8: convert it with iconv -t UTF-8")
        for name in columns:
            if columns.count(name) > 1:
                raise InputError(f"two columns are called {name!r}: rename one")
        table = Table(columns, delimiter=delimiter)
        while lines.peek():
            number = lines.number
            lines.taken.clear()
            try:
                row = _row(lines, delimiter) or []
            except csv.Error as error:
                wrong = f"no row of a table: {error}: close quotes, and double those inside of a cell"
                yield number, table, _readable(lines.give_back_all_but_one().rstrip("\r\n")), wrong
                continue
            if not _is_utf8(row):
                yield number, table, list(map(_readable, row)), "not UTF-8: convert it with iconv -t UTF-8"
            elif row and len(row) == len(columns):
                yield number, table, dict(zip(columns, row, strict=True)), None
            elif row:
                wrong = f"{len(row)} cells in a table of {len(columns)} columns: quote cells that hold delimiters"
                yield number, table, row, wrong
    except csv.Error as error:
        raise InputError(f"no CSV: {error}") from error
    finally:
        text.detach()


def _row(lines: _Lines, delimiter: str) -> list[str] | None:
    """Return the cells of the next row, None at the end.

    Raises:
        csv.Error: quotes are not closed, or not doubled.
    """
    with _limit:
        before = csv.field_size_limit(_LONGEST_CELL)
        try:
            return next(csv.reader(lines, delimiter=delimiter, strict=True), None)
        finally:
            csv.field_size_limit(before)


class _Lines:
    """The lines of a text; lines that were read since `taken` was cleared can be put back.

    Attributes:
        number: 1-based, of the next line.
        taken: the lines read since then.
    """

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self.number = 1
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if not self.peek():
            raise StopIteration
        line = self._waiting.popleft()
        self.number += 1
        self.taken.append(line)
        return line

    def peek(self) -> str:
        """Return the next line without moving on; empty at the end."""
        if not self._waiting and (line := self._text.readline()):
            self._waiting.append(line)
        return self._waiting[0] if self._waiting else ""

    def give_back_all_but_one(self) -> str:
        """Return the first of the lines taken, and put the others back."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        return self.taken[0]


def _readable(cell: str) -> str:
    """Return the cell with U+FFFD for bytes that could not be decoded."""
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_utf8(cells: Sequence[str]) -> bool:
    """Tell whether no cell holds a byte that could not be decoded."""
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def parquet_rows(stream: BinaryIO) -> Iterator[tuple[int, Table, dict[str, Any]]]:
    """Yield number, table and values by column of every row of a Parquet file, with one batch in memory at a time.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InputError: this is no Parquet file.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError("pyarrow is not installed: pip install 'ctxzip[parquet]'") from error
    try:
        file = parquet.ParquetFile(stream if stream.seekable() else BytesIO(stream.read()))
        table = Table(tuple(file.schema_arrow.names), schema=file.schema_arrow)
        number = 0
        for batch in file.iter_batches(batch_size=1000):
            columns = [_counted(column).to_pylist() for column in batch.columns]
            for row in zip(*columns, strict=True):
                number += 1
                yield number, table, dict(zip(table.columns, row, strict=True))
    except (pa.ArrowException, ValueError) as error:  # pyarrow raises ValueError too
        raise InputError(f"no Parquet: {error}") from error


def _counted(column: Any) -> Any:
    """Return a column of nanoseconds as whole numbers: Python has no such times, and the numbers can be written back."""
    import pyarrow as pa

    types = (pa.types.is_timestamp, pa.types.is_duration, pa.types.is_time64)
    return (
        column.cast(pa.int64()) if any(is_one(column.type) for is_one in types) and column.type.unit == "ns" else column
    )


def cell(node: Any) -> tuple[Any, str] | None:
    """Return the list or object that a cell holds as text, and its notation, `json` or `python`; None for plain text.

    pandas writes Python's notation. It is accepted only where writing it again gives the same text: the list
    that numpy writes, without commas, would become one text.

    >>> cell("['At ten.', 'At noon.']")
    (['At ten.', 'At noon.'], 'python')
    >>> cell("['At ten.' 'At noon.']") is None
    True
    """
    if not isinstance(node, str) or node.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = parse(node.encode("utf-8", "surrogatepass"))
    except InputError:
        pass
    else:
        return (value, "json") if isinstance(value, list | dict) else None
    try:
        value = ast.literal_eval(node.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return (value, "python") if isinstance(value, list | dict) and repr(value) == node.strip() else None
