"""Results, and records that could not be used -> output records (`--to jsonl`), and the value of their key `ctxzip`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip._internal.raw_json import encode
from ctxzip.datamodels import OWN_KEY
from ctxzip.rendering.slot_filling import filled_record, written_order
from ctxzip.scoring.not_scored import not_scored_counts

if TYPE_CHECKING:
    from ctxzip.datamodels import Budget
    from ctxzip.reading.origin import BadRecord
    from ctxzip.rendering.result import Result


def record(result: Result) -> bytes:
    """Return the output record as JSON: the input object with shortened texts and the key `ctxzip`."""
    return encode({**filled_record(result), OWN_KEY: summary(result)})


def summary(result: Result) -> dict[str, Any]:
    """Return the value of the key `ctxzip`: what scored, the budget, what is kept of each document, and warnings."""
    scored, prepared = result.scored, result.scored.prepared
    not_scored = not_scored_counts(scored.units, scored.scores) if scored.scores.not_scored else None
    values: dict[str, Any] = {
        "version": __version__,
        "scorer": scored.scorer,
        "device": scored.device,
        "query_kind": prepared.query.kind,
        "budget": _budget_summary(result.budget),
        **({} if result.budget.no_answer is None else {"no_answer": result.budget.no_answer}),
        **(
            {}
            if result.budget.answerable is None
            else {"answerable": {"probability": round(result.budget.answerable, 4)}}
        ),
        "tokenizer": result.tokenizer,
        "splitter": prepared.splitter,
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "kept_fraction": result.kept_fraction,
        "docs": _document_summaries(result),
        **({} if not_scored is None else {"not_scored_by_model": not_scored}),
        "warnings": [asdict(warning) for warning in result.warnings],
    }
    order = written_order(result)
    return values if order is None else {**values, "order": order}


def _budget_summary(budget: Budget) -> dict[str, Any]:
    """Return the mode, the limits in force and the reason of a budget."""
    limits = budget.limits
    values = {
        "max_tokens": limits.max_tokens,
        "ratio": limits.ratio,
        "max_sentences": limits.max_sentences,
        "threshold": _threshold(budget),
        "recall": limits.recall,
        "min_saving": limits.min_saving,
        "before": budget.before or None,
        "after": budget.after or None,
        "guarantee": None if budget.guarantee is None else asdict(budget.guarantee),
    }
    in_force = {name: value for name, value in values.items() if value is not None}
    return {"mode": budget.mode, **in_force, "reason": budget.reason}


def _threshold(budget: Budget) -> float | None:
    """Return the threshold: as it was given where it is the user's, rounded where it is automatic."""
    if budget.threshold is None or budget.threshold == budget.limits.threshold:
        return budget.threshold
    return _rounded(budget.threshold)


def _document_summaries(result: Result) -> list[dict[str, Any]]:
    """Return relevance, language and units kept of each document; with `--explain` also the units dropped.

    A kept unit is `[start, end, probability]`, a dropped one `[start, end, probability, reason]`. So is, with `--explain`, one
    of those kept that was kept as a neighbour.
    """
    scored = result.scored
    kept: list[list[list[float]]] = [[] for _ in result.request.passages]
    dropped: list[list[list[float | str]]] = [[] for _ in result.request.passages]
    for index in result.selection.kept:
        unit = scored.units[index]
        kept[unit.passage].append([unit.start, unit.end, _rounded(scored.scores.probability[index])])
    for unit, probability, reason in zip(
        scored.units, scored.scores.probability, result.selection.dropped_because, strict=True
    ):
        if reason is not None:
            dropped[unit.passage].append([unit.start, unit.end, _rounded(probability), reason])
    neighbours: list[list[list[float | str]]] = [[] for _ in result.request.passages]
    for index, reason in enumerate(result.selection.kept_because):
        if reason is not None:
            unit, probability = scored.units[index], scored.scores.probability[index]
            neighbours[unit.passage].append([unit.start, unit.end, _rounded(probability), reason])
    return [
        {
            "relevance": _rounded(relevance),
            "language": language,
            "kept": kept_units,
            **({"neighbours": beside} if result.explained and beside else {}),
            **({"dropped": dropped_units} if result.explained else {}),
        }
        for relevance, language, kept_units, beside, dropped_units in zip(
            scored.scores.relevance, scored.prepared.languages, kept, neighbours, dropped, strict=True
        )
    ]


def _rounded(value: Any) -> float:
    """Return a score with four decimal places: more than a score is worth, and half the bytes."""
    return round(float(value), 4)


def error_record(bad: BadRecord) -> bytes:
    """Return the record, as JSON, that replaces one that could not be used: what came in, and the error."""
    values = bad.content if isinstance(bad.content, dict) else {}
    return encode({**{key: value for key, value in values.items() if key != OWN_KEY}, OWN_KEY: error_summary(bad)})


def error_summary(bad: BadRecord) -> dict[str, Any]:
    """Return the value of the key `ctxzip` of a record that could not be used: the error, and the input if not an object."""
    values = {"version": __version__, "error": bad.message, "line": bad.line_no}
    return values if isinstance(bad.content, dict) else {**values, "input": bad.content}
