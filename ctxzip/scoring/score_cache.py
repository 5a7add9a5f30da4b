"""What models said of passages, kept in one SQLite file that several processes may use at once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

FILE = "scores.sqlite3"  # in the folder that the user names
_VERSION = 1  # of what the file holds; another one is left alone
_BUSY_S = 1.0  # what another process may hold the file for; a passage that is not kept costs one more reading
_TOUCH_S = 3600  # what was used within the hour counts as new, so that reading need not write
_SPARED = 0.9  # of the size, what is left when the oldest have gone, so that they do not go one by one
_AT_ONCE = 500  # keys of one query; SQLite takes 999 in every build
_CHECK = 4  # bytes of the checksum in front of a value: SQLite has none of its own
_LOST_RACES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS oldest ON scores (used);
"""

_inherited: list[sqlite3.Connection | None] = []  # of the parents of this process: kept, as dropping one closes it


class ScoreCache:
    """Values by key, bounded in size, those that were used longest ago go first.

    Nothing here raises for what is wrong with the file: `warning` holds it, and from then on nothing is
    found and nothing is kept. That another process holds the file is no trouble: what could not be
    read or written for that is a miss.

    Args:
        folder: made where it is missing.
        size_mb: of the file at most, in millions of bytes; the log beside it adds up to 4.
        clock: seconds since the epoch.

    Attributes:
        warning: why the cache cannot be used, in words, or None.
    """

    def __init__(self, folder: Path, size_mb: float, clock: Callable[[], float] = time.time) -> None:
        self.warning: str | None = None
        self._path = folder / FILE
        self._size = int(size_mb * 1_000_000)
        self._clock = clock
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._close: Callable[[], object] = lambda: None
        with self._lock:
            self._connected()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that there are."""
        self._leave_to_the_parent()
        found: dict[bytes, bytes] = {}
        with self._lock:
            file = self._connected()
            if file is None:
                return found
            now = int(self._clock())
            old: list[bytes] = []
            try:
                for at in range(0, len(keys), _AT_ONCE):
                    some = keys[at : at + _AT_ONCE]
                    marks = ",".join("?" * len(some))
                    for key, value, used in file.execute(
                        f"SELECT key, value, used FROM scores WHERE key IN ({marks})",  # noqa: S608  # marks alone
                        some,
                    ):
                        if value[:_CHECK] != _checksum(key, value[_CHECK:]):
                            raise sqlite3.DatabaseError("a value is not what was written")
                        found[key] = value[_CHECK:]
                        if used + _TOUCH_S < now:
                            old.append(key)
                if old:
                    with file:
                        file.executemany("UPDATE scores SET used = ? WHERE key = ?", [(now, key) for key in old])
            except (sqlite3.Error, TypeError) as error:
                self._failed(error)
                return found if self._file else {}
        return found

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values; where the file grows over its size, the oldest go."""
        now = int(self._clock())
        rows = [(key, _checksum(key, value) + value, now) for key, value in values.items()]
        self._leave_to_the_parent()
        with self._lock:
            file = self._connected() if rows else None
            if file is None:
                return
            try:
                with file:
                    file.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)
                    self._shrink(file)
            except sqlite3.Error as error:
                self._failed(error)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._leave_to_the_parent()
        with self._lock:
            if self._file is not None:
                self._close()
                self._file = None

    def _leave_to_the_parent(self) -> None:
        """In a forked child, give up the connection and the lock of the parent without touching either.

        SQLite allows a child neither to use nor to close it (https://sqlite.org/howtocorrupt.html, section 2.6).
        """
        if self._process != os.getpid():
            if isinstance(self._close, weakref.finalize):
                self._close.detach()
            _inherited.append(self._file)
            self._file, self._lock, self._process = None, threading.Lock(), os.getpid()

    def _connected(self) -> sqlite3.Connection | None:
        """Return the file, opened where it is not yet; None where that cannot be, or another process is making it."""
        if self._file is None and self.warning is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                # The thread that opens it need not be the one that scores; the lock keeps them apart.
                file = sqlite3.connect(self._path, timeout=_BUSY_S, check_same_thread=False)
                self._close = weakref.finalize(self, file.close)
                _prepare(file)
            except (OSError, sqlite3.Error) as error:
                self._close()
                self._failed(error)
            else:
                self._file = file
        return self._file

    def _shrink(self, file: sqlite3.Connection) -> None:
        """Delete the oldest-used where what is used of the file is more than its size."""
        (page,) = file.execute("PRAGMA page_size").fetchone()
        (pages,) = file.execute("PRAGMA page_count").fetchone()
        (free,) = file.execute("PRAGMA freelist_count").fetchone()
        used = page * (pages - free)
        if used <= self._size:
            return
        (n,) = file.execute("SELECT COUNT(*) FROM scores").fetchone()
        gone = int(n * (1 - _SPARED * self._size / used)) + 1
        file.execute(
            "DELETE FROM scores WHERE key IN (SELECT key FROM scores ORDER BY used, key LIMIT ?)", (min(gone, n),)
        )

    def _failed(self, error: Exception) -> None:
        """Say what is wrong and use the file no more, unless another process just held it."""
        if getattr(error, "sqlite_errorcode", None) in _LOST_RACES:
            return
        self.warning = f"--cache: {self._path} cannot be used: {error}: every passage is scored anew"
        self._close()
        self._file = None


def _prepare(file: sqlite3.Connection) -> None:
    """Make the table where there is none.

    Raises:
        sqlite3.Error: another process holds the file, or it is another file.
    """
    (version,) = file.execute("PRAGMA user_version").fetchone()
    if version not in {0, _VERSION}:
        raise sqlite3.DatabaseError(f"made by another version of ctxzip ({version}, not {_VERSION})")
    if not version:
        file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT")
    file.execute("SELECT key, value, used FROM scores LIMIT 1")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")


def _checksum(key: bytes, value: bytes) -> bytes:
    return zlib.crc32(value, zlib.crc32(key)).to_bytes(_CHECK, "big")
