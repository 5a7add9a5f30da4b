"""Fits the forests of the adaptive budget: how deep to cut a ranking, and whether a question is answerable."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.evaluation.answerability import ANSWERED, OFF_TOPIC
from ctxzip.evaluation.labelled import Labelled, read_labelled
from ctxzip.selection.adaptive.features import (
    QUESTION_FEATURES,
    RANK_FEATURES,
    evaluated_ranks,
    question_features,
    rank_features,
)
from ctxzip.selection.adaptive.forest import forest_as_json, forest_from_json
from ctxzip.training.augment import augmented
from ctxzip.training.nearest_passages import nearest_passages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.evaluation.ranking import Ranked

_PASSAGES = 10
_LONG = 2_500  # code points: sets of longer passages keep one passage a question
# Of scikit-learn; chosen by the words kept at 80, 90 and 95% recall on dev sets (models/README.md, "fit_policy").
_REACH = {"n_estimators": 120, "max_depth": 5, "learning_rate": 0.08, "min_samples_leaf": 60, "subsample": 0.5}
# Of scikit-learn; chosen by five-fold cross-validation on questions of the training sets.
_ANSWERABLE = {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.08, "min_samples_leaf": 30, "subsample": 0.5}
# Share of the answered questions of which an automatic budget may keep nothing. A text that is dropped although it answers does more
# harm than one that is kept although it does not.
_MAX_EMPTIED = 0.01
_FOLDS = 5
_LISTS = frozenset({"multispanqa"})  # answers are lists of several things; the labels count any one as enough


def workload(files: Sequence[Path], per_set: int, seed: int) -> list[tuple[str, Labelled]]:
    """Return a sample of questions as users ask them: with the passages of a retriever.

    Some are augmented (`ctxzip.training.augment`), because users' documents vary more than these sets.

    Args:
        files: labelled questions; in sets of one short passage a question, each question gets nine passages more.
        per_set: number of questions to sample from each file.
        seed: of the sample.

    Returns:
        The questions, each with the name of its set.
    """
    found = []
    for path in files:
        rng = random.Random(seed)
        questions = list(read_labelled(path))
        chosen = sorted(rng.sample(range(len(questions)), min(per_set, len(questions))))
        name = path.name.partition(".")[0]
        sampled = [questions[index] for index in chosen]
        length = np.mean([len(passage.text) for question in sampled for passage in question.request.passages])
        if length < _LONG and all(len(question.request.passages) == 1 for question in questions):
            sampled = as_retrieved(questions, chosen, rng)
        found += [(name, whole_list(name, augmented(question, rng))) for question in sampled]
    return found


def whole_list(name: str, question: Labelled) -> Labelled:
    """Return the question with `need` set to `all` where its answer is a list.

    Args:
        name: of its set.
        question: answerable or not.
    """
    return replace(question, need="all") if name in _LISTS and question.evidence else question


def as_retrieved(questions: Sequence[Labelled], chosen: Sequence[int], rng: random.Random) -> list[Labelled]:
    """Return questions of a one-passage set with ten passages: their own and the nine most similar (`nearest_passages`).

    Args:
        questions: of the whole set, one passage each.
        chosen: indices of the questions to return.
        rng: draws the position of the own passage.
    """
    others = nearest_passages(questions, chosen, _PASSAGES - 1)
    found = []
    for index, near in zip(chosen, others, strict=True):
        question = questions[index]
        own = question.request.passages[0]
        passages = [questions[other].request.passages[0] for other in near]
        place = rng.randint(0, len(passages))
        passages.insert(place, own)
        evidence = tuple((place, start, end) for _, start, end in question.evidence)
        found.append(Labelled(replace(question.request, passages=tuple(passages)), evidence, question.need))
    return found


def fit(questions: Sequence[Ranked], kinds: Sequence[str], seed: int) -> dict[str, Any]:
    """Return the forests and the floor of the policy as JSON values, and what the floor empties by cross-validation.

    Every set has the same weight. Where too few questions are unanswerable there is no forest for them, and the floor
    is 0. An answerable question whose evidence no unit overlaps is not used for the depth.

    Args:
        questions: ranked.
        kinds: of the questions (`ctxzip.evaluation.answerability`); off-topic ones are not counted in `fitted_on`.
        seed: of the subsamples.
    """
    sizes = Counter(question.set_name for question in questions)
    weights = np.array([len(questions) / (len(sizes) * sizes[question.set_name]) for question in questions])
    features = np.stack([question_features(question.ranking) for question in questions])
    labels = np.array([kind == ANSWERED for kind in kinds])
    answerable, floor, emptied = None, 0.0, {}
    if min(labels.sum(), (~labels).sum()) >= _FOLDS:
        by_kind = _equal_weights([one.set_name for one in questions], kinds)
        answerable = _fitted(features, labels, by_kind, QUESTION_FEATURES, _ANSWERABLE, seed)
        chances = _cross_validated_chances(features, labels, by_kind, seed)
        floor = _rounded_down(_weighted_quantile(chances[labels], by_kind[labels], _MAX_EMPTIED))
        emptied = _emptied(chances, kinds, floor)
    rows, reached, row_weights = [], [], []
    for index, question in enumerate(questions):
        if question.last_needed is None:
            continue
        ranks = evaluated_ranks(len(question.ranking.probability))
        rows.append(rank_features(question.ranking, ranks))
        reached.append(ranks > question.last_needed)
        # A question counts once, however many of its ranks are rows.
        row_weights.append(np.full(len(ranks), weights[index] / len(ranks)))
    reach = _fitted(
        np.concatenate(rows), np.concatenate(reached), np.concatenate(row_weights), RANK_FEATURES, _REACH, seed
    )
    return {
        "fitted_on": dict(
            sorted(
                Counter(one.set_name for one, kind in zip(questions, kinds, strict=True) if kind != OFF_TOPIC).items()
            )
        ),
        "emptied": emptied,
        "floor": floor,
        "reach": reach,
        "answerable": answerable,
    }


def adjusted_floor(fitted: Mapping[str, Any], questions: Sequence[Ranked], kinds: Sequence[str]) -> dict[str, Any]:
    """Return the floor below which a question counts as unanswerable, and the shares of the questions that it empties.

    It is chosen on questions that nothing was fitted on, because the model is overconfident on its training sets: 1% of the
    answered ones lie below it, each set with equal weight.

    Args:
        fitted: the return value of `fit`.
        questions: ranked, of other sets.
        kinds: of the questions.
    """
    if fitted["answerable"] is None:
        return {}
    forest = forest_from_json(fitted["answerable"], QUESTION_FEATURES)
    chances = forest.probabilities(np.stack([question_features(question.ranking) for question in questions]))
    answered = np.array([kind == ANSWERED for kind in kinds])
    weights = _equal_weights([question.set_name for question in questions], kinds)
    floor = _rounded_down(_weighted_quantile(chances[answered], weights[answered], _MAX_EMPTIED))
    return {"floor": floor, "emptied": _emptied(chances, kinds, floor)}


def _equal_weights(sets: Sequence[str], kinds: Sequence[str]) -> NDArray[np.float64]:
    """Return weights, `(n,)`: answered questions weigh as much as all others, near misses as much as off-topic ones.

    Within a kind every set weighs the same.
    """
    cells = list(zip(kinds, sets, strict=True))
    sizes = Counter(cells)
    n_sets = Counter(kind for kind, _ in sizes)
    n_negative = len(n_sets.keys() - {ANSWERED})
    return np.array(
        [
            len(cells) / 2 / (1 if kind == ANSWERED else n_negative) / n_sets[kind] / sizes[kind, name]
            for kind, name in cells
        ]
    )


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    """Return the largest of the values below which lies at most this share of the weight.

    >>> _weighted_quantile(np.array([0.3, 0.1, 0.2]), np.array([1.0, 1.0, 2.0]), 0.25)
    0.2
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order]
    return float(values[order][below <= share * weights.sum()].max())


def _rounded_down(probability: float) -> float:
    """Return a probability with four decimal places that is not higher, so that no more questions lie below it."""
    return math.floor(probability * 1e4) / 1e4


def _emptied(chances: NDArray[np.float64], kinds: Sequence[str], floor: float) -> dict[str, float]:
    """Return the share of the questions of each kind, 0..1, that lie below a floor."""
    return {
        kind: round(float((chances[[other == kind for other in kinds]] < floor).mean()), 4)
        for kind in dict.fromkeys(kinds)
    }


def _fitted(
    rows: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    features: tuple[str, ...],
    settings: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    from sklearn.ensemble import GradientBoostingClassifier

    # From zero, so that the prediction is the sum of the trees.
    model = GradientBoostingClassifier(random_state=seed, init="zero", **settings)
    model.fit(rows, labels, sample_weight=weights)
    return forest_as_json([stage[0].tree_ for stage in model.estimators_], settings["learning_rate"], features)


def _cross_validated_chances(
    rows: NDArray[np.float32], labels: NDArray[np.bool_], weights: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Return the chance that each question is answerable, by a forest fitted on the other folds, `(n,)`."""
    folds = np.zeros(len(labels), dtype=np.intp)
    rng = np.random.default_rng(seed)
    for kind in (labels, ~labels):  # stratified
        folds[kind] = rng.permutation(int(kind.sum())) % _FOLDS
    found = np.zeros(len(labels))
    for fold in range(_FOLDS):
        inside = folds == fold
        forest = _fitted(rows[~inside], labels[~inside], weights[~inside], QUESTION_FEATURES, _ANSWERABLE, seed)
        found[inside] = forest_from_json(forest, QUESTION_FEATURES).probabilities(rows[inside])
    return found
