"""A model that remembers: what it said of a passage is kept, and not asked again."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import __version__
from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput
from ctxzip.scoring.parts import Part, input_of, passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip.model_store import ModelFolder
    from ctxzip.scoring.protocol import ModelScorer
    from ctxzip.scoring.score_cache import ScoreCache

_FORM = 2  # raise it when windows, pairs or the options of a session change


def identity(model: ModelFolder, device: str) -> str:
    """Return the SHA-256 of all that decides what a model says of a passage, but for question and passage.

    That is its card (the SHA-256 of its files, calibration, length of its windows), which of its graphs
    runs, and what runs it: another ctxzip, ONNX Runtime or processor may give another last bit.
    """
    import onnxruntime

    from ctxzip.scoring.onnx_sessions import processor

    return _sha256(
        _FORM, __version__, model.card, model.graph, device.partition(":")[0], onnxruntime.__version__, processor()
    ).hex()


class CachedScorer:
    """Asks the model only about passages that it has not scored before.

    What a passage scores depends on nothing else in the request where the model runs every window alone.
    Where it does not, the last bit may depend on the other passages: then they are part of the
    key, and a request is found whole or not at all. So the output is the same with the cache and without.

    Args:
        model: scores what is not there.
        identity: of the model, see `identity`.
        cache: keeps the scores.
    """

    def __init__(self, model: ModelScorer, identity: str, cache: ScoreCache) -> None:
        self.name = model.name
        self.device = model.device
        self.batch_tokens = model.batch_tokens
        self.has_second_pass = model.has_second_pass
        self.runs_alone = model.runs_alone
        self._model = model
        self._identity = identity
        self._cache = cache

    @property
    def warning(self) -> str | None:
        """The warning of the model, and that the cache cannot be used, which may show late."""
        return "; ".join(filter(None, (self._model.warning, self._cache.warning))) or None

    def close(self) -> None:
        """Close the model and the file of the cache."""
        self._model.close()
        self._cache.close()

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score together what was not scored before."""
        parts = [passages(item) for item in batch]
        keys = [self._keys(item, own) for item, own in zip(batch, parts, strict=True)]
        kept = self._cache.get(list({key: None for some in keys for key in some}))
        missing = [self._missing(some, kept) for some in keys]
        scored = [n for n, some in enumerate(missing) if some or not parts[n]]
        inputs = [input_of(batch[n], [parts[n][i] for i in missing[n]]) for n in scored]
        answers = dict(zip(scored, self._model.score(inputs), strict=True))
        new: dict[bytes, bytes] = {}
        for n, answer in answers.items():
            sizes = [parts[n][i].last - parts[n][i].first for i in missing[n]]
            chances = np.split(answer.probability, np.cumsum(sizes)[:-1]) if sizes else []
            for i, relevance, probability in zip(missing[n], answer.relevance, chances, strict=True):
                new[keys[n][i]] = _packed(relevance, probability)
        self._cache.put(new)
        found = kept | new
        return [
            _joined(
                [_unpacked(found[key], part) for key, part in zip(keys[n], parts[n], strict=True)],
                self.truncation_warnings(item.request),
            )
            if parts[n]
            else answers[n]
            for n, item in enumerate(batch)
        ]

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return those of the model, which are about all titles and not cached."""
        return self._model.truncation_warnings(request)

    def _keys(self, item: ScoringInput, parts: Sequence[Part]) -> list[bytes]:
        about = [
            (passage.title, passage.text, [(unit.start, unit.end) for unit in item.units[part.first : part.last]])
            for passage, part in zip(item.request.passages, parts, strict=True)
        ]
        among = None if self.runs_alone else _sha256(about).hex()
        return [_sha256(self._identity, item.request.query, item.evidence, one, among) for one in about]

    def _missing(self, keys: Sequence[bytes], kept: dict[bytes, bytes]) -> list[int]:
        missing = [i for i, key in enumerate(keys) if key not in kept]
        return list(range(len(keys))) if missing and not self.runs_alone else missing


def _sha256(*values: Any) -> bytes:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()


def _packed(relevance: np.float32, probability: NDArray[np.float32]) -> bytes:
    """Return the scores of one passage as bytes: its relevance and its units."""
    return np.concatenate([[relevance], probability]).astype("<f4").tobytes()


def _unpacked(value: bytes, part: Part) -> NDArray[np.float32]:
    """Return what `_packed` took: relevance and units in one array."""
    return np.frombuffer(value, dtype="<f4", count=1 + part.last - part.first).astype(np.float32)


def _joined(scores: Sequence[NDArray[np.float32]], warnings: tuple[RecordWarning, ...]) -> Scores:
    """Return the scores of a request, of which there is one passage at least."""
    return Scores(
        probability=np.concatenate([numbers[1:] for numbers in scores]),
        relevance=np.concatenate([numbers[:1] for numbers in scores]),
        warnings=warnings,
    )
