"""Fits the forests of the adaptive budget: how deep to cut a ranking, and whether a question is answerable."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

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
_MAX_MISTAKEN = 0.02  # share of the answerable questions that may be predicted unanswerable, by cross-validation
_MAX_EMPTIED = 0.03  # share of the answerable questions of any set of which the budget may keep nothing
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


def fit(questions: Sequence[Ranked], answered: Sequence[bool], seed: int) -> dict[str, Any]:
    """Return the forests and the floor of the policy as JSON values, and what the floor empties by cross-validation.

    Every set has the same weight. Where too few questions are unanswerable there is no forest for them, and the floor
    is 0. An answerable question whose evidence no unit overlaps is not used for the depth.

    Args:
        questions: ranked.
        answered: whether each is answerable.
        seed: of the subsamples.
    """
    sizes = Counter(question.set_name for question in questions)
    weights = np.array([len(questions) / (len(sizes) * sizes[question.set_name]) for question in questions])
    features = np.stack([question_features(question.ranking) for question in questions])
    labels = np.array(answered)
    answerable, chances, floor = None, np.ones(len(labels)), 0.0
    if min(labels.sum(), (~labels).sum()) >= _FOLDS:
        answerable = _fitted(features, labels, weights, QUESTION_FEATURES, _ANSWERABLE, seed)
        chances = _cross_validated_chances(features, labels, weights, seed)
        floor = float(np.quantile(chances[labels], _MAX_MISTAKEN))
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
        "fitted_on": {name: sizes[name] for name in sorted(sizes)},
        "emptied": {
            "answerable": round(float((chances[labels] < floor).mean()), 4),
            "unanswerable": round(float((chances[~labels] < floor).mean()), 4) if (~labels).any() else None,
        },
        "floor": round(floor, 4),
        "reach": reach,
        "answerable": answerable,
    }


def adjusted_floor(fitted: Mapping[str, Any], questions: Sequence[Ranked], answered: Sequence[bool]) -> dict[str, Any]:
    """Return the floor below which a question counts as unanswerable, and the shares of the questions that it empties.

    It is lowered on questions that nothing was fitted on, because the model is overconfident on its training sets: in no
    set more than 3% of the answerable questions may lie below it.

    Args:
        fitted: the return value of `fit`.
        questions: ranked, of other sets.
        answered: whether each is answerable.
    """
    if fitted["answerable"] is None:
        return {}
    forest = forest_from_json(fitted["answerable"], QUESTION_FEATURES)
    chances = forest.probabilities(np.stack([question_features(question.ranking) for question in questions]))
    labels, names = np.array(answered), np.array([question.set_name for question in questions])
    lowest = [np.quantile(chances[labels & (names == name)], _MAX_EMPTIED) for name in set(names[labels].tolist())]
    floor = round(min(fitted["floor"], *map(float, lowest)), 4)
    return {
        "floor": floor,
        "emptied": {
            "answerable": round(float((chances[labels] < floor).mean()), 4),
            "unanswerable": round(float((chances[~labels] < floor).mean()), 4) if (~labels).any() else None,
        },
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
