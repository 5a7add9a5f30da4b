"""Query and units -> the token windows of a joint model: `[CLS] query [SEP] title: context: units [SEP]`.

The context is that of the first unit of the window: its headings, the header of its table (`ctxzip.scoring.unit_contexts`). In a
second pass the evidence follows the query: `[CLS] query [SEP] evidence [SEP] title: context: units [SEP]`.

Training and scoring both build their windows here, so that a model scores what it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.datamodels import RecordWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Context, Unit

NO_UNIT = -1  # in place of the index of a unit, for tokens of the query, the title and the tokenizer
# Shares of the tokens of a window, 0..1.
QUERY_SHARE = 0.5  # at most, for the query
TITLE_SHARE = 0.2  # at most, for the title
_CONTEXT_SHARE = 0.2  # at most, for the context
_EVIDENCE_SHARE = 0.16  # at most, for each sentence of evidence
_TEXT_SHARE = 0.25  # at least, for the text: the evidence is cut first, then the context, then the title
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
        self,
        query: str,
        passages: Sequence[tuple[str, str]],
        units: Sequence[Unit],
        evidence: Sequence[str] = (),
        contexts: Sequence[Context] | None = None,
    ) -> list[Window]:
        """Return the windows of all passages, in order.

        Every token of every unit is in exactly one window. A unit that is longer than a window is split over several. Of a
        query that is longer than half of a window, the first and the last tokens are used: people ask at the start or at
        the end.

        Args:
            query: of the request.
            passages: `(title, text)` of each.
            units: of all passages, in order.
            evidence: the best sentences of the first pass; their first tokens are in every window.
            contexts: of every unit; None for windows without context.
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
            of_units = () if contexts is None else contexts[first:last]
            room = max(0, min(self._n_tokens(_CONTEXT_SHARE), spare - len(title_ids)))
            prefix_of = partial(self._prefix, (*head, *title_ids), of_units, room)
            windows.extend(
                Window(
                    passage=index,
                    ids=(*prefix, *(token for token, _ in tokens), self._sep),
                    n_first=len(head),
                    units=(*[NO_UNIT] * len(prefix), *(unit for _, unit in tokens), NO_UNIT),
                )
                for prefix, tokens in _packed(
                    self._tokens_of_units(text, units[first:last], first), prefix_of, self._length - 1
                )
            )
            first = last
        return windows

    def _n_tokens(self, share: float) -> int:
        return int(self._length * share)

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _prefix(
        self, start: tuple[int, ...], contexts: Sequence[Context], room: int, first_unit: int
    ) -> tuple[int, ...]:
        """Return what is in front of the units of a window: its start, and at most `room` tokens of the innermost context.

        Args:
            start: `[CLS]`, query, evidence and title.
            contexts: of the units of the passage, or empty.
            room: for the context.
            first_unit: index of the first unit of the window in its passage.
        """
        ids: list[int] = []
        for part in reversed(contexts[first_unit] if contexts else ()):
            ids = [*self._encode(part).ids[: room - len(ids)], *ids]
        return (*start, *ids)

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


def _packed(
    units: list[list[tuple[int, int]]], prefix_of: Callable[[int], tuple[int, ...]], length: int
) -> Iterator[tuple[tuple[int, ...], list[tuple[int, int]]]]:
    """Yield the prefix and the tokens of each window: whole units in order, or as many tokens of a longer unit as fit.

    Args:
        units: the tokens of each unit.
        prefix_of: returns the prefix of a window from the index of its first unit.
        length: the most tokens of a prefix and units together.
    """
    window: list[tuple[int, int]] = []
    prefix: tuple[int, ...] = ()
    for index, tokens in enumerate(units):
        if window and len(prefix) + len(window) + len(tokens) > length:
            yield prefix, window
            window = []
        if not window:
            prefix = prefix_of(index)
        room = length - len(prefix)
        rest = tokens
        while len(rest) > room:
            yield prefix, rest[:room]
            rest = rest[room:]
        window = [*window, *rest]
    if window:
        yield prefix, window
