"""Input files and stdin: checks before anything is read or written, and opening."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from ctxzip.errors import UsageError
from ctxzip.reading.schemas import FILE_FORMATS
from ctxzip.reading.sources import Source, decompressed

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence

    from ctxzip.cli.options import InputOptions, QueryOptions, RecordOptions
    from ctxzip.datamodels import Request
    from ctxzip.reading.limits import InputLimits
    from ctxzip.reading.origin import BadRecord
    from ctxzip.reading.schemas import Shape
    from ctxzip.reading.trec_join import Join

STDIO = "-"


def sources(
    names: Sequence[str], input_format: str | None = None, opened: Callable[[BinaryIO], None] | None = None
) -> list[Source]:
    """Return the inputs with these names; `-` or no name is stdin.

    Args:
        names: of files.
        input_format: of the records; only names of file formats have an effect here.
        opened: called with each file when it is opened, before decompression.
    """
    form = input_format if input_format in FILE_FORMATS else None
    return [Source("" if name == STDIO else name, partial(_open, name, opened), form) for name in names or [STDIO]]


def checked(names: Sequence[str]) -> Sequence[str]:
    """Return the names unchanged.

    Raises:
        UsageError: a file does not exist, cannot be read, or is a folder.
    """
    for name in names:
        _check(name)
        if name != STDIO and os.path.isdir(name):
            raise UsageError(f"{name}: is a folder: name the files in it ({os.path.join(name, '*')})")
    return names


def _check(name: str) -> None:
    if name == STDIO:
        return
    if not os.path.exists(name):
        raise UsageError(f"{name}: no such file")
    if not os.access(name, os.R_OK | os.X_OK if os.path.isdir(name) else os.R_OK):
        raise UsageError(f"{name}: permission denied")


def files_of(query: QueryOptions, *, quiet: bool, outputs: Sequence[str | None] = ()) -> Sequence[str]:
    """Return the names of the input files, with folders replaced by their files; `-` or no name is stdin.

    Prints a warning with the number of files that are skipped in folders.

    Args:
        query: the names and patterns that the user gave.
        quiet: print no warning.
        outputs: files that the run writes and must not read. stdout is always one of them.

    Raises:
        UsageError: a file or folder does not exist or cannot be read, a folder has no file to read, or a pattern is not
            valid.
    """
    names = query.files or []
    for name in names:
        _check(name)
    if not any(map(os.path.isdir, names)):
        return names
    from collections import Counter

    from ctxzip.cli.terminal import YELLOW, print_line
    from ctxzip.reading.folders import choice, files_in

    chosen = choice(query.include or [], query.exclude or [], _identities(outputs))
    found: list[str] = []
    skipped: Counter[str] = Counter()
    for name in names:
        if name == STDIO or not os.path.isdir(name):
            found.append(name)
            continue
        skipped_here: Counter[str] = Counter()
        files = list(files_in(name, chosen, skipped_here))
        if not files:
            options = [option for option in ("include", "exclude") if getattr(query, option)]
            reason = f" (skipped {_listed(skipped_here)})" if skipped_here else ""
            raise UsageError(f"{name}: no file to read in this folder{reason}", option=options)
        found += files
        skipped += skipped_here
    if skipped and not quiet:
        print_line(f"warning: {skipped.total():,} skipped in folders ({_listed(skipped)})", YELLOW)
    return found


def _listed(skipped: Counter[str]) -> str:
    return ", ".join(f"{cause}: {n:,}" for cause, n in skipped.most_common())


def _identities(outputs: Sequence[str | None]) -> frozenset[tuple[int, int]]:
    """Return device and inode of the output files that exist, and of stdout."""
    found = set()
    for name in (*outputs, STDIO):
        with suppress(OSError, ValueError):  # no such file yet, or a stream without a file descriptor
            status = os.fstat(sys.stdout.fileno()) if name in {None, STDIO} else os.stat(name)
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def is_input(name: str | None, files: Sequence[str] | None) -> bool:
    """Return whether an output is the same regular file as one of the inputs.

    Args:
        name: of the output; `-` or None is stdout.
        files: names of inputs; `-` or no name is stdin, which may be redirected from a file.
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
    """Check that an output does not replace a file that is read.

    Args:
        name: of the output.
        files: that are read; None and stdin are ignored.
        option: that names the output, for the message.

    Raises:
        UsageError: the output is one of the files.
    """
    read = [one for one in files if one is not None and one != STDIO]
    if read and is_input(name, read):
        raise UsageError("would replace a file that is read: name another file", option=option, value=name)


def shapes_of(records: RecordOptions) -> tuple[Shape, ...]:
    """Return the record shapes that the options allow.

    Raises:
        UsageError: there is no such format.
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


def limits_of(records: RecordOptions) -> InputLimits:
    """Return the limits on one record."""
    from ctxzip.reading.limits import InputLimits

    return InputLimits(records.max_line_bytes, records.max_documents, records.max_nesting)


def join(corpus: str | None, run: str | None, query: str | None) -> Join | None:
    """Return the documents of each question, from a corpus and a TREC run; None without these options.

    Raises:
        UsageError: one is given without the other or together with a query, or a file cannot be read.
        InputError: a line has the wrong format.
    """
    if corpus is None and run is None:
        return None
    if corpus is None or run is None:
        raise UsageError(
            "both are needed: the documents, and the ranking of them for each question",
            option=("corpus", "run_file"),
        )
    if query is not None:
        raise UsageError("each line of the input is a question: leave out the query", option=("query", "corpus"))
    from ctxzip.reading.trec_join import load

    documents, ranking = sources(checked([corpus, run]))
    return load(documents, ranking)


def requests_of(source: InputOptions, inputs: Sequence[Source]) -> Iterator[Request | BadRecord]:
    """Yield the requests in the inputs, as the options ask.

    Raises:
        UsageError: an option is wrong, or does not go with the inputs.
        InputError: a corpus or a run has the wrong format.
    """
    from ctxzip.reading.requests import read

    return read(
        inputs,
        query=source.query,
        shapes=shapes_of(source),
        limits=limits_of(source),
        join=join(source.corpus, source.run_file, source.query),
    )


@contextmanager
def _open(name: str, opened: Callable[[BinaryIO], None] | None) -> Iterator[BinaryIO]:
    """Open an input, decompressed if it is gzip."""
    if name == STDIO and sys.stdin is None:
        raise UsageError("stdin is closed: name a file")
    with nullcontext(sys.stdin.buffer) if name == STDIO else open(name, "rb") as stream:
        if opened is not None:
            opened(stream)
        with decompressed(stream) as text:
            yield text
