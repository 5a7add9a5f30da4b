"""ONNX Runtime sessions: where a graph runs, and that it really runs there."""

from __future__ import annotations

import ctypes
import platform
import re
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ctxzip._internal.cores import available_cores
from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.settings import AUTO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from ctxzip.model_store import ModelFolder

CPU = "cpu"
_CUDA = re.compile(r"cuda(?::(\d+))?")
_CUDA_PROVIDER = "CUDAExecutionProvider"
# The sum and the norm in one operator take four times as long as the two (ONNX Runtime 1.31, 224 tokens: 0.43 ms, 0.11).
_SLOW_ON_CPU = ["SkipLayerNormFusion"]
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


@dataclass(frozen=True, slots=True)
class Session:
    """One graph, ready to run.

    Attributes:
        device: `cpu` or `cuda:N`, where it runs.
        inputs: names of what it reads.
        turn: held while it runs, where one batch takes all cores or the card, and two would take twice the memory.
    """

    device: str
    inputs: frozenset[str]
    session: Any
    turn: AbstractContextManager[Any] = field(default_factory=nullcontext)

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Return the named outputs for one batch. Inputs that the graph does not read are left out.

        Raises:
            ModelError: it fails, as a card does whose memory is full; only the reason is said.
        """
        feed = {name: value for name, value in inputs.items() if name in self.inputs}
        try:
            with self.turn:
                found: list[NDArray[Any]] = self.session.run(list(outputs), feed)
        except Exception as error:  # the library has no exception tree of its own
            raise ModelError(_first_line(error)) from error
        return found


def check_device(device: str) -> None:
    """Raise UsageError where the name of a device is none."""
    if device not in {AUTO, CPU} and not _CUDA.fullmatch(device):
        raise UsageError(f"no device {device!r}: expected auto, cpu, cuda or cuda:N", option="device")


def providers() -> list[str]:
    """Return the execution providers that this onnxruntime was built with; not all need to work.

    Raises:
        MissingDependencyError: there is no onnxruntime.
    """
    return list(_onnxruntime().get_available_providers())


def without_cuda() -> str | None:
    """Say, in words, why no graph can run on CUDA here; None where one may.

    Looks for the provider and the driver only, so that a machine without a card pays next to nothing.
    """
    if _CUDA_PROVIDER not in providers():
        return "this onnxruntime has no CUDA provider: install onnxruntime-gpu in its place"
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return f"no NVIDIA driver: {_DRIVER} cannot be loaded"
    return None


def open_session(path: Path, *, threads: int | None = None, device: str = CPU) -> Session:
    """Return a session for one graph on one device.

    Args:
        path: the ONNX file, its hash checked by the caller.
        threads: inside one operation on the CPU; None takes the cores that this process may use.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: the file is no graph that this ONNX Runtime can run.
        MissingDependencyError: CUDA was asked for and the graph does not run there.
        UsageError: no such device.
    """
    check_device(device)
    if device != CPU and (missing := without_cuda()):
        raise MissingDependencyError(missing, option="device", value=device)
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    # An optimised graph that was kept would load in 23 ms in place of 54 (mini), and checking its hash takes 18:
    # not worth 21 megabytes in the user's cache.
    # Costs the model under 10% and leaves the cores to the neighbours in the pipe.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[Any] = ["CPUExecutionProvider"]
    if match := _CUDA.fullmatch(device):
        number = int(match[1] or 0)
        device = f"cuda:{number}"
        providers.insert(0, (_CUDA_PROVIDER, {"device_id": number}))
        with redirect_stdout(StringIO()):  # it prints what it loads, and stdout is data
            onnxruntime.preload_dlls()
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=providers, disabled_optimizers=_SLOW_ON_CPU if device == CPU else None
        )
    except Exception as error:  # the library has no exception tree of its own
        if device == CPU:
            raise ModelError(f"{path}: ONNX Runtime cannot run it: {_first_line(error)}") from error
        raise MissingDependencyError(_first_line(error), option="device", value=device) from error
    if device != CPU and session.get_providers()[0] != _CUDA_PROVIDER:
        raise MissingDependencyError(
            f"the CUDA or cuDNN libraries of onnxruntime {onnxruntime.__version__} are missing, "
            "or there is no such GPU: pip install 'ctxzip[cuda]'",
            option="device",
            value=device,
        )
    turn = nullcontext() if options.intra_op_num_threads == 1 and device == CPU else Lock()
    return Session(device, frozenset(node.name for node in session.get_inputs()), session, turn)


@dataclass(frozen=True, slots=True)
class Placed:
    """A graph of a model folder in the place where it runs.

    Attributes:
        session: runs it.
        alone: every sequence is run by itself, so that its results do not depend on what else is in a batch: always on
            the CPU, where padding changes the last digits. Dynamic int8 takes its scales from the whole
            batch, and runs so anywhere.
        threads: how many sequences run at the same time.
        notice: why it does not run where it might, or None.
    """

    session: Session
    alone: bool
    threads: int
    notice: str | None = None


def place(model: ModelFolder, *, threads: int | None = None, device: str = AUTO) -> Placed:
    """Open the graph of a model that is made for a device.

    The card says it: `graphs` names a file for `cpu` and one for `cuda`, `alone` lists those that
    must not be batched. `auto` takes CUDA where a session really runs there, else the CPU.

    Raises:
        ModelError: a file is missing, damaged, or the card names none.
        MissingDependencyError: CUDA was asked for by name and does not run here.
        UsageError: no such device.
    """
    check_device(device)
    notice = None
    if device == AUTO:
        device = CPU
        graphs = model.card.get("graphs")
        if model.graph is None and isinstance(graphs, dict) and "cuda" in graphs and without_cuda() is None:
            try:
                return place(model, threads=threads, device="cuda")
            except MissingDependencyError as error:
                notice = f"{error}: the model runs on the CPU"
    file = model.graph_for(device)
    alone = device == CPU or file in model.card.get("alone", ())
    threads = threads or available_cores()
    # Sequences that run alone are too small to share one among cores: each core takes its own.
    session = open_session(model.verified(file), threads=1 if alone else threads, device=device)
    return Placed(session, alone, threads if session.device == CPU else 1, notice)


def processor() -> str:
    """Return what the processor is and can, as the kernels of ONNX Runtime choose by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {' '.join(sorted(features.partition(':')[2].split()))}"


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            f"onnxruntime cannot be imported ({error}): pip install onnxruntime-gpu (onnxruntime where there is none), "
            "or score with bm25",
            option="scorer",
        ) from error
    onnxruntime.set_default_logger_severity(4)  # the GPU wheel speaks of CUDA on machines without it
    return onnxruntime


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
