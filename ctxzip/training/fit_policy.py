"""Labelled questions -> the forests behind the adaptive budget: how far down to go, and whether at all."""

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
    question_features,
    rank_features,
    ranks_looked_at,
)
from ctxzip.selection.adaptive.forest import as_json, from_json
from ctxzip.training.augment import perturbed
from ctxzip.training.examples import nearest_passages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.evaluation.ranking import Ranked

_PASSAGES = 10
_LONG = 2_500  # code points: a page, of which nobody retrieves ten
# Fitted on 1,000 questions of each training set, asked of every second question of eleven dev sets: % of the words kept where
# 80, 90 and 95% of them keep all their evidence: 5.8, 10.5 and 17.4 with trees of depth 4 (19.6 at 95% with 250 of each set),
# 5.7, 10.5 and 16.9 with these, 5.6, 10.3 and 17.4 with 200 of them; a fixed ratio takes 8.7, 17.0 and 29.3. Of all questions
# (`ctxzip eval --compare-budgets`) 5.7, 10.1 and 17.4 with these on 1,000 questions of each set, 5.8, 10.0 and 17.0 on 2,000. By five-fold
# cross-validation on 250 of each, forests that rise with the rank and features of the text (the question's terms kept, its
# names, the kind of its answer, BM25's best left behind) change less than drawing the questions anew does.
_REACH = {"n_estimators": 120, "max_depth": 5, "learning_rate": 0.08, "min_samples_leaf": 60, "subsample": 0.5}
# Found by five-fold cross-validation on the questions of the training sets.
_ANSWERABLE = {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.08, "min_samples_leaf": 30, "subsample": 0.5}
_LOST = 0.02  # share of the answerable questions that may be taken for unanswerable, by cross-validation
_EMPTIED = 0.03  # share of the answerable questions of any set that may be emptied
_FOLDS = 5
_LISTS = frozenset({"multispanqa"})  # their questions ask for all of several things; evaluated are they by the first


def workload(files: Sequence[Path], per_set: int, seed: int) -> list[tuple[str, Labelled]]:
    """Return questions in the form in which they are asked: with all the passages that a retriever found.

    Some are put into other clothes (`ctxzip.training.augment`): what people have is more than these sets.

    Args:
        files: labelled; those of one passage a question are given nine more, but where that is a long document.
        per_set: questions drawn of each.
        seed: of the draw.

    Returns:
        the name of the set of each question, and the question.
    """
    found = []
    for path in files:
        rng = random.Random(seed)
        questions = list(read_labelled(path))
        chosen = sorted(rng.sample(range(len(questions)), min(per_set, len(questions))))
        name = path.name.partition(".")[0]
        asked = [questions[index] for index in chosen]
        length = np.mean([len(passage.text) for question in asked for passage in question.request.passages])
        if length < _LONG and all(len(question.request.passages) == 1 for question in questions):
            asked = as_retrieved(questions, chosen, rng)
        found += [(name, whole_list(name, perturbed(question, rng))) for question in asked]
    return found


def whole_list(name: str, question: Labelled) -> Labelled:
    """Return the question so that an answer that names several things needs all of them.

    Args:
        name: of its set.
        question: answerable or not.
    """
    return replace(question, need="all") if name in _LISTS and question.evidence else question


def as_retrieved(questions: Sequence[Labelled], chosen: Sequence[int], rng: random.Random) -> list[Labelled]:
    """Return questions of a one-passage set with ten passages: their own and nine that look like an answer.

    Args:
        questions: of the whole set, one passage each.
        chosen: indices of those to return.
        rng: decides where the own passage stands.
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
    """Return the forests and the floor as JSON values, and what they are worth by cross-validation.

    Sets weigh the same. Where next to all questions are answerable there is no telling the others: no
    forest, and no question is taken for one of them. A question that is answerable and whose evidence stands in no unit teaches nothing.

    Args:
        questions: ranked.
        answered: whether each has evidence.
        seed: of the subsamples.
    """
    sizes = Counter(question.set_name for question in questions)
    weights = np.array([len(questions) / (len(sizes) * sizes[question.set_name]) for question in questions])
    asked = np.stack([question_features(question.ranking) for question in questions])
    labels = np.array(answered)
    answerable, unseen, floor = None, np.ones(len(labels)), 0.0
    if min(labels.sum(), (~labels).sum()) >= _FOLDS:
        answerable = _fitted(asked, labels, weights, QUESTION_FEATURES, _ANSWERABLE, seed)
        unseen = _unseen(asked, labels, weights, seed)
        floor = float(np.quantile(unseen[labels], _LOST))
    rows, reached, owners = [], [], []
    for index, question in enumerate(questions):
        if question.last_needed is None:
            continue
        ranks = ranks_looked_at(len(question.ranking.probability))
        rows.append(rank_features(question.ranking, ranks))
        reached.append(ranks > question.last_needed)
        # A question counts once, however many ranks it was looked at.
        owners.append(np.full(len(ranks), weights[index] / len(ranks)))
    reach = _fitted(np.concatenate(rows), np.concatenate(reached), np.concatenate(owners), RANK_FEATURES, _REACH, seed)
    return {
        "fitted_on": {name: sizes[name] for name in sorted(sizes)},
        "emptied": {
            "answerable": round(float((unseen[labels] < floor).mean()), 4),
            "unanswerable": round(float((unseen[~labels] < floor).mean()), 4) if (~labels).any() else None,
        },
        "floor": round(floor, 4),
        "reach": reach,
        "answerable": answerable,
    }


def settled(fitted: Mapping[str, Any], questions: Sequence[Ranked], answered: Sequence[bool]) -> dict[str, Any]:
    """Return the floor below which a question counts as one that nothing answers, and what it empties.

    By questions that nothing was fitted on: a model that knows the sets from its training is too sure of them. In
    no set may more than 3% of the answerable questions lie below it; by what was fitted alone 22% of timeqa did.

    Args:
        fitted: what `fit` returned.
        questions: ranked.
        answered: whether each has evidence.
    """
    if fitted["answerable"] is None:
        return {}
    forest = from_json(fitted["answerable"], QUESTION_FEATURES)
    chances = forest.chances(np.stack([question_features(question.ranking) for question in questions]))
    labels, names = np.array(answered), np.array([question.set_name for question in questions])
    lowest = [np.quantile(chances[labels & (names == name)], _EMPTIED) for name in set(names[labels].tolist())]
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

    # From zero, so that the sum of the trees is all there is.
    model = GradientBoostingClassifier(random_state=seed, init="zero", **settings)
    model.fit(rows, labels, sample_weight=weights)
    return as_json([stage[0].tree_ for stage in model.estimators_], settings["learning_rate"], features)


def _unseen(
    rows: NDArray[np.float32], labels: NDArray[np.bool_], weights: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Return the chance that each question is answerable, by a forest that did not see it."""
    folds = np.zeros(len(labels), dtype=np.intp)
    rng = np.random.default_rng(seed)
    for kind in (labels, ~labels):  # some of both in every fold
        folds[kind] = rng.permutation(int(kind.sum())) % _FOLDS
    found = np.zeros(len(labels))
    for fold in range(_FOLDS):
        inside = folds == fold
        forest = _fitted(rows[~inside], labels[~inside], weights[~inside], QUESTION_FEATURES, _ANSWERABLE, seed)
        found[inside] = from_json(forest, QUESTION_FEATURES).chances(rows[inside])
    return found
