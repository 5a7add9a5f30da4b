"""A report of what is installed and what works, with one record compressed as a proof."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from ctxzip import __version__
from ctxzip.errors import CtxzipError, ModelError
from ctxzip.model_store import installed_folders, read_model, user_models_folder
from ctxzip.settings import DEFAULT_MODEL

_PACKAGES = (
    "onnxruntime-gpu", "onnxruntime", "tokenizers", "numpy", "msgspec", "nupunkt", "spacy", "rank-bm25", "typer", "rich",
    "tiktoken", "torch", "sentence-transformers",
)  # fmt: skip
# CPU features that decide how fast matrix products of int8 and of fp32 are, on x86 and on ARM.
_FEATURES = re.compile(r"\b(?:avx|avx2|fma|avx512f|avx512_vnni|avx_vnni|amx_int8|amx_bf16|asimd|asimddp|i8mm|sve)\b")
_QUESTION = "When does the ferry leave?"
_DOCUMENTS = ["Bread is baked here.", "The harbour is small. The ferry leaves at seven. It is red."]
_ANSWER = "The ferry leaves at seven."


def examine(device: str = "auto") -> dict[str, Any]:
    """Return the facts that belong in a report of a problem.

    Args:
        device: where the model is tried: `auto`, `cpu`, `cuda` or `cuda:N`.

    Returns:
        JSON values: `versions`, `machine`, `onnxruntime` (its `error` and `repair`, each a text or None), `cuda`,
        `models`, `folders`, `inference` and `ok`, whether one record could be compressed with the default model.

    Raises:
        UsageError: no such device.
    """
    from ctxzip.scoring.onnx_sessions import check_device

    check_device(device)
    inference = _inference(device)
    return {
        "versions": _versions(),
        "machine": _machine(),
        "onnxruntime": _onnxruntime(),
        "cuda": _cuda(),
        "models": _models(),
        "folders": _folders(),
        "inference": inference,
        "ok": inference["error"] is None,
    }


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"ctxzip": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def _machine() -> dict[str, Any]:
    from ctxzip._internal.cores import available_cores

    try:
        about = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:  # not Linux
        about = ""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "cores_allowed": available_cores(),
        "cpu_features": sorted(set(_FEATURES.findall(about))) or None,
    }


def _onnxruntime() -> dict[str, str | None]:
    """Return what is wrong with the installation of ONNX Runtime, and the commands that repair it."""
    from ctxzip.scoring.onnx_sessions import ONNXRUNTIME_PACKAGE, REPAIR, load_onnxruntime

    versions = _versions()
    both = versions["onnxruntime"] is not None and versions["onnxruntime-gpu"] is not None
    try:
        load_onnxruntime()
    except CtxzipError as error:
        absent = versions["onnxruntime"] is versions["onnxruntime-gpu"] is None
        return {"error": str(error), "repair": f"pip install {ONNXRUNTIME_PACKAGE}" if absent else REPAIR}
    if both:
        return {
            "error": "onnxruntime and onnxruntime-gpu are both installed: each overwrites the other",
            "repair": REPAIR,
        }
    return {"error": None, "repair": None}


def _cuda() -> dict[str, Any]:
    from ctxzip.scoring.onnx_sessions import cuda_unavailable_reason, execution_providers

    try:
        missing = cuda_unavailable_reason()
        listed = execution_providers()
    except CtxzipError:
        missing, listed = "onnxruntime cannot be used", []
    return {
        "providers_built_in": listed,
        "usable": missing is None,
        "missing": missing,
    }


def _models() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in installed_folders():
        about: dict[str, Any] = {"name": path.name, "path": str(path), "files": {}, "error": None}
        try:
            model = read_model(path)
            about |= {"name": model.name, "files": {file: model.state(file) for file in model.card["files"]}}
        except ModelError as error:
            about["error"] = str(error)
        found.append(about)
    return found


def _folders() -> dict[str, str]:
    return {"executable": sys.executable, "own_models": str(user_models_folder())}


def _inference(device: str) -> dict[str, Any]:
    """Compress one record with the model, twice: the first time loads."""
    from ctxzip.compressor import Compressor
    from ctxzip.reading.detection import to_request
    from ctxzip.reading.schemas import SHAPES
    from ctxzip.settings import Settings

    found: dict[str, Any] = {"scorer": None, "device": None, "load_ms": None, "record_ms": None, "error": None}
    started = time.perf_counter()
    try:
        compressor = Compressor(Settings(scorer="hybrid", model=DEFAULT_MODEL, device=device, max_sentences=1))
        request = to_request({"query": _QUESTION, "docs": _DOCUMENTS}, SHAPES)
        compressor.compress(request)
        loaded = time.perf_counter()
        result = compressor.compress(request)
    except CtxzipError as error:
        return {**found, "error": str(error)}
    done = time.perf_counter()
    found |= {
        "scorer": result.scored.scorer,
        "device": result.scored.device,
        "load_ms": round(1000 * (loaded - started), 1),
        "record_ms": round(1000 * (done - loaded), 1),
    }
    if result.texts != ("", _ANSWER):
        found["error"] = (
            f"the model kept {list(result.texts)} and not {_ANSWER!r}: its files or onnxruntime are damaged"
        )
    return found
