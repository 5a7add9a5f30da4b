"""CSV and Parquet files in; one record a row out. Also parses table cells that hold a list written as text."""

from __future__ import annotations

import ast
import csv
import re
from collections import deque
from io import BytesIO, TextIOWrapper
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import parse
from ctxzip.errors import InputError, MissingDependencyError
from ctxzip.reading.limits import too_long
from ctxzip.reading.origin import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CSV_SUFFIXES = frozenset({".csv", ".tsv"})
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
_DELIMITERS = ",;\t|"
_MAX_CELL = 2**31 - 1  # code points; Python's default is 131,072; the limit is a C long: 32 bits on Windows
_STRING_LITERAL = re.compile(r"""'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+\"""")
_NUMPY_ARRAY = re.compile(rf"\[\s*(?:{_STRING_LITERAL.pattern})(?:\s+(?:{_STRING_LITERAL.pattern}))+\s*\]")
_cell_limit_lock = Lock()  # the limit belongs to the whole process: held while it is changed
_PARQUET_BATCH = 1000  # rows in memory at a time
_SHOWN = 200  # code points of a line that is too long, for the error record
_BLOCK = 1 << 16  # code points of the rest of such a line that are read at once


def csv_rows(
    stream: BinaryIO, longest_line: int = _MAX_CELL
) -> Iterator[tuple[int, Table, dict[str, Any] | list[str] | str, InputError | None]]:
    """Yield `(line number, table, values by column, None)` for every row; `(..., its cells or text, error)` for a bad one.

    The delimiter is the one of comma, semicolon, tab and bar that occurs most often in the first line. A quote that is not
    closed, or not doubled inside a cell, spoils only its own line, and so does a line that is too long: the lines after it are
    parsed again.

    Args:
        stream: of bytes.
        longest_line: in code points; also the longest row of several lines.

    Raises:
        InputError: the header is not CSV, is not UTF-8, or has a column twice.
    """
    text = TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        lines = _Lines(text, longest_line)
        first = lines.peek()
        delimiter = max(_DELIMITERS, key=first.count)
        columns = tuple(_next_row(lines, delimiter) or ())
        if not _is_utf8(columns):
            raise InputError("not UTF-8: convert it with iconv -t UTF-8")
        for name in columns:
            if columns.count(name) > 1:
                raise InputError(f"two columns have the name {name!r}: rename one")
        table = Table(columns, delimiter=delimiter)
        while lines.peek():
            number = lines.number
            lines.start_row()
            try:
                row = _next_row(lines, delimiter) or []
            except csv.Error as error:
                is_long = isinstance(error, _TooLongError)
                problem = f"not a row of a table: {error}: close quotes, and double those inside a cell"
                bad = too_long(longest_line) if is_long else InputError(problem)
                line = lines.push_back_all_but_first()
                shown = line[:_SHOWN] if len(line) > longest_line else line
                yield number, table, _readable(shown.rstrip("\r\n")), bad
                continue
            if not _is_utf8(row):
                bad = InputError("not UTF-8: convert it with iconv -t UTF-8")
                yield number, table, list(map(_readable, row)), bad
            elif row and len(row) == len(columns):
                yield number, table, dict(zip(columns, row, strict=True)), None
            elif row:
                message = (
                    f"{len(row)} cells in a table of {len(columns)} columns: quote cells that contain the delimiter"
                )
                yield number, table, row, InputError(message)
    except csv.Error as error:
        raise (
            too_long(longest_line) if isinstance(error, _TooLongError) else InputError(f"not CSV: {error}")
        ) from error
    finally:
        text.detach()


def _next_row(lines: _Lines, delimiter: str) -> list[str] | None:
    """Return the cells of the next row; None at the end.

    Raises:
        csv.Error: a quote is not closed, or not doubled.
    """
    with _cell_limit_lock:
        before = csv.field_size_limit(_MAX_CELL)
        try:
            return next(csv.reader(lines, delimiter=delimiter, strict=True), None)
        finally:
            csv.field_size_limit(before)


class _TooLongError(csv.Error):
    """A line, or a row of several lines, is longer than allowed."""


class _Lines:
    """An iterator over the lines of a text that can push lines back.

    Attributes:
        number: 1-based number of the next line.
        consumed: the lines returned since `start_row`, and the one that made the row too long.
    """

    def __init__(self, text: TextIOWrapper, longest: int) -> None:
        self._text = text
        self._longest = longest
        self._pushed_back: deque[str] = deque()
        self.number = 1
        self.consumed: list[str] = []
        self._size = 0  # of these

    def start_row(self) -> None:
        """Forget the lines of the row before."""
        self.consumed.clear()
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if not self.peek():
            raise StopIteration
        line = self._pushed_back.popleft()
        self.number += 1
        self.consumed.append(line)
        self._size += len(line)
        if self._size > self._longest + 1:  # the line end does not count
            raise _TooLongError
        return line

    def peek(self) -> str:
        """Return the next line without consuming it; empty at the end. Of one that is too long, the rest is dropped."""
        if not self._pushed_back and (line := self._text.readline(self._longest + 2)):
            rest = line if len(line) > self._longest + 1 else "\n"
            while rest and not rest.endswith("\n"):
                rest = self._text.readline(_BLOCK)
            self._pushed_back.append(line)
        return self._pushed_back[0] if self._pushed_back else ""

    def push_back_all_but_first(self) -> str:
        """Return the first of the consumed lines, and push the others back."""
        self._pushed_back.extendleft(reversed(self.consumed[1:]))
        self.number -= len(self.consumed) - 1
        return self.consumed[0]


def _readable(cell: str) -> str:
    """Return a cell with U+FFFD in place of bytes that are not UTF-8."""
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_utf8(cells: Sequence[str]) -> bool:
    """Return whether all bytes of the cells are UTF-8."""
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def parquet_rows(stream: BinaryIO) -> Iterator[tuple[int, Table, dict[str, Any]]]:
    """Yield `(1-based row number, table, values by column)` for every row of a Parquet file.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InputError: it is not a Parquet file.
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
        for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
            columns = [_without_nanoseconds(column).to_pylist() for column in batch.columns]
            for row in zip(*columns, strict=True):
                number += 1
                yield number, table, dict(zip(table.columns, row, strict=True))
    except (pa.ArrowException, ValueError, OSError, MemoryError) as error:  # all of these are raised for a damaged file
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = str(error).partition("\n")[0] or "it has sizes that are not true"
        raise InputError(f"not Parquet: {reason}") from error


def _without_nanoseconds(column: Any) -> Any:
    """Return a column of times in nanoseconds as integers, which can be written back; any other column unchanged.

    The times of Python's datetime have microseconds.
    """
    import pyarrow as pa

    is_time = any(check(column.type) for check in (pa.types.is_timestamp, pa.types.is_duration, pa.types.is_time64))
    return column.cast(pa.int64()) if is_time and column.type.unit == "ns" else column


def parse_cell(node: Any) -> tuple[Any, str] | None:
    """Return the list or object that a cell holds as text, and its notation; None for other text.

    The notation is `json`; `python`, as pandas writes a list; or `numpy`, as it writes an array of strings, without commas.
    Python's is accepted only if `repr` gives the same text again: it joins strings that no comma separates.

    >>> parse_cell("['At ten.', 'At noon.']")
    (['At ten.', 'At noon.'], 'python')
    >>> parse_cell("['At ten.' 'At noon.']")
    (['At ten.', 'At noon.'], 'numpy')
    """
    if not isinstance(node, str) or node.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = parse(node.encode("utf-8", "surrogatepass"))
    except InputError:
        pass
    else:
        return (value, "json") if isinstance(value, list | dict) else None
    if _NUMPY_ARRAY.fullmatch(node.strip()):
        return [ast.literal_eval(literal[0]) for literal in _STRING_LITERAL.finditer(node)], "numpy"
    try:
        value = ast.literal_eval(node.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return (value, "python") if isinstance(value, list | dict) and repr(value) == node.strip() else None
