"""Writes the shortened texts back into the input record. All other values remain as they were."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ctxzip._internal.raw_json import decoded, encode
from ctxzip.datamodels import RecordWarning
from ctxzip.reading.origin import origin_of
from ctxzip.reading.slots import CellSlot, DocsSlot, OffsetSlot, PartSlot, PiecesSlot, SentencesSlot, TextSlot, original
from ctxzip.rendering.context import passage_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ctxzip.datamodels import Unit
    from ctxzip.rendering.result import Result

_Slot = TypeVar("_Slot")


def filled_record(result: Result) -> dict[str, Any]:
    """Return the input object with the shortened texts; `{}` if the request was not read from a record."""
    filled = _filled(origin_of(result.request).record, result)
    return filled if isinstance(filled, dict) else {}


def offset_warnings(result: Result) -> list[RecordWarning]:
    """Return one warning for each key with an offset that is null in the output, because its text was dropped."""
    lost = [
        slot.name
        for slot in _slots_of(OffsetSlot, origin_of(result.request).record)
        if _filled_offset(slot, result) is None
    ]
    return [
        RecordWarning("offset_dropped", f"{name} is null: it is the offset of a text that is shortened")
        for name in dict.fromkeys(lost)
    ]


def written_order(result: Result) -> list[int] | None:
    """Return the indices of the written passages in output order; None if all are written in input order."""
    lists = list(_slots_of(DocsSlot, origin_of(result.request).record))
    written = [index for slot in lists for index in _written_indices(slot, result)]
    unchanged = [slot.first + place for slot in lists for place in range(len(slot.items))]
    return None if written == unchanged else written


def _filled(node: Any, result: Result) -> Any:
    """Return a part of the input record with its slots replaced by the shortened values."""
    fill = _FILL.get(type(node))
    return node if fill is None else fill(node, result)


def _filled_text(slot: TextSlot, result: Result) -> Any:
    is_unchanged = result.texts[slot.index] == result.request.passages[slot.index].text
    return slot.original if is_unchanged else result.texts[slot.index]


def _filled_cell(slot: CellSlot, result: Result) -> str:
    inner = _filled(slot.inner, result)
    if inner == original(slot.inner, cells_as_text=False):
        return slot.original
    if slot.notation == "numpy":
        separator = "\n " if "\n" in slot.original else " "
        return f"[{separator.join(map(repr, inner))}]"
    return encode(inner).decode() if slot.notation == "json" else repr(inner)


def _filled_part(slot: PartSlot, result: Result) -> Any:
    """Return the shortened paragraph; `""` if nothing of it is kept, so that indices into the list stay valid."""
    text = result.request.passages[slot.index].text[slot.start : slot.end]
    units = [
        (replace(unit, start=max(unit.start, slot.start) - slot.start, end=min(unit.end, slot.end) - slot.start), kept)
        for unit, kept in _units_of(result, slot.index)
        if unit.start < slot.end and unit.end > slot.start
    ]
    kept_text = passage_text(text, units, mark_gaps=_has_gap_marks(result, slot.index))
    return slot.original if kept_text == text else kept_text


def _filled_offset(slot: OffsetSlot, result: Result) -> Any:
    """Return the offset of the same character in the shortened text; None if it is dropped."""
    text = result.request.passages[slot.index].text
    if result.texts[slot.index] == text:
        return slot.original
    if slot.position is None:
        return None
    units = _units_of(result, slot.index)
    for i, (unit, kept) in enumerate(units):
        if kept and unit.start <= slot.position < unit.end:
            # The dropped unit at the end prevents `passage_text` from returning the whole text.
            end_of_text = replace(unit, start=len(text), end=len(text))
            mark_gaps = _has_gap_marks(result, slot.index)
            before = passage_text(text, [*units[: i + 1], (end_of_text, False)], mark_gaps=mark_gaps)
            return len(before) - (unit.end - slot.position)
    return None


def _units_of(result: Result, index: int) -> list[tuple[Unit, bool]]:
    """Return the units of a passage, and whether each is kept."""
    kept = set(result.selection.kept)
    return [(unit, i in kept) for i, unit in enumerate(result.scored.units) if unit.passage == index]


def _has_gap_marks(result: Result, index: int) -> bool:
    """Return whether gaps are marked in the shortened text of a passage."""
    text = result.request.passages[index].text
    return passage_text(text, _units_of(result, index), mark_gaps=True) == result.texts[index]


def _filled_sentences(slot: SentencesSlot, result: Result) -> list[Any]:
    """Return the sentences, with `""` for dropped ones, so that indices into the list stay valid."""
    kept = {
        (unit.start, unit.end)
        for unit in map(result.scored.units.__getitem__, result.selection.kept)
        if unit.passage == slot.index
    }
    return [sentence if start == end or (start, end) in kept else "" for start, end, sentence in slot.sentences]


def _filled_pieces(slot: PiecesSlot, result: Result) -> Any:
    text = _joined(slot.parts, result)
    return slot.original if text == decoded(slot.original) else text


def _filled_documents(slot: DocsSlot, result: Result) -> list[Any]:
    return [_filled(slot.items[index - slot.first], result) for index in _written_indices(slot, result)]


_FILL: dict[type, Callable[[Any, Result], Any]] = {
    TextSlot: _filled_text,
    PartSlot: _filled_part,
    OffsetSlot: _filled_offset,
    CellSlot: _filled_cell,
    SentencesSlot: _filled_sentences,
    PiecesSlot: _filled_pieces,
    DocsSlot: _filled_documents,
    dict: lambda node, result: {key: _filled(value, result) for key, value in node.items()},
    list: lambda node, result: [_filled(value, result) for value in node],
}


def _written_indices(slot: DocsSlot, result: Result) -> list[int]:
    """Return the indices of the passages of a list that are written, in the order of the output."""
    return [index for index in result.order if 0 <= index - slot.first < len(slot.items)]


def _joined(parts: Sequence[Any], result: Result) -> str:
    """Return the string that the parts of a `PiecesSlot` form, with its slots replaced by the shortened texts."""
    texts = []
    for part in parts:
        if isinstance(part, DocsSlot):
            items = (part.items[index - part.first] for index in _written_indices(part, result))
            texts.append(part.between.join(_joined((item,), result) for item in items))
        elif isinstance(part, PiecesSlot):
            texts.append(_joined(part.parts, result))
        else:
            texts.append(result.texts[part.index] if isinstance(part, TextSlot) else part)
    return "".join(texts)


def _slots_of(kind: type[_Slot], node: Any) -> Iterator[_Slot]:
    """Yield the outermost slots of one kind of a record, in output order."""
    if isinstance(node, kind):
        yield node
    elif isinstance(node, CellSlot):
        yield from _slots_of(kind, node.inner)
    else:
        for part in _parts(node):
            yield from _slots_of(kind, part)


def _parts(node: Any) -> Iterable[Any]:
    """Return the values in a container of a record; nothing for any other value."""
    if isinstance(node, dict):
        return node.values()
    if isinstance(node, DocsSlot):
        return node.items
    if isinstance(node, PiecesSlot):
        return node.parts
    return node if isinstance(node, list) else ()
