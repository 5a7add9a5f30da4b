"""The known record shapes: where a record keeps its question and documents. Data, not code.

To read one more shape, add a row to `SHAPES` and a file to `fixtures/shapes/`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from ctxzip.errors import InputError
from ctxzip.rawjson import Raw, kind, opened
from ctxzip.records import OWN_KEY, DocsSlot, Passage, Request, TextSlot


@dataclass(frozen=True, slots=True)
class Shape:
    """Where things stand: dotted paths, tried in order. `text`, `title` and `doc_id` are inside a document.

    A path steps into objects by key and into arrays by index (`hits.0.body`); a key that holds
    the dots itself is found first.
    """

    query: tuple[str, ...]
    docs: tuple[str, ...]
    text: tuple[str, ...]
    title: tuple[str, ...]
    doc_id: tuple[str, ...]
    id: tuple[str, ...] = ("id", "_id", "qid", "query_id", "question_id")


SHAPES = (
    Shape(
        query=("query", "question", "input", "user_input", "query_text", "search_query", "q"),
        docs=(
            "docs", "documents", "ctxs", "contexts", "passages", "context", "retrieved_contexts",
            "retrieved_documents", "source_documents", "results", "chunks",
        ),
        text=("text", "content", "page_content", "contents", "passage", "body", "snippet", "chunk"),
        title=("title", "metadata.title", "meta.title"),
        doc_id=("id", "_id", "doc_id", "docid", "pid", "passage_id", "metadata.id", "meta.id"),
    ),
)  # fmt: skip


def with_fields(query: str | None, docs: str | None, text: str | None, title: str | None) -> tuple[Shape, ...]:
    """Return the shapes with the paths that the user named in place of the known ones."""
    named = {"query": query, "docs": docs, "text": text, "title": title}
    changes: dict[str, Any] = {field: (path,) for field, path in named.items() if path}
    return tuple(dict.fromkeys(replace(shape, **changes) for shape in SHAPES)) if changes else SHAPES


def to_request(record: Any, shapes: tuple[Shape, ...], *, line_no: int = 0, place: str = "") -> Request:
    """Read one record that holds a question and its documents.

    Raises:
        InputError: with the path of what is missing or wrong, and the option that names it.
    """
    if not isinstance(record, dict):
        raise InputError(f"expected an object with a question and documents, got {kind(record)}")
    record = dict(record)
    shape = next((shape for shape in shapes if _find(record, shape.query) and _find(record, shape.docs)), shapes[0])
    query = _query(record, shape)
    docs_path = _find(record, shape.docs)
    if docs_path is None:
        raise InputError(f"no documents: expected one of {', '.join(shape.docs)} (--docs-field)")
    slot, passages, warnings = _documents(_get(record, docs_path), shape, "$." + ".".join(docs_path))
    _set(record, docs_path, slot)
    own = record.pop(OWN_KEY, None)
    if own is not None:
        warnings.append("the key ctxzip of an earlier run was replaced")
    id_path = _find(record, shape.id)
    return Request(
        query=query,
        passages=tuple(passages),
        id=_identifier(_get(record, id_path)) if id_path else None,
        line_no=line_no,
        place=place,
        extra=record,
        own=own,
        warnings=tuple(warnings),
    )


def to_document(record: Any, shapes: tuple[Shape, ...], index: int) -> tuple[Any, Passage, list[str]]:
    """Read one line that is itself a document, the `index`-th of its request: an object, or a string.

    Returns:
        the object with a slot where its text stood, the passage, and warnings.

    Raises:
        InputError: no text, or a record that holds documents itself.
    """
    shape = next((shape for shape in shapes if isinstance(record, dict) and _find(record, shape.text)), shapes[0])
    if isinstance(record, dict) and not _find(record, shape.text) and _find(record, shape.docs):
        raise InputError("with --query every line is one document, and this one holds documents: leave --query out")
    return _document(record, shape, index, "$")


def _query(record: dict[str, Any], shape: Shape) -> str:
    path = _find(record, shape.query)
    if path is None:
        if _find(record, shape.text) and not _find(record, shape.docs):
            raise InputError("a document without a question: name the question with --query TEXT")
        raise InputError(f"no question: expected one of {', '.join(shape.query)} (--query-field)")
    query = opened(_get(record, path))
    where = "$." + ".".join(path)
    if not isinstance(query, str):
        raise InputError(f"expected a string @ {where}, got {kind(query)} (--query-field)")
    if not query.strip():
        raise InputError(f"empty question @ {where}")
    return query


def _documents(node: Any, shape: Shape, where: str) -> tuple[Any, list[Passage], list[str]]:
    value = opened(node)
    if isinstance(value, str | dict):
        slot, passage, remarks = _document(node, shape, 0, where)
        return slot, [passage], remarks
    if not isinstance(value, list | tuple):
        raise InputError(f"expected an array of documents @ {where}, got {kind(value)} (--docs-field)")
    items: list[Any] = []
    passages: list[Passage] = []
    warnings: list[str] = []
    for index, item in enumerate(value):
        slot, passage, remarks = _document(item, shape, index, f"{where}[{index}]")
        items.append(slot)
        passages.append(passage)
        warnings.extend(remarks)
    counts = Counter(passage.id for passage in passages if passage.id is not None)
    warnings.extend(f"{n} documents share the id {name!r}" for name, n in counts.items() if n > 1)
    return DocsSlot(tuple(items)), passages, warnings


def _document(node: Any, shape: Shape, index: int, where: str) -> tuple[Any, Passage, list[str]]:
    value = opened(node)
    if isinstance(value, str):
        return TextSlot(index, node), Passage(value), []
    if not isinstance(value, dict):
        raise InputError(f"expected a string or an object @ {where}, got {kind(value)}")
    document = dict(value)
    path = _find(document, shape.text)
    if path is None:
        raise InputError(
            f"required field missing @ {where}.{shape.text[0]}: "
            f"expected one of {', '.join(shape.text)} (name it with --text-field)"
        )
    text_where = f"{where}.{'.'.join(path)}"
    original = _get(document, path)
    text = opened(original)
    warnings = []
    if text is None:
        text = ""
        warnings.append(f"the text @ {text_where} is null: left as it is")
    elif isinstance(text, str):
        _set(document, path, TextSlot(index, original))
    else:
        raise InputError(f"expected a string @ {text_where}, got {kind(text)} (name it with --text-field)")
    title_path = _find(document, shape.title)
    title = opened(_get(document, title_path)) if title_path else ""
    id_path = _find(document, shape.doc_id)
    return (
        document,
        Passage(
            text=text,
            title=title if isinstance(title, str) else "",
            id=_identifier(_get(document, id_path)) if id_path else None,
        ),
        warnings,
    )


def _identifier(node: Any) -> str | None:
    value = opened(node)
    if isinstance(value, str):
        return value
    if isinstance(value, Raw):  # a number, as it was written
        return bytes(value).decode()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _find(record: dict[str, Any], paths: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the first of the dotted paths that the record has, as its steps; an empty one only for want of better."""
    empty = None
    for dotted in paths:
        for steps in ((dotted,), tuple(dotted.split("."))):
            if _has(record, steps):
                if not _is_empty(_get(record, steps)):
                    return steps
                empty = empty or steps
    return empty


def _is_empty(node: Any) -> bool:
    if isinstance(node, Raw):
        return memoryview(node).nbytes <= len(b"null") and bytes(node) in {b"null", b'""'}
    return node is None or node == ""


def _has(node: Any, steps: tuple[str, ...]) -> bool:
    for step in steps:
        value = opened(node)
        if isinstance(value, dict) and step in value:
            node = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            node = value[int(step)]
        else:
            return False
    return True


def _get(node: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        value = opened(node)
        node = value[int(step)] if isinstance(value, list) else value[step]
    return node


def _set(container: Any, steps: tuple[str, ...], new: Any) -> None:
    """Put `new` at the path, opening what stands on the way; `container` is changed."""
    head, *rest = steps
    key = int(head) if isinstance(container, list) else head
    if rest:
        inner = opened(container[key])
        inner = list(inner) if isinstance(inner, list) else dict(inner)
        _set(inner, tuple(rest), new)
        new = inner
    container[key] = new
