"""Column layout of Chroma and of MS MARCO on Hugging Face: one list with the texts of all documents, one per other field.

Chroma nests one list for each query: `{"ids": [[...]], "documents": [[...]], "metadatas": [[...]]}`. A record has one query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import decoded
from ctxzip.datamodels import Passage, RecordWarning
from ctxzip.errors import InputError
from ctxzip.reading.documents import ParsedDocuments, identifier
from ctxzip.reading.json_paths import expect_array, find_path, value_at
from ctxzip.reading.text_values import read_text

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape


def matches(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # part of DocumentLayout
    """Return whether the value is a list of texts, or a list whose first item is such a list."""
    value = decoded(node)
    if isinstance(value, list) and value and isinstance(decoded(value[0]), list):
        value = decoded(value[0])
    return isinstance(value, list) and all(decoded(text) is None or isinstance(decoded(text), str) for text in value)


def parse(node: Any, shape: Shape, json_path: str) -> ParsedDocuments:  # noqa: ARG001
    """Return one passage for each text, all of them and in order, because the other lists have the same order.

    Raises:
        InputError: there are texts for several queries, or an item is not a text.
    """
    texts = expect_array(node, json_path, " of texts")
    is_nested = bool(texts) and isinstance(decoded(texts[0]), list)
    if is_nested:
        if len(texts) > 1:
            raise InputError(f"expected the documents of one query @ {json_path}, got those of {len(texts)}")
        json_path = f"{json_path}[0]"
        texts = expect_array(texts[0], json_path, " of texts")
    slots: list[Any] = []
    passages: list[Passage] = []
    warnings: list[RecordWarning] = []
    for index, item in enumerate(texts):
        text, slot = read_text(item, index, f"{json_path}[{index}]")
        if decoded(item) is None:
            warnings.append(RecordWarning("null_text", f"the text @ {json_path}[{index}] is null: left as it is"))
        slots.append(slot)
        passages.append(Passage(text))
    return ParsedDocuments([slots] if is_nested else slots, tuple(passages), tuple(warnings))


def with_metadata(passages: tuple[Passage, ...], record: dict[str, Any], shape: Shape) -> tuple[Passage, ...]:
    """Return the passages with their titles and ids, which a record of this layout has in separate lists."""
    if shape.layout != "columns":
        return passages
    ids = _column(record, "ids", len(passages))
    metadata = _column(record, "metadatas", len(passages))
    return tuple(
        Passage(passage.text, _title(about, shape), identifier(name))
        for passage, name, about in zip(passages, ids, metadata, strict=True)
    )


def _column(record: dict[str, Any], name: str, n: int) -> list[Any]:
    """Return the `n` items of a list in a record, one for each passage; `n` times None if there is no such list."""
    value = decoded(record.get(name))
    if isinstance(value, list) and len(value) == 1 and isinstance(inner := decoded(value[0]), list):
        value = inner
    return value if isinstance(value, list) and len(value) == n else [None] * n


def _title(node: Any, shape: Shape) -> str:
    fields = decoded(node)
    path = find_path(fields, shape.title) if isinstance(fields, dict) else None
    title = decoded(value_at(fields, path)) if path else ""
    return title if isinstance(title, str) else ""
