"""Question and units -> the token windows that a joint model reads: `[CLS] question [SEP] title: units [SEP]`.

A second look puts what was found so far behind the question: `[CLS] question [SEP] found [SEP] title: units [SEP]`.

Training and scoring build their windows here, so that a model is asked in the form it was taught.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.datamodels import RecordWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Unit

NO_UNIT = -1
QUERY_SHARE = 0.5  # of the window that the question may fill
TITLE_SHARE = 0.2  # of the window that the title may fill
_EVIDENCE_SHARE = 0.16  # of the window that each sentence found so far may fill
_TEXT_SHARE = 0.25  # of the window that is left for the text: where it would be less, less is read of what was found, then of the title
_SHORTEST = 16  # tokens of a window: of fewer, the shares above leave nothing


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

    Raises:
        ValueError: a window of fewer than 16 tokens.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        if length < _SHORTEST:
            raise ValueError(f"window_length of at least {_SHORTEST}")
        self._tokenizer = tokenizer
        self._length = length
        self._cls = tokenizer.token_to_id("[CLS]")
        self._sep = tokenizer.token_to_id("[SEP]")

    def truncation_warnings(self, query: str, titles: Sequence[str]) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than their share of a window."""
        return truncation_warnings(self._encode, query, titles, self._room(QUERY_SHARE), self._room(TITLE_SHARE))

    def build(
        self, query: str, passages: Sequence[tuple[str, str]], units: Sequence[Unit], evidence: Sequence[str] = ()
    ) -> list[Window]:
        """Return the windows of all passages, in order.

        A question that fills more than half of a window is read by its first and its last words,
        which is where people put what they ask. A unit that does not fit into a window of its own is spread over several; every token of
        every unit is in exactly one window.

        Args:
            query: the question.
            passages: `(title, text)` of each.
            units: of all passages, in order.
            evidence: sentences that the first pass found; the first tokens of each are in the window.
        """
        query_ids = self._encode(query).ids
        room = self._room(QUERY_SHARE)
        if len(query_ids) > room:
            query_ids = query_ids[: room // 2] + query_ids[-(room - room // 2) :]
        # What is left beside question, text, [CLS] and two [SEP].
        spare = self._length - 3 - len(query_ids) - self._room(_TEXT_SHARE)
        each = min(self._room(_EVIDENCE_SHARE), spare // len(evidence) - 1) if evidence else 0
        evidence_ids = [self._encode(sentence).ids[:each] for sentence in evidence if each > 0]
        head = (self._cls, *query_ids, self._sep, *chain.from_iterable((*ids, self._sep) for ids in evidence_ids))
        spare -= len(head) - len(query_ids) - 2
        windows: list[Window] = []
        first = 0
        for index, (title, text) in enumerate(passages):
            last = first
            while last < len(units) and units[last].passage == index:
                last += 1
            title_ids = self._encode(f"{title}:").ids[: min(self._room(TITLE_SHARE), spare)] if title.strip() else []
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

    def _room(self, share: float) -> int:
        return int(self._length * share)

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
        for token, owner in zip(encoding.ids, owners(ends, starts).tolist(), strict=True):
            grouped[owner].append((token, first + owner))
        return grouped


def owners(ends: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the unit of each token of a passage: the one that holds its last character.

    Many tokenizers put the space in front of a word into its token.

    Args:
        ends: `(n_tokens,)`, where the tokens end.
        starts: `(n_units,)`, where the units begin; at least one.

    >>> owners(np.array([3, 7, 8]), np.array([0, 4])).tolist()
    [0, 1, 1]
    """
    return np.maximum(np.searchsorted(starts, ends - 1, side="right") - 1, 0)


def truncation_warnings(
    encode: Callable[[str], Any], query: str, titles: Sequence[str], query_room: int, title_room: int
) -> tuple[RecordWarning, ...]:
    """Return a warning where a model takes only a part of the query or of a title as input.

    Args:
        encode: returns an encoding with `ids`, special tokens left out.
        query: the question.
        titles: of all passages.
        query_room: tokens that a question may fill.
        title_room: tokens that a title and the colon behind it may fill.
    """
    warnings = []
    # A token of ASCII is a character at least; others may be several, such as the letters of a Korean syllable.
    longer = len(query) > query_room or not query.isascii()
    if longer and (n := len(encode(query).ids)) > query_room:
        text = f"the query has {n} tokens: the model takes its first and last {query_room // 2}"
        warnings.append(RecordWarning("query_truncated", text))
    long_titles = (title for title in titles if len(title) >= title_room or not title.isascii())
    if any(len(encode(f"{title}:").ids) > title_room for title in long_titles):
        # Without their number: passages may be scored one by one, and one warning is enough.
        text = f"titles of more than {title_room - 1} tokens: the model takes the first {title_room - 1}"
        warnings.append(RecordWarning("title_truncated", text))
    return tuple(warnings)


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
