"""An output file is there whole or not at all: it is written as FILE.part and renamed at the end."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ctxzip.cli.inputs import STDIO
from ctxzip.errors import CtxzipError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.cli.journal import Journal

PART, JOURNAL = ".part", ".journal"
# What a file system answers that has no fsync or no locks.
_UNSUPPORTED = frozenset([errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS, errno.ENOLCK])


@contextmanager
def writing(name: str | None, journal: Journal | None = None) -> Iterator[BinaryIO]:
    """Open an output: stdout for None or `-`, else a file that is written atomically.

    The data goes to `FILE.part`, which is locked, flushed to the disk and then renamed. After an error or an interrupt
    an older file of that name is unchanged, and the partial file is gone unless a journal lists finished records in it.
    Devices and pipes are written to directly.

    Args:
        name: of the file.
        journal: of a run that can be resumed. It goes on where an earlier run ended, and stays with the partial file.
            What is written has to go through `journal.output`.

    Raises:
        UsageError: the file cannot be created, another run writes it, it cannot be resumed, stdout is closed, or the name
            is empty or ends in `.gz`.
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
    if mode is None or stat.S_ISREG(mode):
        with _naming(name), _whole(name, mode, journal) as stream:
            yield stream
    elif journal is not None:
        raise UsageError(f"{name}: not a file, so no run can be resumed in it", option=("resume", "output"))
    else:
        with _naming(name), _direct(name) as stream:
            yield stream


@contextmanager
def _whole(name: str, mode: int | None, journal: Journal | None) -> Iterator[BinaryIO]:
    """Open the partial file, which is renamed at the end.

    Args:
        name: of the output.
        mode: of an older file with this name, or None.
        journal: of a run that can be resumed.
    """
    target = os.path.realpath(name)
    path = target + PART
    is_whole = False
    with _locked(name, path) as stream:
        try:
            if mode is not None:
                os.chmod(path, stat.S_IMODE(mode) | stat.S_IWUSR)  # an interrupted run has to be able to go on
            if journal is None:
                stream.truncate(0)
                with suppress(OSError):  # of an earlier run that this one does not go on with
                    os.unlink(path + JOURNAL)
            else:
                journal.open(name, path, stream)
            with _unlinked_on_sigpipe(path if journal is None else None):
                yield stream
            stream.flush()
            _synced(stream.fileno())
            if mode is not None:
                os.chmod(path, stat.S_IMODE(mode))
            if os.name == "nt":
                stream.close()  # Windows renames no file that is open
            os.replace(path, target)
            is_whole = True
            _synced_folder(os.path.dirname(target))
        finally:
            is_kept = journal is not None and journal.close(is_whole=is_whole)
            # While it is locked: as soon as it is not, and after the rename, it may be that of another run.
            if not is_whole and not is_kept:
                with suppress(OSError):
                    os.unlink(path)


def _locked(name: str, path: str) -> BinaryIO:
    """Open a partial file, which is created where there is none, for this run alone.

    Raises:
        UsageError: it cannot be created, or another run has it.
    """
    while True:
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise UsageError(f"{name}{PART}: not a file: remove it, or name another output", option="output")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except OSError as error:
            raise UsageError(f"{name}: cannot write: {error.strerror}") from error
        stream = cast("BinaryIO", os.fdopen(descriptor, "r+b"))
        _lock(name, stream)
        with suppress(OSError):
            # The run that had it may have renamed it between opening and locking.
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return stream
        stream.close()


def _lock(name: str, stream: BinaryIO) -> None:
    """Lock a file until it is closed, where the platform and the file system have such locks.

    Raises:
        UsageError: another process has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise UsageError(f"{name}: another run is writing it: wait for it, or name another file") from error
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _synced(descriptor: int) -> None:
    """Wait until a file is on the disk: a rename may get there first, and a power cut then leaves an empty file."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
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


def _direct(name: str) -> BinaryIO:
    """Open a device or a pipe."""
    try:
        return cast("BinaryIO", open(name, "wb"))
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
def _unlinked_on_sigpipe(path: str | None) -> Iterator[None]:
    """Remove a partial file at a SIGPIPE (of stderr, as stdout is not written to); None for one that stays."""
    if not hasattr(signal, "SIGPIPE") or path is None:
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
