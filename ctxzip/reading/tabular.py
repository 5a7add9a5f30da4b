"""Rows of CSV and Parquet files, one record each, and cells that hold a list written as text."""

from __future__ import annotations

import ast
import csv
import sys
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip.errors import InputError, MissingDependencyError
from ctxzip.rawjson import parse
from ctxzip.records import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CSV = frozenset({".csv", ".tsv"})
PARQUET = frozenset({".parquet", ".pq"})
_DELIMITERS = ",;\t|"


def csv_rows(stream: BinaryIO) -> Iterator[tuple[int, Table, dict[str, Any] | list[str], str | None]]:
    """Yield line number, table and values by column of every row, or its cells and what is wrong with them.

    The delimiter is the one of comma, semicolon, tab and bar that the first line has most of.

    Raises:
        InputError: no header, a column twice, or a header that is not in UTF-8.
    """
    csv.field_size_limit(sys.maxsize)  # a text may be longer than the 128 KiB that are allowed otherwise
    text = TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        first = text.readline()
        delimiter = max(_DELIMITERS, key=first.count)
        rows = csv.reader(_again(first, text), delimiter=delimiter)
        columns = tuple(next(rows, ()))
        if not _is_utf8(columns):
            raise InputError("no CSV in UTF-8: convert it with iconv -t UTF-8")
        for name in columns:
            if columns.count(name) > 1:
                raise InputError(f"two columns are called {name!r}: rename one")
        table = Table(columns, delimiter=delimiter)
        line = rows.line_num + 1
        for row in rows:
            if not _is_utf8(row):
                cells = [cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for cell in row]
                yield line, table, cells, "not UTF-8: convert it with iconv -t UTF-8"
            elif row and len(row) == len(columns):
                yield line, table, dict(zip(columns, row, strict=True)), None
            elif row:
                wrong = f"{len(row)} cells in a table of {len(columns)} columns: quote cells that hold delimiters"
                yield line, table, row, wrong
            line = rows.line_num + 1
    except csv.Error as error:
        raise InputError(f"no CSV: {error}") from error
    finally:
        text.detach()


def _is_utf8(cells: Sequence[str]) -> bool:
    """Tell whether no cell holds a byte that could not be decoded."""
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def _again(first: str, text: TextIOWrapper) -> Iterator[str]:
    yield first
    yield from text


def parquet_rows(stream: BinaryIO) -> Iterator[tuple[int, Table, dict[str, Any]]]:
    """Yield number, table and values by column of every row of a Parquet file, a batch in memory at a time.

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
            for row in batch.to_pylist():
                number += 1
                yield number, table, row
    except pa.ArrowException as error:
        raise InputError(f"no Parquet: {error}") from error


def cell(node: Any) -> tuple[Any, str] | None:
    """Return the list or object that a cell holds as text and the notation, `json` or `python`; None where it is plain.

    Python's notation is what pandas writes. It counts only where it comes back to the letter: the
    list that numpy writes, without commas, would come back as one text.

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
