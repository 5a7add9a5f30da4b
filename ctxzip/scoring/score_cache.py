"""The cache of model scores: values by key in one SQLite file, which several processes may use at the same time."""

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

CACHE_FILE = "scores.sqlite3"  # in the folder that the user names
_VERSION = 1  # of the schema; a file with another version is not used and not changed
_BUSY_TIMEOUT_S = 1.0  # to wait for another process; a passage that cannot be stored is only scored once more
_TOUCH_S = 3600  # a value used within the last hour counts as new, so that `get` seldom writes
_FILL_AFTER_EVICTION = 0.9  # of the size, so that values are not deleted one by one
_KEYS_PER_QUERY = 500  # every build of SQLite allows 999
_CHECKSUM_BYTES = 4  # in front of a value: SQLite has no checksums
_BUSY_ERRORS = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS oldest ON scores (used);
"""
_SCHEMA_OBJECTS = {("table", "scores"), ("index", "oldest")}

# Connections of the parent, in a forked child: referenced for ever, because the garbage collector would close them.
_inherited: list[sqlite3.Connection | None] = []


class ScoreCache:
    """Values by key, with a limited size: the least recently used values are deleted first.

    Problems with the file raise no exception. They set `warning`, and from then on nothing is found and nothing is stored.
    Where another process locks the file for too long, values are not found or not stored, without a warning.

    Args:
        folder: created where it does not exist.
        size_mb: the largest size of the file, in millions of bytes; SQLite's log beside it adds up to 4.
        clock: seconds since the epoch.

    Attributes:
        warning: why the cache cannot be used, or None.
    """

    def __init__(self, folder: Path, size_mb: float, clock: Callable[[], float] = time.time) -> None:
        self.warning: str | None = None
        self._path = folder / CACHE_FILE
        self._size = int(size_mb * 1_000_000)
        self._clock = clock
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._close: Callable[[], object] = lambda: None
        with self._lock:
            self._connected()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of the keys that are stored."""
        self._reset_after_fork()
        found: dict[bytes, bytes] = {}
        with self._lock:
            file = self._connected()
            if file is None:
                return found
            now = int(self._clock())
            to_touch: list[bytes] = []
            try:
                for start in range(0, len(keys), _KEYS_PER_QUERY):
                    some = keys[start : start + _KEYS_PER_QUERY]
                    marks = ",".join("?" * len(some))
                    for key, value, used in file.execute(
                        f"SELECT key, value, used FROM scores WHERE key IN ({marks})",  # noqa: S608  # only `?` and `,`
                        some,
                    ):
                        if value[:_CHECKSUM_BYTES] != _checksum(key, value[_CHECKSUM_BYTES:]):
                            raise sqlite3.DatabaseError("the checksum of a value is wrong")
                        found[key] = value[_CHECKSUM_BYTES:]
                        if used + _TOUCH_S < now:
                            to_touch.append(key)
                if to_touch:
                    with file:
                        file.executemany("UPDATE scores SET used = ? WHERE key = ?", [(now, key) for key in to_touch])
            except (sqlite3.Error, TypeError) as error:
                self._failed(error)
                return found if self._file else {}
        return found

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Store values; delete the least recently used where the file grows too large."""
        now = int(self._clock())
        rows = [(key, _checksum(key, value) + value, now) for key, value in values.items()]
        self._reset_after_fork()
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
        self._reset_after_fork()
        with self._lock:
            if self._file is not None:
                self._close()
                self._file = None

    def _reset_after_fork(self) -> None:
        """In a forked child, drop the connection and the lock of the parent without using or closing them.

        SQLite forbids both for a connection of the parent (https://sqlite.org/howtocorrupt.html, section 2.6).
        """
        if self._process != os.getpid():
            if isinstance(self._close, weakref.finalize):
                self._close.detach()
            _inherited.append(self._file)
            self._file, self._lock, self._process = None, threading.Lock(), os.getpid()

    def _connected(self) -> sqlite3.Connection | None:
        """Open the file if necessary and return its connection; None where it cannot be opened or is locked."""
        if self._file is None and self.warning is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                # Several threads use it, one at a time, under the lock.
                file = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
                self._close = weakref.finalize(self, file.close)
                _prepare(file)
            except (OSError, sqlite3.Error) as error:
                self._close()
                self._failed(error)
            else:
                self._file = file
        return self._file

    def _shrink(self, file: sqlite3.Connection) -> None:
        """Delete the least recently used values where the used pages of the file exceed its size."""
        (page_size,) = file.execute("PRAGMA page_size").fetchone()
        (n_pages,) = file.execute("PRAGMA page_count").fetchone()
        (n_free,) = file.execute("PRAGMA freelist_count").fetchone()
        used = page_size * (n_pages - n_free)
        if used <= self._size:
            return
        (n,) = file.execute("SELECT COUNT(*) FROM scores").fetchone()
        n_deleted = min(int(n * (1 - _FILL_AFTER_EVICTION * self._size / used)) + 1, n)
        file.execute(
            "DELETE FROM scores WHERE key IN (SELECT key FROM scores ORDER BY used, key LIMIT ?)", (n_deleted,)
        )

    def _failed(self, error: Exception) -> None:
        """Set the warning and stop using the file, unless another process has only locked it."""
        if getattr(error, "sqlite_errorcode", None) in _BUSY_ERRORS:
            return
        self.warning = f"--cache: {self._path} cannot be used: {error}: scores are not cached"
        self._close()
        self._file = None


def _prepare(file: sqlite3.Connection) -> None:
    """Create the table where the file is new.

    Raises:
        sqlite3.Error: another process locks the file, or it is not a cache of this version.
    """
    (version,) = file.execute("PRAGMA user_version").fetchone()
    if version not in {0, _VERSION}:
        raise sqlite3.DatabaseError(f"its schema is of another version of ctxzip ({version}, not {_VERSION})")
    # In place of the table a view could compute values for ever, and a trigger could do anything.
    file.execute("PRAGMA trusted_schema = OFF")
    found = set(file.execute("SELECT type, name FROM sqlite_master"))
    if found - _SCHEMA_OBJECTS:
        raise sqlite3.DatabaseError("it contains more than a cache of scores")
    if not version:
        file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT")
    file.execute("SELECT key, value, used FROM scores LIMIT 1")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")


def _checksum(key: bytes, value: bytes) -> bytes:
    """Return the CRC-32 of key and value."""
    return zlib.crc32(value, zlib.crc32(key)).to_bytes(_CHECKSUM_BYTES, "big")
