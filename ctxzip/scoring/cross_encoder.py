"""Cross-encoders with one logit: each unit, with its neighbours, is scored in a pair with the query."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import sigmoid
from ctxzip._internal.thread_pool import ThreadPool
from ctxzip._internal.time_limit import NO_TIME_LIMIT, TimeLimit
from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput, Unit
from ctxzip.errors import ModelError
from ctxzip.model_store import read_tokenizer
from ctxzip.scoring.onnx_sessions import open_graph
from ctxzip.scoring.windows import QUERY_SHARE, TITLE_SHARE, truncation_warnings, units_of_tokens
from ctxzip.settings import AUTO, BATCH_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ctxzip.model_store import ModelFolder

_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
_OUTPUT = "logits"


@dataclass(frozen=True, slots=True)
class Pair:
    """One input of the model.

    Attributes:
        unit: index of the unit that it scores, among those of the request.
        ids: token ids, special tokens included.
        types: the token type of each.
    """

    unit: int
    ids: tuple[int, ...]
    types: tuple[int, ...]


class PairBuilder:
    """Makes pairs of the query and a unit: `[CLS] query [SEP] title: units [SEP]`, with the special tokens of the tokenizer.

    Args:
        tokenizer: a `tokenizers.Tokenizer`, truncation and padding off.
        length: the most tokens of a pair.

    Raises:
        ValueError: `length` is so small that the longest query and title leave no room for a unit.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        self._tokenizer = tokenizer
        # The special tokens of a pair differ between families (`</s></s>`): a sample pair shows them.
        sample = tokenizer.encode("a", "b")
        tokens = list(zip(sample.ids, sample.type_ids, strict=True))
        first, second = ([i for i, part in enumerate(sample.sequence_ids) if part == sequence] for sequence in (0, 1))
        self._before, self._between, self._after = (
            tokens[start:end] for start, end in ((0, first[0]), (first[-1] + 1, second[0]), (second[-1] + 1, None))
        )
        self._query_type, self._text_type = sample.type_ids[first[0]], sample.type_ids[second[0]]
        self._room = length - len(self._before) - len(self._between) - len(self._after)
        self._query_room, self._title_room = int(length * QUERY_SHARE), int(length * TITLE_SHARE)
        if self._room <= self._query_room + self._title_room:
            raise ValueError(f"window_length of more than {length}")

    def truncation_warnings(self, query: str, titles: Sequence[str]) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than their share of a pair."""
        return truncation_warnings(self._encode, query, titles, self._query_room, self._title_room)

    def build(self, query: str, passages: Sequence[tuple[str, str]], units: Sequence[Unit]) -> list[Pair]:
        """Return the pairs of all units, in order.

        A unit is in one pair, with the unit before it and the unit after it where they fit; a unit that does not fit by
        itself is split over several pairs, without neighbours. A unit without tokens has no pair. Of a query that is longer
        than half of a pair, the first and the last tokens are used.

        Args:
            query: of the request.
            passages: `(title, text)` of each.
            units: of all passages, in order.
        """
        query_ids = self._encode(query).ids
        if len(query_ids) > self._query_room:
            half = self._query_room // 2
            query_ids = query_ids[:half] + query_ids[half - self._query_room :]
        pairs: list[Pair] = []
        remaining = iter(enumerate(units))
        counts = np.bincount([unit.passage for unit in units], minlength=len(passages)) if units else ()
        for (title, text), count in zip(passages, counts, strict=bool(units)):
            own = list(islice(remaining, int(count)))
            title_ids = self._encode(f"{title}:").ids[: self._title_room] if title.strip() else []
            room = self._room - len(query_ids) - len(title_ids)
            for unit, tokens in self._texts(text, own, room):
                pairs.append(self._pair(unit, query_ids, title_ids + tokens))
        return pairs

    def _texts(self, text: str, units: Sequence[tuple[int, Unit]], room: int) -> Iterator[tuple[int, list[int]]]:
        """Yield for each pair of one passage the index of its unit, and at most `room` tokens of the text."""
        if not units:
            return
        encoding = self._encode(text)
        ends = np.fromiter((end for _, end in encoding.offsets), dtype=np.int64, count=len(encoding))
        starts = np.fromiter((unit.start for _, unit in units), dtype=np.int64, count=len(units))
        bounds = np.searchsorted(units_of_tokens(ends, starts), np.arange(len(units) + 1)).tolist()
        for k, (index, _) in enumerate(units):
            first, last = bounds[k], bounds[k + 1]
            if last - first > room:
                for at in range(first, last, room):
                    yield index, encoding.ids[at : min(at + room, last)]
            elif last > first:
                # The unit before is added first: a sentence refers back more often than ahead.
                if k > 0 and last - bounds[k - 1] <= room:
                    first = bounds[k - 1]
                if k + 1 < len(units) and bounds[k + 2] - first <= room:
                    last = bounds[k + 2]
                yield index, encoding.ids[first:last]

    def _pair(self, unit: int, query: list[int], text: list[int]) -> Pair:
        tokens = (
            *self._before,
            *((token, self._query_type) for token in query),
            *self._between,
            *((token, self._text_type) for token in text),
            *self._after,
        )
        return Pair(unit, tuple(token for token, _ in tokens), tuple(kind for _, kind in tokens))

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)


class CrossEncoderScorer:
    """A model whose ONNX graph gives one logit to a pair of texts.

    The logit of a unit is the largest of its pairs. The probability of a unit is `sigmoid(unit * logit + bias)`, with the
    calibration of the model card; the relevance of a passage is the probability of its best unit.

    Pairs of one request that have the same length are a batch, without padding; where the results of a graph depend on the
    batch (`OpenGraph.unbatched`), each pair is a batch. So the scores of a request do not depend on other requests, to the
    last bit.

    Args:
        model: the folder; its card has the window length, the calibration and the graphs.
        threads: on the CPU; None uses the cores that this process may use.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        batch_tokens: the most tokens of a batch.

    Raises:
        ModelError: a file is missing or damaged, or the model is not a cross-encoder.
        MissingDependencyError: onnxruntime cannot be used, or `device` names CUDA and CUDA does not run here.
    """

    def __init__(
        self, model: ModelFolder, *, threads: int | None = None, device: str = AUTO, batch_tokens: int = BATCH_TOKENS
    ) -> None:
        self.name = model.name
        self._path = model.path
        card = model.card
        try:
            self._scale, self._bias = (float(card["calibration"][key]) for key in ("unit", "bias"))
            length = int(card["window_length"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{model.path}/model.json: no {error} for a cross-encoder: import it again", option="model"
            ) from error
        tokenizer = read_tokenizer(model.verified("tokenizer.json"))
        try:
            self._pairs = PairBuilder(tokenizer, length)
        except ValueError as error:
            raise ModelError(f"{model.path}/model.json: a cross-encoder needs a {error}", option="model") from error
        graph = open_graph(model, threads=threads, device=device)
        self._session = graph.session
        if not {"input_ids"} <= self._session.inputs <= _INPUTS:
            raise ModelError(
                f"{model.path}: its graph has the inputs {', '.join(sorted(self._session.inputs))}: a cross-encoder has "
                "input_ids, attention_mask and token_type_ids",
                option="model",
            )
        self._max_batch_tokens = 0 if graph.unbatched else batch_tokens
        self._pool = ThreadPool(graph.threads if graph.unbatched else 1)
        # Without batches, requests are scored together only so that every thread has pairs to run.
        self.batch_tokens = 2 * length * graph.threads if graph.unbatched else batch_tokens
        self.is_batch_independent = graph.unbatched
        self.has_second_pass = False
        self.device = self._session.device
        self.warning = graph.warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score each request by itself.

        Raises:
            ModelError: the graph is not that of a cross-encoder with one logit.
        """
        return [self._score(item.request, item.units, item.time_limit) for item in batch]

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than their share of a pair."""
        return self._pairs.truncation_warnings(request.query, [passage.title for passage in request.passages])

    def logits(
        self, request: Request, units: Sequence[Unit], time_limit: TimeLimit = NO_TIME_LIMIT
    ) -> NDArray[np.float32]:
        """Return the logit of every unit, `(n_units,)`; minus infinity for a unit without tokens.

        Raises:
            ModelError: the graph is not that of a cross-encoder with one logit.
            InputError: the time is over.
        """
        pairs = self._pairs.build(request.query, [(p.title, p.text) for p in request.passages], units)
        same_length: dict[int, list[Pair]] = defaultdict(list)
        for pair in pairs:
            same_length[len(pair.ids)].append(pair)
        batches = [
            same[at : at + size]
            for length, same in same_length.items()
            for size in [max(1, self._max_batch_tokens // length)]
            for at in range(0, len(same), size)
        ]
        of_units = np.full(len(units), -np.inf, dtype=np.float32)
        # ONNX Runtime releases the interpreter lock while it computes.
        for batch, logits in zip(batches, self._pool.map(self._run, batches), strict=True):
            time_limit.check()
            for pair, logit in zip(batch, logits, strict=True):
                of_units[pair.unit] = max(of_units[pair.unit], logit)
        return of_units

    def _score(self, request: Request, units: Sequence[Unit], time_limit: TimeLimit) -> Scores:
        logits = self.logits(request, units, time_limit)
        has_tokens = np.isfinite(logits)
        probability = np.zeros(len(units), dtype=np.float32)
        probability[has_tokens] = sigmoid(self._scale * logits[has_tokens] + self._bias)
        relevance = np.zeros(len(request.passages), dtype=np.float32)
        np.maximum.at(relevance, [unit.passage for unit in units], probability)
        return Scores(probability, relevance, self.truncation_warnings(request))

    def _run(self, batch: Sequence[Pair]) -> NDArray[np.float32]:
        """Return the logits of pairs of one length, `(n_pairs,)`."""
        ids = np.array([pair.ids for pair in batch], dtype=np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.array([pair.types for pair in batch], dtype=np.int64),
        }
        try:
            (logits,) = self._session.run(inputs, [_OUTPUT])
        except ModelError as error:
            raise ModelError(
                f"{self._path}: its graph cannot score a pair of {ids.shape[1]} tokens: {error}", option="model"
            ) from error
        if logits.size != len(batch) or not np.isfinite(logits).all():
            raise ModelError(
                f"{self._path}: its graph returned {logits.size} numbers for {len(batch)} pairs, or infinite ones: "
                "a cross-encoder returns one finite logit for each pair",
                option="model",
            )
        return logits.reshape(len(batch)).astype(np.float32)

    def close(self) -> None:
        """End the threads that run pairs; the next request starts new ones."""
        self._pool.close()
