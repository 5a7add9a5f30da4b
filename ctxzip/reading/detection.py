"""One parsed record -> a request, by the first row of the table that fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ctxzip._internal.raw_json import kind, opened
from ctxzip.datamodels import OWN_KEY, Passage, RecordWarning, Request
from ctxzip.errors import InputError
from ctxzip.reading import documents, kilt, messages
from ctxzip.reading import prompt_segments as segments
from ctxzip.reading import sentence_lists as sentences
from ctxzip.reading import title_in_text as titled
from ctxzip.reading.documents import Found, document, identifier
from ctxzip.reading.field_suggestions import suggestion
from ctxzip.reading.json_paths import find, get, put
from ctxzip.reading.origin import Origin, Table
from ctxzip.reading.schemas import SHAPES, Shape, with_fields
from ctxzip.reading.slots import CellSlot
from ctxzip.reading.tables import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SHAPES", "Shape", "to_document", "to_request", "with_fields"]


class Form(Protocol):
    """How documents are kept: a module with these two functions."""

    def fits(self, node: Any, shape: Shape) -> bool:
        """Tell from as little as possible whether a value is of this form."""
        ...

    def read(self, node: Any, shape: Shape, where: str) -> Found:
        """Read it, or raise InputError with the path of what is wrong."""
        ...


FORMS: dict[str, Form] = {
    "plain": documents,
    "titled": titled,
    "sentences": sentences,
    "messages": messages,
    "segments": segments,
    "kilt": kilt,
}


def to_request(
    record: Any,
    shapes: tuple[Shape, ...],
    *,
    line_no: int = 0,
    place: str = "",
    query: str | None = None,
    table: Table | None = None,
    n_bytes: int = 0,
) -> Request:
    """Read one record that holds a question and its documents.

    Args:
        record: parsed, its values open or not (see `ctxzip._internal.raw_json`).
        shapes: the rows that it may fit.
        line_no: that it began on.
        place: where it stood, in words.
        query: the question, for records that hold documents only.
        table: that it is a row of; then a text may be a list in words.
        n_bytes: of the line that it came in.

    Raises:
        InputError: with the path of what is missing or wrong, and the option that names it.
    """
    if not isinstance(record, dict):
        raise InputError(f"expected an object with a question and documents, got {kind(record)}")
    shape, query_path, docs_path = _fitting(record, shapes, asked=query is not None)
    record = dict(record)
    if query is None and query_path is None and shape.query:
        raise _no_question(record, shapes, shape)
    if query is None and query_path is not None:
        query = _question(record, query_path)
    if docs_path is None:
        near = _other_shape(record, shapes) or suggestion(record, shape.docs)
        raise InputError(f"no documents: expected one of {', '.join(shape.docs)}{near}", option="docs_field")
    node = get(record, docs_path)
    listed = None if table is None else cell(node)
    found = FORMS[shape.form].read(listed[0] if listed else node, shape, "$." + ".".join(docs_path))
    put(record, docs_path, CellSlot(found.slot, node, listed[1]) if listed else found.slot)
    warnings = list(found.warnings)
    own = record.pop(OWN_KEY, None)
    if own is not None:
        warnings.append(RecordWarning("ctxzip_key_replaced", "the key ctxzip of an earlier run was replaced"))
    id_path = find(record, shape.id)
    query = query if query is not None else found.query
    if not query:
        raise InputError("no question: expected one in a message of the user, beside the documents", option="query")
    return Request(
        query=query,
        passages=found.passages,
        id=identifier(get(record, id_path)) if id_path else None,
        warnings=tuple(warnings),
        origin=Origin(record, own, line_no, place, table, n_bytes),
    )


def to_document(record: Any, shapes: tuple[Shape, ...], index: int) -> tuple[Any, Passage, list[RecordWarning]]:
    """Read one line that is itself a document, the `index`-th of its request: an object, or a string.

    Returns:
        the object with a slot where its text stood, the passage, and warnings.

    Raises:
        InputError: no text, or a record that holds a question and documents itself.
    """
    shape = _of_document(record, shapes)
    if shape is None and isinstance(record, dict) and _fitting(record, shapes, asked=True)[2]:
        raise InputError(
            "beside a query every line is one document, and this one holds documents: leave it out", option="query"
        )
    return document(record, shape or shapes[0], index, "$")


def holds_only_documents(record: Any, shapes: tuple[Shape, ...]) -> bool:
    """Tell whether a record holds documents and no question, such as the answer of a search engine."""
    if not isinstance(record, dict) or _of_document(record, shapes) is not None:
        return False
    shape, query_path, docs_path = _fitting(record, shapes, asked=True)
    return docs_path is not None and query_path is None and FORMS[shape.form].fits(get(record, docs_path), shape)


def _of_document(record: Any, shapes: Sequence[Shape]) -> Shape | None:
    if not isinstance(record, dict):
        return None
    return next((shape for shape in shapes if find(record, shape.text, shape.inside)), None)


def _fitting(
    record: dict[str, Any], shapes: Sequence[Shape], *, asked: bool
) -> tuple[Shape, tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return the first shape that fits with the paths of question and documents, or the one that comes nearest."""
    nearest: tuple[Shape, tuple[str, ...] | None, tuple[str, ...] | None] | None = None
    for shape in shapes:
        docs_path = find(record, shape.docs)
        if docs_path is None or not all(key in record for key in shape.keys):
            continue
        query_path = find(record, shape.query)
        if query_path is None and shape.query and not asked:
            nearest = nearest or (shape, None, docs_path)
            continue
        if FORMS[shape.form].fits(get(record, docs_path), shape):
            return shape, query_path, docs_path
        if nearest is None or nearest[1] is None:
            nearest = shape, query_path, docs_path
    return nearest or (shapes[0], find(record, shapes[0].query), None)


def _question(record: dict[str, Any], path: tuple[str, ...]) -> str:
    query = opened(get(record, path))
    where = "$." + ".".join(path)
    if not isinstance(query, str):
        raise InputError(f"expected a string @ {where}, got {kind(query)}", option="query_field")
    if not query.strip():
        raise InputError(f"empty question @ {where}")
    return query


def _no_question(record: dict[str, Any], shapes: Sequence[Shape], shape: Shape) -> InputError:
    if _of_document(record, shapes) and not find(record, shape.docs):
        return InputError("a document without a question: name the question", option="query")
    names = ", ".join(shape.query)
    options = ("query_field", "query") if find(record, shape.docs) else ("query_field",)
    near = _other_shape(record, shapes) or suggestion(record, shape.query)
    return InputError(f"no question: expected one of {names}{near}", option=options)


def _other_shape(record: dict[str, Any], shapes: Sequence[Shape]) -> str:
    """Return which shape the record has by its keys, as the end of a sentence, where it was not looked for."""
    looked_for = {shape.name for shape in shapes}
    for shape in SHAPES:
        if shape.name not in looked_for:
            docs_path = find(record, shape.docs)
            has_question = not shape.query or find(record, shape.query)
            if docs_path and has_question and FORMS[shape.form].fits(get(record, docs_path), shape):
                return f"; by its keys the record is {shape.name!r}: read it as that, or detect its format"
    return ""
