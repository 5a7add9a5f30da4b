"""Labelled questions -> the weights of the linear model that says how likely a question needs several places."""

from __future__ import annotations

import random
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.evaluation.labelled import read_labelled
from ctxzip.query.parse import features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HALF = frozenset({"multispanqa"})  # several sentences, one passage
_SILENT = frozenset({"bioasq"})  # says the same in many passages: it teaches nothing
_PER_SET = 700
_DRAWN_FROM = 5_000  # the first questions of a file
_C = 10.0  # of scikit-learn, on features divided by their standard deviation
_LEAST = 0.02  # of what it moves the logit by; smaller weights are left out


def fit(files: Sequence[Path], seed: int) -> dict[str, Any]:
    """Return the intercept, the weights and the number of questions of each set, as JSON values.

    Logistic regression of "needs more than one passage": yes where every span is needed, half for lists
    in one passage, no elsewhere. Each set weighs the same, and each question comes as written and as
    people type it, in lower case and without its last mark.

    Args:
        files: in the common form.
        seed: of the draw.
    """
    from sklearn.linear_model import LogisticRegression

    rows: list[dict[str, float]] = []
    labels: list[float] = []
    weights: list[float] = []
    counts: dict[str, int] = {}
    for path in files:
        name = path.name.partition(".")[0]
        if name in _SILENT:
            continue
        asked = [(question.request.query, question.need) for question in islice(read_labelled(path), _DRAWN_FROM)]
        asked = random.Random(seed).sample(asked, min(_PER_SET, len(asked)))
        every = sum(need == "all" for _, need in asked) > len(asked) / 2
        counts[name] = len(asked)
        for query, _ in asked:
            for text in (query, re.sub(r"[?.!]+\s*$", "", query).lower()):
                if text.strip():
                    rows.append(features(text))
                    labels.append(0.5 if name in _HALF else float(every))
                    weights.append(0.5 / len(asked))
    names = list(rows[0])
    matrix = np.array([[row[name] for name in names] for row in rows])
    spread = matrix.std(axis=0)
    scaled = matrix / np.where(spread > 0, spread, 1.0)
    target, weight = np.array(labels), np.array(weights)
    # A label between no and yes is both, each with its share.
    model = LogisticRegression(C=_C, max_iter=2_000).fit(
        np.concatenate([scaled, scaled]),
        np.concatenate([np.ones(len(target)), np.zeros(len(target))]),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]),
    )
    moved = {name: float(value) for name, value in zip(names, model.coef_[0], strict=True)}
    return {
        "intercept": round(float(model.intercept_[0]), 2),
        "weights": {
            name: round(moved[name] / float(width), 2)
            for name, width in zip(names, spread, strict=True)
            if width > 0 and abs(moved[name]) >= _LEAST
        },
        "questions": counts,
    }
