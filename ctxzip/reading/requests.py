"""Input files in; requests out, in order. A record that cannot be used becomes a `BadRecord` in its place."""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import encode
from ctxzip.datamodels import Passage, RecordWarning, Request
from ctxzip.errors import InputError, UsageError
from ctxzip.reading import html_text
from ctxzip.reading.detection import holds_only_documents, to_document, to_request
from ctxzip.reading.html_text import HTML_SUFFIXES
from ctxzip.reading.json_stream import Item, json_values, looks_like_json, refuse_binary
from ctxzip.reading.limits import NO_LIMITS, InputLimits, check_nesting, too_long
from ctxzip.reading.origin import BadRecord, Origin
from ctxzip.reading.schemas import SHAPES, Shape
from ctxzip.reading.slots import DocsSlot
from ctxzip.reading.tables import CSV_SUFFIXES, PARQUET_SUFFIXES, csv_rows, parquet_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ctxzip.reading.sources import Source
    from ctxzip.reading.trec_join import Join

_TEXT_SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".rst", ".org", ".adoc", ".log"})
_JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_READ_ERRORS = (OSError, EOFError, zlib.error, InputError)


def read(
    sources: Iterable[Source],
    *,
    query: str | None = None,
    shapes: tuple[Shape, ...] = SHAPES,
    join: Join | None = None,
    query_of: Callable[[dict[str, Any]], str | None] | None = None,
    limits: InputLimits = NO_LIMITS,
) -> Iterator[Request | BadRecord]:
    """Yield the requests of all sources in order.

    Args:
        sources: files with one record a line, array element or row.
        query: makes every record or text file one document; all of them together are one request, which comes last.
            A record that holds documents and no question (the response of a search engine) is a request by itself.
        shapes: the shapes that records may have.
        join: adds the retrieved documents to each record, which is a query.
        query_of: returns the query of a record that holds only documents, or None.
        limits: of a record; a larger one is a bad record, without being held in memory.

    Raises:
        UsageError: the query is empty or has too many documents, or a text file comes without one.
    """
    sources = list(sources)
    if query is not None:
        yield from _with_query(sources, query, shapes, limits)
        return
    for source in sources:
        if source.suffix in _TEXT_SUFFIXES | HTML_SUFFIXES:
            kind = "an HTML file" if source.suffix in HTML_SUFFIXES else "a text file"
            raise UsageError(source.prefixed(f"{kind} needs a question"), option="query")
    for source in sources:
        try:
            with source.open() as stream:
                for item in _records(source, stream, limits):
                    yield _request(source, item, shapes, join, query_of, limits)
        except _READ_ERRORS as error:
            yield _unreadable(source, error)


def _request(
    source: Source,
    item: Item,
    shapes: tuple[Shape, ...],
    join: Join | None,
    query_of: Callable[[dict[str, Any]], str | None] | None,
    limits: InputLimits,
) -> Request | BadRecord:
    """Read one record that is a request."""
    value = None
    try:
        check_nesting(item.raw, limits.nesting)
        value = item.parsed()
        record, warnings = (value, ()) if join is None else join.record(value)
        query = query_of(record) if query_of is not None and holds_only_documents(record, shapes) else None
        request = to_request(record, shapes, query=query, origin=_origin(source, item))
        if len(request.passages) > limits.documents:
            raise _too_many(len(request.passages), limits)
        return replace(request, warnings=(*warnings, *request.warnings)) if warnings else request
    except InputError as error:
        return _bad_record(source, item, value, error)


def _too_many(n: int, limits: InputLimits) -> InputError:
    return InputError(f"{n:,} documents: at most {limits.documents:,} are read", option="max_documents")


def _with_query(
    sources: list[Source], query: str, shapes: tuple[Shape, ...], limits: InputLimits
) -> Iterator[Request | BadRecord]:
    """Yield the request whose documents are the records and text files, after the records that are requests."""
    if not query.strip():
        raise UsageError("empty question", option="query")
    slots: list[Any] = []
    passages: list[Passage] = []
    warnings = _warnings_of_html(sources)
    has_requests = False
    for source in sources:
        try:
            with source.open() as stream:
                for item in _documents(source, stream, limits):
                    document = _document(source, item, shapes, len(passages), query, limits)
                    if isinstance(document, Request):
                        has_requests = True
                        yield document
                    elif isinstance(document, BadRecord):
                        warnings.append(_left_out(document))
                        yield document
                    else:
                        slot, passage, document_warnings = document
                        if len(passages) == limits.documents:
                            error = _too_many(len(passages) + 1, limits)
                            raise UsageError(error.message, option=error.options)
                        slots.append(slot)
                        passages.append(passage)
                        place = source.prefixed(item.place)
                        warnings.extend(
                            replace(warning, text=f"{place}: {warning.text}") for warning in document_warnings
                        )
        except _READ_ERRORS as error:
            bad = _unreadable(source, error)
            warnings.append(_left_out(bad))
            yield bad
    if has_requests and not passages:
        return
    yield Request(
        query=query,
        passages=tuple(passages),
        warnings=tuple(warnings),
        origin=Origin({"query": query, "docs": DocsSlot(tuple(slots))}, line_no=1),
    )


def _warnings_of_html(sources: list[Source]) -> list[RecordWarning]:
    """Return one warning about all HTML files where nothing extracts their text."""
    pages = [source.name for source in sources if source.suffix in HTML_SUFFIXES]
    if not pages or html_text.is_installed():
        return []
    first = pages[0] or "the input"
    files = f"{first} is HTML" if len(pages) == 1 else f"{len(pages):,} files are HTML (first: {first})"
    return [
        RecordWarning("html_as_text", f"{files} and read with the tags: {html_text.TO_INSTALL} to read the text alone")
    ]


def _document(
    source: Source, item: Item, shapes: tuple[Shape, ...], index: int, query: str, limits: InputLimits
) -> tuple[Any, Passage, list[RecordWarning]] | Request | BadRecord:
    """Read one record as passage `index` of the request, or as a request by itself if it holds documents."""
    value = None
    try:
        check_nesting(b"" if item.is_text else item.raw, limits.nesting)
        value = item.parsed()
        if holds_only_documents(value, shapes):
            return to_request(value, shapes, query=query, origin=_origin(source, item))
        return to_document(value, SHAPES if item.is_text else shapes, index)
    except InputError as error:
        if "text_field" in error.options and source.suffix in _JSON_SUFFIXES | CSV_SUFFIXES:
            text = f"{error.message}; if the whole file is one document, use the format text"
            error = InputError(text, option=(*error.options, "input_format"))
        return _bad_record(source, item, value, error, in_output=False)


def _origin(source: Source, item: Item) -> Origin:
    return Origin(line_no=item.line_no, place=source.prefixed(item.place), table=item.table, raw=item.raw)


def _bad_record(source: Source, item: Item, value: Any, error: InputError, *, in_output: bool = True) -> BadRecord:
    """Return the record for an error; `value` is the item, parsed, or None where that failed."""
    content: Any = value
    if item.error is not None and isinstance(item.value, str):
        content = item.value
    elif not isinstance(value, dict):
        data = item.data if item.value is None else encode(item.value)
        content = data.decode("utf-8", "replace").rstrip("\r\n")
    return BadRecord(
        message=f"{source.prefixed(item.place)}: {error.message}",
        line_no=item.line_no,
        content=content,
        in_output=in_output,
        table=item.table,
        raw=item.raw,
        is_cut=item.is_cut,
        options=error.options,
    )


def _unreadable(source: Source, error: Exception) -> BadRecord:
    """Return the record for the rest of a source that cannot be read: the disk or the compressed file is damaged."""
    message, options = (error.message, error.options) if isinstance(error, InputError) else (str(error), ())
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror  # without the file name, which the message begins with
    return BadRecord(f"{source.prefixed('cannot read')}: {message}", line_no=0, in_output=False, options=options)


def _left_out(bad: BadRecord) -> RecordWarning:
    return RecordWarning("left_out", f"left out: {bad.message}")


def _records(source: Source, stream: BinaryIO, limits: InputLimits) -> Iterator[Item]:
    """Yield the records of one source: rows of a table, or JSON values."""
    if source.suffix in CSV_SUFFIXES:
        for number, table, row, error in csv_rows(stream, limits.line_bytes):
            message, options = (None, ()) if error is None else (error.message, error.options)
            is_cut = "max_line_bytes" in options
            yield Item(f"line {number}", number, b"", row, table=table, error=message, options=options, is_cut=is_cut)
    elif source.suffix in PARQUET_SUFFIXES:
        for number, table, row in parquet_rows(stream):
            yield Item(f"row {number}", number, b"", row, table=table)
    else:
        yield from json_values(stream, limits)


def _documents(source: Source, stream: BinaryIO, limits: InputLimits) -> Iterator[Item]:
    """Yield the documents of one source: its records, or the whole of it as one text."""
    if source.suffix in _JSON_SUFFIXES | CSV_SUFFIXES | PARQUET_SUFFIXES:
        yield from _records(source, stream, limits)
        return
    data = stream.read(limits.line_bytes + 1)
    if len(data) > limits.line_bytes:
        raise too_long(limits.line_bytes)
    refuse_binary(data)
    if source.suffix not in _TEXT_SUFFIXES | HTML_SUFFIXES and looks_like_json(data):
        yield from json_values(BytesIO(data), limits)
        return
    try:
        text = data.removeprefix(BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line_no = data.count(b"\n", 0, error.start) + 1
        yield Item(f"line {line_no}", line_no, data)  # parsing it raises the error
        return
    if source.suffix in HTML_SUFFIXES and html_text.is_installed():
        text = html_text.text_of(text)
    document = {"title": source.name, "text": text} if source.name else {"text": text}
    yield Item("line 1", 1, data, document, is_text=True)
