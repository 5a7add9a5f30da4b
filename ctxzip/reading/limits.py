"""Limits on what one record may be, so that a damaged or hostile input costs an error and not the machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ctxzip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 200  # bytes of a line that is too long, for the error record
_BLOCK = 1 << 16  # bytes of the rest of such a line that are read at once
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class InputLimits:
    """The largest record that is read.

    Attributes:
        line_bytes: bytes of a line, of an object on several lines, or of a text file, after decompression.
        documents: documents of a record.
        nesting: levels of arrays and objects inside each other.
    """

    line_bytes: int = 256_000_000
    documents: int = 100_000
    nesting: int = 200


NO_LIMITS = InputLimits(line_bytes=2**62, documents=2**62, nesting=2**62)


class LongLine(bytes):
    """The beginning of a line that is longer than the limit; the rest was read and dropped."""


def bounded_lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield the lines of a stream; of a line with more than `limit` bytes only the beginning, as a `LongLine`."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(_BLOCK)) and not rest.endswith(b"\n"):
            pass
        yield LongLine(line[:_SHOWN])


def too_long(limit: int) -> InputError:
    """Return the error for a line or a file above the limit."""
    return InputError(f"longer than {limit:,} bytes", option="max_line_bytes")


def check_nesting(data: bytes, limit: int) -> None:
    """Check the depth of JSON before it is parsed.

    >>> check_nesting(b'[["[["]]', 2)

    Raises:
        InputError: it is nested more deeply than the limit.
    """
    if data.count(b"[") + data.count(b"{") <= limit:
        return  # nearly all records
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(data):
        mark = token[0]
        if mark in b"[{":
            depth += 1
            if depth > limit:
                raise InputError(f"nested more than {limit:,} levels deep", option="max_nesting")
        elif mark in b"]}":
            depth -= 1
