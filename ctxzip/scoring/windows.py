"""Question and units -> the token windows that a joint model reads: `[CLS] question [SEP] title: units [SEP]`.

A second look puts what was found so far behind the question: `[CLS] question [SEP] found [SEP] title: units [SEP]`.

Training and scoring build their windows here, so that a model is asked in the form it was taught.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxzip.records import Unit

NO_UNIT = -1
_QUERY_SHARE = 0.5  # of the window that the question may fill
_TITLE_SHARE = 0.2  # of the window that the title may fill
_FOUND_SHARE = 0.16  # of the window that each sentence found so far may fill


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the model.

    Attributes:
        passage: index of the passage.
        ids: token ids, `[CLS]` and both `[SEP]` included.
        n_first: how many of them are the question's part, up to and with its `[SEP]`.
        units: for every token the index of its unit among those of the request, or -1.
    """

    passage: int
    ids: tuple[int, ...]
    n_first: int
    units: tuple[int, ...]


class WindowBuilder:
    """Cuts the units of a request into windows on unit borders.

    Args:
        tokenizer: a `tokenizers.Tokenizer` with `[CLS]` and `[SEP]`, truncation and padding off.
        length: tokens of a window at most.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        self._tokenizer = tokenizer
        self._length = length
        self._cls = tokenizer.token_to_id("[CLS]")
        self._sep = tokenizer.token_to_id("[SEP]")

    def cut(self, query: str) -> str | None:
        """Say, in words, that the question is longer than what the windows hold of it."""
        n, room = len(self._encode(query).ids), int(self._length * _QUERY_SHARE)
        return f"the question has {n} tokens: the model read its first and last {room // 2}" if n > room else None

    def build(
        self, query: str, passages: Sequence[tuple[str, str]], units: Sequence[Unit], found: Sequence[str] = ()
    ) -> list[Window]:
        """Return the windows of all passages, in order.

        A question that fills more than half of a window is read by its first and its last words,
        which is where people put what they ask. A unit that does not fit into a window of its own is spread over several; every token of
        every unit is in exactly one window.

        Args:
            query: the question.
            passages: `(title, text)` of each.
            units: of all passages, in order.
            found: sentences that a first look took for evidence; each is read by its first words.
        """
        query_ids = self._encode(query).ids
        room = int(self._length * _QUERY_SHARE)
        if len(query_ids) > room:
            query_ids = query_ids[: room // 2] + query_ids[-(room - room // 2) :]
        found_ids = [self._encode(sentence).ids[: int(self._length * _FOUND_SHARE)] for sentence in found]
        head = (self._cls, *query_ids, self._sep, *chain.from_iterable((*ids, self._sep) for ids in found_ids))
        windows: list[Window] = []
        first = 0
        for index, (title, text) in enumerate(passages):
            last = first
            while last < len(units) and units[last].passage == index:
                last += 1
            title_ids = self._encode(f"{title}:").ids[: int(self._length * _TITLE_SHARE)] if title.strip() else []
            prefix = (*head, *title_ids)
            tokens = self._tokens(text, units[first:last], first)
            windows.extend(
                Window(
                    passage=index,
                    ids=(*prefix, *(token for token, _ in piece), self._sep),
                    n_first=len(head),
                    units=(*[NO_UNIT] * len(prefix), *(unit for _, unit in piece), NO_UNIT),
                )
                for piece in _packed(tokens, self._length - len(prefix) - 1)
            )
            first = last
        return windows

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _tokens(self, text: str, units: Sequence[Unit], first: int) -> list[list[tuple[int, int]]]:
        """Return `(token id, unit)` pairs, one list a unit."""
        grouped: list[list[tuple[int, int]]] = [[] for _ in units]
        if not units:
            return grouped
        encoding = self._encode(text)
        ends = np.fromiter((end for _, end in encoding.offsets), dtype=np.int64, count=len(encoding))
        starts = np.fromiter((unit.start for unit in units), dtype=np.int64, count=len(units))
        owners = np.maximum(np.searchsorted(starts, ends - 1, side="right") - 1, 0)
        for token, owner in zip(encoding.ids, owners.tolist(), strict=True):
            grouped[owner].append((token, first + owner))
        return grouped


def _packed(units: list[list[tuple[int, int]]], room: int) -> Iterator[list[tuple[int, int]]]:
    """Fill windows with whole units in order; a longer unit is cut into pieces of `room` tokens."""
    window: list[tuple[int, int]] = []
    for tokens in units:
        if window and len(window) + len(tokens) > room:
            yield window
            window = []
        rest = tokens
        while len(rest) > room:
            yield rest[:room]
            rest = rest[room:]
        window = [*window, *rest]
    if window:
        yield window
