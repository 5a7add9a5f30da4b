"""A scorer that stores the model's scores of every passage, and runs the model only for new passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput
from ctxzip.scoring.cache_key import sha256_of
from ctxzip.scoring.passage_parts import PassagePart, input_of_parts, whole_passages
from ctxzip.scoring.unit_contexts import with_contexts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ctxzip.scoring.protocol import ModelScorer
    from ctxzip.scoring.score_cache import ScoreCache

_FLOAT_BYTES = 4  # of a float32


class CachedScorer:
    """Runs the model only for passages whose scores are not in the cache. The scores are the same as without a cache.

    The key of a passage covers the identity of the model, the query, the evidence, and the title, text, units and contexts of
    the passage. Where the last bit of a score may depend on the other passages of the request, the key covers those too: then
    either all passages of a request are in the cache or none.

    Args:
        model: scores passages that are not in the cache.
        identity: of the model, see `ctxzip.scoring.cache_key.scoring_identity`.
        cache: stores the scores.
    """

    def __init__(self, model: ModelScorer, identity: str, cache: ScoreCache) -> None:
        self.name = model.name
        self.device = model.device
        self.batch_tokens = model.batch_tokens
        self.has_second_pass = model.has_second_pass
        self.is_batch_independent = model.is_batch_independent
        self._model = model
        self._identity = identity
        self._cache = cache

    @property
    def warning(self) -> str | None:
        """The warning of the model, and why the cache cannot be used, which may appear after the first record only."""
        return "; ".join(filter(None, (self._model.warning, self._cache.warning))) or None

    def close(self) -> None:
        """Close the model and the file of the cache."""
        self._model.close()
        self._cache.close()

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Return the scores of each input; the model scores all passages that are not in the cache together."""
        batch = [with_contexts(item) for item in batch]
        passages = [whole_passages(item) for item in batch]
        keys = [self._keys(item, parts) for item, parts in zip(batch, passages, strict=True)]
        part_of = {
            key: part
            for of_item, parts in zip(keys, passages, strict=True)
            for key, part in zip(of_item, parts, strict=True)
        }
        stored = self._cache.get(list(part_of))
        read = {key: _from_bytes(value, part_of[key]) for key, value in stored.items()}
        cached = {key: scores for key, scores in read.items() if scores is not None}
        missing = [self._missing(of_item, cached) for of_item in keys]
        # A request without passages has no key; the model gives its warnings.
        to_score = [n for n, indices in enumerate(missing) if indices or not passages[n]]
        inputs = [input_of_parts(batch[n], [passages[n][i] for i in missing[n]]) for n in to_score]
        by_model = dict(zip(to_score, self._model.score(inputs), strict=True))
        new: dict[bytes, NDArray[np.float32]] = {}
        for n, scores in by_model.items():
            sizes = [passages[n][i].last - passages[n][i].first for i in missing[n]]
            of_passages = np.split(scores.probability, np.cumsum(sizes)[:-1]) if sizes else []
            for i, relevance, probability in zip(missing[n], scores.relevance, of_passages, strict=True):
                new[keys[n][i]] = np.concatenate([[relevance], probability]).astype(np.float32)
        self._cache.put({key: scores.astype("<f4").tobytes() for key, scores in new.items()})
        values = cached | new
        return [
            _joined(
                [values[key] for key in keys[n]],
                self.truncation_warnings(item.request),
            )
            if passages[n]
            else by_model[n]
            for n, item in enumerate(batch)
        ]

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return the warnings of the model, which depend on the query and all titles and are not cached."""
        return self._model.truncation_warnings(request)

    def _keys(self, item: ScoringInput, parts: Sequence[PassagePart]) -> list[bytes]:
        contexts = item.contexts or ()
        contents = [
            (
                passage.title,
                passage.text,
                [(unit.start, unit.end) for unit in item.units[part.first : part.last]],
                contexts[part.first : part.last],
            )
            for passage, part in zip(item.request.passages, parts, strict=True)
        ]
        request = None if self.is_batch_independent else sha256_of(contents).hex()
        return [sha256_of(self._identity, item.request.query, item.evidence, content, request) for content in contents]

    def _missing(self, keys: Sequence[bytes], cached: Collection[bytes]) -> list[int]:
        """Return the indices of the passages that the model has to score."""
        missing = [i for i, key in enumerate(keys) if key not in cached]
        return list(range(len(keys))) if missing and not self.is_batch_independent else missing


def _from_bytes(value: bytes, part: PassagePart) -> NDArray[np.float32] | None:
    """Return the relevance of a passage and the probabilities of its units, `(1 + n_units,)`, from little-endian float32.

    None if they are not such numbers: a cache may be a file that somebody else made.
    """
    if len(value) != _FLOAT_BYTES * (1 + part.last - part.first):
        return None
    scores = np.frombuffer(value, dtype="<f4").astype(np.float32)
    return scores if ((scores >= 0) & (scores <= 1)).all() else None


def _joined(of_passages: Sequence[NDArray[np.float32]], warnings: tuple[RecordWarning, ...]) -> Scores:
    """Return the scores of a request from those of its passages, of which there is at least one."""
    return Scores(
        probability=np.concatenate([values[1:] for values in of_passages]),
        relevance=np.concatenate([values[:1] for values in of_passages]),
        warnings=warnings,
    )
