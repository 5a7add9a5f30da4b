"""ONNX Runtime sessions on the CPU."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ctxzip.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def session(path: Path, threads: int | None = None) -> Any:
    """Return an inference session for one graph.

    Args:
        path: the ONNX file, its hash checked by the caller.
        threads: inside one operation; None takes the cores that this process may use.

    Raises:
        ModelError: the file is no graph that this ONNX Runtime can run.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)  # the GPU wheel speaks of CUDA on machines without it
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    # Costs the model under 10% and leaves the cores to the neighbours in the pipe.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library has no exception tree of its own
        raise ModelError(f"{path}: ONNX Runtime cannot run it: {error}") from error


def available_cores() -> int:
    """Return the number of cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
