"""The shipped model: one encoder pass over question and passage scores every unit in its context."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import MIN_LOGIT, sigmoid
from ctxzip._internal.thread_pool import ThreadPool
from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput
from ctxzip.errors import ModelError
from ctxzip.model_store import read_tokenizer
from ctxzip.scoring.batches import by_length, padded
from ctxzip.scoring.onnx_sessions import place
from ctxzip.scoring.windows import NO_UNIT, Window, WindowBuilder
from ctxzip.settings import AUTO, BATCH_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip.model_store import ModelFolder


class JointScorer:
    """A model folder with an ONNX graph that gives a logit to every token and one to the window.

    The logit of a unit is the mean over its tokens; that of a passage the largest of its windows.
    Scaled as its card says, through a sigmoid, it is the calibrated probability.

    Args:
        model: the folder, with a card that says window length and calibration.
        threads: on the CPU; None takes the cores that this process may use.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        batch_tokens: of a batch, padding included, where windows are run together.

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
            self._unit_weight, self._bias, self._relevance_scale = (
                float(card["calibration"][key]) for key in ("unit", "bias", "relevance")
            )
            length = int(card["window_length"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{model.path}/model.json: no {error} for a joint model", option="model") from error
        tokenizer = read_tokenizer(model.verified("tokenizer.json"))
        try:
            self._windows = WindowBuilder(tokenizer, length)
        except ValueError as error:
            raise ModelError(f"{model.path}/model.json: a joint model needs a {error}", option="model") from error
        placed = place(model, threads=threads, device=device)
        self._session = placed.session
        self._batch_tokens = 0 if placed.alone else batch_tokens
        # Windows that run alone need only be enough for every thread to have some.
        self.batch_tokens = 2 * length * placed.threads if placed.alone else batch_tokens
        self.runs_alone = placed.alone
        self.has_second_pass = bool(card.get("second_look"))
        self._pool = ThreadPool(placed.threads if placed.alone else 1)
        self.device = placed.session.device
        self.warning = placed.warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score the windows of all requests together; the scores of one do not depend on the others."""
        return [
            self._scores(item.request, means, passages)
            for item, (means, passages) in zip(batch, self.logits(batch), strict=True)
        ]

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than their share of a window."""
        return self._windows.truncation_warnings(request.query, [passage.title for passage in request.passages])

    def logits(self, batch: Sequence[ScoringInput]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return, for each request, the mean logit of every unit, `(n_units,)`, and of every passage, `(n_passages,)`.

        A unit without tokens of its own has -30, as has a passage without text.

        Raises:
            ModelError: the graph fails, as on a card whose memory is full.
        """
        built = [
            self._windows.build(
                item.request.query,
                [(passage.title, passage.text) for passage in item.request.passages],
                item.units,
                evidence=item.evidence,
            )
            for item in batch
        ]
        outputs = self._run([window for windows in built for window in windows])
        starts = [0, *accumulate(map(len, built))]
        return [
            _pooled(windows, outputs[first:last], len(item.units), len(item.request.passages))
            for item, windows, (first, last) in zip(batch, built, pairwise(starts), strict=True)
        ]

    def _scores(self, request: Request, means: NDArray[np.float32], passages: NDArray[np.float32]) -> Scores:
        return Scores(
            sigmoid(self._unit_weight * means + self._bias),
            sigmoid(self._relevance_scale * passages),
            self.truncation_warnings(request),
        )

    def _run(self, windows: Sequence[Window]) -> list[tuple[NDArray[np.float32], float]]:
        """Return the logits of the tokens of every window, and its own."""
        found: list[tuple[NDArray[np.float32], float]] = [(np.empty(0, np.float32), MIN_LOGIT)] * len(windows)
        lengths = [len(window.ids) for window in windows]
        batches = by_length(lengths, self._batch_tokens)

        def run(batch: list[int]) -> None:
            ids = padded([windows[i].ids for i in batch])
            positions = np.arange(ids.shape[1])
            mask = positions < np.array([lengths[i] for i in batch])[:, None]
            second = positions >= np.array([windows[i].n_first for i in batch])[:, None]
            inputs = {
                "input_ids": ids,
                "attention_mask": mask.astype(np.int64),
                "token_type_ids": (mask & second).astype(np.int64),
            }
            try:
                tokens, relevance = self._session.run(inputs, ["token_logits", "window_logits"])
            except ModelError as error:
                windows_of = f"{ids.shape[0]} windows of {ids.shape[1]} tokens"
                raise ModelError(
                    f"{self._path}: its graph cannot score {windows_of} on {self.device}: {error}",
                    option="batch_tokens",
                ) from error
            for row, i in enumerate(batch):
                found[i] = tokens[row, : lengths[i]], float(relevance[row])

        # ONNX Runtime releases the interpreter lock while it computes.
        for _ in self._pool.map(run, batches):
            pass
        return found

    def close(self) -> None:
        """End the threads that run windows; the next request starts new ones."""
        self._pool.close()


def _pooled(
    windows: Sequence[Window], outputs: Sequence[tuple[NDArray[np.float32], float]], n_units: int, n_passages: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    sums = np.zeros(n_units, dtype=np.float64)
    counts = np.zeros(n_units, dtype=np.int64)
    passages = np.full(n_passages, MIN_LOGIT, dtype=np.float32)
    for window, (tokens, relevance) in zip(windows, outputs, strict=True):
        owners = np.asarray(window.units)
        inside = owners != NO_UNIT
        np.add.at(sums, owners[inside], tokens[inside])
        np.add.at(counts, owners[inside], 1)
        passages[window.passage] = max(passages[window.passage], relevance)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), MIN_LOGIT)
    return means.astype(np.float32), passages
