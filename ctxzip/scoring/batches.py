"""Which token sequences are run together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def by_length(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Return indices in batches of like length, the longest first, that hold at most `tokens` with padding.

    A sequence that is longer than that is a batch by itself.

    >>> by_length([3, 10, 4, 9], 20)
    [[1, 3], [2, 0]]
    """
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and longest * (len(batches[-1]) + 1) <= tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = lengths[index]
    return batches


def padded(sequences: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return `(n_sequences, longest)` with 0 where a sequence has ended."""
    rows = np.zeros((len(sequences), max(map(len, sequences), default=0)), dtype=np.int64)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows
