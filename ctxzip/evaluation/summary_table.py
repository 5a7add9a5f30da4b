"""The measurements as lines of a plain table, and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip.evaluation.measure import REPORTED_RATIOS, reliability_of
from ctxzip.evaluation.outcomes import estimates, words_per_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.evaluation.measure import Measured, Summary
    from ctxzip.evaluation.methods import Method
    from ctxzip.evaluation.outcomes import Outcome

_NAME = 22  # columns for the name of a set; a longer name shifts its own line only


def head(label: str, *, supporting_facts: bool) -> str:
    """Return the two lines above the sets of one method."""
    columns = ["best", *(f"{ratio:.0%}" for ratio in REPORTED_RATIOS), "auto", "keeps", "AP", "AUC", "ECE"]
    columns += ["SF-F1", "SF-EM"] * supporting_facts
    return f"method: {label}\n{'set':{_NAME}} {'n':>6}" + "".join(f" {column:>6}" for column in columns)


def row(measured: Measured, *, supporting_facts: bool) -> str:
    """Return the line of one set."""
    exactness = measured.supporting_facts
    return _line(
        measured.name,
        measured.n_answerable,
        measured,
        (exactness.f1 if exactness else None, exactness.exact if exactness else None) if supporting_facts else (),
    )


def foot(summary: Summary, *, supporting_facts: bool) -> str:
    """Return the line of the means, where there are several sets, and the numbers of all sets together."""
    lines = []
    if summary.n_sets > 1:
        exactness = (summary.supporting_f1, summary.supporting_exact) if supporting_facts else ()
        lines.append(_line("mean", summary.n_sets, summary, exactness))
    ratio = "not reached" if summary.ratio_for_recall is None else f"{summary.ratio_for_recall:.1%}"
    lines.append(f"smallest ratio that gives 90% recall, the same for all questions: {ratio}")
    if summary.pooled_calibration_error is not None:
        lines.append(
            f"calibration error of all units, every set with the same weight: {summary.pooled_calibration_error:.3f}"
        )
    return "\n".join(lines)


def _line(name: str, count: int, scores: Measured | Summary, exactness: tuple[float | None, ...]) -> str:
    percentages = [scores.best_unit_recall, *scores.recall, scores.auto_recall, scores.auto_kept_fraction]
    cells = [
        *(_percent(value) for value in percentages),
        *(_decimal(value) for value in (scores.average_precision, scores.passage_auc, scores.calibration_error)),
        *(_percent(value) for value in exactness),
    ]
    return f"{name:{_NAME}} {count:6}" + "".join(f" {cell:>6}" for cell in cells)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def as_json(method: Method, sets: Sequence[Measured], summary: Summary) -> dict[str, Any]:
    """Return the numbers of one method, 0..1; null where a metric is not defined."""
    return {
        "scorer": method.scorer.name,
        "device": method.scorer.device,
        "sets": {measured.name: _set_as_json(measured) for measured in sets},
        "mean": _means_as_json(summary)
        | {"supporting_facts": {"f1": summary.supporting_f1, "exact": summary.supporting_exact}},
        "pooled_calibration_error": summary.pooled_calibration_error,
        "ratio_for_90_recall": summary.ratio_for_recall,
        "metrics": _estimates_as_json([measured.outcomes for measured in sets]),
        "reliability": [
            {"probability": probability, "frequency": frequency, "share": share}
            for probability, frequency, share in reliability_of(sets)
        ],
    }


def _set_as_json(measured: Measured) -> dict[str, Any]:
    exactness = measured.supporting_facts
    return _means_as_json(measured) | {
        "n_questions": measured.n_questions,
        "n_answerable": measured.n_answerable,
        "recall_at_percent": measured.recall_at_ratios.tolist(),
        "supporting_facts": exactness
        and {"threshold": exactness.threshold, "f1": exactness.f1, "exact": exactness.exact},
        "metrics": _estimates_as_json([measured.outcomes]),
        "words_per_kept_evidence": words_per_evidence(measured.outcomes),
        "questions": [{"key": one.key, "query": one.query, "values": dict(one.values)} for one in measured.outcomes],
    }


def _estimates_as_json(by_set: Sequence[Sequence[Outcome]]) -> dict[str, Any]:
    """Return the metrics of `outcomes.METRICS` with 95% bootstrap intervals, every set with the same weight."""
    return {
        name: {"mean": one.mean, "interval": [one.low, one.high], "n": one.n} for name, one in estimates(by_set).items()
    }


def _means_as_json(scores: Measured | Summary) -> dict[str, Any]:
    return {
        "best_unit_recall": scores.best_unit_recall,
        "recall": {f"{ratio:g}": value for ratio, value in zip(REPORTED_RATIOS, scores.recall, strict=True)},
        "auto": {"recall": scores.auto_recall, "kept_fraction": scores.auto_kept_fraction},
        "average_precision": scores.average_precision,
        "passage_auc": scores.passage_auc,
        "calibration_error": scores.calibration_error,
    }
