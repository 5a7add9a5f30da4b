"""Token sequences -> batches of like length, padded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def batches_by_length(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Group sequences of like length into batches, the longest sequences first.

    Args:
        lengths: tokens of each sequence.
        max_tokens: of a batch, padding included. A longer sequence is a batch by itself.

    Returns:
        The indices of the sequences of each batch.

    >>> batches_by_length([3, 10, 4, 9], 20)
    [[1, 3], [2, 0]]
    """
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and longest * (len(batches[-1]) + 1) <= max_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = lengths[index]
    return batches


def padded(sequences: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return the sequences as rows of an array, `(n_sequences, length of the longest)`, padded with 0 at the end."""
    rows = np.zeros((len(sequences), max(map(len, sequences), default=0)), dtype=np.int64)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows
