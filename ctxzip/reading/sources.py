"""Input files and stdin: named streams of bytes, decompressed if they are gzip."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from io import BufferedReader

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Source:
    """One input.

    Attributes:
        name: of the file; empty for stdin.
        open: returns a context manager with its stream of bytes.
        file_format: one of `ctxzip.reading.schemas.FILE_FORMATS` where the user named it; None leaves it to the name.
    """

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    file_format: str | None = None

    @property
    def suffix(self) -> str:
        """The suffix that names the format, with its dot and without `.gz`; empty if there is none."""
        if self.file_format is not None:
            return f".{self.file_format}"
        return PurePath(self.name.removesuffix(".gz")).suffix.lower()

    def prefixed(self, text: str) -> str:
        """Return a text with the name of the input before it: `notes.jsonl: line 17`."""
        return f"{self.name}: {text}" if self.name else text


@contextmanager
def decompressed(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a buffered stream, decompressed if its first bytes are those of gzip, whatever its name."""
    # A pipe may deliver the first byte alone; no text begins with it.
    head = cast("BufferedReader", stream).peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)]
    if not head or not _GZIP_MAGIC.startswith(head):
        yield stream
        return
    import gzip

    with gzip.open(stream, "rb") as content:
        yield cast("BinaryIO", content)
