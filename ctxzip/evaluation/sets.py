"""A set of labelled questions, and the names that files of them go by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxzip.errors import UsageError
from ctxzip.evaluation.labelled import Labelled, read_labelled, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SUFFIXES = (".jsonl", ".jsonl.gz")
_LEFT_OUT = (".gz", ".jsonl", ".json", ".csv", ".tsv", ".parquet")  # of the name of a set


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The questions of one file.

    Attributes:
        name: of the file without its suffixes; with its folder where two files share a name.
        questions: with those that nothing answers.
    """

    name: str
    path: Path
    questions: tuple[Labelled, ...]

    @property
    def answerable(self) -> tuple[Labelled, ...]:
        """The questions that have evidence."""
        return tuple(question for question in self.questions if question.need != "none")

    @property
    def needs_all(self) -> bool:
        """Whether every answerable question needs all of its spans."""
        answerable = self.answerable
        return bool(answerable) and all(question.need == "all" for question in answerable)


def labelled_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files, and all labelled files of folders in the order of their names.

    Raises:
        UsageError: no such file, a file of another kind, or a folder without a labelled file.
    """
    return [file for path in paths for file in _files(path)]


def named(files: Iterable[Path]) -> list[tuple[str, Path]]:
    """Return every file once, with a name: its own without suffixes, with its folder where two share one."""
    once = list({file.resolve(): file for file in files}.values())
    shared = {name for name, count in Counter(map(_stem, once)).items() if count > 1}
    return [(str(file.parent / _stem(file)) if _stem(file) in shared else _stem(file), file) for file in once]


def read_namesake(labelled: LabelledSet, folder: Path, limit: int) -> LabelledSet | None:
    """Read the file in `folder` that has the name of this set's file, gzipped or not; None where there is none.

    Raises:
        UsageError: no such folder.
        InputError: a record is not in the common form.
    """
    if not folder.is_dir():
        raise UsageError(
            "expected a folder with files of the same names as those of the data",
            option=("threshold_data", "data"),
            value=folder,
        )
    stem = _stem(labelled.path)
    for file in (folder / f"{stem}{suffix}" for suffix in _SUFFIXES):
        if file.is_file():
            return LabelledSet(stem, file, tuple(spread(read_labelled(file), limit)))
    return None


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.name.endswith(_SUFFIXES))
        if not files:
            raise UsageError(f"{path}: no {' or '.join(_SUFFIXES)} file in this folder", option="data")
        return files
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder", option="data")
    if not path.name.endswith(_SUFFIXES):
        raise UsageError(f"{path}: expected a {' or '.join(_SUFFIXES)} file in the common form", option="data")
    return [path]


def _stem(path: Path) -> str:
    name = path.name
    for suffix in _LEFT_OUT:
        name = name.removesuffix(suffix)
    return name
