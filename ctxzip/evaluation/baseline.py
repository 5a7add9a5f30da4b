"""Two runs over the same questions: what changed, whether by chance, and whether for the worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ctxzip.errors import InputError
from ctxzip.evaluation.outcomes import METRICS

_FLIPS = 10_000
_SEED = 20240229
_CHUNK = 4_000_000  # signs in memory at a time


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one method, over the questions of both runs, sets weighing the same.

    Attributes:
        before, after: means, 0..1.
        p: how likely chance alone gives a difference as large, two-sided.
        n: questions in both.
        worse: whether it changed for the worse by more than is tolerated.
    """

    method: str
    metric: str
    before: float
    after: float
    p: float
    n: int
    worse: bool


def changes(before: Any, after: dict[str, Any], tolerance: float) -> list[Change]:
    """Return what changed for every method that both runs have.

    Args:
        before: what `ctxzip eval --json` wrote.
        after: the same of the other run.
        tolerance: 0..1, the change of a mean for the worse that is still let pass.

    Raises:
        InputError: `before` is something else, or the runs have no method and question in common.
    """
    try:
        found = [
            change
            for method, numbers in after["methods"].items()
            if method in before["methods"]
            for change in _changes(method, before["methods"][method]["sets"], numbers["sets"], tolerance)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"not what `ctxzip eval --json` writes: {error} is missing or of another kind") from error
    if not found:
        raise InputError("no method and question in common with this run: compare runs over the same data")
    return found


def gone(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Name the methods, and the sets of the others, that only the earlier run has: of those a change would go unseen.

    Args:
        before: as for `changes`, which raises where it is something else.
        after: of the other run.
    """
    found = [f"method {method}" for method in before["methods"] if method not in after["methods"]]
    sets = {
        name: None
        for method, numbers in after["methods"].items()
        for name in before["methods"].get(method, {"sets": ()})["sets"]
        if name not in numbers["sets"]
    }
    return found + [f"set {name}" for name in sets]


def _changes(method: str, before: dict[str, Any], after: dict[str, Any], tolerance: float) -> list[Change]:
    found = []
    for metric, (_, more_is_better) in METRICS.items():
        old_means, new_means, differences, weights = [], [], [], []
        for name in after:
            old = {one["key"]: one["values"] for one in before.get(name, {"questions": []})["questions"]}
            new = {one["key"]: one["values"] for one in after[name]["questions"]}
            pairs = np.array(
                [
                    (old[key][metric], values[metric])
                    for key, values in new.items()
                    if metric in values and metric in old.get(key, {})
                ],
                dtype=np.float64,
            ).reshape(-1, 2)
            if len(pairs):
                old_means.append(pairs[:, 0].mean())
                new_means.append(pairs[:, 1].mean())
                differences.append(pairs[:, 1] - pairs[:, 0])
                weights.append(np.full(len(pairs), 1 / len(pairs)))
        if not differences:
            continue
        was, now = float(np.mean(old_means)), float(np.mean(new_means))
        weighted = np.concatenate(differences) * np.concatenate(weights)
        loss = was - now if more_is_better else now - was
        # The mean of many questions is exact to the last bits only.
        found.append(Change(method, metric, was, now, paired_p(weighted), len(weighted), worse=loss > tolerance + 1e-9))
    return found


def paired_p(differences: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the p-value of a paired randomisation test, two-sided (Smucker, Allan and Carterette 2007).

    Without an effect each difference is as likely to be turned round: 10,000 draws of signs say how often
    their sum is then as large as the one seen. Never 0: the seen one is counted among the draws.

    Args:
        differences: `(n,)`, of the pairs, weighted.

    >>> paired_p(np.zeros(3))
    1.0
    >>> paired_p(np.ones(20)) < 0.001
    True
    """
    changed = differences[differences != 0]
    if not len(changed):
        return 1.0
    seen = abs(changed.sum()) - 1e-12
    rng = np.random.default_rng(_SEED)
    as_large, left = 0, _FLIPS
    while left:
        n = min(left, max(_CHUNK // len(changed), 1))
        signs = rng.integers(0, 2, size=(n, len(changed)), dtype=np.int8) * 2 - 1
        as_large += int((np.abs(signs @ changed) >= seen).sum())
        left -= n
    return (1 + as_large) / (1 + _FLIPS)
