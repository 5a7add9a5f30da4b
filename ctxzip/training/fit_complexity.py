"""Fits the weights of the linear model that predicts how likely a question is multi-hop."""

from __future__ import annotations

import random
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.evaluation.labelled import read_labelled
from ctxzip.query.parse import query_features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HALF_POSITIVE = frozenset({"multispanqa"})  # answers are lists: several sentences of one passage
_LEFT_OUT = frozenset({"bioasq"})  # many passages answer each question, so its labels are not informative
_PER_SET = 700
_DRAWN_FROM = 5_000  # the first questions of a file
_C = 10.0  # of scikit-learn, on features divided by their standard deviation
_MIN_EFFECT = 0.02  # on the logit, of one standard deviation of a feature; smaller weights are left out


def fit(files: Sequence[Path], seed: int) -> dict[str, Any]:
    """Return the intercept, the weights and the number of questions of each set, as JSON values.

    Logistic regression of "needs more than one passage": 1 where every span is needed, 0.5 for lists in one passage, 0
    elsewhere. Every set has the same weight. Each question counts in two forms: as written, and in lower case without
    its last punctuation mark, as people type it.

    Args:
        files: labelled questions in the common form.
        seed: of the sample of questions.
    """
    from sklearn.linear_model import LogisticRegression

    rows: list[dict[str, float]] = []
    labels: list[float] = []
    weights: list[float] = []
    counts: dict[str, int] = {}
    for path in files:
        name = path.name.partition(".")[0]
        if name in _LEFT_OUT:
            continue
        questions = [(one.request.query, one.need) for one in islice(read_labelled(path), _DRAWN_FROM)]
        questions = random.Random(seed).sample(questions, min(_PER_SET, len(questions)))
        multi_hop = sum(need == "all" for _, need in questions) > len(questions) / 2
        counts[name] = len(questions)
        for query, _ in questions:
            for text in (query, re.sub(r"[?.!]+\s*$", "", query).lower()):
                if text.strip():
                    rows.append(query_features(text))
                    labels.append(0.5 if name in _HALF_POSITIVE else float(multi_hop))
                    weights.append(0.5 / len(questions))
    names = list(rows[0])
    matrix = np.array([[row[name] for name in names] for row in rows])
    spread = matrix.std(axis=0)
    scaled = matrix / np.where(spread > 0, spread, 1.0)
    target, weight = np.array(labels), np.array(weights)
    # A label between 0 and 1 counts as both, each with its share of the weight.
    model = LogisticRegression(C=_C, max_iter=2_000).fit(
        np.concatenate([scaled, scaled]),
        np.concatenate([np.ones(len(target)), np.zeros(len(target))]),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]),
    )
    effects = {name: float(value) for name, value in zip(names, model.coef_[0], strict=True)}
    return {
        "intercept": round(float(model.intercept_[0]), 2),
        "weights": {
            name: round(effects[name] / float(width), 2)
            for name, width in zip(names, spread, strict=True)
            if width > 0 and abs(effects[name]) >= _MIN_EFFECT
        },
        "questions": counts,
    }
