"""The layout of most record shapes: a list of documents, or a single one, each a string or an object."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import decoded, json_type
from ctxzip.datamodels import Passage, RecordWarning
from ctxzip.errors import InputError
from ctxzip.reading.field_suggestions import similar_key_hint
from ctxzip.reading.json_paths import find_path, set_value, value_at
from ctxzip.reading.offsets import with_offset_slots
from ctxzip.reading.slots import DocsSlot, TextSlot
from ctxzip.reading.text_values import is_text, number_literal, read_text

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape


@dataclass(frozen=True, slots=True)
class ParsedDocuments:
    """The documents of one record.

    Attributes:
        value: the JSON value that held them, with slots (`ctxzip.reading.slots`) in place of their texts.
        passages: one a document, in order.
        warnings: about the documents.
        query: the question, where the layout holds it among the documents; else None.
    """

    value: Any
    passages: tuple[Passage, ...]
    warnings: tuple[RecordWarning, ...] = ()
    query: str | None = None


def matches(node: Any, shape: Shape) -> bool:
    """Return whether the first document is a string, or an object with a text at one of the paths of the shape.

    Documents that are null, a number or an empty object say nothing, and are skipped.
    """
    value = decoded(node)
    if isinstance(value, list | tuple):
        value = next((one for one in map(decoded, value) if not _is_blank(one)), "")
    if isinstance(value, dict):
        path = find_path(value, shape.text, shape.wrapper)
        return path is not None and is_text(value_at(value, path))
    return isinstance(value, str)


def _is_blank(value: Any) -> bool:
    """Return whether a decoded document holds no text whatever the shape: null, a number, an empty object."""
    return value is None or value == {} or number_literal(value) is not None


def parse(node: Any, shape: Shape, json_path: str) -> ParsedDocuments:
    """Return documents that are strings or objects.

    Raises:
        InputError: with the path of what is missing or wrong.
    """
    value = decoded(node)
    if isinstance(value, str | dict):
        document, passage, warnings = parse_document(node, shape, 0, json_path)
        return ParsedDocuments(document, (passage,), tuple(warnings))
    if not isinstance(value, list | tuple):
        raise InputError(f"expected an array of documents @ {json_path}, got {json_type(value)}", option="docs_field")
    documents: list[Any] = []
    passages: list[Passage] = []
    all_warnings: list[RecordWarning] = []
    for index, item in enumerate(value):
        document, passage, warnings = parse_document(item, shape, index, f"{json_path}[{index}]")
        documents.append(document)
        passages.append(passage)
        all_warnings.extend(warnings)
    all_warnings.extend(_duplicate_id_warnings(passages))
    return ParsedDocuments(DocsSlot(tuple(documents)), tuple(passages), tuple(all_warnings))


def _duplicate_id_warnings(passages: list[Passage]) -> list[RecordWarning]:
    counts = Counter(passage.id for passage in passages if passage.id is not None)
    return [
        RecordWarning("duplicate_ids", f"{n} documents share the id {name!r}") for name, n in counts.items() if n > 1
    ]


def parse_document(node: Any, shape: Shape, index: int, json_path: str) -> tuple[Any, Passage, list[RecordWarning]]:
    """Read one document, a string or an object, as passage `index` of its request.

    Returns:
        the document with slots in place of its text, the passage, and warnings. A document or a text that is null stays
        null, and the text of its passage is empty; a number is read as a text.

    Raises:
        InputError: with the path of what is missing or wrong; paths begin with `json_path`.
    """
    value = decoded(node)
    if isinstance(value, str):
        return TextSlot(index, node), Passage(value), []
    if value is None or value == {}:
        name = "null" if value is None else "an empty object"
        return node, Passage(""), [RecordWarning("null_text", f"the document @ {json_path} is {name}: left as it is")]
    if (literal := number_literal(value)) is not None:
        return TextSlot(index, node), Passage(literal), []
    if not isinstance(value, dict):
        raise InputError(f"expected a string or an object @ {json_path}, got {json_type(value)}")
    path = find_path(value, shape.text, shape.wrapper)
    if path is None and shape.text_is_optional:
        return node, _passage(value, shape, ""), [RecordWarning("null_text", f"no text @ {json_path}: left as it is")]
    if path is None:
        names = [f"{shape.wrapper}.{name}" if shape.wrapper else name for name in shape.text] or ["text"]
        raise InputError(
            f"required field missing @ {json_path}.{names[0]}: "
            f"expected one of {', '.join(names)}{similar_key_hint(value, shape.text)}",
            option="text_field",
        )
    text_json_path = f"{json_path}.{'.'.join(path)}"
    original = value_at(value, path)
    text, slots = read_text(original, index, text_json_path)
    document = dict(value)
    warnings = []
    if decoded(original) is None:
        warnings.append(RecordWarning("null_text", f"the text @ {text_json_path} is null: left as it is"))
    else:
        set_value(document, path, slots)
    with_offset_slots(document, shape.wrapper, index)
    if shape.shorten_copies:
        _fill_copies(document, shape, index, text)
    return document, _passage(value, shape, text), warnings


def _fill_copies(document: dict[str, Any], shape: Shape, index: int, text: str) -> None:
    """Put a slot at every other path that holds the same text."""
    for name in shape.text:
        path = find_path(document, (name,), shape.wrapper)
        if path is not None and decoded(value_at(document, path)) == text:
            set_value(document, path, TextSlot(index, value_at(document, path)))


def _passage(document: dict[str, Any], shape: Shape, text: str) -> Passage:
    title_path = find_path(document, shape.title, shape.wrapper)
    title = decoded(value_at(document, title_path)) if title_path else ""
    id_path = find_path(document, shape.doc_id, shape.wrapper)
    return Passage(
        text=text,
        title=title if isinstance(title, str) else "",
        id=identifier(value_at(document, id_path)) if id_path else None,
    )


def identifier(node: Any) -> str | None:
    """Return an id as text: a string as it is, a number as it was written; None for any other value."""
    value = decoded(node)
    return value if isinstance(value, str) else number_literal(value)
