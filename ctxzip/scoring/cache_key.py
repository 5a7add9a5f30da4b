"""Model and device -> the digest of all that decides the scores of a passage, but for the query and the passage."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

    from ctxzip.model_store import ModelFolder

# The modules whose code decides a score: they make windows or pairs of texts, run a graph, make probabilities of its logits,
# and write those to the cache. A test follows the imports of all of them.
SCORING_CODE = (
    "ctxzip._internal.logits",
    "ctxzip.datamodels",
    "ctxzip.model_store",
    "ctxzip.scoring.batches",
    "ctxzip.scoring.cache_key",
    "ctxzip.scoring.cached_scorer",
    "ctxzip.scoring.cross_encoder",
    "ctxzip.scoring.joint",
    "ctxzip.scoring.onnx_sessions",
    "ctxzip.scoring.passage_parts",
    "ctxzip.scoring.unit_contexts",
    "ctxzip.scoring.windows",
)


def scoring_identity(model: ModelFolder, device: str) -> str:
    """Return the SHA-256 of all that decides the scores of a passage, but for query and passage, in hexadecimal.

    That is the model card (the SHA-256 of the model's files, calibration, window length), the graph that runs, the kind
    of device, the code that builds windows and computes scores, and the versions of what it uses: another ONNX Runtime or
    processor may change the last bit of a score, another tokenizers its windows.

    Args:
        model: the folder.
        device: where the graph runs: `cpu` or `cuda:N`.
    """
    import tokenizers

    from ctxzip.scoring.onnx_sessions import load_onnxruntime, processor_features

    versions = (__version__, load_onnxruntime().__version__, tokenizers.__version__, np.__version__)
    return sha256_of(
        code_digest(SCORING_CODE), versions, model.card, model.graph, device.partition(":")[0], processor_features()
    ).hex()


def sha256_of(*values: Any) -> bytes:
    """Return the SHA-256 of values that JSON can express."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()


@cache
def code_digest(modules: Iterable[str]) -> str:
    """Return the SHA-256 of the code of some modules, in hexadecimal.

    It is computed from their sources, or from their compiled code where an installation has no sources. Of a module with
    neither, only the name counts.

    Args:
        modules: full names; a hashable iterable, as the result is cached.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    digest = hashlib.sha256()
    for name in modules:
        digest.update(sha256_of(name, _code_of(name)))
    return digest.hexdigest()


def _code_of(name: str) -> str | None:
    """Return the source of a module, its compiled code as text, or None where the loader gives neither."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"no module {name}", name=name)
    for method, as_text in (("get_source", str), ("get_code", _code_as_text)):
        try:
            code = getattr(spec.loader, method)(name)
        except (AttributeError, ImportError, OSError, SyntaxError, ValueError):
            continue  # not every loader has both methods, and not every file can be read
        if code is not None:
            return as_text(code)
    return None


def _code_as_text(code: CodeType) -> str:
    """Return a code object as text that is the same in every process, which the bytes of `marshal` are not."""
    constants = [
        _code_as_text(value) if hasattr(value, "co_code") else _constant_as_text(value) for value in code.co_consts
    ]
    return repr((sys.version_info[:2], code.co_name, code.co_code.hex(), code.co_names, code.co_varnames, constants))


def _constant_as_text(value: Any) -> str:
    """Return a constant of a code object as text; the order of a set differs between processes."""
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)
