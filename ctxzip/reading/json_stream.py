"""Bytes -> JSON values: one a line, an array, or indented objects; a broken value costs itself alone."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import opened, parse
from ctxzip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ctxzip.reading.origin import Table

_PARQUET = b"PAR1"
_BINARY = {
    b"\xff\xfe": "UTF-16: convert it with iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "UTF-16: convert it with iconv -f UTF-16 -t UTF-8",
    b"\x89PNG": "an image",
    b"%PDF-": "a PDF: extract its text first",
    b"PK\x03\x04": "a zip archive: unpack it first",
    _PARQUET: "a Parquet file: give it a name that ends in .parquet, or name its format",
}
_BETWEEN = re.compile(r"[ \t\r\n,]*")
_BEGINS_OBJECT = re.compile(rb"\{\s*[\"}]")  # "{{Infobox" and "{% if" begin otherwise


@dataclass(frozen=True, slots=True)
class Item:
    """One JSON value of a stream: where it stood and its bytes, or the value where it is read already.

    A text file (`is_text`) is an object with `title` and `text`, whatever names the user's records use. A row that is
    no record says what is `wrong` with it.
    """

    place: str
    number: int
    data: bytes
    value: Any = None
    is_text: bool = False
    table: Table | None = None
    wrong: str | None = None

    def opened(self) -> Any:
        """Return the value, parsed.

        Raises:
            InputError: it is no JSON, or a row that is no record.
        """
        if self.wrong is not None:
            raise InputError(self.wrong)
        return parse(self.data) if self.value is None else opened(self.value)


def looks_like_json(data: bytes) -> bool:
    """Tell whether a file of any name holds JSON and not text."""
    start = data.removeprefix(BOM_UTF8).lstrip()
    if _BEGINS_OBJECT.match(start):
        return True
    if start[:1] not in (b"[", b'"'):
        return False
    # A markdown link and a quotation begin like an array and a JSON string.
    for text in (start, start.splitlines()[0]):
        try:
            parse(text)
        except InputError:
            continue
        return True
    return False


def json_values(stream: Iterable[bytes]) -> Iterator[Item]:
    """Yield the JSON values of a stream of lines: one a line, an array, or indented objects.

    An object that begins with a lone `{` goes on to a lone `}` (what `jq` prints without `-c`); it
    ends early at any other line that is not indented, so that a broken line costs itself alone.
    """
    lines = enumerate(stream, 1)
    first = True
    held: tuple[int, bytes] | None = None  # the line that ended an indented object too early
    while numbered := held or next(lines, None):
        number, line = numbered
        held = None
        if number == 1:
            refuse_binary(line)
            line = line.removeprefix(BOM_UTF8)
        if not line.strip():
            continue
        if first and line.lstrip()[:1] == b"[":
            held = next((more for more in lines if more[1].strip()), None)
            if held is None or not _is_json(line):
                yield from _array(number, line, held, lines)
                return
        first = False
        if line.rstrip() != b"{":
            yield Item(f"line {number}", number, line)
            continue
        collected = [line]
        for following in lines:
            more = following[1]
            if not more[:1].isspace() and more.rstrip() != b"}":
                held = following
                break
            collected.append(more)
            if more[:1] == b"}":
                break
        yield Item(f"line {number}", number, b"".join(collected))


def _array(
    number: int, line: bytes, following: tuple[int, bytes] | None, lines: Iterable[tuple[int, bytes]]
) -> Iterator[Item]:
    """Yield the elements of an array that fills the rest of the stream, or of what it turns out to be."""
    rest = [] if following is None else [following, *lines]
    data = b"".join([line, *(more for _, more in rest)])
    try:
        for index, value in enumerate(parse(data), 1):
            yield Item(f"item {index}", index, b"null", value)
    except InputError:
        rows = _unbracketed([(at, more.strip()) for at, more in ((number, line), *rest)])
        if any(row[:1] == b"{" and _is_json(row) for at, row in rows if at != number):
            # JSON lines with a bad one at the top, or an array with an element a line and a bad one among them.
            for at, row in rows:
                yield Item(f"line {at}", at, row.removesuffix(b","))
        else:
            yield from _elements(number, data)


def _unbracketed(rows: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return the lines that say something, without the brackets where they are those of one array."""
    rows = [(at, row) for at, row in rows if row]
    (first_at, first), (last_at, last) = rows[0], rows[-1]
    closed = last.endswith(b"]") and not _is_json(last)
    if closed:
        rows[-1] = last_at, last.removesuffix(b"]").rstrip()
    if closed or any(row.endswith(b",") for _, row in rows):
        rows[0] = first_at, first.removeprefix(b"[").lstrip()
    return [(at, row) for at, row in rows if row]


def _elements(number: int, data: bytes) -> Iterator[Item]:
    """Yield the whole elements of a broken array, then what is left of it."""
    text = data.decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder()
    at = text.index("[") + 1
    index = 0
    while True:
        start = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # matches nothing, too
        try:
            _, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        index += 1
        yield Item(f"item {index}", index, text[start:at].encode("utf-8", "surrogateescape"))
    left = text[start:] if index else text
    yield Item(f"line {number + text.count(chr(10), 0, start)}", number, left.encode("utf-8", "surrogateescape"))


def refuse_binary(data: bytes) -> None:
    """Say once what a file is that holds no text, instead of once a line that it is no JSON."""
    for magic, name in _BINARY.items():
        if data.startswith(magic):
            raise InputError(f"this is {name}", option="input_format" if magic == _PARQUET else ())


def _is_json(line: bytes) -> bool:
    """Tell whether one line is a JSON value by itself, a comma behind it left aside."""
    try:
        parse(line.rstrip().removesuffix(b","))
    except InputError:
        return False
    return True
