"""Kept units -> the text of a passage, one prompt-ready context, and the output record."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip._internal.raw_json import encode, opened
from ctxzip.datamodels import (
    OWN_KEY,
    BadRecord,
    Budget,
    CellSlot,
    DocsSlot,
    Passage,
    PiecesSlot,
    Request,
    Result,
    Scores,
    SentencesSlot,
    TextSlot,
    Unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GAP_MARK = "[...]"


def passage_text(text: str, units: Sequence[tuple[Unit, bool]], *, mark_gaps: bool) -> str:
    """Return what is left of one passage: exact slices of `text`, joined by white space.

    Neighbours keep the white space between them; across a gap stands a space, a line break or a
    blank line, whichever is the widest that was there. A passage kept whole comes back as it was.

    Args:
        text: the passage.
        units: those of this passage, in order, and whether each is kept.
        mark_gaps: put `[...]` where something between two kept units was left out.
    """
    if not units:
        return ""  # white space alone is nothing to keep, and some tokenizers count it
    if all(kept for _, kept in units):
        return text
    parts: list[str] = []
    end = 0  # of the unit before
    gaps: list[str] = []  # the white space since the last unit kept
    for unit, kept in units:
        gaps.append(text[end : unit.start])
        end = unit.end
        if not kept:
            continue
        if parts:
            parts.append(gaps[0] if len(gaps) == 1 else _bridge(gaps, mark_gaps=mark_gaps))
        parts.append(text[unit.start : unit.end])
        gaps = []
    return "".join(parts)


def _bridge(gaps: list[str], *, mark_gaps: bool) -> str:
    breaks = max(len(gap.splitlines()) - (not gap.endswith(("\n", "\r"))) if gap else 0 for gap in gaps)
    space = "\n" * min(breaks, 2) if breaks > 0 else " " if any(gaps) else ""
    return f"{space or ' '}{GAP_MARK}{space or ' '}" if mark_gaps else space


def heading(number: int, passage: Passage, *, to: str, titles: bool) -> str:
    """Return the line above a passage in `text` or `markdown`, `""` where there is none."""
    title = " ".join(passage.title.split()) if titles else ""
    if to == "markdown":
        return f"## [{number}] {title}".rstrip()
    return title


def context(passages: Sequence[Passage], texts: Sequence[str], order: Sequence[int], *, to: str, titles: bool) -> str:
    """Return one prompt-ready context: passages in `order`, those with nothing left are left out.

    A blank line stands between passages. In `markdown` each has a heading with the number of its
    document in the input, counted from 1; in `text` its title stands on the line above it.
    """
    space = "\n\n" if to == "markdown" else "\n"
    parts = []
    for index in order:
        body = texts[index].strip("\r\n").rstrip()
        if body:
            above = heading(index + 1, passages[index], to=to, titles=titles)
            parts.append(f"{above}{space}{body}" if above else body)
    return "\n\n".join(parts) + "\n" if parts else ""


def record(result: Result) -> bytes:
    """Return the output record: the input object with shortened texts and the key `ctxzip`, as JSON."""
    return encode({**filled(result), OWN_KEY: summary(result)})


def filled(result: Result) -> dict[str, Any]:
    """Return the input object with shortened texts."""
    source = result.request.extra
    found = _filled({} if source is None else source, result)
    return found if isinstance(found, dict) else {}


def as_read(request: Request) -> dict[str, Any]:
    """Return the input object of a request, every document in its place."""
    restored = _restored({} if request.extra is None else request.extra)
    return restored if isinstance(restored, dict) else {}


def _restored(node: Any) -> Any:
    if isinstance(node, TextSlot | PiecesSlot):
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
    if isinstance(node, TextSlot):
        unchanged = result.texts[node.index] == result.request.passages[node.index].text
        return node.original if unchanged else result.texts[node.index]
    if isinstance(node, CellSlot):
        inner = _filled(node.inner, result)
        if inner == _restored(node.inner):
            return node.original
        return encode(inner).decode() if node.notation == "json" else repr(inner)
    if isinstance(node, SentencesSlot):
        return _sentences(node, result)
    if isinstance(node, PiecesSlot):
        text = _joined(node.parts, result)
        return node.original if text == opened(node.original) else text
    if isinstance(node, DocsSlot):
        return [_filled(node.items[index - node.first], result) for index in _indices(node, result)]
    if isinstance(node, dict):
        return {key: _filled(value, result) for key, value in node.items()}
    return [_filled(value, result) for value in node] if isinstance(node, list) else node


def _indices(slot: DocsSlot, result: Result) -> list[int]:
    """Return which passages of a list are written, in the order of the output."""
    return [index for index in result.order if 0 <= index - slot.first < len(slot.items)]


def _sentences(slot: SentencesSlot, result: Result) -> list[Any]:
    """Return the sentences with those left out empty, so that indices into the list go on pointing right."""
    kept = {
        (unit.start, unit.end)
        for unit in map(result.units.__getitem__, result.selection.kept)
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
    limits = result.budget.limits
    asked = {
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
        unit = result.units[index]
        kept[unit.passage].append([unit.start, unit.end, _rounded(result.scores.probability[index])])
    docs: list[dict[str, Any]] = [
        {"relevance": _rounded(relevance), "lang": language, "kept": spans}
        for relevance, language, spans in zip(result.scores.relevance, result.languages, kept, strict=True)
    ]
    if result.explained:
        for doc, dropped in zip(docs, _dropped(result), strict=True):
            doc["dropped"] = dropped
    found: dict[str, Any] = {
        "version": __version__,
        "scorer": result.scorer,
        "device": result.device,
        "query_kind": result.query_kind,
        "budget": {
            "mode": result.budget.mode,
            **{name: value for name, value in asked.items() if value is not None},
            "why": result.budget.why,
        },
        **({} if result.budget.irrelevant is None else {"empty": result.budget.irrelevant}),
        "tokenizer": result.tokenizer,
        "splitter": result.splitter,
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "kept_fraction": result.kept_fraction,
        "docs": docs,
        **({"unread": unread_counts(result.units, result.scores)} if result.scores.unread else {}),
        "warnings": list(result.warnings),
    }
    lists = list(_lists(result.request.extra))
    written = [index for slot in lists for index in _indices(slot, result)]
    if written != [slot.first + place for slot in lists for place in range(len(slot.items))]:
        found["order"] = written
    return found


def _dropped(result: Result) -> list[list[list[float | str]]]:
    """Return `[start, end, probability, reason]` of what was dropped of each passage."""
    dropped: list[list[list[float | str]]] = [[] for _ in result.request.passages]
    for unit, probability, reason in zip(
        result.units, result.scores.probability, result.selection.dropped_because, strict=True
    ):
        if reason is not None:
            dropped[unit.passage].append([unit.start, unit.end, _rounded(probability), reason])
    return dropped


def unread_counts(units: Sequence[Unit], scores: Scores) -> dict[str, dict[str, int]]:
    """Return, for each reason why a model did not read some units, how many they are, and of how many documents all."""
    found: dict[str, dict[str, int]] = {}
    of_passage: dict[int, set[str | None]] = {}
    for unit, why in zip(units, scores.unread, strict=bool(scores.unread)):
        of_passage.setdefault(unit.passage, set()).add(why)
        if why is not None:
            found.setdefault(why, {"units": 0, "docs": 0})["units"] += 1
    for whys in of_passage.values():
        if len(whys) == 1 and (why := next(iter(whys))) is not None:
            found[why]["docs"] += 1
    return dict(sorted(found.items()))


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
