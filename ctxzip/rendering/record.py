"""Kept units -> the text of a passage, one prompt-ready context, and the output record."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip._internal.raw_json import decoded, encode
from ctxzip.datamodels import OWN_KEY, Budget, RecordWarning, Request
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.reading.slots import CellSlot, DocsSlot, OffsetSlot, PartSlot, PiecesSlot, SentencesSlot, TextSlot
from ctxzip.rendering.context import passage_text
from ctxzip.scoring.not_scored import not_scored_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctxzip.datamodels import Unit
    from ctxzip.rendering.result import Result


def record(result: Result) -> bytes:
    """Return the output record: the input object with shortened texts and the key `ctxzip`, as JSON."""
    return encode({**filled(result), OWN_KEY: summary(result)})


def filled(result: Result) -> dict[str, Any]:
    """Return the input object with shortened texts."""
    source = origin_of(result.request).record
    found = _filled({} if source is None else source, result)
    return found if isinstance(found, dict) else {}


def as_read(request: Request) -> dict[str, Any]:
    """Return the input object of a request, every document in its place."""
    source = origin_of(request).record
    restored = _restored({} if source is None else source)
    return restored if isinstance(restored, dict) else {}


def _restored(node: Any) -> Any:
    if isinstance(node, TextSlot | PiecesSlot | PartSlot | OffsetSlot):
        return node.original
    if isinstance(node, CellSlot):
        return _restored(node.inner)
    if isinstance(node, SentencesSlot):
        return [original for _, _, original in node.sentences]
    if isinstance(node, DocsSlot):
        return [_restored(item) for item in node.items]
    if isinstance(node, dict):
        return {key: _restored(value) for key, value in node.items()}
    return [_restored(value) for value in node] if isinstance(node, list) else node


def _filled(node: Any, result: Result) -> Any:
    fill = _FILL.get(type(node))
    if fill is not None:
        return fill(node, result)
    if isinstance(node, dict):
        return {key: _filled(value, result) for key, value in node.items()}
    return [_filled(value, result) for value in node] if isinstance(node, list) else node


def _text(slot: TextSlot, result: Result) -> Any:
    unchanged = result.texts[slot.index] == result.request.passages[slot.index].text
    return slot.original if unchanged else result.texts[slot.index]


def _pieces(slot: PiecesSlot, result: Result) -> Any:
    text = _joined(slot.parts, result)
    return slot.original if text == decoded(slot.original) else text


def _docs(slot: DocsSlot, result: Result) -> list[Any]:
    return [_filled(slot.items[index - slot.first], result) for index in _indices(slot, result)]


def _cell(slot: CellSlot, result: Result) -> str:
    """Return a list or an object as text in the notation of the cell that held it."""
    inner = _filled(slot.inner, result)
    if inner == _restored(slot.inner):
        return slot.original
    if slot.notation == "numpy":
        between = "\n " if "\n" in slot.original else " "
        return f"[{between.join(map(repr, inner))}]"
    return encode(inner).decode() if slot.notation == "json" else repr(inner)


def _part(slot: PartSlot, result: Result) -> Any:
    """Return what is kept of one paragraph; `""` where nothing is, so that indices into the list stay right."""
    text = result.request.passages[slot.index].text[slot.start : slot.end]
    units = [
        (replace(unit, start=max(unit.start, slot.start) - slot.start, end=min(unit.end, slot.end) - slot.start), kept)
        for unit, kept in _units_of(result, slot.index)
        if unit.start < slot.end and unit.end > slot.start
    ]
    kept_text = passage_text(text, units, mark_gaps=_has_gap_marks(result, slot.index))
    return slot.original if kept_text == text else kept_text


def _offset(slot: OffsetSlot, result: Result) -> Any:
    """Return an offset that is right in the shortened text; None where there is none."""
    text = result.request.passages[slot.index].text
    if result.texts[slot.index] == text:
        return slot.original
    if slot.position is None:
        return None
    units = _units_of(result, slot.index)
    for i, (unit, kept) in enumerate(units):
        if kept and unit.start <= slot.position < unit.end:
            end_of_text = replace(unit, start=len(text), end=len(text))  # dropped, so that the text before it is joined
            before = passage_text(
                text, [*units[: i + 1], (end_of_text, False)], mark_gaps=_has_gap_marks(result, slot.index)
            )
            return len(before) - (unit.end - slot.position)
    return None


def _units_of(result: Result, index: int) -> list[tuple[Unit, bool]]:
    """Return the units of a passage, and whether each is kept."""
    kept = set(result.selection.kept)
    return [(unit, i in kept) for i, unit in enumerate(result.scored.units) if unit.passage == index]


def _has_gap_marks(result: Result, index: int) -> bool:
    """Tell whether the text of a passage was written with marks at the gaps."""
    text = result.request.passages[index].text
    return passage_text(text, _units_of(result, index), mark_gaps=True) == result.texts[index]


def offset_warnings(result: Result) -> list[RecordWarning]:
    """Return a warning for each key of offsets of which one is null in the output, since what it pointed to is gone."""
    lost = [slot.name for slot in _offset_slots(origin_of(result.request).record) if _offset(slot, result) is None]
    return [
        RecordWarning("offset_dropped", f"{name} is null: it is the offset of a text that is shortened")
        for name in dict.fromkeys(lost)
    ]


def _offset_slots(node: Any) -> Iterator[OffsetSlot]:
    if isinstance(node, OffsetSlot):
        yield node
    elif isinstance(node, CellSlot):
        yield from _offset_slots(node.inner)
    elif isinstance(node, dict | list | DocsSlot):
        values = node.values() if isinstance(node, dict) else node.items if isinstance(node, DocsSlot) else node
        for value in values:
            yield from _offset_slots(value)


def _indices(slot: DocsSlot, result: Result) -> list[int]:
    """Return which passages of a list are written, in the order of the output."""
    return [index for index in result.order if 0 <= index - slot.first < len(slot.items)]


def _sentences(slot: SentencesSlot, result: Result) -> list[Any]:
    """Return the sentences with those left out empty, so that indices into the list go on pointing right."""
    kept = {
        (unit.start, unit.end)
        for unit in map(result.scored.units.__getitem__, result.selection.kept)
        if unit.passage == slot.index
    }
    return [original if start == end or (start, end) in kept else "" for start, end, original in slot.sentences]


def _joined(parts: Sequence[Any], result: Result) -> str:
    """Return one string; of a list of documents inside it each is a string of its own."""
    texts = []
    for part in parts:
        if isinstance(part, DocsSlot):
            items = (part.items[index - part.first] for index in _indices(part, result))
            texts.append(part.between.join(_joined((item,), result) for item in items))
        elif isinstance(part, PiecesSlot):
            texts.append(_joined(part.parts, result))
        else:
            texts.append(result.texts[part.index] if isinstance(part, TextSlot) else part)
    return "".join(texts)


_FILL: dict[type, Callable[[Any, Result], Any]] = {
    TextSlot: _text,
    PartSlot: _part,
    OffsetSlot: _offset,
    CellSlot: _cell,
    SentencesSlot: _sentences,
    PiecesSlot: _pieces,
    DocsSlot: _docs,
}


def _lists(node: Any) -> Iterator[DocsSlot]:
    """Yield the lists of documents of a record in the order in which they are written."""
    if isinstance(node, DocsSlot):
        yield node
    elif isinstance(node, CellSlot):
        yield from _lists(node.inner)
    elif isinstance(node, dict | list | PiecesSlot):
        parts = node.values() if isinstance(node, dict) else node.parts if isinstance(node, PiecesSlot) else node
        for part in parts:
            yield from _lists(part)


def summary(result: Result) -> dict[str, Any]:
    """Return the value of the key `ctxzip`: how the record was read, the budget and what was kept."""
    scored, limits = result.scored, result.budget.limits
    units, scores, prepared = scored.units, scored.scores, scored.prepared
    given = {
        "max_tokens": limits.max_tokens,
        "ratio": limits.ratio,
        "max_sentences": limits.max_sentences,
        "threshold": _threshold(result.budget),
        "recall": limits.recall,
        "min_saving": limits.min_saving,
        "guarantee": None if result.budget.guarantee is None else asdict(result.budget.guarantee),
    }
    kept: list[list[list[float]]] = [[] for _ in result.request.passages]
    for index in result.selection.kept:
        unit = units[index]
        kept[unit.passage].append([unit.start, unit.end, _rounded(scores.probability[index])])
    docs: list[dict[str, Any]] = [
        {"relevance": _rounded(relevance), "language": language, "kept": spans}
        for relevance, language, spans in zip(scores.relevance, prepared.languages, kept, strict=True)
    ]
    if result.explained:
        for doc, dropped in zip(docs, _dropped(result), strict=True):
            doc["dropped"] = dropped
    found: dict[str, Any] = {
        "version": __version__,
        "scorer": scored.scorer,
        "device": scored.device,
        "query_kind": prepared.query.kind,
        "budget": {
            "mode": result.budget.mode,
            **{name: value for name, value in given.items() if value is not None},
            "reason": result.budget.reason,
        },
        **({} if result.budget.no_answer is None else {"no_answer": result.budget.no_answer}),
        "tokenizer": result.tokenizer,
        "splitter": prepared.splitter,
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "kept_fraction": result.kept_fraction,
        "docs": docs,
        **({"not_scored_by_model": not_scored_counts(units, scores)} if scores.not_scored else {}),
        "warnings": [asdict(warning) for warning in result.warnings],
    }
    lists = list(_lists(origin_of(result.request).record))
    written = [index for slot in lists for index in _indices(slot, result)]
    if written != [slot.first + place for slot in lists for place in range(len(slot.items))]:
        found["order"] = written
    return found


def _dropped(result: Result) -> list[list[list[float | str]]]:
    """Return `[start, end, probability, reason]` of what was dropped of each passage."""
    dropped: list[list[list[float | str]]] = [[] for _ in result.request.passages]
    scored = result.scored
    for unit, probability, reason in zip(
        scored.units, scored.scores.probability, result.selection.dropped_because, strict=True
    ):
        if reason is not None:
            dropped[unit.passage].append([unit.start, unit.end, _rounded(probability), reason])
    return dropped


def _threshold(budget: Budget) -> float | None:
    """Return the user's own as it was given, the automatic one rounded."""
    if budget.threshold is None or budget.threshold == budget.limits.threshold:
        return budget.threshold
    return _rounded(budget.threshold)


def _rounded(value: Any) -> float:
    """Four digits: more than a score is worth, and half the bytes."""
    return round(float(value), 4)


def error_record(bad: BadRecord) -> bytes:
    """Return the record that takes the place of one that could not be used: what came in, and why not."""
    values = bad.content if isinstance(bad.content, dict) else {}
    return encode({**{key: value for key, value in values.items() if key != OWN_KEY}, OWN_KEY: failure(bad)})


def failure(bad: BadRecord) -> dict[str, Any]:
    """Return the value of the key `ctxzip` of a record that could not be used, with what came in where that is no object."""
    about = {"version": __version__, "error": bad.message, "line": bad.line_no}
    return about if isinstance(bad.content, dict) else {**about, "input": bad.content}
