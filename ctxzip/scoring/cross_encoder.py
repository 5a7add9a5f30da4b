"""Any cross-encoder with one logit: question and unit are read as a pair, the neighbours of the unit in view."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import sigmoid
from ctxzip._internal.thread_pool import ThreadPool
from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput, Unit
from ctxzip.errors import ModelError
from ctxzip.model_store import read_tokenizer
from ctxzip.scoring.onnx_sessions import Session, place
from ctxzip.scoring.windows import QUERY_SHARE, TITLE_SHARE, owners, truncation_warnings
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
        unit: index of the unit that it scores.
        ids: token ids, those that frame question and text included.
        types: the token type of each.
    """

    unit: int
    ids: tuple[int, ...]
    types: tuple[int, ...]


class PairBuilder:
    """Puts each unit of a request behind its question: `[CLS] question [SEP] title: units [SEP]`, or as the tokenizer says.

    Args:
        tokenizer: a `tokenizers.Tokenizer`, truncation and padding off.
        length: tokens of a pair at most.

    Raises:
        ValueError: nothing of a unit would fit beside the longest question and title.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        self._tokenizer = tokenizer
        # What frames a pair differs between families (`</s></s>`), so the tokenizer is asked.
        sample = tokenizer.encode("a", "b")
        framed = list(zip(sample.ids, sample.type_ids, sample.sequence_ids, strict=True))
        first, second = ([i for i, (_, _, part) in enumerate(framed) if part == wanted] for wanted in (0, 1))
        self._before, self._between, self._after = (
            [(token, kind) for token, kind, _ in framed[start:end]]
            for start, end in ((0, first[0]), (first[-1] + 1, second[0]), (second[-1] + 1, len(framed)))
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

        A unit is read with the one before it and the one after it, where they fit. One that does not
        fit by itself is read in several pairs, every token in exactly one of them. A question that
        fills more than half of a pair is read by its first and its last words. A unit without tokens
        of its own has no pair.

        Args:
            query: the question.
            passages: `(title, text)` of each.
            units: of all passages, in order.
        """
        query_ids = self._encode(query).ids
        if len(query_ids) > self._query_room:
            half = self._query_room // 2
            query_ids = query_ids[:half] + query_ids[half - self._query_room :]
        pairs: list[Pair] = []
        rest = iter(enumerate(units))
        counts = np.bincount([unit.passage for unit in units], minlength=len(passages)) if units else ()
        for (title, text), count in zip(passages, counts, strict=bool(units)):
            own = list(islice(rest, int(count)))
            title_ids = self._encode(f"{title}:").ids[: self._title_room] if title.strip() else []
            room = self._room - len(query_ids) - len(title_ids)
            for unit, tokens in self._read(text, own, room):
                pairs.append(self._pair(unit, query_ids, title_ids + tokens))
        return pairs

    def _read(self, text: str, units: Sequence[tuple[int, Unit]], room: int) -> Iterator[tuple[int, list[int]]]:
        """Yield, for each pair of one passage, its unit and the tokens of the passage in it."""
        if not units:
            return
        encoding = self._encode(text)
        ends = np.fromiter((end for _, end in encoding.offsets), dtype=np.int64, count=len(encoding))
        starts = np.fromiter((unit.start for _, unit in units), dtype=np.int64, count=len(units))
        bounds = np.searchsorted(owners(ends, starts), np.arange(len(units) + 1)).tolist()
        for k, (index, _) in enumerate(units):
            first, last = bounds[k], bounds[k + 1]
            if last - first > room:
                for at in range(first, last, room):
                    yield index, encoding.ids[at : min(at + room, last)]
            elif last > first:
                # What a sentence refers to stands before it more often than behind it.
                if k > 0 and last - bounds[k - 1] <= room:
                    first = bounds[k - 1]
                if k + 1 < len(units) and bounds[k + 2] - first <= room:
                    last = bounds[k + 2]
                yield index, encoding.ids[first:last]

    def _pair(self, unit: int, query: list[int], text: list[int]) -> Pair:
        parts = (
            *self._before,
            *((token, self._query_type) for token in query),
            *self._between,
            *((token, self._text_type) for token in text),
            *self._after,
        )
        return Pair(unit, tuple(token for token, _ in parts), tuple(kind for _, kind in parts))

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)


class CrossEncoderScorer:
    """A model folder with an ONNX graph that gives one logit to a pair of texts.

    The logit of a unit is the largest of its pairs; scaled and shifted as the card says, and through
    a sigmoid, it is the probability of the unit. The relevance of a passage is that of its best unit.

    Pairs of one length of one request are run together, without padding; where the card says that the
    results of a graph depend on the batch, each is run by itself. So what a request scores does not
    depend on the requests around it, to the last bit.

    Args:
        model: the folder, with a card that says window length, calibration and graphs.
        threads: on the CPU; None takes the cores that this process may use.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        batch_tokens: of a batch, where pairs are run together.

    Raises:
        ModelError: a file is missing, damaged or of another kind.
        MissingDependencyError: CUDA was asked for by name and does not run here.
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
        placed = place(model, threads=threads, device=device)
        self._session: Session = placed.session
        if not {"input_ids"} <= self._session.inputs <= _INPUTS:
            raise ModelError(
                f"{model.path}: its graph reads {', '.join(sorted(self._session.inputs))}: a cross-encoder reads "
                "input_ids, attention_mask and token_type_ids",
                option="model",
            )
        self._batch_tokens = 0 if placed.alone else batch_tokens
        self._pool = ThreadPool(placed.threads if placed.alone else 1)
        # Pairs that run alone need only be enough for every thread to have some.
        self.batch_tokens = 2 * length * placed.threads if placed.alone else batch_tokens
        self.runs_alone = placed.alone
        self.has_second_pass = False
        self.device = self._session.device
        self.warning = placed.warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score each request by itself.

        Raises:
            ModelError: the graph is not that of a cross-encoder with one logit.
        """
        return [self._score(item.request, item.units) for item in batch]

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than their share of a pair."""
        return self._pairs.truncation_warnings(request.query, [passage.title for passage in request.passages])

    def logits(self, request: Request, units: Sequence[Unit]) -> NDArray[np.float32]:
        """Return the logit of every unit, `(n_units,)`; minus infinity for a unit without tokens of its own.

        Raises:
            ModelError: the graph is not that of a cross-encoder with one logit.
        """
        pairs = self._pairs.build(request.query, [(p.title, p.text) for p in request.passages], units)
        same_length: dict[int, list[Pair]] = defaultdict(list)
        for pair in pairs:
            same_length[len(pair.ids)].append(pair)
        batches = [
            same[at : at + size]
            for length, same in same_length.items()
            for size in [max(1, self._batch_tokens // length)]
            for at in range(0, len(same), size)
        ]
        found = np.full(len(units), -np.inf, dtype=np.float32)
        # ONNX Runtime releases the interpreter lock while it computes.
        for batch, logits in zip(batches, self._pool.map(self._run, batches), strict=True):
            for pair, logit in zip(batch, logits, strict=True):
                found[pair.unit] = max(found[pair.unit], logit)
        return found

    def _score(self, request: Request, units: Sequence[Unit]) -> Scores:
        logits = self.logits(request, units)
        read = np.isfinite(logits)
        probability = np.zeros(len(units), dtype=np.float32)
        probability[read] = sigmoid(self._scale * logits[read] + self._bias)
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
                f"{self._path}: its graph gave {logits.size} numbers for {len(batch)} pairs, "
                "or some that are none: a cross-encoder gives one logit each",
                option="model",
            )
        return logits.reshape(len(batch)).astype(np.float32)

    def close(self) -> None:
        """End the threads that run pairs; the next request starts new ones."""
        self._pool.close()
