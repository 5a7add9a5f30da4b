"""Lines, arrays and files -> requests, in order; what cannot be used becomes a `BadRecord` in its place."""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import encode
from ctxzip.datamodels import Passage, RecordWarning, Request
from ctxzip.errors import InputError, UsageError
from ctxzip.reading.detection import holds_only_documents, to_document, to_request
from ctxzip.reading.json_stream import Item, json_values, looks_like_json, refuse_binary
from ctxzip.reading.origin import BadRecord, Origin
from ctxzip.reading.schemas import SHAPES, TABLES, Shape, with_fields
from ctxzip.reading.slots import DocsSlot
from ctxzip.reading.sources import Source
from ctxzip.reading.tables import CSV, PARQUET, csv_rows, parquet_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ctxzip.reading.trec_join import Join

__all__ = ["SHAPES", "TABLES", "Shape", "Source", "read", "to_request", "with_fields"]

_TEXT_SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".rst", ".org", ".adoc", ".log"})
_JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_READ_ERRORS = (OSError, EOFError, zlib.error, InputError)


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


def _request(
    source: Source,
    item: Item,
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
        request = to_request(
            record,
            shapes,
            line_no=item.number,
            place=place,
            query=query,
            table=item.table,
            n_bytes=len(item.data),
        )
        return replace(request, warnings=(*warnings, *request.warnings)) if warnings else request
    except InputError as error:
        return _bad(source, item, value, error)


def _bad(source: Source, item: Item, value: Any, error: InputError, *, emits: bool = True) -> BadRecord:
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
    warnings: list[RecordWarning] = []
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
                        warnings.append(RecordWarning("left_out", f"left out: {found.message}"))
                        yield found
                        continue
                    slot, passage, of_document = found
                    slots.append(slot)
                    passages.append(passage)
                    warnings.extend(replace(one, text=source.at(f"{item.place}: {one.text}")) for one in of_document)
        except _READ_ERRORS as error:
            bad = _unreadable(source, error)
            warnings.append(RecordWarning("left_out", f"left out: {bad.message}"))
            yield bad
    if answered and not passages:
        return
    yield Request(
        query=query,
        passages=tuple(passages),
        warnings=tuple(warnings),
        origin=Origin({"query": query, "docs": DocsSlot(tuple(slots))}, line_no=1),
    )


def _document(
    source: Source, item: Item, shapes: tuple[Shape, ...], index: int, query: str
) -> tuple[Any, Passage, list[RecordWarning]] | Request | BadRecord:
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


def _items(source: Source, stream: BinaryIO) -> Iterator[Item]:
    """Yield the records of one source: rows of a table, or JSON values."""
    if source.suffix in CSV:
        for number, table, row, wrong in csv_rows(stream):
            yield Item(f"line {number}", number, b"", row, table=table, wrong=wrong)
    elif source.suffix in PARQUET:
        for number, table, values in parquet_rows(stream):
            yield Item(f"row {number}", number, b"", values, table=table)
    else:
        yield from json_values(stream)


def _documents(source: Source, stream: BinaryIO) -> Iterator[Item]:
    """Yield the documents of one source: JSON values, or the whole of it as one text."""
    if source.suffix in _JSON_SUFFIXES | CSV | PARQUET:
        yield from _items(source, stream)
        return
    data = stream.read()
    refuse_binary(data)
    if source.suffix not in _TEXT_SUFFIXES and looks_like_json(data):
        yield from json_values(BytesIO(data))
        return
    try:
        text = data.removeprefix(BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line_no = data.count(b"\n", 0, error.start) + 1
        yield Item(f"line {line_no}", line_no, data)
        return
    yield Item("line 1", 1, data, {"title": source.name, "text": text} if source.name else {"text": text}, is_text=True)
