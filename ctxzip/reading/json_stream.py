"""A stream of bytes in; its JSON values out: one a line, an array, or indented objects.

A broken value costs nothing but itself: the values around it are found.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import decoded, encode, parse
from ctxzip.errors import InputError
from ctxzip.reading.limits import NO_LIMITS, InputLimits, LongLine, bounded_lines, too_long

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ctxzip.reading.origin import Table

_PARQUET_MAGIC = b"PAR1"
_BINARY_FORMATS = {
    b"\xff\xfe": "UTF-16: convert it with iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "UTF-16: convert it with iconv -f UTF-16 -t UTF-8",
    b"\x89PNG": "an image",
    b"%PDF-": "a PDF: extract its text first",
    b"PK\x03\x04": "a zip archive: unpack it first",
    _PARQUET_MAGIC: "a Parquet file: give it a name that ends in .parquet, or name its format",
}
_SHOWN = 200  # bytes of a value that is too long, for the error record
_SEPARATORS = re.compile(r"[ \t\r\n,]*")  # between the elements of an array
_OBJECT_START = re.compile(rb"\{\s*[\"}]")  # not "{{Infobox" or "{% if"


@dataclass(frozen=True, slots=True)
class Item:
    """One value of an input: a JSON value, a row of a table, or a text file.

    Attributes:
        place: the line, array element or row in words, `line 17`.
        line_no: its 1-based number.
        data: its bytes, where it is JSON or a text file; else empty, or a placeholder.
        value: the value, where it is parsed already; else None.
        is_text: whether it is a text file; `value` is then an object with `title` and `text`, whatever field names
            the user gave.
        table: the table that it is a row of, or None.
        error: why it is no record where that is known before it is parsed; `value` is then the cells or the text of a row.
        options: that the error is about.
        is_cut: whether `data` or `value` is only the beginning.
    """

    place: str
    line_no: int
    data: bytes
    value: Any = None
    is_text: bool = False
    table: Table | None = None
    error: str | None = None
    options: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def raw(self) -> bytes:
        """The bytes of the value as they came; JSON of the cells for a row."""
        return self.data if self.value is None or self.is_text else encode(self.value)

    def parsed(self) -> Any:
        """Return the value, decoded one level (`ctxzip._internal.raw_json.decoded`).

        Raises:
            InputError: it is not JSON, or a row that is no record.
        """
        if self.error is not None:
            raise InputError(self.error, option=self.options)
        return parse(self.data) if self.value is None else decoded(self.value)


def looks_like_json(data: bytes) -> bool:
    """Return whether a file without a known suffix holds JSON rather than text."""
    start = data.removeprefix(BOM_UTF8).lstrip()
    if _OBJECT_START.match(start):
        return True
    if start[:1] not in (b"[", b'"'):
        return False
    # A markdown link begins like an array, and a quotation like a JSON string.
    for text in (start, start.splitlines()[0]):
        try:
            parse(text)
        except InputError:
            continue
        return True
    return False


def json_values(stream: BinaryIO, limits: InputLimits = NO_LIMITS) -> Iterator[Item]:
    """Yield the JSON values of a stream: one a line, an array, or indented objects.

    An object that begins with a lone `{` goes on to a line that begins with `}` (as `jq` prints without `-c`). It ends
    early before any other line that is not indented, so that a broken line costs nothing but itself.

    Raises:
        InputError: the stream is binary.
    """
    lines = enumerate(bounded_lines(stream, limits.line_bytes), 1)
    is_first = True
    pushed_back: tuple[int, bytes] | None = None  # a line that was read too early
    while numbered := pushed_back or next(lines, None):
        line_no, line = numbered
        pushed_back = None
        if line_no == 1:
            refuse_binary(line)
        if isinstance(line, LongLine):
            yield _too_long(line_no, line, limits)
            continue
        if line_no == 1:
            line = line.removeprefix(BOM_UTF8)
        if not line.strip():
            continue
        if is_first and line.lstrip()[:1] == b"[":
            pushed_back = next((later for later in lines if later[1].strip()), None)
            if pushed_back is None or not _is_json(line):
                yield from _array(line_no, line, pushed_back, lines, limits)
                return
        is_first = False
        if line.rstrip() != b"{":
            yield Item(f"line {line_no}", line_no, line)
            continue
        item, pushed_back = _object(line_no, line, lines, limits)
        yield item


def _object(
    line_no: int, line: bytes, lines: Iterable[tuple[int, bytes]], limits: InputLimits
) -> tuple[Item, tuple[int, bytes] | None]:
    """Return the object that begins with a lone `{`, and the line after it where that was read already."""
    read, size = [line], len(line)
    following = None
    for later in lines:
        if not later[1][:1].isspace() and later[1].rstrip() != b"}":
            following = later
            break
        size += limits.line_bytes if isinstance(later[1], LongLine) else len(later[1])
        if size <= limits.line_bytes:
            read.append(later[1])
        if later[1][:1] == b"}":
            break
    data = b"".join(read)
    is_long = size > limits.line_bytes
    return _too_long(line_no, data, limits) if is_long else Item(f"line {line_no}", line_no, data), following


def _too_long(line_no: int, beginning: bytes, limits: InputLimits) -> Item:
    error = too_long(limits.line_bytes)
    return Item(
        f"line {line_no}", line_no, bytes(beginning[:_SHOWN]), error=error.message, options=error.options, is_cut=True
    )


def _array(
    line_no: int,
    line: bytes,
    following: tuple[int, bytes] | None,
    lines: Iterable[tuple[int, bytes]],
    limits: InputLimits,
) -> Iterator[Item]:
    """Yield the elements of an array that fills the rest of a stream, or the lines where it proves not to be one.

    Args:
        line_no: number of the first line.
        line: the first line.
        following: the second, if there is one.
        lines: all after that.
        limits: of a line; an array has none as a whole, since it is the whole input.
    """
    rest = [] if following is None else [following, *lines]
    long_lines = {number: row for number, row in rest if isinstance(row, LongLine)}
    data = b"".join([line, *(later for _, later in rest)])
    try:
        for index, value in enumerate(parse(data), 1):
            yield Item(f"item {index}", index, b"null", value)
    except InputError:
        rows = _without_brackets([(number, row.strip()) for number, row in ((line_no, line), *rest)])
        if any(row[:1] == b"{" and _is_json(row) for number, row in rows if number != line_no):
            # JSON Lines whose first line is broken, or an array with one element a line of which one is broken.
            for number, row in rows:
                if number in long_lines:
                    yield _too_long(number, row, limits)
                else:
                    yield Item(f"line {number}", number, row.removesuffix(b","))
        else:
            yield from _whole_elements(line_no, data)


def _without_brackets(rows: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return the lines that are not empty, without the brackets of an array around them all."""
    rows = [(number, row) for number, row in rows if row]
    (first_number, first), (last_number, last) = rows[0], rows[-1]
    is_closed = last.endswith(b"]") and not _is_json(last)
    if is_closed:
        rows[-1] = last_number, last.removesuffix(b"]").rstrip()
    if is_closed or any(row.endswith(b",") for _, row in rows):
        rows[0] = first_number, first.removeprefix(b"[").lstrip()
    return [(number, row) for number, row in rows if row]


def _whole_elements(line_no: int, data: bytes) -> Iterator[Item]:
    """Yield the whole elements at the start of a broken array, then all that follows them as one bad value."""
    text = data.decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder()
    end = text.index("[") + 1
    index = 0
    while True:
        start = _SEPARATORS.match(text, end).end()  # type: ignore[union-attr]  # it matches the empty string, too
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        index += 1
        yield Item(f"item {index}", index, text[start:end].encode("utf-8", "surrogateescape"))
    rest = text[start:] if index else text
    yield Item(f"line {line_no + text.count(chr(10), 0, start)}", line_no, rest.encode("utf-8", "surrogateescape"))


def refuse_binary(data: bytes) -> None:
    """Raise InputError if data begins like a binary format: one message a file, not one a line."""
    for magic, name in _BINARY_FORMATS.items():
        if data.startswith(magic):
            raise InputError(f"this is {name}", option="input_format" if magic == _PARQUET_MAGIC else ())


def _is_json(line: bytes) -> bool:
    """Return whether one line, without a comma at its end, is a whole JSON value."""
    try:
        parse(line.rstrip().removesuffix(b","))
    except InputError:
        return False
    return True
