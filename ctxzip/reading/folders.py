"""Folders -> the paths of the text files in them, in order."""

from __future__ import annotations

import os
import re
import stat
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxzip.errors import UsageError
from ctxzip.reading.sources import decompressed

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from pathspec import GitIgnoreSpec

_GITIGNORE = ".gitignore"
_HEAD = 8192  # bytes at the start of a file; a NUL byte in them means that the file is binary


_PARTIAL = (".part", ".part.journal")  # ends of the names of outputs that are being written, as by this run


@dataclass(frozen=True, slots=True)
class Choice:
    """Which files of a folder are selected. Patterns have the syntax of .gitignore, relative to the folder.

    Attributes:
        include: matches the selected files; None selects all.
        exclude: matches files and folders that are not selected; None excludes nothing.
        outputs: device and inode of the files that this run writes; they are not selected.
    """

    include: GitIgnoreSpec | None = None
    exclude: GitIgnoreSpec | None = None
    outputs: frozenset[tuple[int, int]] = frozenset()

    def selects(self, path: str, *, is_folder: bool) -> bool:
        """Return whether the patterns select a path, which is relative to the folder."""
        if self.exclude is not None and self.exclude.check_file(_marked(path, is_folder)).include:
            return False
        return is_folder or self.include is None or bool(self.include.check_file(path).include)


def choice(include: Sequence[str], exclude: Sequence[str], outputs: frozenset[tuple[int, int]] = frozenset()) -> Choice:
    """Return a choice of files by patterns; without patterns all files are selected.

    Raises:
        UsageError: a pattern is not valid, such as `!`.
    """
    return Choice(_globs(include, "include"), _globs(exclude, "exclude"), outputs)


def _globs(patterns: Sequence[str], option: str) -> GitIgnoreSpec | None:
    if not patterns:
        return None
    for pattern in patterns:
        if _spec([pattern]) is None:
            raise UsageError("expected a pattern of file names, such as *.md or notes/**", option=option, value=pattern)
    return _spec(patterns)


@dataclass(frozen=True, slots=True)
class _Ignores:
    """The patterns of one .gitignore.

    Attributes:
        folder: absolute path of its folder, without a trailing separator.
        spec: its patterns, relative to that folder.
    """

    folder: str
    spec: GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file or folder that has not been visited yet.

    Attributes:
        path: for messages and for opening.
        below: path relative to the folder that the user named; empty for that folder.
        is_folder: whether it is a folder; false for a link to a folder.
        ignores: the .gitignore files that apply to it, outermost first.
    """

    path: str
    below: str
    is_folder: bool
    ignores: tuple[_Ignores, ...]


def files_in(folder: str, chosen: Choice, skipped: Counter[str]) -> Iterator[str]:
    """Yield the paths of the text files in a folder and its subfolders, sorted by name at each level.

    Skips hidden files and folders, partial outputs of runs, those that a .gitignore matches (here or above in the same repository), binary files,
    links to folders, pipes and devices. A path that cannot be read is yielded, so that the error occurs when it is opened.

    Args:
        folder: to walk, even if its own name is hidden or ignored.
        chosen: which files are selected; the others are left out and not counted.
        skipped: is updated with the number of skipped paths by cause (`binary`, `hidden`, ...).
    """
    root = os.path.realpath(folder).rstrip(os.sep)
    stack = [_Entry(folder, "", is_folder=True, ignores=_ignores_above(root))]
    while stack:
        entry = stack.pop()
        cause = _cause_to_skip(entry, root) if entry.below else None
        if cause is not None:
            skipped[cause] += 1
        elif entry.is_folder:
            try:
                stack.extend(reversed(_entries(entry, root, chosen)))
            except OSError:
                yield entry.path
        elif not _is_output(entry.path, chosen.outputs):
            yield entry.path


def _entries(folder: _Entry, root: str, chosen: Choice) -> list[_Entry]:
    """Return the selected files and folders directly in a folder, sorted by name.

    Raises:
        OSError: the folder cannot be read.
    """
    with os.scandir(folder.path) as found:
        inside = sorted((one.name, one.is_dir(follow_symlinks=False)) for one in found)
    ignores = folder.ignores
    if (_GITIGNORE, False) in inside:
        ignores = (*ignores, *_ignores_of(os.path.join(root, folder.below).rstrip(os.sep)))
    entries = [
        _Entry(os.path.join(folder.path, name), os.path.join(folder.below, name), is_folder, ignores)
        for name, is_folder in inside
    ]
    return [entry for entry in entries if chosen.selects(entry.below, is_folder=entry.is_folder)]


def _cause_to_skip(entry: _Entry, root: str) -> str | None:
    """Return the cause why a file or folder is skipped, as a text for messages; None if it is not skipped."""
    if os.path.basename(entry.path).startswith("."):
        return "hidden"
    if not entry.is_folder and entry.path.endswith(_PARTIAL):
        return "partial outputs"
    if _is_ignored(os.path.join(root, entry.below), entry.ignores, is_folder=entry.is_folder):
        return "in .gitignore"
    return None if entry.is_folder else _cause_of_file(entry.path)


def _cause_of_file(path: str) -> str | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return "links to folders"
    if not stat.S_ISREG(status.st_mode):
        return "pipes and devices"
    return "binary" if _is_binary(path) else None


def _is_output(path: str, outputs: frozenset[tuple[int, int]]) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) in outputs


def _is_binary(path: str) -> bool:
    """Return whether a file, decompressed, has a NUL byte near its beginning; false if it cannot be read."""
    try:
        with open(path, "rb") as stream, decompressed(stream) as content:
            return b"\0" in content.read(_HEAD)
    except (OSError, EOFError, zlib.error):
        return False


def _is_ignored(path: str, ignores: tuple[_Ignores, ...], *, is_folder: bool) -> bool:
    """Return whether an absolute path is ignored; the nearest .gitignore with a matching pattern decides."""
    for one in reversed(ignores):
        found = one.spec.check_file(_marked(path[len(one.folder) + 1 :], is_folder)).include
        if found is not None:
            return found
    return False


def _ignores_above(root: str) -> tuple[_Ignores, ...]:
    """Return the .gitignore files above a folder in its git repository; none if they ignore the folder itself."""
    above: list[str] = []
    folder = root
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return ()
        above.insert(0, parent)
        folder = parent
    ignores = tuple(one for path in above for one in _ignores_of(path.rstrip(os.sep)))
    return () if _is_ignored(root, ignores, is_folder=True) else ignores


def _ignores_of(folder: str) -> list[_Ignores]:
    """Return the .gitignore of a folder; an empty list if there is none, if it cannot be read or if it has no patterns."""
    try:
        with open(os.path.join(folder, _GITIGNORE), encoding="utf-8-sig", errors="replace") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return []
    spec = _spec(lines)
    return [] if spec is None else [_Ignores(folder, spec)]


def _spec(patterns: Sequence[str]) -> GitIgnoreSpec | None:
    """Return the valid patterns, as git interprets them; None if no pattern is valid."""
    from pathspec import GitIgnoreSpec

    def is_pattern(text: str) -> bool:
        try:
            return any(one.include is not None for one in GitIgnoreSpec.from_lines([text]).patterns)
        except (ValueError, re.error):
            return False

    valid = [text for text in patterns if is_pattern(text)]
    return GitIgnoreSpec.from_lines(valid) if valid else None


def _marked(path: str, is_folder: bool) -> str:
    """Return a path, with a trailing slash if it is a folder, as the patterns need it."""
    return f"{path}/" if is_folder else path
