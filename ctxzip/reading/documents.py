"""Documents that are strings or objects, one or many: what most shapes hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import Raw, kind, opened
from ctxzip.datamodels import Passage, RecordWarning
from ctxzip.errors import InputError
from ctxzip.reading.field_suggestions import suggestion
from ctxzip.reading.json_paths import find, get, put
from ctxzip.reading.slots import DocsSlot, TextSlot

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape


@dataclass(frozen=True, slots=True)
class Found:
    """The documents of one record.

    Attributes:
        slot: takes the place of the value that held them.
        passages: in its order.
        warnings: what was odd about them.
        query: the question, where it stands among the documents.
    """

    slot: Any
    passages: tuple[Passage, ...]
    warnings: tuple[RecordWarning, ...] = ()
    query: str | None = None


def fits(node: Any, shape: Shape) -> bool:
    """Tell whether the first document has a text where this shape keeps it."""
    value = opened(node)
    if isinstance(value, list | tuple):
        if not value:
            return True
        value = opened(value[0])
    return isinstance(value, str) or (isinstance(value, dict) and find(value, shape.text, shape.inside) is not None)


def read(node: Any, shape: Shape, where: str) -> Found:
    """Read documents that are strings or objects.

    Raises:
        InputError: with the path of what is missing or wrong.
    """
    value = opened(node)
    if isinstance(value, str | dict):
        slot, passage, remarks = document(node, shape, 0, where)
        return Found(slot, (passage,), tuple(remarks))
    if not isinstance(value, list | tuple):
        raise InputError(f"expected an array of documents @ {where}, got {kind(value)}", option="docs_field")
    items: list[Any] = []
    passages: list[Passage] = []
    warnings: list[RecordWarning] = []
    for index, item in enumerate(value):
        slot, passage, remarks = document(item, shape, index, f"{where}[{index}]")
        items.append(slot)
        passages.append(passage)
        warnings.extend(remarks)
    return Found(DocsSlot(tuple(items)), tuple(passages), (*warnings, *same_ids(passages)))


def same_ids(passages: list[Passage]) -> list[RecordWarning]:
    """Return a warning for every id that several documents share."""
    counts = Counter(passage.id for passage in passages if passage.id is not None)
    return [
        RecordWarning("duplicate_ids", f"{n} documents share the id {name!r}") for name, n in counts.items() if n > 1
    ]


def document(node: Any, shape: Shape, index: int, where: str) -> tuple[Any, Passage, list[RecordWarning]]:
    """Read one document, the `index`-th of its request.

    Returns:
        the document with a slot where its text stood, the passage, and warnings.
    """
    value = opened(node)
    if isinstance(value, str):
        return TextSlot(index, node), Passage(value), []
    if not isinstance(value, dict):
        raise InputError(f"expected a string or an object @ {where}, got {kind(value)}")
    path = find(value, shape.text, shape.inside)
    if path is None:
        names = [f"{shape.inside}.{name}" if shape.inside else name for name in shape.text] or ["text"]
        raise InputError(
            f"required field missing @ {where}.{names[0]}: "
            f"expected one of {', '.join(names)}{suggestion(value, shape.text)}",
            option="text_field",
        )
    filled = dict(value)
    text_where = f"{where}.{'.'.join(path)}"
    original = get(value, path)
    text = opened(original)
    warnings = []
    if text is None:
        text = ""
        warnings.append(RecordWarning("null_text", f"the text @ {text_where} is null: left as it is"))
    elif isinstance(text, str):
        put(filled, path, TextSlot(index, original))
    else:
        raise InputError(f"expected a string @ {text_where}, got {kind(text)}", option="text_field")
    if shape.copies:
        for name in shape.text:
            again = find(filled, (name,), shape.inside)
            if again is not None and opened(get(filled, again)) == text:
                put(filled, again, TextSlot(index, get(filled, again)))
    title_path = find(value, shape.title, shape.inside)
    title = opened(get(value, title_path)) if title_path else ""
    id_path = find(value, shape.doc_id, shape.inside)
    return (
        filled,
        Passage(
            text=text,
            title=title if isinstance(title, str) else "",
            id=identifier(get(value, id_path)) if id_path else None,
        ),
        warnings,
    )


def identifier(node: Any) -> str | None:
    """Return a string, or a number as it was written; None for anything else."""
    value = opened(node)
    if isinstance(value, str):
        return value
    if isinstance(value, Raw):
        return bytes(value).decode()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
