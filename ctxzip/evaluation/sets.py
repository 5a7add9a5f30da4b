"""A set of labelled questions, and the naming of its file."""

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
_NOT_IN_NAMES = (".gz", ".jsonl", ".json", ".csv", ".tsv", ".parquet")  # suffixes that the name of a set leaves out


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The questions of one file.

    Attributes:
        name: the file name without suffixes; with its folder where two files share a name.
        path: the file.
        questions: answerable and unanswerable.
    """

    name: str
    path: Path
    questions: tuple[Labelled, ...]

    @property
    def answerable(self) -> tuple[Labelled, ...]:
        """The questions with evidence."""
        return tuple(question for question in self.questions if question.need != "none")

    @property
    def needs_all(self) -> bool:
        """Whether every answerable question needs all of its spans (multi-hop)."""
        answerable = self.answerable
        return bool(answerable) and all(question.need == "all" for question in answerable)


def labelled_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files, and the labelled files of the folders sorted by name.

    Raises:
        UsageError: no such file, a file of another kind, or a folder without a labelled file.
    """
    return [file for path in paths for file in _files(path)]


def with_names(files: Iterable[Path]) -> list[tuple[str, Path]]:
    """Return every file once with its name as `LabelledSet` defines it."""
    once = list({file.resolve(): file for file in files}.values())
    shared = {name for name, count in Counter(map(_stem, once)).items() if count > 1}
    return [(str(file.parent / _stem(file)) if _stem(file) in shared else _stem(file), file) for file in once]


def read_namesake(labelled: LabelledSet, folder: Path, limit: int) -> LabelledSet | None:
    """Return the set in the file of the same name in `folder`, gzipped or not; None where there is none.

    Args:
        labelled: the set whose file name is searched.
        folder: to search.
        limit: the most questions to read.

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
    for suffix in _NOT_IN_NAMES:
        name = name.removesuffix(suffix)
    return name
