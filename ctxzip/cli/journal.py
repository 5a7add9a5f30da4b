"""The journal of a run that can be resumed: one line for each finished record, in a file beside the partial output.

The first line says how the run was called. After a kill the partial output is cut behind the last record that the journal
lists and whose bytes are as they were written; the next run skips the records of the input up to there.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from array import array
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import encode
from ctxzip.cli.failed_records import raw_fields, raw_of
from ctxzip.cli.option_names import spelled
from ctxzip.cli.output_file import JOURNAL, PART
from ctxzip.cli.run_summary import RecordCounts
from ctxzip.errors import UsageError
from ctxzip.reading.origin import BadRecord, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ctxzip.datamodels import Request
    from ctxzip.reading.origin import Table

_ERROR_FIELDS = ("message", "line_no", "in_output", "is_cut")  # of a `BadRecord`, besides its bytes
_BLOCK = 1 << 20  # bytes of the partial output that are read at once
# Names in the first line that are no options.
_NO_OPTIONS = frozenset(["version", "command", "files", "model_card_sha256"])
_REMEDY = "call it as before, or without --resume to start over"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the journal.

    Attributes:
        end: size of the output with this record, in bytes.
        crc32: of the output up to there.
        digest: of the input record.
        counts: fields of its `RecordCounts`; None for a record that could not be used.
        error: fields of its `BadRecord`; None for one that could be used.
    """

    end: int
    crc32: int
    digest: int
    counts: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    def item(self) -> RecordCounts | BadRecord:
        """Return what the summary counts of the record."""
        if self.error is not None:
            fields = {name: self.error[name] for name in _ERROR_FIELDS}
            return BadRecord(**fields, raw=raw_of(self.error))
        return RecordCounts(**{**(self.counts or {}), "warnings": tuple(map(tuple, (self.counts or {})["warnings"]))})


class Journal:
    """Lists the finished records of a run, and skips those of an earlier run with the same output.

    Args:
        call: what decides the output besides the input: version, model and options, by name.

    Attributes:
        count: is called with what the earlier run counted, for each of its records; set before `open`.
        output: the stream to write to, after `open`.
        has_output: whether the earlier run wrote a record, an error record or a context, be it empty.
        table: that its first output is a row of; None where that is no row. Known when the first unfinished item is read.
    """

    def __init__(self, call: dict[str, Any]) -> None:
        self._call: dict[str, Any] = json.loads(encode(call))
        self.count: Callable[[RecordCounts | BadRecord], None] = lambda _: None
        self.has_output = False
        self.table: Table | None = None
        self._file: BinaryIO | None = None
        self._path = ""
        self.output: RecordedOutput | None = None
        self._earlier = array("Q")  # digests of the records that the earlier run finished
        self._pending: deque[int] = deque()  # digests of the records that are read and not yet written
        self._n_added = 0
        self._is_open = False
        self._n_written = 0  # of the finished items that were read again, those that are in the output

    @property
    def n_earlier(self) -> int:
        """Number of records that the earlier run finished; 0 where there was none."""
        return len(self._earlier)

    def open(self, name: str, path: str, part: BinaryIO) -> None:
        """Go on with a partial output, or begin a new one where there is nothing to go on with.

        Args:
            name: of the output, for messages.
            path: of the partial output.
            part: the partial output, open for reading and writing. It is cut behind the last finished record.

        Raises:
            UsageError: the earlier run was called in another way.
        """
        self._path = path + JOURNAL
        output = RecordedOutput(part)
        end = 0
        try:
            with suppress(FileNotFoundError), open(self._path, "rb") as earlier:
                before = _decoded(earlier.readline())
                end = earlier.tell()
                for line in earlier:
                    entry = _entry(line)
                    if entry is None or not output.read_to(entry.end, entry.crc32):
                        break
                    if not self.n_earlier:
                        self._check_call(name, before)
                    self._add_earlier(entry)
                    end += len(line)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
            self._file = os.fdopen(os.open(self._path, flags, stat.S_IMODE(os.fstat(part.fileno()).st_mode)), "ab")
        except OSError as error:
            raise UsageError(f"{name}{PART}{JOURNAL}: cannot write: {error.strerror}") from error
        self._file.truncate(end if self.n_earlier else 0)
        output.cut()
        self.output = output
        self._is_open = True
        if not self.n_earlier:
            self._write(self._call)

    def _add_earlier(self, entry: _Entry) -> None:
        self._earlier.append(entry.digest)
        item = entry.item()
        self.count(item)
        self.has_output = self.has_output or self._is_written(item)

    def _is_written(self, item: RecordCounts | Request | BadRecord) -> bool:
        return not isinstance(item, BadRecord) or (item.in_output and self._call["on_error"] == "emit")

    def _check_call(self, name: str, before: Any) -> None:
        if not isinstance(before, dict):
            raise UsageError(f"{name}{PART}{JOURNAL}: not a journal: {_REMEDY}")
        for key in {**before, **self._call}:
            if before.get(key) != self._call.get(key):
                what = key.replace("_", " ") if key in _NO_OPTIONS else spelled(key)
                raise UsageError(
                    f"{name}: cannot go on with the earlier run: {what} was {_shown(before.get(key))} and is "
                    f"{_shown(self._call.get(key))}: {_REMEDY}"
                )

    def unfinished(self, items: Iterable[Request | BadRecord]) -> Iterator[Request | BadRecord]:
        """Yield the items that the earlier run did not finish, after a check that the others are those that it read.

        Raises:
            UsageError: the input is another.
        """
        n_read = 0
        for item in items:
            digest = _digest(item)
            n_read += 1
            if n_read > self.n_earlier:
                self._pending.append(digest)
                yield item
            elif digest != self._earlier[n_read - 1]:
                place = "" if isinstance(item, BadRecord) else origin_of(item).place
                raise UsageError(f"{place or f'record {n_read}'}: not what the earlier run read there: {_REMEDY}")
            elif self._is_written(item):
                self._n_written += 1
                if self._n_written == 1:
                    self.table = item.table if isinstance(item, BadRecord) else origin_of(item).table
        if n_read < self.n_earlier:
            raise UsageError(
                f"the earlier run read {self.n_earlier:,} records, and now there are {n_read:,}: {_REMEDY}"
            )

    def add(self, item: RecordCounts | BadRecord) -> None:
        """List the next record, whose output is written and flushed."""
        assert self.output is not None
        counts = error = None
        if isinstance(item, BadRecord):
            error = {**{name: getattr(item, name) for name in _ERROR_FIELDS}, **raw_fields(item.raw)}
        else:
            counts = asdict(item)
        self._write(asdict(_Entry(self.output.size, self.output.crc32, self._pending.popleft(), counts, error)))
        self._n_added += 1

    def _write(self, value: Any) -> None:
        assert self._file is not None
        self._file.write(encode(value) + b"\n")
        self._file.flush()

    def close(self, *, is_whole: bool) -> bool:
        """Return whether the partial output is kept: the run ended early and finished records. Else the journal is removed.

        Args:
            is_whole: whether the output is complete.
        """
        if self._file is None or not self._is_open:
            if self._file is not None:
                self._file.close()
            return os.path.exists(self._path)  # what an earlier run left stays as it is
        own = os.fstat(self._file.fileno())
        self._file.close()
        if self.n_earlier + self._n_added and not is_whole:
            return True
        with suppress(OSError):
            if os.path.samestat(own, os.stat(self._path)):  # not that of a run that began after the rename
                os.unlink(self._path)
        return False


class RecordedOutput:
    """The partial output, whose size and checksum are known.

    Attributes:
        size: in bytes, up to the last byte that was written, or that proved to be as it was written.
        crc32: of these bytes.
    """

    def __init__(self, part: BinaryIO) -> None:
        self._part = part
        self.size = 0
        self.crc32 = 0

    def read_to(self, end: int, crc32: int) -> bool:
        """Return whether the output up to an offset has a checksum; `size` is this offset then."""
        found = self.crc32
        left = end - self.size
        while left > 0:
            block = self._part.read(min(left, _BLOCK))
            if not block:
                return False
            found = zlib.crc32(block, found)
            left -= len(block)
        if left or found != crc32:
            return False
        self.size, self.crc32 = end, found
        return True

    def cut(self) -> None:
        """Cut the output behind what is known; writing goes on there."""
        self._part.seek(self.size)
        self._part.truncate()

    def write(self, data: bytes) -> int:
        """Write to the end."""
        written = self._part.write(data)
        self.size += len(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        return written

    def flush(self) -> None:
        """Hand all over to the operating system."""
        self._part.flush()


def _decoded(line: bytes) -> Any:
    """Return the value of a line of JSON; None for one that is torn."""
    try:
        return json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None


def _entry(line: bytes) -> _Entry | None:
    try:
        return _Entry(**_decoded(line))
    except TypeError:
        return None


def _digest(item: Request | BadRecord) -> int:
    """Return a 64-bit digest of an input record as it came, or of its texts where it is made of several files."""
    raw = (item.raw if isinstance(item, BadRecord) else origin_of(item).raw).rstrip(b"\r\n")
    if not raw:
        texts = (
            (item.message,)
            if isinstance(item, BadRecord)
            else (item.query, *(text for passage in item.passages for text in (passage.title, passage.text)))
        )
        raw = encode(texts)
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big")


def _shown(value: Any) -> str:
    return "not set" if value is None else value if isinstance(value, str) else encode(value).decode()
