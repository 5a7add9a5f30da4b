"""Joint models, such as those that ship: one encoder pass over the query and a passage scores all its units in context."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import MIN_LOGIT, sigmoid
from ctxzip._internal.thread_pool import ThreadPool
from ctxzip._internal.time_limit import check_all
from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput
from ctxzip.errors import ModelError
from ctxzip.model_store import read_tokenizer
from ctxzip.scoring.batches import batches_by_length, padded
from ctxzip.scoring.onnx_sessions import open_graph
from ctxzip.scoring.unit_contexts import with_contexts
from ctxzip.scoring.windows import NO_UNIT, Window, WindowBuilder
from ctxzip.settings import AUTO, BATCH_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip._internal.time_limit import TimeLimit
    from ctxzip.model_store import ModelFolder


class JointScorer:
    """A model whose ONNX graph gives a logit to every token of a window, and one to the window.

    The logit of a unit is the mean over its tokens, the logit of a passage the largest of its windows. The probability of a
    unit is `sigmoid(unit * logit + bias)`, the relevance of a passage `sigmoid(relevance * logit)`, with the calibration of
    the model card.

    Args:
        model: the folder; its card has the window length, the calibration and the graphs.
        threads: on the CPU; None uses the cores that this process may use.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        batch_tokens: the most tokens of a batch, padding included, where windows are batched (`OpenGraph.unbatched`).

    Raises:
        ModelError: a file is missing or damaged, or the model is not a joint model.
        MissingDependencyError: onnxruntime cannot be used, or `device` names CUDA and CUDA does not run here.
    """

    def __init__(
        self, model: ModelFolder, *, threads: int | None = None, device: str = AUTO, batch_tokens: int = BATCH_TOKENS
    ) -> None:
        self.name = model.name
        self._path = model.path
        card = model.card
        try:
            self._unit_scale, self._bias, self._relevance_scale = (
                float(card["calibration"][key]) for key in ("unit", "bias", "relevance")
            )
            length = int(card["window_length"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{model.path}/model.json: no {error} for a joint model", option="model") from error
        self._has_contexts = bool(card.get("contexts"))
        tokenizer = read_tokenizer(model.verified("tokenizer.json"))
        try:
            self._windows = WindowBuilder(tokenizer, length)
        except ValueError as error:
            raise ModelError(f"{model.path}/model.json: a joint model needs a {error}", option="model") from error
        graph = open_graph(model, threads=threads, device=device)
        self._session = graph.session
        self._max_batch_tokens = 0 if graph.unbatched else batch_tokens
        self._pool = ThreadPool(graph.threads if graph.unbatched else 1)
        # Without batches, requests are scored together only so that every thread has windows to run.
        self.batch_tokens = 2 * length * graph.threads if graph.unbatched else batch_tokens
        self.is_batch_independent = graph.unbatched
        self.has_second_pass = bool(card.get("second_pass"))
        self.device = self._session.device
        self.warning = graph.warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score the windows of all requests together; the scores of one request do not depend on the others.

        Raises:
            ModelError: the graph fails, for instance for lack of GPU memory.
        """
        return [
            self._scores(item.request, of_units, of_passages)
            for item, (of_units, of_passages) in zip(batch, self.logits(batch), strict=True)
        ]

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than their share of a window."""
        return self._windows.truncation_warnings(request.query, [passage.title for passage in request.passages])

    def logits(self, batch: Sequence[ScoringInput]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return, for each request, the logit of every unit, `(n_units,)`, and of every passage, `(n_passages,)`.

        A unit without tokens and a passage without text have the logit -30.

        Raises:
            ModelError: the graph fails, for instance for lack of GPU memory.
        """
        windows_of_requests = [
            self._windows.build(
                item.request.query,
                [(passage.title, passage.text) for passage in item.request.passages],
                item.units,
                evidence=item.evidence,
                contexts=with_contexts(item).contexts if self._has_contexts else None,
            )
            for item in batch
        ]
        outputs = self._run(
            [window for windows in windows_of_requests for window in windows], [item.time_limit for item in batch]
        )
        starts = [0, *accumulate(map(len, windows_of_requests))]
        return [
            _pooled(windows, outputs[first:last], len(item.units), len(item.request.passages))
            for item, windows, (first, last) in zip(batch, windows_of_requests, pairwise(starts), strict=True)
        ]

    def _scores(self, request: Request, of_units: NDArray[np.float32], of_passages: NDArray[np.float32]) -> Scores:
        return Scores(
            sigmoid(self._unit_scale * of_units + self._bias),
            sigmoid(self._relevance_scale * of_passages),
            self.truncation_warnings(request),
        )

    def _run(
        self, windows: Sequence[Window], time_limits: Sequence[TimeLimit]
    ) -> list[tuple[NDArray[np.float32], float]]:
        """Return for every window the logits of its tokens, `(n_tokens,)`, and the logit of the window.

        Raises:
            InputError: the time of one of the requests is over.
        """
        outputs: list[tuple[NDArray[np.float32], float]] = [(np.empty(0, np.float32), MIN_LOGIT)] * len(windows)
        lengths = [len(window.ids) for window in windows]
        batches = batches_by_length(lengths, self._max_batch_tokens)

        def run(batch: list[int]) -> None:
            check_all(time_limits)
            ids = padded([windows[i].ids for i in batch])
            positions = np.arange(ids.shape[1])
            mask = positions < np.array([lengths[i] for i in batch])[:, None]
            is_second = positions >= np.array([windows[i].n_first for i in batch])[:, None]
            inputs = {
                "input_ids": ids,
                "attention_mask": mask.astype(np.int64),
                "token_type_ids": (mask & is_second).astype(np.int64),
            }
            try:
                tokens, relevance = self._session.run(inputs, ["token_logits", "window_logits"])
            except ModelError as error:
                shape = f"{ids.shape[0]} windows of {ids.shape[1]} tokens"
                raise ModelError(
                    f"{self._path}: its graph cannot score {shape} on {self.device}: {error}",
                    option="batch_tokens",
                ) from error
            for row, i in enumerate(batch):
                outputs[i] = tokens[row, : lengths[i]], float(relevance[row])

        # ONNX Runtime releases the interpreter lock while it computes.
        for _ in self._pool.map(run, batches):
            pass
        return outputs

    def close(self) -> None:
        """End the threads that run windows; the next request starts new ones."""
        self._pool.close()


def _pooled(
    windows: Sequence[Window], outputs: Sequence[tuple[NDArray[np.float32], float]], n_units: int, n_passages: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean logit over the tokens of each unit, and the largest over the windows of each passage."""
    sums = np.zeros(n_units, dtype=np.float64)
    counts = np.zeros(n_units, dtype=np.int64)
    passages = np.full(n_passages, MIN_LOGIT, dtype=np.float32)
    for window, (tokens, relevance) in zip(windows, outputs, strict=True):
        units = np.asarray(window.units)
        inside = units != NO_UNIT
        np.add.at(sums, units[inside], tokens[inside])
        np.add.at(counts, units[inside], 1)
        passages[window.passage] = max(passages[window.passage], relevance)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), MIN_LOGIT)
    return means.astype(np.float32), passages
