"""The comparison of a run with an earlier one, its baseline: what changed, with significance, and what got worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ctxzip.errors import InputError
from ctxzip.evaluation.outcomes import METRICS

_FLIPS = 10_000
_SEED = 20240229
_CHUNK = 4_000_000  # random signs in memory at a time


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one metric of one method, over the questions that both runs have.

    Attributes:
        before, after: means, 0..1, every set with the same weight.
        p: the p-value of the difference, two-sided.
        n: number of questions in both runs.
        worse: whether the mean got worse by more than the tolerance.
    """

    method: str
    metric: str
    before: float
    after: float
    p: float
    n: int
    worse: bool


def changes(before: Any, after: dict[str, Any], tolerance: float) -> list[Change]:
    """Return the change of every metric of every method that both runs have.

    Args:
        before: the baseline, as `ctxzip eval --json` writes it.
        after: this run, in the same form.
        tolerance: 0..1, how much worse a mean may be.

    Raises:
        InputError: `before` has another form, or the runs have no method and question in common.
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
    """Return the names of the methods, and of the sets of the other methods, that only the baseline has.

    A change of those would stay unseen.

    Args:
        before: the baseline, which `changes` has accepted.
        after: this run.
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
        # Means of many questions carry rounding errors.
        found.append(Change(method, metric, was, now, paired_p(weighted), len(weighted), worse=loss > tolerance + 1e-9))
    return found


def paired_p(differences: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the p-value of a paired randomisation test, two-sided (Smucker, Allan and Carterette 2007).

    Under the null hypothesis the sign of each difference is random. The p-value is the share of 10,000 random sign
    assignments whose sum is at least as large as the observed one; it is never 0, because the observed assignment counts
    as one of them.

    Args:
        differences: `(n,)`, weighted differences of the pairs.

    >>> paired_p(np.zeros(3))
    1.0
    >>> paired_p(np.ones(20)) < 0.001
    True
    """
    changed = differences[differences != 0]
    if not len(changed):
        return 1.0
    observed = abs(changed.sum()) - 1e-12
    rng = np.random.default_rng(_SEED)
    as_large, left = 0, _FLIPS
    while left:
        n = min(left, max(_CHUNK // len(changed), 1))
        signs = rng.integers(0, 2, size=(n, len(changed)), dtype=np.int8) * 2 - 1
        as_large += int((np.abs(signs @ changed) >= observed).sum())
        left -= n
    return (1 + as_large) / (1 + _FLIPS)
