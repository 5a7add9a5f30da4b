"""Gradient-boosted regression trees, fitted by scikit-learn, stored as JSON, and evaluated with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DIGITS = 7  # significant digits of a threshold, as many as float32 has
_MOST_NODES = 2_000_000  # of a policy file, which may be hostile; ours have 7,500
_MOST_STEPS = 64  # from the root to a leaf; ours have 5
_LARGEST_NUMBER = 1e30
_LARGEST_LOGIT = 60.0
_COLUMNS = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True, slots=True)
class Forest:
    """A sum of regression trees that gives a logit (gradient boosting, Friedman 2001).

    A leaf is its own left and right child, so that every row takes the same number of steps in every tree.

    Attributes:
        features: names of the columns of its input.
        steps: depth of the deepest tree.
        feature: `(n_trees, n_nodes)` int, index of the feature that a node compares.
        threshold: `(n_trees, n_nodes)` float32; a row goes left where its feature is at most the threshold.
        left, right: `(n_trees, n_nodes)` int, indices of the children in the same tree.
        value: `(n_trees, n_nodes)` float64, what a leaf adds to the logit; 0 for other nodes.
    """

    features: tuple[str, ...]
    steps: int
    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    value: NDArray[np.float64]

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the predicted probability of every row, `(n_rows,)`, 0..1.

        Args:
            rows: `(n_rows, n_features)`.
        """
        trees = np.arange(len(self.feature))
        nodes = np.zeros((len(rows), len(trees)), dtype=np.intp)  # where each row is in each tree, from the root on
        for _ in range(self.steps):
            values = np.take_along_axis(rows, self.feature[trees, nodes], axis=1)
            goes_left = values <= self.threshold[trees, nodes]
            nodes = np.where(goes_left, self.left[trees, nodes], self.right[trees, nodes])
        logits = self.value[trees, nodes].sum(axis=1).clip(-_LARGEST_LOGIT, _LARGEST_LOGIT)
        probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return probabilities


def forest_from_json(content: Any, features: Sequence[str]) -> Forest:
    """Return the forest that `forest_as_json` returned as JSON values.

    Args:
        content: the JSON values.
        features: names of the columns that the caller will give; the forest must have the same.

    Raises:
        ValueError, KeyError, TypeError: the values are not those of a forest, or it has other features.
    """
    if list(content["features"]) != list(features):
        raise ValueError(f"a forest over other features than {', '.join(features)}")
    trees = content["trees"]
    width, steps = max(len(tree["feature"]) for tree in trees), int(content["steps"])
    if len(trees) * width > _MOST_NODES or not 0 <= steps <= _MOST_STEPS:
        raise ValueError(f"a forest of {len(trees):,} trees with {width:,} nodes and {steps:,} steps")
    table = {name: np.zeros((len(trees), width)) for name in _COLUMNS}
    for row, tree in enumerate(trees):
        for name in _COLUMNS:
            table[name][row, : len(tree[name])] = tree[name]
    whole = {name: table[name].astype(np.intp) for name in ("feature", "left", "right")}
    for name, below in (("feature", len(features)), ("left", width), ("right", width)):
        if (whole[name] < 0).any() or (whole[name] >= below).any():
            raise ValueError(f"a forest with an index out of range in {name!r}")
    if not all((np.abs(table[name]) <= _LARGEST_NUMBER).all() for name in ("threshold", "value")):
        raise ValueError(f"a forest with a number above {_LARGEST_NUMBER:g}")
    return Forest(
        features=tuple(features),
        steps=steps,
        threshold=table["threshold"].astype(np.float32),
        value=table["value"],
        **whole,
    )


def forest_as_json(trees: Sequence[Any], learning_rate: float, features: Sequence[str]) -> dict[str, Any]:
    """Return the trees of scikit-learn's gradient boosting as JSON values.

    Args:
        trees: `tree_` of every fitted regression tree.
        learning_rate: factor of the values of the leaves.
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
                "value": [round(float(value), 5) for value in np.where(leaf, learning_rate * tree.value[:, 0, 0], 0.0)],
            }
        )
    steps = max(int(tree.max_depth) for tree in trees)
    return {"features": list(features), "steps": steps, "trees": found}
