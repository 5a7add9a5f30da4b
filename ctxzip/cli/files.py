"""Input files and stdin: looked at before anything is read or written."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast

from ctxzip.errors import UsageError
from ctxzip.reading import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

STDIO = "-"


def sources(names: Sequence[str]) -> list[Source]:
    """Return the inputs of these names; `-` or none is stdin. A name that ends in .gz is decompressed.

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
    return [Source("" if name == STDIO else name, partial(_open, name)) for name in names or [STDIO]]


def _open(name: str) -> AbstractContextManager[BinaryIO]:
    if name == STDIO:
        return nullcontext(sys.stdin.buffer)
    if name.endswith(".gz"):
        import gzip

        return cast("AbstractContextManager[BinaryIO]", gzip.open(name, "rb"))
    return open(name, "rb")
