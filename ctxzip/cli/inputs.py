"""Input files and stdin, checked before anything is read or written."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from ctxzip.errors import UsageError
from ctxzip.reading.schemas import TABLES
from ctxzip.reading.sources import Source, decompressed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctxzip.cli.options import RecordOptions
    from ctxzip.reading.schemas import Shape
    from ctxzip.reading.trec_join import Join

STDIO = "-"


def sources(
    names: Sequence[str], input_format: str | None = None, opened: Callable[[BinaryIO], None] | None = None
) -> list[Source]:
    """Return the inputs of these names; `-` or none is stdin.

    Args:
        names: of files.
        input_format: of the records; matters here for tables only.
        opened: called with each file when it is opened, compressed or not.

    Raises:
        UsageError: a file that does not exist, cannot be read, or is a folder; before any is opened.
    """
    for name in names:
        if name == STDIO:
            continue
        if os.path.isdir(name):
            raise UsageError(f"{name}: is a folder: name the files in it ({os.path.join(name, '*')})")
        if not os.path.exists(name):
            raise UsageError(f"{name}: no such file")
        if not os.access(name, os.R_OK):
            raise UsageError(f"{name}: permission denied")
    table = input_format if input_format in TABLES else None
    return [Source("" if name == STDIO else name, partial(_open, name, opened), table) for name in names or [STDIO]]


def is_input(name: str | None, files: Sequence[str] | None) -> bool:
    """Tell whether an output is the same file as one of the inputs; no pipe or device is.

    Args:
        name: of the output; `-` or None is stdout.
        files: names of inputs; `-` or none is stdin, which may be redirected from a file.
    """
    if name is None or name == STDIO:
        return False
    with suppress(OSError):
        output = os.stat(name)
        return stat.S_ISREG(output.st_mode) and any(_is_same(output, one) for one in files or [STDIO])
    return False


def _is_same(output: os.stat_result, name: str) -> bool:
    with suppress(OSError, AttributeError):  # no such file; stdin is closed
        return os.path.samestat(output, os.fstat(sys.stdin.fileno()) if name == STDIO else os.stat(name))
    return False


def check_output(name: str | None, files: Sequence[str | None], option: str = "output") -> None:
    """Raise UsageError where an output is a file that is read and holds something else than would be written.

    Args:
        name: of the output.
        files: that are read; those that are None are not.
        option: that names the output.
    """
    read = [one for one in files if one is not None and one != STDIO]
    if read and is_input(name, read):
        raise UsageError("it is read, and would be replaced: name another file", option=option, value=name)


def shapes_of(records: RecordOptions) -> tuple[Shape, ...]:
    """Return how records may be built, by the options.

    Raises:
        UsageError: no such format.
    """
    from ctxzip.reading.schemas import with_fields

    return with_fields(
        records.query_field,
        records.docs_field,
        records.text_field,
        records.title_field,
        records.input_format,
        records.context_role,
    )


def join(corpus: str | None, run: str | None, query: str | None) -> Join | None:
    """Return the documents of each question by a corpus and a TREC run, or None without them.

    Raises:
        UsageError: one without the other, or with a query; a file that cannot be read.
        InputError: a line that is not of its form.
    """
    if corpus is None and run is None:
        return None
    if corpus is None or run is None:
        raise UsageError(
            "each needs the other: documents, and which of them were found for a question",
            option=("corpus", "run_file"),
        )
    if query is not None:
        raise UsageError(
            "every line of the input is a question already: leave the query out", option=("query", "corpus")
        )
    from ctxzip.reading.trec_join import load

    documents, ranking = sources([corpus, run])
    return load(documents, ranking)


@contextmanager
def _open(name: str, opened: Callable[[BinaryIO], None] | None) -> Iterator[BinaryIO]:
    """Open an input, compressed or not."""
    if name == STDIO and sys.stdin is None:
        raise UsageError("stdin is closed: name a file")
    with nullcontext(sys.stdin.buffer) if name == STDIO else open(name, "rb") as stream:
        if opened is not None:
            opened(stream)
        with decompressed(stream) as text:
            yield text
