"""Boosted regression trees in numpy: what scikit-learn fitted is a few arrays, and needs no scikit-learn to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DIGITS = 7  # of a threshold, as many as float32 has
_COLUMNS = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True, slots=True)
class Forest:
    """A sum of regression trees that gives a logit (gradient boosting, Friedman 2001).

    A leaf is its own left and right child, so that every row takes the same number of steps.

    Attributes:
        features: names of the columns that it reads.
        steps: from the root of the deepest tree to its leaves.
        feature, left, right: `(n_trees, n_nodes)` int.
        threshold, value: `(n_trees, n_nodes)` float; a row goes left where its feature is at most the threshold.
    """

    features: tuple[str, ...]
    steps: int
    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    value: NDArray[np.float64]

    def chances(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of every row, `(n_rows,)`.

        Args:
            rows: `(n_rows, n_features)`.
        """
        trees = np.arange(len(self.feature))
        at = np.zeros((len(rows), len(trees)), dtype=np.intp)
        for _ in range(self.steps):
            found = np.take_along_axis(rows, self.feature[trees, at], axis=1)
            at = np.where(found <= self.threshold[trees, at], self.left[trees, at], self.right[trees, at])
        logits = self.value[trees, at].sum(axis=1)
        chances: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return chances


def from_json(content: Any, features: Sequence[str]) -> Forest:
    """Return a forest from what `as_json` gave.

    Args:
        content: JSON values.
        features: that the caller can give; those of the forest must be the same.

    Raises:
        ValueError, KeyError, TypeError: it is none, or reads other features.
    """
    if list(content["features"]) != list(features):
        raise ValueError(f"a forest over other features than {', '.join(features)}")
    trees = content["trees"]
    width = max(len(tree["feature"]) for tree in trees)
    table = {name: np.zeros((len(trees), width)) for name in _COLUMNS}
    for row, tree in enumerate(trees):
        for name in _COLUMNS:
            table[name][row, : len(tree[name])] = tree[name]
    whole = {name: table[name].astype(np.intp) for name in ("feature", "left", "right")}
    for name, below in (("feature", len(features)), ("left", width), ("right", width)):
        if (whole[name] < 0).any() or (whole[name] >= below).any():
            raise ValueError(f"a forest with a {name} that is not there")
    return Forest(
        features=tuple(features),
        steps=int(content["steps"]),
        threshold=table["threshold"].astype(np.float32),
        value=table["value"],
        **whole,
    )


def as_json(trees: Sequence[Any], rate: float, features: Sequence[str]) -> dict[str, Any]:
    """Return the trees of scikit-learn's gradient boosting as JSON values.

    Args:
        trees: `tree_` of every fitted regression tree.
        rate: by which the values of the leaves are shrunk.
        features: names of the columns.
    """
    found = []
    for tree in trees:
        nodes = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        found.append(
            {
                "feature": np.where(leaf, 0, tree.feature).tolist(),
                "threshold": [float(f"{value:.{_DIGITS}g}") for value in np.where(leaf, 0.0, tree.threshold)],
                "left": np.where(leaf, nodes, tree.children_left).tolist(),
                "right": np.where(leaf, nodes, tree.children_right).tolist(),
                "value": [round(float(value), 5) for value in np.where(leaf, rate * tree.value[:, 0, 0], 0.0)],
            }
        )
    steps = max(int(tree.max_depth) for tree in trees)
    return {"features": list(features), "steps": steps, "trees": found}
