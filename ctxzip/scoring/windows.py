"""Query and units -> the token windows of a joint model: `[CLS] query [SEP] title: units [SEP]`.

In a second pass the evidence follows the query: `[CLS] query [SEP] evidence [SEP] title: units [SEP]`.

Training and scoring both build their windows here, so that a model scores what it was trained on.
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

NO_UNIT = -1  # in place of the index of a unit, for tokens of the query, the title and the tokenizer
# Shares of the tokens of a window, 0..1.
QUERY_SHARE = 0.5  # at most, for the query
TITLE_SHARE = 0.2  # at most, for the title
_EVIDENCE_SHARE = 0.16  # at most, for each sentence of evidence
_TEXT_SHARE = 0.25  # at least, for the text: the evidence is cut first, then the title
_MIN_LENGTH = 16  # tokens of a window; in a shorter one the shares above leave no room for the text


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the model.

    Attributes:
        passage: index of the passage.
        ids: token ids, `[CLS]` and every `[SEP]` included.
        n_first: length of the first segment (token type 0): `[CLS]`, query, evidence, and the `[SEP]` behind each.
        units: for each token the index of its unit among those of the request, or `NO_UNIT`.
    """

    passage: int
    ids: tuple[int, ...]
    n_first: int
    units: tuple[int, ...]


class WindowBuilder:
    """Cuts the passages of a request into windows, between units where possible.

    Args:
        tokenizer: a `tokenizers.Tokenizer` with `[CLS]` and `[SEP]`, truncation and padding off.
        length: the most tokens of a window, at least 16.

    Raises:
        ValueError: `length` is under 16.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        if length < _MIN_LENGTH:
            raise ValueError(f"window_length of at least {_MIN_LENGTH}")
        self._tokenizer = tokenizer
        self._length = length
        self._cls = tokenizer.token_to_id("[CLS]")
        self._sep = tokenizer.token_to_id("[SEP]")

    def truncation_warnings(self, query: str, titles: Sequence[str]) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than their share of a window."""
        return truncation_warnings(
            self._encode, query, titles, self._n_tokens(QUERY_SHARE), self._n_tokens(TITLE_SHARE)
        )

    def build(
        self, query: str, passages: Sequence[tuple[str, str]], units: Sequence[Unit], evidence: Sequence[str] = ()
    ) -> list[Window]:
        """Return the windows of all passages, in order.

        Every token of every unit is in exactly one window. A unit that is longer than a window is split over several. Of a
        query that is longer than half of a window, the first and the last tokens are used: people ask at the start or at
        the end.

        Args:
            query: of the request.
            passages: `(title, text)` of each.
            units: of all passages, in order.
            evidence: sentences that the first pass found; their first tokens are in every window.
        """
        query_ids = self._encode(query).ids
        room = self._n_tokens(QUERY_SHARE)
        if len(query_ids) > room:
            query_ids = query_ids[: room // 2] + query_ids[-(room - room // 2) :]
        # The tokens left for evidence and title, beside query, text, [CLS] and two [SEP].
        spare = self._length - 3 - len(query_ids) - self._n_tokens(_TEXT_SHARE)
        each = min(self._n_tokens(_EVIDENCE_SHARE), spare // len(evidence) - 1) if evidence else 0
        evidence_ids = [self._encode(sentence).ids[:each] for sentence in evidence if each > 0]
        head = (self._cls, *query_ids, self._sep, *chain.from_iterable((*ids, self._sep) for ids in evidence_ids))
        spare -= len(head) - len(query_ids) - 2
        windows: list[Window] = []
        first = 0
        for index, (title, text) in enumerate(passages):
            last = first
            while last < len(units) and units[last].passage == index:
                last += 1
            title_ids = (
                self._encode(f"{title}:").ids[: min(self._n_tokens(TITLE_SHARE), spare)] if title.strip() else []
            )
            prefix = (*head, *title_ids)
            tokens = self._tokens_of_units(text, units[first:last], first)
            windows.extend(
                Window(
                    passage=index,
                    ids=(*prefix, *(token for token, _ in packed), self._sep),
                    n_first=len(head),
                    units=(*[NO_UNIT] * len(prefix), *(unit for _, unit in packed), NO_UNIT),
                )
                for packed in _packed(tokens, self._length - len(prefix) - 1)
            )
            first = last
        return windows

    def _n_tokens(self, share: float) -> int:
        return int(self._length * share)

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _tokens_of_units(self, text: str, units: Sequence[Unit], first: int) -> list[list[tuple[int, int]]]:
        """Return for each unit of a passage its tokens as `(token id, index of the unit)`.

        Args:
            text: of the passage.
            units: of the passage.
            first: index of the first of them in the request.
        """
        grouped: list[list[tuple[int, int]]] = [[] for _ in units]
        if not units:
            return grouped
        encoding = self._encode(text)
        ends = np.fromiter((end for _, end in encoding.offsets), dtype=np.int64, count=len(encoding))
        starts = np.fromiter((unit.start for unit in units), dtype=np.int64, count=len(units))
        for token, index in zip(encoding.ids, units_of_tokens(ends, starts).tolist(), strict=True):
            grouped[index].append((token, first + index))
        return grouped


def units_of_tokens(ends: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each token of a passage the index of its unit, `(n_tokens,)`: the unit of its last character.

    Not of its first character, as many tokenizers put the space in front of a word into its token.

    Args:
        ends: `(n_tokens,)`, code-point offsets of the ends of the tokens.
        starts: `(n_units,)`, code-point offsets of the starts of the units; at least one.

    >>> units_of_tokens(np.array([3, 7, 8]), np.array([0, 4])).tolist()
    [0, 1, 1]
    """
    return np.maximum(np.searchsorted(starts, ends - 1, side="right") - 1, 0)


def truncation_warnings(
    encode: Callable[[str], Any], query: str, titles: Sequence[str], query_room: int, title_room: int
) -> tuple[RecordWarning, ...]:
    """Return a warning where a model uses only a part of the query or of a title.

    Args:
        encode: returns an encoding with `ids`, without special tokens.
        query: of the request.
        titles: of all passages.
        query_room: the most tokens of the query.
        title_room: the most tokens of a title and the colon behind it.
    """
    warnings = []
    # A token of ASCII has at least one character; another character may have several tokens, such as a Korean syllable.
    may_be_longer = len(query) > query_room or not query.isascii()
    if may_be_longer and (n := len(encode(query).ids)) > query_room:
        text = f"the query has {n} tokens: the model takes its first and last {query_room // 2}"
        warnings.append(RecordWarning("query_truncated", text))
    long_titles = (title for title in titles if len(title) >= title_room or not title.isascii())
    if any(len(encode(f"{title}:").ids) > title_room for title in long_titles):
        # Without the number of titles: passages may be scored one by one, and the warning must be the same.
        text = f"titles of more than {title_room - 1} tokens: the model takes the first {title_room - 1}"
        warnings.append(RecordWarning("title_truncated", text))
    return tuple(warnings)


def _packed(units: list[list[tuple[int, int]]], room: int) -> Iterator[list[tuple[int, int]]]:
    """Yield the tokens of each window: whole units in order, or `room` tokens of a longer unit."""
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
