"""Lines, arrays and files -> requests, in order; what cannot be used becomes a `BadRecord` in its place."""

from __future__ import annotations

import json
import re
import zlib
from codecs import BOM_UTF8
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import encode, opened, parse
from ctxzip.datamodels import BadRecord, DocsSlot, Passage, Request
from ctxzip.errors import InputError, UsageError
from ctxzip.reading.detection import SHAPES, Shape, holds_only_documents, to_document, to_request, with_fields
from ctxzip.reading.schemas import TABLES
from ctxzip.reading.tables import CSV, PARQUET, csv_rows, parquet_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from ctxzip.datamodels import Table
    from ctxzip.reading.trec_join import Join

__all__ = ["SHAPES", "TABLES", "Shape", "Source", "read", "to_request", "with_fields"]

_TEXT_SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".rst", ".org", ".adoc", ".log"})
_JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_READ_ERRORS = (OSError, EOFError, zlib.error, InputError)
_PARQUET = b"PAR1"
_FOREIGN = {
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
class Source:
    """One input: its name (empty for stdin) and how to open it for reading bytes.

    Attributes:
        table: `csv`, `tsv` or `parquet` where it is that whatever its name.
    """

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    table: str | None = None

    @property
    def suffix(self) -> str:
        """The suffix that tells the format, `.gz` left aside."""
        if self.table is not None:
            return f".{self.table}"
        return PurePath(self.name.removesuffix(".gz")).suffix.lower()

    def at(self, place: str) -> str:
        """Return a place in this input in words, `notes.jsonl: line 17`."""
        return f"{self.name}: {place}" if self.name else place


def read(
    sources: Iterable[Source],
    *,
    query: str | None = None,
    shapes: tuple[Shape, ...] = SHAPES,
    join: Join | None = None,
    asked: Callable[[dict[str, Any]], str | None] | None = None,
) -> Iterator[Request | BadRecord]:
    """Yield the requests of all sources in order.

    Without `query` every record holds its own question. With it every line, array element or text
    file is one document, and all of them together are one request; a record that holds documents
    and no question (the answer of a search engine) is a request of its own. With `join` every record
    is a question, and gets its documents from there. `asked` knows the question of records that hold documents only.

    Raises:
        UsageError: a text file without a question.
    """
    sources = list(sources)
    if query is not None:
        yield from _one_request(sources, query, shapes)
        return
    for source in sources:
        if source.suffix in _TEXT_SUFFIXES:
            raise UsageError(f"{source.name}: a text file needs a question", option="query")
    for source in sources:
        try:
            with source.open() as stream:
                for item in _items(source, stream):
                    yield _request(source, item, shapes, join, asked)
        except _READ_ERRORS as error:
            yield _unreadable(source, error)


@dataclass(frozen=True, slots=True)
class _Item:
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
        if self.wrong is not None:
            raise InputError(self.wrong)
        return parse(self.data) if self.value is None else opened(self.value)


def _request(
    source: Source,
    item: _Item,
    shapes: tuple[Shape, ...],
    join: Join | None,
    asked: Callable[[dict[str, Any]], str | None] | None,
) -> Request | BadRecord:
    value = None
    try:
        value = item.opened()
        record, warnings = (value, ()) if join is None else join.record(value)
        query = asked(record) if asked is not None and holds_only_documents(record, shapes) else None
        place = source.at(item.place)
        request = to_request(record, shapes, line_no=item.number, place=place, query=query, table=item.table)
        return replace(request, warnings=(*warnings, *request.warnings), n_bytes=len(item.data))
    except InputError as error:
        return _bad(source, item, value, error)


def _bad(source: Source, item: _Item, value: Any, error: InputError, *, emits: bool = True) -> BadRecord:
    content: Any = value
    if item.wrong is not None and isinstance(item.value, str):
        content = item.value
    elif not isinstance(value, dict):
        data = item.data if item.value is None else encode(item.value)
        content = data.decode("utf-8", "replace").rstrip("\r\n")
    return BadRecord(
        f"{source.at(item.place)}: {error.message}",
        item.number,
        content,
        emits,
        item.table,
        len(item.data),
        error.options,
    )


def _one_request(sources: list[Source], query: str, shapes: tuple[Shape, ...]) -> Iterator[Request | BadRecord]:
    if not query.strip():
        raise UsageError("empty question", option="query")
    slots: list[Any] = []
    passages: list[Passage] = []
    warnings: list[str] = []
    answered = False
    for source in sources:
        try:
            with source.open() as stream:
                for item in _documents(source, stream):
                    found = _document(source, item, shapes, len(passages), query)
                    if isinstance(found, Request):
                        answered = True
                        yield found
                        continue
                    if isinstance(found, BadRecord):
                        warnings.append(f"left out: {found.message}")
                        yield found
                        continue
                    slot, passage, remarks = found
                    slots.append(slot)
                    passages.append(passage)
                    warnings.extend(source.at(f"{item.place}: {remark}") for remark in remarks)
        except _READ_ERRORS as error:
            bad = _unreadable(source, error)
            warnings.append(f"left out: {bad.message}")
            yield bad
    if answered and not passages:
        return
    yield Request(
        query=query,
        passages=tuple(passages),
        line_no=1,
        extra={"query": query, "docs": DocsSlot(tuple(slots))},
        warnings=tuple(warnings),
    )


def _document(
    source: Source, item: _Item, shapes: tuple[Shape, ...], index: int, query: str
) -> tuple[Any, Passage, list[str]] | Request | BadRecord:
    value = None
    try:
        value = item.opened()
        if holds_only_documents(value, shapes):
            place = source.at(item.place)
            return to_request(value, shapes, line_no=item.number, place=place, query=query, table=item.table)
        return to_document(value, SHAPES if item.is_text else shapes, index)
    except InputError as error:
        return _bad(source, item, value, error, emits=False)


def _unreadable(source: Source, error: Exception) -> BadRecord:
    """Say that the rest of a source is lost: a disk or a compressed file is damaged."""
    message, options = (error.message, error.options) if isinstance(error, InputError) else (str(error), ())
    return BadRecord(f"{source.at('cannot read')}: {message}", 0, emits=False, options=options)


def _items(source: Source, stream: BinaryIO) -> Iterator[_Item]:
    """Yield the records of one source: rows of a table, or JSON values."""
    if source.suffix in CSV:
        for number, table, row, wrong in csv_rows(stream):
            yield _Item(f"line {number}", number, b"", row, table=table, wrong=wrong)
    elif source.suffix in PARQUET:
        for number, table, values in parquet_rows(stream):
            yield _Item(f"row {number}", number, b"", values, table=table)
    else:
        yield from _values(stream)


def _documents(source: Source, stream: BinaryIO) -> Iterator[_Item]:
    """Yield the documents of one source: JSON values, or the whole of it as one text."""
    if source.suffix in _JSON_SUFFIXES | CSV | PARQUET:
        yield from _items(source, stream)
        return
    data = stream.read()
    _refuse_foreign(data)
    if source.suffix not in _TEXT_SUFFIXES and _looks_like_json(data):
        yield from _values(BytesIO(data))
        return
    try:
        text = data.removeprefix(BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line_no = data.count(b"\n", 0, error.start) + 1
        yield _Item(f"line {line_no}", line_no, data)
        return
    yield _Item(
        "line 1", 1, data, {"title": source.name, "text": text} if source.name else {"text": text}, is_text=True
    )


def _looks_like_json(data: bytes) -> bool:
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


def _values(stream: Iterable[bytes]) -> Iterator[_Item]:
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
            _refuse_foreign(line)
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
            yield _Item(f"line {number}", number, line)
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
        yield _Item(f"line {number}", number, b"".join(collected))


def _array(
    number: int, line: bytes, following: tuple[int, bytes] | None, lines: Iterable[tuple[int, bytes]]
) -> Iterator[_Item]:
    """Yield the elements of an array that fills the rest of the stream, or of what it turns out to be."""
    rest = [] if following is None else [following, *lines]
    data = b"".join([line, *(more for _, more in rest)])
    try:
        for index, value in enumerate(parse(data), 1):
            yield _Item(f"item {index}", index, b"null", value)
    except InputError:
        rows = _unbracketed([(at, more.strip()) for at, more in ((number, line), *rest)])
        if any(row[:1] == b"{" and _is_json(row) for at, row in rows if at != number):
            # JSON lines with a bad one at the top, or an array with an element a line and a bad one among them.
            for at, row in rows:
                yield _Item(f"line {at}", at, row.removesuffix(b","))
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


def _elements(number: int, data: bytes) -> Iterator[_Item]:
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
        yield _Item(f"item {index}", index, text[start:at].encode("utf-8", "surrogateescape"))
    left = text[start:] if index else text
    yield _Item(f"line {number + text.count(chr(10), 0, start)}", number, left.encode("utf-8", "surrogateescape"))


def _refuse_foreign(data: bytes) -> None:
    """Say once what a file is that holds no text, instead of once a line that it is no JSON."""
    for magic, name in _FOREIGN.items():
        if data.startswith(magic):
            raise InputError(f"this is {name}", option="input_format" if magic == _PARQUET else ())


def _is_json(line: bytes) -> bool:
    """Tell whether one line is a JSON value by itself, a comma behind it left aside."""
    try:
        parse(line.rstrip().removesuffix(b","))
    except InputError:
        return False
    return True
