"""Conversion between logits and probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_LOGIT = -30.0  # of a probability of practically 0 (1e-13)
MIN_PROBABILITY = 1e-7  # lowest, and 1 minus highest, with a logit; that of 0 and 1 is infinite


def sigmoid(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the probability of each logit, which is clipped to -30..30.

    >>> sigmoid(np.array([0.0, -100.0])).tolist()
    [0.5, 9.357622912219837e-14]
    """
    probability: NDArray[np.floating[Any]] = 1 / (1 + np.exp(-np.clip(logits, MIN_LOGIT, -MIN_LOGIT)))
    return probability.astype(np.float32)


def logit(probability: NDArray[np.floating[Any]], min_probability: float = MIN_PROBABILITY) -> NDArray[np.float64]:
    """Return the logit of each probability, which is clipped to `min_probability`..1 - `min_probability`.

    >>> logit(np.array([0.5, 0.8])).round(3).tolist()
    [0.0, 1.386]
    """
    clipped = np.clip(probability.astype(np.float64), min_probability, 1 - min_probability)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
