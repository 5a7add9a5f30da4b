"""Probabilities as logits, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOTHING = -30.0  # a logit whose probability is 0 in float32
EDGE = 1e-7  # probabilities of 0 and 1 have no logit


def sigmoid(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the probability of each logit.

    >>> sigmoid(np.array([0.0, -100.0])).tolist()
    [0.5, 9.357622912219837e-14]
    """
    probability: NDArray[np.floating[Any]] = 1 / (1 + np.exp(-np.clip(logits, NOTHING, -NOTHING)))
    return probability.astype(np.float32)


def logit(probability: NDArray[np.floating[Any]], edge: float = EDGE) -> NDArray[np.float64]:
    """Return the logit of each probability, those nearer to 0 and 1 than `edge` as if they were there.

    >>> logit(np.array([0.5, 0.8])).round(3).tolist()
    [0.0, 1.386]
    """
    clipped = np.clip(probability.astype(np.float64), edge, 1 - edge)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
