"""How well answerability tells questions that their documents answer from near misses and off-topic questions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.evaluation.labelled import Labelled
from ctxzip.evaluation.metrics import roc_auc

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from ctxzip.selection.adaptive.policy import Answerability

ANSWERED = "answered"
NEAR_MISS = "near miss"  # documents about the subject of the question that do not answer it
OFF_TOPIC = "off-topic"  # documents of another question
MISTAKEN = 0.03  # share of the answered questions that `Separation.emptied_at` empties
_TRIES = 20  # questions whose documents are tried for one off-topic question


@dataclass(frozen=True, slots=True)
class Separation:
    """How well answerability separates the questions of one set.

    Attributes:
        n: number of questions by kind: `ANSWERED`, `NEAR_MISS`, `OFF_TOPIC`.
        auc: ROC-AUC, 0..1, of answered questions against those of each other kind; None without such questions.
        emptied: share of the questions of each kind, 0..1, below the floor of the automatic budget.
        emptied_at: the same below the probability that `MISTAKEN` of the answered questions of all sets are below.
    """

    set_name: str
    n: dict[str, int]
    auc: dict[str, float | None]
    emptied: dict[str, float]
    emptied_at: dict[str, float]


def kind_of(question: Labelled) -> str:
    """Return the kind of a labelled question as it comes in a set."""
    return NEAR_MISS if question.need == "none" else ANSWERED


def off_topic(
    questions: Sequence[tuple[str, Labelled]], share: float, rng: random.Random
) -> list[tuple[str, Labelled]]:
    """Return a random share of the questions with the documents of another question, which do not answer them.

    The documents are those of a question of another set, or of the same where there is only one, and of a question without a
    document in common; a question for which none is found is left out.

    Args:
        questions: each with the name of its set.
        share: 0..1.
        rng: draws the questions and their documents.
    """
    n_sets = len({name for name, _ in questions})
    found = []
    for name, question in questions:
        if rng.random() >= share:
            continue
        texts = {passage.text for passage in question.request.passages}
        others = questions if n_sets == 1 else [pair for pair in questions if pair[0] != name]
        for _, other in rng.sample(others, min(_TRIES, len(others))):
            if not texts & {passage.text for passage in other.request.passages}:
                request = replace(question.request, passages=other.request.passages)
                found.append((name, Labelled(request, (), "none")))
                break
    return found


def separations(found: Sequence[tuple[str, str, Answerability]]) -> list[Separation]:
    """Return how well each set is separated, and at last the questions of all together as `all`.

    Args:
        found: the set, the kind and the answerability of each question.
    """
    answered = np.array([one.probability for _, kind, one in found if kind == ANSWERED])
    threshold = float(np.quantile(answered, MISTAKEN)) if len(answered) else 0.0
    names = list(dict.fromkeys(name for name, _, _ in found))
    return [_separation(name, [one for one in found if one[0] == name], threshold) for name in names] + (
        [_separation("all", found, threshold)] if len(names) > 1 else []
    )


def _separation(name: str, found: Sequence[tuple[str, str, Answerability]], threshold: float) -> Separation:
    of_kind = {kind: [one for _, other, one in found if other == kind] for kind in (ANSWERED, NEAR_MISS, OFF_TOPIC)}
    probability = {kind: np.array([one.probability for one in ones]) for kind, ones in of_kind.items()}
    n_answered = len(probability[ANSWERED])
    return Separation(
        set_name=name,
        n={kind: len(ones) for kind, ones in of_kind.items()},
        auc={
            kind: roc_auc(
                np.concatenate([probability[ANSWERED], probability[kind]]),
                np.arange(n_answered + len(probability[kind])) < n_answered,
            )
            for kind in (NEAR_MISS, OFF_TOPIC)
        },
        emptied={
            kind: float(np.mean([one.probability < one.floor for one in ones]))
            for kind, ones in of_kind.items()
            if ones
        },
        emptied_at={kind: float((ones < threshold).mean()) for kind, ones in probability.items() if len(ones)},
    )
