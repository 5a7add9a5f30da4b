"""ONNX Runtime sessions: where a graph runs, and that it really runs there."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import FunctionType
from typing import TYPE_CHECKING, Any

from ctxzip._internal.cores import available_cores
from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.settings import AUTO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from ctxzip.model_store import ModelFolder

CPU = "cpu"
_CUDA = re.compile(r"cuda(?::(\d+))?")
_CUDA_PROVIDER = "CUDAExecutionProvider"
# One fused operator for sum and norm is slower than the two (ONNX Runtime 1.31, 224 tokens: 0.43 ms against 0.11).
_SLOW_ON_CPU = ["SkipLayerNormFusion"]
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_QUIET = 4  # log severity: fatal errors alone; an error that is raised need not be logged too
_WARNINGS = 2  # log severity of ONNX Runtime where nobody has set one
_NEEDED = ("InferenceSession", "SessionOptions", "get_available_providers", "set_default_logger_severity")
_SOME_GPU_WHEEL = (sys.platform, platform.machine()) in {("linux", "x86_64"), ("win32", "AMD64")}
PACKAGE = "onnxruntime-gpu" if _SOME_GPU_WHEEL else "onnxruntime"
REPAIR = f"pip uninstall -y onnxruntime onnxruntime-gpu, then pip install --force-reinstall {PACKAGE}"


@dataclass(frozen=True, slots=True)
class Session:
    """One graph, ready to run.

    Attributes:
        device: `cpu` or `cuda:N`, where it runs.
        inputs: names of the inputs of the graph.
        turn: a lock held while it runs where one batch uses all cores or the GPU: two would need twice the memory.
            Without a lock it starts no threads of its own, and runs in a forked child, too.
        process: id of the process that opened it.
    """

    device: str
    inputs: frozenset[str]
    session: Any
    turn: AbstractContextManager[Any] = field(default_factory=nullcontext)
    process: int = field(default_factory=os.getpid)

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Return the named outputs for one batch. Inputs that the graph does not have are left out.

        Raises:
            ModelError: the graph fails, for instance for lack of GPU memory (the text is the reason alone), or
                this is a forked child of the process that opened it, and its threads or the GPU stayed there.
        """
        if not isinstance(self.turn, nullcontext) and self.process != os.getpid():
            raise ModelError(f"it was loaded on {self.device} before this process was forked: load it after the fork")
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
        MissingDependencyError: onnxruntime is not installed or is damaged.
    """
    return list(load_onnxruntime().get_available_providers())


def without_cuda() -> str | None:
    """Return why no graph can run on CUDA here, in words; None where one may.

    Looks for the provider and the driver only, which costs next to nothing on a machine without a GPU.

    Raises:
        MissingDependencyError: onnxruntime is not installed or is damaged.
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
        threads: inside one operation on the CPU; None uses the cores that this process may use.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: the file is no graph that this ONNX Runtime can run.
        MissingDependencyError: onnxruntime is not installed or is damaged, or the graph does not run on the CUDA
            device that `device` names.
        UsageError: no such device.
    """
    check_device(device)
    if device != CPU and (missing := without_cuda()):
        raise MissingDependencyError(missing, option="device", value=device)
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    # Costs the model under 10% and leaves the cores to the other processes of a pipe.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[Any] = ["CPUExecutionProvider"]
    if match := _CUDA.fullmatch(device):
        number = int(match[1] or 0)
        device = f"cuda:{number}"
        providers.insert(0, (_CUDA_PROVIDER, {"device_id": number}))
        _load_cuda_libraries(onnxruntime)
    try:
        with nullcontext() if device == CPU else _quiet(onnxruntime):
            session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=providers,
                disabled_optimizers=_SLOW_ON_CPU if device == CPU else None,
                enable_fallback=0,  # it would print to stdout, which is data, and run on the CPU
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
    """A graph of a model folder, opened on the device where it runs.

    Attributes:
        session: runs it.
        alone: whether every sequence is a batch of its own, so that its result does not depend on other sequences.
            Always on the CPU, where padding changes the last digits; on every device for dynamic int8, which takes
            its scales from the whole batch.
        threads: how many sequences run at the same time.
        warning: why it runs on the CPU although there is a CUDA driver, or None.
    """

    session: Session
    alone: bool
    threads: int
    warning: str | None = None


def place(model: ModelFolder, *, threads: int | None = None, device: str = AUTO) -> Placed:
    """Open the graph of a model that is made for a device.

    The model card names them: `graphs` has a file for `cpu` and one for `cuda`, `alone` lists those that must not
    be batched. `auto` chooses CUDA where a session really runs there, else the CPU.

    Raises:
        ModelError: a file is missing, damaged, or the model card names none.
        MissingDependencyError: onnxruntime is not installed or is damaged, or `device` names a CUDA device and CUDA
            does not run here.
        UsageError: no such device.
    """
    check_device(device)
    warning = None
    if device == AUTO:
        device = CPU
        graphs = model.card.get("graphs")
        if model.graph is None and isinstance(graphs, dict) and "cuda" in graphs and without_cuda() is None:
            try:
                return place(model, threads=threads, device="cuda")
            except MissingDependencyError as error:
                warning = f"the model runs on the CPU: {error}"
    file = model.graph_for(device)
    alone = device == CPU or file in model.card.get("alone", ())
    threads = threads or available_cores()
    # A single sequence is too small for several cores: each core runs its own.
    session = open_session(model.verified(file), threads=1 if alone else threads, device=device)
    return Placed(session, alone, threads if session.device == CPU else 1, warning)


def processor() -> str:
    """Return architecture and feature flags of the processor, by which ONNX Runtime chooses its kernels."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {' '.join(sorted(features.partition(':')[2].split()))}"


def load_onnxruntime() -> Any:
    """Import onnxruntime and return the module.

    The packages onnxruntime and onnxruntime-gpu install into one folder. Whoever installs both and removes one is left
    with a module that cannot be imported, or with an empty one.

    Raises:
        MissingDependencyError: it is not installed or is damaged; the text says how to install or repair it.
    """
    try:
        import onnxruntime
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "onnxruntime":
            raise MissingDependencyError(
                f"onnxruntime is not installed: pip install {PACKAGE}, or score with bm25", option="scorer"
            ) from error
        raise _damaged(_first_line(error) or type(error).__name__) from error
    lacking = [name for name in _NEEDED if not hasattr(onnxruntime, name)]
    if lacking:
        raise _damaged(f"it has no {', '.join(lacking)}")
    return onnxruntime


def _damaged(reason: str) -> MissingDependencyError:
    return MissingDependencyError(f"onnxruntime is damaged ({reason}): {REPAIR}, or use --scorer bm25")


def _load_cuda_libraries(onnxruntime: Any) -> None:
    """Load the CUDA and cuDNN libraries of the packages nvidia-*, where onnxruntime (1.21 and later) can do so.

    The function prints what it cannot load, and stdout is data. It runs with a `print` of its own: to replace
    `sys.stdout` meanwhile would swallow what other threads write.
    """
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return
    silent = {**preload.__globals__, "print": lambda *_, **__: None}
    FunctionType(preload.__code__, silent, argdefs=preload.__defaults__)()


_logging = Lock()


@contextmanager
def _quiet(onnxruntime: Any) -> Iterator[None]:
    """Silence the default logger of ONNX Runtime, which logs why CUDA does not run: that is raised instead.

    It belongs to the whole process, and nothing returns its level: afterwards it is the one that is documented as default.
    """
    with _logging:
        onnxruntime.set_default_logger_severity(_QUIET)
        try:
            yield
        finally:
            onnxruntime.set_default_logger_severity(_WARNINGS)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
