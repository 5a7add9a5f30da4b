"""The shipped model: one encoder pass over question and passage scores every unit in its context."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxzip.errors import ModelError
from ctxzip.records import Request, Scores, Unit
from ctxzip.scoring.runtime import session
from ctxzip.scoring.windows import NO_UNIT, Window, WindowBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip.shipped import ModelFolder


class JointScorer:
    """A model folder with an ONNX graph that gives a logit to every token and one to the window.

    The logit of a unit is the mean over its tokens; that of a passage the largest of its windows.
    A fitted combination of both, through a sigmoid, is the calibrated probability of the unit.

    Every window is run by itself. Dynamic int8 takes its scales from the whole batch, so that in a
    larger one the score of a window would depend on its neighbours; and a batch of one pads nothing.

    Args:
        model: the folder, with a card that says window length and calibration.
        threads: of the session; None takes one a core.

    Raises:
        ModelError: a file is missing, damaged or of another kind.
    """

    def __init__(self, model: ModelFolder, threads: int | None = None) -> None:
        import tokenizers

        self.name = model.name
        card = model.card
        try:
            self._unit_weight, self._passage_weight, self._bias = (
                float(card["calibration"][key]) for key in ("unit", "passage", "bias")
            )
            self._relevance_scale = float(card["calibration"]["relevance"])
            length = int(card["window_length"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{model.path}/model.json: no {error} for a joint model (--scorer)") from error
        tokenizer = tokenizers.Tokenizer.from_file(str(model.verified("tokenizer.json")))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._windows = WindowBuilder(tokenizer, length)
        self._session = session(model.verified("model.int8.onnx"), threads)

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Score each request by itself."""
        return [self._score(request, units) for request, units in batch]

    def logits(self, request: Request, units: Sequence[Unit]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the mean logit of every unit, `(n_units,)`, and the logit of every passage, `(n_passages,)`.

        A unit without tokens of its own has -30, as has a passage without text.
        """
        windows = self._windows.build(request.query, [(p.title, p.text) for p in request.passages], units)
        sums = np.zeros(len(units), dtype=np.float64)
        counts = np.zeros(len(units), dtype=np.int64)
        passages = np.full(len(request.passages), _NOTHING, dtype=np.float32)
        for window in windows:
            tokens, relevance = self._run(window)
            owners = np.asarray(window.units)
            inside = owners != NO_UNIT
            np.add.at(sums, owners[inside], tokens[inside])
            np.add.at(counts, owners[inside], 1)
            passages[window.passage] = max(passages[window.passage], relevance)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), _NOTHING)
        return means.astype(np.float32), passages

    def _score(self, request: Request, units: Sequence[Unit]) -> Scores:
        means, passages = self.logits(request, units)
        owners = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
        combined = self._unit_weight * means + self._passage_weight * passages[owners] + self._bias
        cut = self._windows.cut(request.query)
        return Scores(_sigmoid(combined), _sigmoid(self._relevance_scale * passages), (cut,) if cut else ())

    def _run(self, window: Window) -> tuple[NDArray[np.float32], float]:
        n = len(window.ids)
        types = np.zeros((1, n), dtype=np.int64)
        types[0, window.n_first :] = 1
        tokens, relevance = self._session.run(
            ["token_logits", "window_logits"],
            {
                "input_ids": np.asarray(window.ids, dtype=np.int64)[None],
                "attention_mask": np.ones((1, n), dtype=np.int64),
                "token_type_ids": types,
            },
        )
        return tokens[0], float(relevance[0])


_NOTHING = -30.0  # a logit whose probability is 0 in float32


def _sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    probability: NDArray[np.floating] = 1 / (1 + np.exp(-np.clip(logits, _NOTHING, -_NOTHING)))
    return probability.astype(np.float32)
