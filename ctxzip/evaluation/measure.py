"""Runs a method over sets of labelled questions and measures what it finds."""

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

KEPT = (0.1, 0.2, 0.3)  # ratios at which recall is shown
WANTED_RECALL = 0.9


@dataclass(frozen=True, slots=True)
class SupportingFacts:
    """How exactly the evidence of questions that need all of it is met at one threshold; means, 0..1.

    Attributes:
        threshold: the best for F1 on other data.
        exact: share of the questions of which all evidence and nothing else is kept.
    """

    threshold: float
    f1: float
    exact: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Every unit of a set.

    Attributes:
        probability: `(n,)` float32.
        is_evidence: `(n,)`.
    """

    probability: NDArray[np.float32]
    is_evidence: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one method scores on one set. All is 0..1; None is what the set cannot say.

    Attributes:
        n_questions: with those that nothing answers.
        n_answerable: of which recall and average precision are means.
        recall: of whole questions, with the shares `KEPT` of the words kept.
        auto_recall, auto_kept_fraction: under the automatic budget.
        average_precision: over the units of a question.
        passage_auc: of passages with evidence against those without, of all questions together.
        calibration_error: of the probabilities of all units of all questions.
        recall_at_ratios: recall at each of `fixed_ratio.RATIOS`, `(n_ratios,)`.
        calibration: what `calibration_error` was computed from; None for baselines.
        outcomes: of every question.
    """

    name: str
    n_questions: int
    n_answerable: int
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
    """Means over sets, every set weighing the same; None is what no set says.

    Attributes:
        pooled_calibration_error: of the units of all sets together, every set weighing the same.
        ratio_for_recall: the smallest fixed ratio of the words at which the mean recall over sets is
            90%. Ratios are scanned in steps of 1%, what each keeps follows from the ranking of every
            question by the rule of selection, and between two steps recall is a straight line.
    """

    n_sets: int
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
    """Measure one method on one set. Every question is scored once, and every metric uses those scores.

    Args:
        method: what scores.
        labelled: with at least one answerable question.
        tuning: questions of the same kind, which need all of their spans, to choose a threshold on.
        progress: told after every question how many are done, of how many.
        reader: answers from full and from compressed context, or None.

    Raises:
        InputError: a question cannot be scored.
        BackendError: the reader cannot be asked.
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
    at_kept = [method.compressor(ratio=ratio) for ratio in KEPT]
    seen = [
        _seen(question, scored, result, at_kept, reader)
        for question, scored, result in _scored(
            method, labelled.questions, lambda done: progress(n_tuning + done, total)
        )
    ]
    answered = [question for question in seen if question.found_at_ratios is not None]
    outcomes = [question.outcome.values for question in answered]
    calibration = None
    if method.gives_probability:
        calibration = Calibration(
            np.concatenate([question.probability for question in seen]),
            np.concatenate([question.is_evidence for question in seen]),
        )
    return Measured(
        name=labelled.name,
        n_questions=len(seen),
        n_answerable=len(answered),
        recall=tuple(fmean(values[f"recall_at_{ratio * 100:.0f}"] for values in outcomes) for ratio in KEPT),
        auto_recall=fmean(values["auto_recall"] for values in outcomes),
        auto_kept_fraction=fmean(values["auto_kept_fraction"] for values in outcomes),
        average_precision=fmean(values["average_precision"] for values in outcomes),
        passage_auc=roc_auc(
            np.concatenate([question.relevance for question in seen]),
            np.concatenate([question.is_relevant for question in seen]),
        ),
        calibration_error=_calibration_error([calibration]),
        supporting_facts=None if threshold is None else _supporting_facts(answered, threshold),
        recall_at_ratios=np.mean([at for question in seen if (at := question.found_at_ratios) is not None], axis=0),
        calibration=calibration,
        outcomes=tuple(question.outcome for question in seen),
    )


def summarise(sets: Sequence[Measured]) -> Summary:
    """Return the means of one method over sets."""
    supporting = [one.supporting_facts for one in sets if one.supporting_facts]
    recall_at_ratios: NDArray[np.float64] = np.mean([one.recall_at_ratios for one in sets], axis=0)
    return Summary(
        n_sets=len(sets),
        recall=tuple(map(fmean, zip(*(one.recall for one in sets), strict=True))),
        auto_recall=fmean(one.auto_recall for one in sets),
        auto_kept_fraction=fmean(one.auto_kept_fraction for one in sets),
        average_precision=fmean(one.average_precision for one in sets),
        passage_auc=_mean_of_known([one.passage_auc for one in sets]),
        calibration_error=_mean_of_known([one.calibration_error for one in sets]),
        supporting_f1=_mean_of_known([one.f1 for one in supporting]),
        supporting_exact=_mean_of_known([one.exact for one in supporting]),
        pooled_calibration_error=_calibration_error([one.calibration for one in sets]),
        ratio_for_recall=ratio_for_recall(RATIOS, recall_at_ratios, WANTED_RECALL),
    )


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _calibration_error(sets: Sequence[Calibration | None]) -> float | None:
    """Return the expected calibration error of the units of all sets, every set weighing the same."""
    pooled = _pooled(sets)
    return None if pooled is None else expected_calibration_error(*pooled)


def reliability_of(sets: Sequence[Measured]) -> list[tuple[float, float, float]]:
    """Return the points of the calibration plot of all sets together (`metrics.reliability`), none for baselines."""
    pooled = _pooled([one.calibration for one in sets])
    return [] if pooled is None else reliability(*pooled)


def _pooled(
    sets: Sequence[Calibration | None],
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]] | None:
    """Return probability, label and weight of the units of all sets; every set weighs the same."""
    filled = [one for one in sets if one is not None and len(one.probability)]
    if not filled:
        return None
    return (
        np.concatenate([one.probability for one in filled]),
        np.concatenate([one.is_evidence for one in filled]),
        np.concatenate([np.full(len(one.probability), 1 / len(one.probability)) for one in filled]),
    )


def _supporting_facts(questions: Sequence[_Seen], threshold: float) -> SupportingFacts:
    kept = [at_threshold(question.probability, threshold) for question in questions]
    pairs = [(chosen, question.is_evidence) for chosen, question in zip(kept, questions, strict=True)]
    return SupportingFacts(
        threshold=threshold,
        f1=fmean(f1(chosen, is_evidence) for chosen, is_evidence in pairs),
        exact=fmean(bool((chosen == is_evidence).all()) for chosen, is_evidence in pairs),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """One scored question: `(n_units,)` twice, `(n_passages,)` twice, what came of it, and `(n_ratios,)` if answerable."""

    probability: NDArray[np.float32]
    is_evidence: NDArray[np.bool_]
    relevance: NDArray[np.float32]
    is_relevant: NDArray[np.bool_]
    outcome: Outcome
    found_at_ratios: NDArray[np.bool_] | None


def _scored(
    method: Method, questions: Sequence[Labelled], progress: Callable[[int], None]
) -> Iterator[tuple[Labelled, Scored, Result]]:
    """Yield each question with its scores and with its result under the automatic budget."""
    auto = method.compressor()
    results = auto.scoring.score(question.request for question in questions)
    for done, (question, scored) in enumerate(zip(questions, results, strict=True), 1):
        if isinstance(scored, BadRecord):
            raise InputError(scored.message, option=scored.options)
        progress(done)
        yield question, scored, auto.selector.select(scored)


def _seen(
    question: Labelled, scored: Scored, result: Result, at_kept: Sequence[Compressor], reader: Reader | None
) -> _Seen:
    """Keep of a question and its result under the automatic budget what is measured.

    Args:
        question: answerable or not.
        scored: its scores.
        result: of them under the automatic budget.
        at_kept: with the ratios `KEPT` for a limit.
        reader: answers, or None.
    """
    is_relevant = np.zeros(len(question.request.passages), dtype=np.bool_)
    is_relevant[[passage for passage, _, _ in question.evidence]] = True
    found: list[bool] = []
    at_ratios = None
    if question.need != "none":
        at_ratios = found_at_ratios(question, scored)
        found = [question.found(compressor.selector.select(scored)) for compressor in at_kept]
    return _Seen(
        result.scored.scores.probability,
        question.are_evidence(result.scored.units),
        result.scored.scores.relevance,
        is_relevant,
        outcome(question, result, found, reader),
        at_ratios,
    )
