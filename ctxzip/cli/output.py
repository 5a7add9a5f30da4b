"""Output: stdout, or a file that is written atomically."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ctxzip.cli.inputs import STDIO
from ctxzip.datamodels import Scored
from ctxzip.errors import CtxzipError, UsageError
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.rendering.interop import converted
from ctxzip.rendering.record import error_record, record
from ctxzip.rendering.result import Result
from ctxzip.rendering.scored import record as scored_record
from ctxzip.rendering.table_rows import RowWriter
from ctxzip.settings import CONTEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator

_BETWEEN = b"\n---\n\n"
_NOT_FOR_THIS_FILE = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.ENOSYS,
    errno.EROFS,
}  # what a file system without fsync answers


class Writer:
    """Writes results in order, each as soon as it comes.

    Args:
        to: the format of the output: records, text or markdown, or records of another library.
        as_rows: write a row of a table for a row of a table.
        null: end each context with NUL; otherwise a line of `---` separates two.
        emit_errors: write an error record (or an empty context) for a record that could not be used.
    """

    def __init__(self, stream: BinaryIO, *, to: str, null: bool, emit_errors: bool, as_rows: bool) -> None:
        self._stream = stream
        self._to = to
        self._as_rows = as_rows
        self._rows: RowWriter | None = None
        self._null = null
        self._emit_errors = emit_errors
        self._first = True

    def __call__(self, item: Result | Scored | BadRecord) -> None:
        """Write one result and flush it, so that the reader of a pipe gets it at once."""
        if isinstance(item, BadRecord) and not (self._emit_errors and item.in_output):
            return
        try:
            if not isinstance(item, Scored) and self._is_row(item):
                self._row(item)
            elif isinstance(item, Scored) or self._to not in CONTEXTS:
                self._stream.write(self._record(item))
            else:
                self._stream.write(self._context(item))
            self._stream.flush()
        except OSError as error:
            raise CtxzipError(f"cannot write the output: {error.strerror}") from error

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
        return (record(item) if self._to == "jsonl" else converted(item, self._to)) + b"\n"

    def _context(self, item: Result | BadRecord) -> bytes:
        written = b"" if isinstance(item, BadRecord) else (item.context or "").encode()
        if self._null:
            return written + b"\0"
        between = b"" if self._first else _BETWEEN
        self._first = False
        return between + written


@contextmanager
def writing(name: str | None) -> Iterator[BinaryIO]:
    """Open an output: stdout for None or `-`, else a file that is written atomically.

    The data goes to a temporary file in the same folder, which is flushed to the disk and then renamed. After an error
    or an interrupt the temporary file is gone and an older file of that name is unchanged. Devices and pipes are
    written to directly.

    Raises:
        UsageError: the file cannot be created, stdout is closed, or the name is empty or ends in `.gz`.
        CtxzipError: the disk is full.
    """
    if name is None or name == STDIO:
        if sys.stdout is None:
            raise UsageError("stdout is closed: name a file", option="output")
        yield sys.stdout.buffer
        return
    if not name:
        raise UsageError("the output has an empty name: name a file, or leave it out for stdout", option="output")
    if name.endswith(".gz"):
        raise UsageError(f"{name}: the output is not compressed: pipe it into gzip", option="output")
    try:
        # Not of the resolved name: that of a pipe under /dev/fd leads nowhere.
        mode = os.stat(name).st_mode
    except OSError:
        mode = None
    direct = mode is not None and not stat.S_ISREG(mode)
    target = name if direct else os.path.realpath(name)
    folder, base = os.path.split(target)
    path = target if direct else os.path.join(folder, f".{base}.{os.urandom(4).hex()}.tmp")
    if direct:
        with _naming(name), _created(name, path, "wb") as stream:
            yield stream
        return
    try:
        with _naming(name), _unlinked_on_sigpipe(path), _created(name, path, "xb") as stream:
            if mode is not None:
                os.chmod(path, stat.S_IMODE(mode))
            yield stream
            stream.flush()
            _synced(stream.fileno())
        with _naming(name):
            os.replace(path, target)
            _synced_folder(folder)
    finally:
        # Nothing is there after the rename, nor where a signal came before the file was made.
        with suppress(OSError):
            os.unlink(path)


def _synced(descriptor: int) -> None:
    """Wait until a file is on the disk: a rename may get there first, and a power cut then leaves an empty file."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_FOR_THIS_FILE:
            raise


def _synced_folder(folder: str) -> None:
    """Wait until a rename is on the disk, on platforms where a folder can be opened (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):  # the file is whole by now, and a folder need not be readable
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _created(name: str, path: str, mode: str) -> BinaryIO:
    try:
        return cast("BinaryIO", open(path, mode))
    except OSError as error:
        raise UsageError(f"{name}: cannot write: {error.strerror}") from error


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Name the file in an error of closing it: a full disk may show no earlier."""
    try:
        yield
    except OSError as error:
        raise CtxzipError(f"{name}: cannot write: {error.strerror}") from None


_temporary: list[str] = []  # files to remove at a SIGPIPE: an output and its statistics may be open together


@contextmanager
def _unlinked_on_sigpipe(path: str) -> Iterator[None]:
    """Remove the temporary file at a SIGPIPE (of stderr, as stdout is not written to)."""
    if not hasattr(signal, "SIGPIPE"):
        yield
        return
    _temporary.append(path)
    before = signal.signal(signal.SIGPIPE, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)
        _temporary.remove(path)


def _leave(number: int, _: Any) -> None:
    for path in _temporary:
        with suppress(OSError):
            os.unlink(path)
    os._exit(128 + number)
