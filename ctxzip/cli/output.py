"""Writes results to a stream: records, error records, contexts, or rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.datamodels import Scored
from ctxzip.errors import CtxzipError, UsageError
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.rendering.interop import library_record
from ctxzip.rendering.record import error_record, record
from ctxzip.rendering.result import Result
from ctxzip.rendering.scored import scored_record
from ctxzip.rendering.table_rows import RowWriter
from ctxzip.settings import CONTEXTS

if TYPE_CHECKING:
    from ctxzip.cli.journal import Journal
    from ctxzip.cli.run_summary import RecordCounts
    from ctxzip.rendering.table_rows import Stream

_BETWEEN = b"\n---\n\n"


class Writer:
    """Writes results in order, each as soon as it comes.

    Args:
        stream: where it writes, unless a journal goes with it.
        to: the format of the output: records, text or markdown, or records of another library; None for records, and rows of
            a table for rows of a table.
        null: end each context with NUL; otherwise a line of `---` separates two.
        emit_errors: write an error record (or an empty context) for a record that could not be used.
        journal: lists what is written, in `journal.output`.
    """

    def __init__(
        self, stream: Stream, *, to: str | None, null: bool, emit_errors: bool, journal: Journal | None = None
    ) -> None:
        self._stream = stream if journal is None or journal.output is None else journal.output
        self._to = to or "jsonl"
        self._as_rows = to is None
        self._rows: RowWriter | None = None
        self._null = null
        self._emit_errors = emit_errors
        self._journal = journal
        self._first = journal is None or not journal.has_output

    def write(self, item: Result | Scored | BadRecord, counts: RecordCounts | BadRecord) -> None:
        """Write one result and flush it, so that the reader of a pipe gets it at once.

        Args:
            item: the result.
            counts: what the summary needs to know of it; for the journal.
        """
        if self._journal is not None and self._as_rows:
            self._resume_rows(self._journal, item)
        try:
            if not isinstance(item, BadRecord) or (self._emit_errors and item.in_output):
                self._write(item)
                self._stream.flush()
            if self._journal is not None:
                self._journal.add(counts)
        except OSError as error:
            raise CtxzipError(f"cannot write the output: {error.strerror}") from error

    def _resume_rows(self, journal: Journal, item: Result | Scored | BadRecord) -> None:
        """Go on with the table of an earlier run.

        Raises:
            UsageError: the item is a row of Parquet.
        """
        table = item.table if isinstance(item, BadRecord) else origin_of(item.request).table
        if table is not None and table.schema is not None:
            raise UsageError("Parquet is written in one run: write jsonl", option=("resume", "to"))
        if self._rows is None and journal.has_output and journal.table is not None:
            self._rows = RowWriter(self._stream, journal.table, has_header=False)

    def _write(self, item: Result | Scored | BadRecord) -> None:
        if not isinstance(item, Scored) and self._is_row(item):
            self._row(item)
        elif isinstance(item, Scored) or self._to not in CONTEXTS:
            self._stream.write(self._record(item))
        else:
            self._stream.write(self._context(item))

    def close(self) -> None:
        """Write the end of a table."""
        if self._rows is not None:
            try:
                self._rows.close()
                self._stream.flush()
            except OSError as error:
                raise CtxzipError(f"cannot write the output: {error.strerror}") from error

    def _is_row(self, item: Result | BadRecord) -> bool:
        table = item.table if isinstance(item, BadRecord) else origin_of(item.request).table
        return self._as_rows and (table is not None or self._rows is not None)

    def _row(self, item: Result | BadRecord) -> None:
        if self._rows is None:
            table = item.table if isinstance(item, BadRecord) else origin_of(item.request).table
            if table is None or not self._first:
                raise CtxzipError("a table behind records: compress them one by one, or write jsonl", option="to")
            self._rows = RowWriter(self._stream, table)
        self._rows.add(item)

    def _record(self, item: Result | Scored | BadRecord) -> bytes:
        self._first = False
        if isinstance(item, BadRecord):
            return error_record(item) + b"\n"
        if isinstance(item, Scored):
            return scored_record(item) + b"\n"
        return (record(item) if self._to == "jsonl" else library_record(item, self._to)) + b"\n"

    def _context(self, item: Result | BadRecord) -> bytes:
        written = b"" if isinstance(item, BadRecord) else (item.context or "").encode()
        if self._null:
            return written + b"\0"
        between = b"" if self._first else _BETWEEN
        self._first = False
        return between + written
