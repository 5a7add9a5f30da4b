"""Inputs: named streams of bytes, decompressed where they are gzip."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from io import BufferedReader

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Source:
    """One input: its name (empty for stdin) and how to open it for reading bytes.

    Attributes:
        table: `csv`, `tsv` or `parquet` where the input has that format whatever its name.
    """

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    table: str | None = None

    @property
    def suffix(self) -> str:
        """The suffix that names the format, without `.gz`."""
        if self.table is not None:
            return f".{self.table}"
        return PurePath(self.name.removesuffix(".gz")).suffix.lower()

    def at(self, place: str) -> str:
        """Return a place in this input in words, `notes.jsonl: line 17`."""
        return f"{self.name}: {place}" if self.name else place


@contextmanager
def decompressed(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a buffered stream, decompressed if its first bytes are those of gzip, whatever its name."""
    # The first byte of a pipe may come alone, and no text begins with that one.
    head = cast("BufferedReader", stream).peek(len(_GZIP))[: len(_GZIP)]
    if not head or not _GZIP.startswith(head):
        yield stream
        return
    import gzip

    with gzip.open(stream, "rb") as text:
        yield cast("BinaryIO", text)
