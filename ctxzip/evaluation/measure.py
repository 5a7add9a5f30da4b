"""Runs a method over sets of labelled questions and computes the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.errors import InputError
from ctxzip.evaluation.fixed_ratio import RATIOS, found_at_ratios
from ctxzip.evaluation.metrics import (
    at_threshold,
    best_threshold,
    expected_calibration_error,
    f1,
    ratio_for_recall,
    reliability,
    roc_auc,
)
from ctxzip.evaluation.outcomes import outcome
from ctxzip.reading.origin import BadRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctxzip.compressor import Compressor
    from ctxzip.datamodels import Scored
    from ctxzip.evaluation.labelled import Labelled
    from ctxzip.evaluation.methods import Method
    from ctxzip.evaluation.outcomes import Outcome
    from ctxzip.evaluation.reader import Reader
    from ctxzip.evaluation.sets import LabelledSet
    from ctxzip.rendering.result import Result

REPORTED_RATIOS = (0.1, 0.2, 0.3)  # of the words
TARGET_RECALL = 0.9


@dataclass(frozen=True, slots=True)
class SupportingFacts:
    """F1 and exact match of the kept units at one threshold, for questions that need all evidence; means, 0..1.

    Attributes:
        threshold: the one with the best F1 on other data.
        exact: share of the questions of which all evidence and nothing else is kept.
    """

    threshold: float
    f1: float
    exact: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The units of all questions of a set.

    Attributes:
        probability: `(n_units,)` float32, 0..1.
        is_evidence: `(n_units,)`.
    """

    probability: NDArray[np.float32]
    is_evidence: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of one method on one set, 0..1; None where one is not defined.

    Attributes:
        n_questions: answerable and unanswerable.
        n_answerable: number of questions over which recall and average precision are means.
        best_unit_recall: share of the questions that one unit answers whose most probable unit is such a unit.
        recall: share of the questions that keep the needed evidence, for each of `REPORTED_RATIOS`.
        auto_recall, auto_kept_fraction: recall, and the fraction of the words kept, under the automatic budget.
        average_precision: over the units of a question.
        passage_auc: ROC-AUC of passages with evidence against those without, over all questions together.
        calibration_error: expected calibration error over all units of all questions.
        recall_at_ratios: recall at each of `fixed_ratio.RATIOS`, `(n_ratios,)`.
        calibration: the units behind `calibration_error`; None for baselines.
        outcomes: one for each question.
    """

    name: str
    n_questions: int
    n_answerable: int
    best_unit_recall: float | None
    recall: tuple[float, ...]
    auto_recall: float
    auto_kept_fraction: float
    average_precision: float
    passage_auc: float | None
    calibration_error: float | None
    supporting_facts: SupportingFacts | None
    recall_at_ratios: NDArray[np.float64]
    calibration: Calibration | None
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over sets, every set with the same weight; None where a metric is not defined in any set.

    Attributes:
        pooled_calibration_error: over the units of all sets together, every set with the same weight.
        ratio_for_recall: the smallest fixed ratio of the words at which the mean recall over sets is `TARGET_RECALL`.
            Ratios are scanned in steps of 1% (`fixed_ratio`) and interpolated linearly between steps.
    """

    n_sets: int
    best_unit_recall: float | None
    recall: tuple[float, ...]
    auto_recall: float
    auto_kept_fraction: float
    average_precision: float
    passage_auc: float | None
    calibration_error: float | None
    supporting_f1: float | None
    supporting_exact: float | None
    pooled_calibration_error: float | None
    ratio_for_recall: float | None


def measure(
    method: Method,
    labelled: LabelledSet,
    tuning: LabelledSet | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    reader: Reader | None = None,
) -> Measured:
    """Return the metrics of one method on one set. Every question is scored once, and all metrics use those scores.

    Args:
        method: scores the units.
        labelled: a set with at least one answerable question.
        tuning: other multi-hop questions, on which the threshold of `SupportingFacts` is chosen; None for no threshold.
        progress: called after every question with the number done and the number of all.
        reader: answers from the full and from the compressed context, or None.

    Raises:
        InputError: a question cannot be scored.
        BackendError: the reader cannot be reached.
    """
    n_tuning = len(tuning.answerable) if tuning else 0
    total = n_tuning + len(labelled.questions)
    threshold = None
    if tuning and n_tuning:
        tuned = _scored(method, tuning.answerable, lambda done: progress(done, total))
        threshold = best_threshold(
            [
                (result.scored.scores.probability, question.are_evidence(result.scored.units))
                for question, _, result in tuned
            ]
        )
    at_ratios = [method.compressor(ratio=ratio) for ratio in REPORTED_RATIOS]
    all_questions = [
        _measured_question(question, scored, result, at_ratios, reader)
        for question, scored, result in _scored(
            method, labelled.questions, lambda done: progress(n_tuning + done, total)
        )
    ]
    answerable = [question for question in all_questions if question.found_at_ratios is not None]
    recall_curves = [at for question in answerable if (at := question.found_at_ratios) is not None]
    outcomes = [question.outcome.values for question in answerable]
    calibration = None
    if method.gives_probability:
        calibration = Calibration(
            np.concatenate([question.probability for question in all_questions]),
            np.concatenate([question.is_evidence for question in all_questions]),
        )
    return Measured(
        name=labelled.name,
        n_questions=len(all_questions),
        n_answerable=len(answerable),
        best_unit_recall=_mean_of_known([values.get("best_unit_recall") for values in outcomes]),
        recall=tuple(fmean(values[f"recall_at_{ratio * 100:.0f}"] for values in outcomes) for ratio in REPORTED_RATIOS),
        auto_recall=fmean(values["auto_recall"] for values in outcomes),
        auto_kept_fraction=fmean(values["auto_kept_fraction"] for values in outcomes),
        average_precision=fmean(values["average_precision"] for values in outcomes),
        passage_auc=roc_auc(
            np.concatenate([question.relevance for question in all_questions]),
            np.concatenate([question.is_relevant for question in all_questions]),
        ),
        calibration_error=_calibration_error([calibration]),
        supporting_facts=None if threshold is None else _supporting_facts(answerable, threshold),
        recall_at_ratios=np.mean(recall_curves, axis=0),
        calibration=calibration,
        outcomes=tuple(question.outcome for question in all_questions),
    )


def summarise(sets: Sequence[Measured]) -> Summary:
    """Return the means of the metrics of one method over sets."""
    supporting = [one.supporting_facts for one in sets if one.supporting_facts]
    recall_at_ratios: NDArray[np.float64] = np.mean([one.recall_at_ratios for one in sets], axis=0)
    return Summary(
        n_sets=len(sets),
        best_unit_recall=_mean_of_known([one.best_unit_recall for one in sets]),
        recall=tuple(map(fmean, zip(*(one.recall for one in sets), strict=True))),
        auto_recall=fmean(one.auto_recall for one in sets),
        auto_kept_fraction=fmean(one.auto_kept_fraction for one in sets),
        average_precision=fmean(one.average_precision for one in sets),
        passage_auc=_mean_of_known([one.passage_auc for one in sets]),
        calibration_error=_mean_of_known([one.calibration_error for one in sets]),
        supporting_f1=_mean_of_known([one.f1 for one in supporting]),
        supporting_exact=_mean_of_known([one.exact for one in supporting]),
        pooled_calibration_error=_calibration_error([one.calibration for one in sets]),
        ratio_for_recall=ratio_for_recall(RATIOS, recall_at_ratios, TARGET_RECALL),
    )


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _calibration_error(sets: Sequence[Calibration | None]) -> float | None:
    """Return the expected calibration error over the units of all sets, every set with the same weight."""
    pooled = _pooled(sets)
    return None if pooled is None else expected_calibration_error(*pooled)


def reliability_of(sets: Sequence[Measured]) -> list[tuple[float, float, float]]:
    """Return the reliability diagram over all sets together (`metrics.reliability`); empty for baselines."""
    pooled = _pooled([one.calibration for one in sets])
    return [] if pooled is None else reliability(*pooled)


def _pooled(
    sets: Sequence[Calibration | None],
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]] | None:
    """Return probability, label and weight of the units of all sets; the weights of each set add up to 1."""
    filled = [one for one in sets if one is not None and len(one.probability)]
    if not filled:
        return None
    return (
        np.concatenate([one.probability for one in filled]),
        np.concatenate([one.is_evidence for one in filled]),
        np.concatenate([np.full(len(one.probability), 1 / len(one.probability)) for one in filled]),
    )


def _supporting_facts(questions: Sequence[_MeasuredQuestion], threshold: float) -> SupportingFacts:
    kept = [at_threshold(question.probability, threshold) for question in questions]
    pairs = [(chosen, question.is_evidence) for chosen, question in zip(kept, questions, strict=True)]
    return SupportingFacts(
        threshold=threshold,
        f1=fmean(f1(chosen, is_evidence) for chosen, is_evidence in pairs),
        exact=fmean(bool((chosen == is_evidence).all()) for chosen, is_evidence in pairs),
    )


@dataclass(frozen=True, slots=True)
class _MeasuredQuestion:
    """One measured question.

    Attributes:
        probability, is_evidence: `(n_units,)`.
        relevance, is_relevant: `(n_passages,)`.
        outcome: its metrics.
        found_at_ratios: `(n_ratios,)`, whether the evidence is kept; None for an unanswerable question.
    """

    probability: NDArray[np.float32]
    is_evidence: NDArray[np.bool_]
    relevance: NDArray[np.float32]
    is_relevant: NDArray[np.bool_]
    outcome: Outcome
    found_at_ratios: NDArray[np.bool_] | None


def _scored(
    method: Method, questions: Sequence[Labelled], progress: Callable[[int], None]
) -> Iterator[tuple[Labelled, Scored, Result]]:
    """Yield each question with its scores and its result under the automatic budget."""
    auto = method.compressor()
    results = auto.scoring.score(question.request for question in questions)
    for done, (question, scored) in enumerate(zip(questions, results, strict=True), 1):
        if isinstance(scored, BadRecord):
            raise InputError(scored.message, option=scored.options)
        progress(done)
        yield question, scored, auto.selector.select(scored)


def _measured_question(
    question: Labelled, scored: Scored, result: Result, at_ratios: Sequence[Compressor], reader: Reader | None
) -> _MeasuredQuestion:
    """Return the measurements of a question.

    Args:
        question: answerable or not.
        scored: its scores.
        result: the selection from these scores under the automatic budget.
        at_ratios: a compressor for each of `REPORTED_RATIOS`.
        reader: answers from the full and from the compressed context, or None.
    """
    is_relevant = np.zeros(len(question.request.passages), dtype=np.bool_)
    is_relevant[[passage for passage, _, _ in question.evidence]] = True
    found: list[bool] = []
    recall_curve = None
    if question.need != "none":
        recall_curve = found_at_ratios(question, scored)
        found = [question.found(compressor.selector.select(scored)) for compressor in at_ratios]
    return _MeasuredQuestion(
        result.scored.scores.probability,
        question.are_evidence(result.scored.units),
        result.scored.scores.relevance,
        is_relevant,
        outcome(question, result, found, reader),
        recall_curve,
    )
