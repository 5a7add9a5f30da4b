"""The checks of `ctxzip doctor`: versions, machine, models, and whether one record can be compressed."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip.errors import CtxzipError, ModelError
from ctxzip.model_store import installed_folders, read_model, user_models_folder
from ctxzip.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

_PACKAGES = (
    "onnxruntime-gpu", "onnxruntime", "tokenizers", "numpy", "msgspec", "nupunkt", "spacy", "rank-bm25", "pathspec", "typer", "rich",
    "html-to-markdown", "tiktoken", "torch", "sentence-transformers",
)  # fmt: skip
# CPU features that determine the speed of int8 and fp32 matrix products, on x86 and on ARM.
_FEATURES = re.compile(r"\b(?:avx|avx2|fma|avx512f|avx512_vnni|avx_vnni|amx_int8|amx_bf16|asimd|asimddp|i8mm|sve)\b")
_QUESTION = "When does the ferry leave?"
_DOCUMENTS = ["Bread is baked here.", "The harbour is small. The ferry leaves at seven. It is red."]
_ANSWER = "The ferry leaves at seven."


def diagnose(device: str = "auto", text_of: Callable[[CtxzipError], str] = str) -> dict[str, Any]:
    """Return what a bug report needs to say about the installation.

    Args:
        device: where to run the model: `auto`, `cpu`, `cuda` or `cuda:N`.
        text_of: returns the text of an error; the command line spells options in it as they are typed.

    Returns:
        JSON values: `versions`, `machine`, `onnxruntime` (its `error` and the commands that `repair` it, each a text or
        None), `cuda`, `models`, `folders`, `inference`, and `ok`: whether one record could be compressed with the
        default model.

    Raises:
        UsageError: there is no such device.
    """
    from ctxzip.scoring.onnx_sessions import check_device

    check_device(device)
    inference = _inference(device, text_of)
    return {
        "versions": _versions(),
        "machine": _machine(),
        "onnxruntime": _onnxruntime(text_of),
        "cuda": _cuda(),
        "models": _models(text_of),
        "folders": _folders(),
        "inference": inference,
        "ok": inference["error"] is None,
    }


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"ctxzip": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _machine() -> dict[str, Any]:
    from ctxzip._internal.cores import available_cores

    try:
        cpu_info = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:  # not Linux
        cpu_info = ""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "cores_allowed": available_cores(),
        "cpu_features": sorted(set(_FEATURES.findall(cpu_info))) or None,
    }


def _onnxruntime(text_of: Callable[[CtxzipError], str]) -> dict[str, str | None]:
    """Return the error of the installation of ONNX Runtime, and the commands that repair it."""
    from ctxzip.scoring.onnx_sessions import ONNXRUNTIME_PACKAGE, REPAIR, load_onnxruntime

    versions = _versions()
    installed = [name for name in ("onnxruntime", "onnxruntime-gpu") if versions[name] is not None]
    try:
        load_onnxruntime()
    except CtxzipError as error:
        return {"error": text_of(error), "repair": REPAIR if installed else f"pip install {ONNXRUNTIME_PACKAGE}"}
    if len(installed) > 1:
        return {
            "error": "onnxruntime and onnxruntime-gpu are both installed: each overwrites the other",
            "repair": REPAIR,
        }
    return {"error": None, "repair": None}


def _cuda() -> dict[str, Any]:
    from ctxzip.scoring.onnx_sessions import cuda_unavailable_reason, execution_providers

    try:
        missing, built_in = cuda_unavailable_reason(), execution_providers()
    except CtxzipError:
        missing, built_in = "onnxruntime cannot be used", []
    return {"providers_built_in": built_in, "usable": missing is None, "missing": missing}


def _models(text_of: Callable[[CtxzipError], str]) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = []
    for path in installed_folders():
        entry: dict[str, Any] = {"name": path.name, "path": str(path), "files": {}, "error": None}
        try:
            model = read_model(path)
            entry |= {"name": model.name, "files": {file: model.state(file) for file in model.card["files"]}}
        except ModelError as error:
            entry["error"] = text_of(error)
        models.append(entry)
    return models


def _folders() -> dict[str, str]:
    return {"executable": sys.executable, "own_models": str(user_models_folder())}


def _inference(device: str, text_of: Callable[[CtxzipError], str]) -> dict[str, Any]:
    """Compress one record twice with the default model, which the first time loads; return device, times and error."""
    from ctxzip.compressor import Compressor
    from ctxzip.reading.detection import to_request
    from ctxzip.reading.schemas import SHAPES
    from ctxzip.settings import Settings

    report: dict[str, Any] = {"scorer": None, "device": None, "load_ms": None, "record_ms": None, "error": None}
    started = time.perf_counter()
    try:
        compressor = Compressor(Settings(scorer="hybrid", model=DEFAULT_MODEL, device=device, max_sentences=1))
        request = to_request({"query": _QUESTION, "docs": _DOCUMENTS}, SHAPES)
        compressor.compress(request)
        loaded = time.perf_counter()
        result = compressor.compress(request)
    except CtxzipError as error:
        return {**report, "error": text_of(error)}
    done = time.perf_counter()
    report |= {
        "scorer": result.scored.scorer,
        "device": result.scored.device,
        "load_ms": round(1000 * (loaded - started), 1),
        "record_ms": round(1000 * (done - loaded), 1),
    }
    if result.texts != ("", _ANSWER):
        report["error"] = (
            f"the model kept {list(result.texts)} instead of {_ANSWER!r}: its files or onnxruntime are damaged"
        )
    return report
