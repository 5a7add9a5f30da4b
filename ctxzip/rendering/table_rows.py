"""Writes results as rows of a table like the one that their requests came from: CSV or Parquet."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any, Protocol

from ctxzip._internal.raw_json import encode
from ctxzip.datamodels import OWN_KEY
from ctxzip.errors import CtxzipError
from ctxzip.reading.origin import BadRecord, Table, origin_of
from ctxzip.rendering.record import error_summary, summary
from ctxzip.rendering.result import Result
from ctxzip.rendering.slot_filling import filled_record

if TYPE_CHECKING:
    from collections.abc import Mapping

_GROUP_ROWS = 1000  # of a row group of a Parquet file; they are in memory until the group is written


class Stream(Protocol):
    """What results are written to."""

    def write(self, data: bytes, /) -> int:
        """Write to the end."""
        ...

    def flush(self) -> None:
        """Hand all over to the operating system."""
        ...


class RowWriter:
    """Writes rows of CSV, or of Parquet with the column types of the input, and a column `ctxzip`.

    Args:
        stream: where it writes.
        table: of the first row; all other rows must have the same columns.
        has_header: whether the header of CSV is written.
    """

    def __init__(self, stream: Stream, table: Table, *, has_header: bool = True) -> None:
        self._stream = stream
        self._table = table
        self._columns = [*(name for name in table.columns if name != OWN_KEY), OWN_KEY]
        self._rows: list[dict[str, Any]] = []
        self._parquet: Any = None
        if table.schema is None and has_header:
            self._write_csv(dict(zip(self._columns, self._columns, strict=True)))

    def add(self, item: Result | BadRecord) -> None:
        """Write one row.

        Raises:
            CtxzipError: the item is from a table with other columns, or from none, or Parquet cannot store it.
        """
        table = item.table if isinstance(item, BadRecord) else origin_of(item.request).table
        if table is None or table.columns != self._table.columns or table.schema != self._table.schema:
            place = item.message if isinstance(item, BadRecord) else origin_of(item.request).place
            raise CtxzipError(
                f"{place}: its columns are not those of the first table: compress such files one by one, or write jsonl",
                option="to",
            )
        if isinstance(item, Result):
            values, own = filled_record(item), summary(item)
        else:
            values, own = (item.content if isinstance(item.content, dict) else {}), error_summary(item)
        row = {**values, OWN_KEY: encode(own).decode()}
        if table.schema is None:
            self._write_csv(row)
            return
        self._rows.append(row)
        if len(self._rows) >= _GROUP_ROWS:
            self._write_parquet()

    def close(self) -> None:
        """Write the rows still in memory, and the end of the file.

        Raises:
            CtxzipError: Parquet cannot store a row.
        """
        if self._table.schema is not None:
            self._write_parquet()
            self._parquet.close()

    def _write_csv(self, row: Mapping[str, Any]) -> None:
        line = StringIO()
        # With this terminator cells with a lone carriage return are quoted, too, which some readers take for a line end.
        writer = csv.writer(line, delimiter=self._table.delimiter, lineterminator="\r\n")
        writer.writerow([row.get(name, "") for name in self._columns])
        self._stream.write(line.getvalue().removesuffix("\r\n").encode("utf-8", "replace") + b"\n")

    def _write_parquet(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        schema = pa.schema(
            [*(field for field in self._table.schema if field.name != OWN_KEY), pa.field(OWN_KEY, pa.string())],
            metadata=self._table.schema.metadata,
        )
        try:
            if self._parquet is None:
                self._parquet = parquet.ParquetWriter(self._stream, schema)
            self._parquet.write_table(pa.Table.from_pylist(self._rows, schema=schema))
        except pa.ArrowException as error:
            raise CtxzipError(f"cannot write Parquet: {error}: write jsonl", option="to") from error
        self._rows = []
