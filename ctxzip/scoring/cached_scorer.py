"""A scorer that keeps the model's scores of every passage, and queries the model only for new passages."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import __version__
from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput
from ctxzip.scoring.parts import Part, input_of, passages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType

    from numpy.typing import NDArray

    from ctxzip.model_store import ModelFolder
    from ctxzip.scoring.protocol import ModelScorer
    from ctxzip.scoring.score_cache import ScoreCache

# The modules whose code decides a score: how texts become windows or pairs, how a graph runs, how its logits become
# probabilities, and what the cache keeps of them. A test follows the imports of all of them.
SCORING_CODE = (
    "ctxzip._internal.logits",
    "ctxzip.datamodels",
    "ctxzip.model_store",
    "ctxzip.scoring.batches",
    "ctxzip.scoring.cached_scorer",
    "ctxzip.scoring.cross_encoder",
    "ctxzip.scoring.joint",
    "ctxzip.scoring.onnx_sessions",
    "ctxzip.scoring.parts",
    "ctxzip.scoring.windows",
)


def identity(model: ModelFolder, device: str) -> str:
    """Return the SHA-256 of all that decides the scores of a passage, but for query and passage, in hexadecimal.

    That is the model card (the SHA-256 of the model's files, calibration, window length), the graph that runs, the kind
    of device, the code that builds windows and computes scores, and the versions of what it uses: another ONNX Runtime or
    processor may change the last bit of a score, another tokenizers its windows.
    """
    import tokenizers

    from ctxzip.scoring.onnx_sessions import load_onnxruntime, processor

    versions = (__version__, load_onnxruntime().__version__, tokenizers.__version__, np.__version__)
    return _sha256(
        code_digest(SCORING_CODE), versions, model.card, model.graph, device.partition(":")[0], processor()
    ).hex()


@cache
def code_digest(modules: Iterable[str]) -> str:
    """Return the SHA-256 of the code of some modules, in hexadecimal.

    It is taken from their sources, or where an installation has none from their compiled code. A module that gives
    neither counts with its name alone.

    Args:
        modules: full names; a hashable iterable, as the result is kept.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    digest = hashlib.sha256()
    for name in modules:
        digest.update(_sha256(name, _code_of(name)))
    return digest.hexdigest()


def _code_of(name: str) -> str | None:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"no module {name}", name=name)
    for method, described in (("get_source", str), ("get_code", _described)):
        try:
            found = getattr(spec.loader, method)(name)
        except (AttributeError, ImportError, OSError, SyntaxError, ValueError):
            continue  # not every loader has both, nor can every file be read
        if found is not None:
            return described(found)
    return None


def _described(code: CodeType) -> str:
    """Return what a code object does, in text that is the same in every process: `marshal` gives no such bytes."""
    inner = [_described(one) if hasattr(one, "co_code") else _constant(one) for one in code.co_consts]
    return repr((sys.version_info[:2], code.co_name, code.co_code.hex(), code.co_names, code.co_varnames, inner))


def _constant(value: Any) -> str:
    """Return a constant of a code object as text; the order of a set differs between processes."""
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


class CachedScorer:
    """Queries the model only for passages whose scores the cache does not have.

    Where the model runs every window alone, the scores of a passage do not depend on the other passages. Where it does
    not, their last bit may: then the key covers all passages, and the scores of a request are found
    for all of them or for none. So the output is the same with the cache and without.

    Args:
        model: scores passages that are not in the cache.
        identity: of the model, see `identity`.
        cache: stores the scores.
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
    """Return relevance and units of one passage in one array, as `_packed` was given them."""
    return np.frombuffer(value, dtype="<f4", count=1 + part.last - part.first).astype(np.float32)


def _joined(scores: Sequence[NDArray[np.float32]], warnings: tuple[RecordWarning, ...]) -> Scores:
    """Return the scores of a request with at least one passage."""
    return Scores(
        probability=np.concatenate([numbers[1:] for numbers in scores]),
        relevance=np.concatenate([numbers[:1] for numbers in scores]),
        warnings=warnings,
    )
