"""Files that may be compressed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

_GZIP = b"\x1f\x8b"


@contextmanager
def decompressed(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give what is in a buffered stream; what begins like gzip is decompressed, whatever its name."""
    # Of a pipe the first byte may come alone, and no text begins with that one.
    head = cast("BufferedReader", stream).peek(len(_GZIP))[: len(_GZIP)]
    if not head or not _GZIP.startswith(head):
        yield stream
        return
    import gzip

    with gzip.open(stream, "rb") as text:
        yield cast("BinaryIO", text)
