"""Detects the shape of one parsed JSON record, and reads it into a request or a document."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ctxzip._internal.raw_json import decoded, json_type
from ctxzip.datamodels import OWN_KEY, Passage, RecordWarning, Request
from ctxzip.errors import InputError
from ctxzip.reading import columns, documents, kilt, messages, prompt_segments, sentence_lists, title_in_text
from ctxzip.reading.documents import ParsedDocuments, identifier, parse_document
from ctxzip.reading.field_suggestions import similar_key_hint
from ctxzip.reading.json_paths import dotted, find_path, set_value, value_at
from ctxzip.reading.offsets import with_answer_slots
from ctxzip.reading.origin import NO_ORIGIN, Origin
from ctxzip.reading.schemas import SHAPES, Shape
from ctxzip.reading.slots import CellSlot
from ctxzip.reading.tables import parse_cell
from ctxzip.reading.text_values import number_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.reading.json_paths import Steps


class DocumentLayout(Protocol):
    """How the documents of a record are laid out: a module with these two functions."""

    def matches(self, node: Any, shape: Shape) -> bool:
        """Return whether a JSON value has this layout, by its first document where that is enough."""
        ...

    def parse(self, node: Any, shape: Shape, json_path: str) -> ParsedDocuments:
        """Return the documents in a JSON value.

        Raises:
            InputError: with the path of what is missing or wrong; paths begin with `json_path`.
        """
        ...


LAYOUTS: dict[str, DocumentLayout] = {
    "documents": documents,
    "title_in_text": title_in_text,
    "sentence_lists": sentence_lists,
    "messages": messages,
    "prompt_segments": prompt_segments,
    "kilt": kilt,
    "columns": columns,
}


def to_request(
    record: Any, shapes: tuple[Shape, ...], *, query: str | None = None, origin: Origin = NO_ORIGIN
) -> Request:
    """Read one record that holds a question and its documents.

    Args:
        record: parsed JSON; its values may still be raw (`ctxzip._internal.raw_json`).
        shapes: the shapes to try, in order.
        query: the question, for a record that holds only documents; it goes before one in the record.
        origin: where the record came from; the request gets a copy that holds the record. Of a row of a table the
            documents may be a list written as text.

    Raises:
        InputError: with the path of what is missing or wrong, and the option that names it.
    """
    if not isinstance(record, dict):
        raise InputError(f"expected an object with a question and documents, got {json_type(record)}")
    match = _best_match(record, shapes, has_query=query is not None)
    if query is None and match.query_path is None and match.shape.query:
        raise _missing_query(record, shapes, match.shape)
    if query is None and match.query_path is not None:
        query = _query_at(record, match.query_path)
    if match.docs_path is None:
        hint = _other_shape_hint(record, shapes) or similar_key_hint(record, match.shape.docs)
        raise InputError(f"no documents: expected one of {', '.join(match.shape.docs)}{hint}", option="docs_field")
    record = dict(record)
    node = value_at(record, match.docs_path)
    cell = None if origin.table is None else parse_cell(node)
    parsed = LAYOUTS[match.shape.layout].parse(cell[0] if cell else node, match.shape, dotted(match.docs_path))
    set_value(record, match.docs_path, CellSlot(parsed.value, node, cell[1]) if cell else parsed.value)
    passages = columns.with_metadata(parsed.passages, record, match.shape)
    with_answer_slots(record, passages)
    warnings = list(parsed.warnings)
    ctxzip_value = record.pop(OWN_KEY, None)
    if ctxzip_value is not None:
        warnings.append(RecordWarning("ctxzip_key_replaced", "the key ctxzip of an earlier run was replaced"))
    id_path = find_path(record, match.shape.id)
    query = query if query is not None else parsed.query
    if not query:
        raise InputError(
            "no question: expected text outside the documents in a message with the role user", option="query"
        )
    return Request(
        query=query,
        passages=passages,
        id=identifier(value_at(record, id_path)) if id_path else None,
        warnings=tuple(warnings),
        origin=replace(origin, record=record, ctxzip_value=ctxzip_value),
    )


def to_document(record: Any, shapes: tuple[Shape, ...], index: int) -> tuple[Any, Passage, list[RecordWarning]]:
    """Read one record that is itself a document, an object or a string, as passage `index` of its request.

    Returns:
        the record with a slot in place of its text, the passage, and warnings.

    Raises:
        InputError: there is no text, or the record holds documents of its own.
    """
    shape = _shape_of_document(record, shapes)
    if shape is None and isinstance(record, dict) and _best_match(record, shapes, has_query=True).docs_path:
        raise InputError(
            "with a query every record is one document, but this one holds documents of its own: leave out the query",
            option="query",
        )
    return parse_document(record, shape or _default_shape(shapes), index, "$")


def holds_only_documents(record: Any, shapes: tuple[Shape, ...]) -> bool:
    """Return whether a record holds documents and no question, such as the response of a search engine."""
    if not isinstance(record, dict) or _shape_of_document(record, shapes) is not None:
        return False
    match = _best_match(record, shapes, has_query=True)
    if match.docs_path is None or match.query_path is not None:
        return False
    return LAYOUTS[match.shape.layout].matches(value_at(record, match.docs_path), match.shape)


def _shape_of_document(record: Any, shapes: Sequence[Shape]) -> Shape | None:
    """Return the first shape by which a record is itself a document with a text."""
    if not isinstance(record, dict):
        return None
    return next((shape for shape in shapes if find_path(record, shape.text, shape.wrapper)), None)


@dataclass(frozen=True, slots=True)
class _Match:
    """A shape, and the paths of the query and of the documents in a record; None for a path that it lacks."""

    shape: Shape
    query_path: Steps | None
    docs_path: Steps | None


def _best_match(record: dict[str, Any], shapes: Sequence[Shape], *, has_query: bool) -> _Match:
    """Return the first shape that the record fits, or the one that it comes nearest to.

    Args:
        record: parsed JSON.
        shapes: in order.
        has_query: whether the query is known, so that the record need not hold one.
    """
    nearest: _Match | None = None
    for shape in shapes:
        docs_path = find_path(record, shape.docs)
        if docs_path is None or not all(key in record for key in shape.required_keys):
            continue
        query_path = find_path(record, shape.query)
        if query_path is None and shape.query and not has_query:
            nearest = nearest or _Match(shape, None, docs_path)
            continue
        match = _Match(shape, query_path, docs_path)
        if LAYOUTS[shape.layout].matches(value_at(record, docs_path), shape):
            return match
        if nearest is None or nearest.query_path is None:
            nearest = match
    default = _default_shape(shapes)
    return nearest or _Match(default, find_path(record, default.query), None)


def _default_shape(shapes: Sequence[Shape]) -> Shape:
    """Return the shape whose fields an error message names."""
    return next((shape for shape in shapes if not shape.required_keys), shapes[0])


def _query_at(record: dict[str, Any], path: Steps) -> str:
    """Return the query at a path; a number as it was written, and the only one of a list.

    Raises:
        InputError: it is no text, or empty.
    """
    query = decoded(value_at(record, path))
    if isinstance(query, list) and len(query) == 1:
        query = decoded(query[0])
    query = number_literal(query) or query
    if not isinstance(query, str):
        raise InputError(f"expected a string @ {dotted(path)}, got {json_type(query)}", option="query_field")
    if not query.strip():
        raise InputError(f"empty question @ {dotted(path)}")
    return query


def _missing_query(record: dict[str, Any], shapes: Sequence[Shape], shape: Shape) -> InputError:
    """Return the error for a record without a question; `shape` is the one that it comes nearest to."""
    has_documents = find_path(record, shape.docs) is not None
    if _shape_of_document(record, shapes) and not has_documents:
        return InputError("the record is a document without a question: give the question", option="query")
    options = ("query_field", "query") if has_documents else ("query_field",)
    hint = _other_shape_hint(record, shapes) or similar_key_hint(record, shape.query)
    return InputError(f"no question: expected one of {', '.join(shape.query)}{hint}", option=options)


def _other_shape_hint(record: dict[str, Any], shapes: Sequence[Shape]) -> str:
    """Return the end of an error message that names a shape outside `shapes` that the record fits, or `""`."""
    tried = {shape.name for shape in shapes}
    for shape in SHAPES:
        if shape.name in tried:
            continue
        docs_path = find_path(record, shape.docs)
        has_query = not shape.query or find_path(record, shape.query)
        if docs_path and has_query and LAYOUTS[shape.layout].matches(value_at(record, docs_path), shape):
            return f"; the record looks like the format {shape.name!r}: name that one, or none to detect it"
    return ""
