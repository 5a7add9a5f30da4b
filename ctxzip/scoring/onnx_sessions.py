"""Graphs -> ONNX Runtime sessions on the CPU or on a GPU, and why a graph cannot run there."""

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
# One operator for sum and norm takes four times as long as the two on the CPU (ONNX Runtime 1.31; models/README.md).
_SLOW_ON_CPU = ["SkipLayerNormFusion"]
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_LOG_FATAL = 4  # log severity: an error that is raised need not be logged, too
_LOG_WARNING = 2  # the default log severity of ONNX Runtime
_REQUIRED_NAMES = ("InferenceSession", "SessionOptions", "get_available_providers", "set_default_logger_severity")
_HAS_GPU_WHEEL = (sys.platform, platform.machine()) in {("linux", "x86_64"), ("win32", "AMD64")}
ONNXRUNTIME_PACKAGE = "onnxruntime-gpu" if _HAS_GPU_WHEEL else "onnxruntime"
REPAIR = f"pip uninstall -y onnxruntime onnxruntime-gpu, then pip install --force-reinstall {ONNXRUNTIME_PACKAGE}"


@dataclass(frozen=True, slots=True)
class Session:
    """One graph, ready to run.

    Attributes:
        device: `cpu` or `cuda:N`, where it runs.
        inputs: names of the inputs of the graph.
        session: the `onnxruntime.InferenceSession`.
        lock: held while it runs, where one batch uses all cores or the GPU: two would need twice the memory. A session
            without a lock has no threads of its own, and also runs in a forked child.
        process: id of the process that opened it.
    """

    device: str
    inputs: frozenset[str]
    session: Any
    lock: AbstractContextManager[Any] = field(default_factory=nullcontext)
    process: int = field(default_factory=os.getpid)

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Run the graph on one batch.

        Args:
            inputs: arrays by name; those that the graph does not have are left out.
            outputs: names of the outputs to return.

        Raises:
            ModelError: the graph fails, for instance for lack of GPU memory (the text is only the reason); or this is a
                forked child of the process that opened the session, which has neither its threads nor its GPU.
        """
        if not isinstance(self.lock, nullcontext) and self.process != os.getpid():
            raise ModelError(f"it was loaded on {self.device} before this process was forked: load it after the fork")
        feed = {name: value for name, value in inputs.items() if name in self.inputs}
        try:
            with self.lock:
                arrays: list[NDArray[Any]] = self.session.run(list(outputs), feed)
        except Exception as error:  # the library has no common base class for its exceptions
            raise ModelError(_first_line(error)) from error
        return arrays


def check_device(device: str) -> None:
    """Raise UsageError unless `device` is `auto`, `cpu`, `cuda` or `cuda:N`."""
    if device not in {AUTO, CPU} and not _CUDA.fullmatch(device):
        raise UsageError(f"no device {device!r}: expected auto, cpu, cuda or cuda:N", option="device")


def execution_providers() -> list[str]:
    """Return the execution providers that the installed onnxruntime was built with; not all of them need to work here.

    Raises:
        MissingDependencyError: onnxruntime is not installed or is damaged.
    """
    return list(load_onnxruntime().get_available_providers())


def cuda_unavailable_reason() -> str | None:
    """Return why no graph can run on CUDA here, or None where one may.

    Checks only for the execution provider and the driver, which is fast on a machine without a GPU.

    Raises:
        MissingDependencyError: onnxruntime is not installed or is damaged.
    """
    if _CUDA_PROVIDER not in execution_providers():
        return "this onnxruntime has no CUDA provider: install onnxruntime-gpu in its place"
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return f"no NVIDIA driver: {_DRIVER} cannot be loaded"
    return None


def open_session(path: Path, *, threads: int | None = None, device: str = CPU) -> Session:
    """Return a session for one graph on one device.

    Args:
        path: the ONNX file; the caller has verified its SHA-256.
        threads: inside one operation on the CPU; None uses the cores that this process may use.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: ONNX Runtime cannot run the file.
        MissingDependencyError: onnxruntime is not installed or is damaged, or the graph does not run on the CUDA
            device that `device` names.
        UsageError: no such device.
    """
    check_device(device)
    if device != CPU and (reason := cuda_unavailable_reason()):
        raise MissingDependencyError(reason, option="device", value=device)
    onnxruntime = load_onnxruntime()
    options = _session_options(onnxruntime, threads or available_cores())
    providers: list[Any] = ["CPUExecutionProvider"]
    if match := _CUDA.fullmatch(device):
        number = int(match[1] or 0)
        device = f"cuda:{number}"
        providers.insert(0, (_CUDA_PROVIDER, {"device_id": number}))
        _load_cuda_libraries(onnxruntime)
    try:
        with nullcontext() if device == CPU else _logging_silenced(onnxruntime):
            session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=providers,
                disabled_optimizers=_SLOW_ON_CPU if device == CPU else None,
                enable_fallback=0,  # the fallback prints to stdout, which is for data, and runs on the CPU
            )
    except Exception as error:  # the library has no common base class for its exceptions
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
    lock = nullcontext() if options.intra_op_num_threads == 1 and device == CPU else Lock()
    return Session(device, frozenset(node.name for node in session.get_inputs()), session, lock)


def _session_options(onnxruntime: Any, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _LOG_FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads do not spin: the model is up to 10% slower, and the other processes of a pipe get the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


@dataclass(frozen=True, slots=True)
class OpenGraph:
    """The graph of a model, opened on the device where it runs.

    Attributes:
        session: runs it.
        unbatched: whether every sequence is a batch of its own, so that its result does not depend on other sequences.
            Always true on the CPU, where padding changes the last digits; true on every device for dynamic int8, whose
            scales are computed from the whole batch.
        threads: how many sequences run at the same time.
        warning: why it runs on the CPU although there is a CUDA driver, or None.
    """

    session: Session
    unbatched: bool
    threads: int
    warning: str | None = None


def open_graph(model: ModelFolder, *, threads: int | None = None, device: str = AUTO) -> OpenGraph:
    """Open the graph of a model for a device.

    The model card names the graphs: `graphs` has a file for `cpu` and may have one for `cuda`; `alone` lists the files that
    must not be batched.

    Args:
        model: the folder.
        threads: on the CPU; None uses the cores that this process may use.
        device: `cpu`, `cuda`, `cuda:N`, or `auto`: CUDA where a session can be opened there, else the CPU.

    Raises:
        ModelError: a file is missing or damaged, or the model card names no graph.
        MissingDependencyError: onnxruntime is not installed or is damaged, or `device` names a CUDA device and CUDA
            does not run here.
        UsageError: no such device.
    """
    check_device(device)
    warning = None
    if device == AUTO:
        device = CPU
        graphs = model.card.get("graphs")
        if model.graph is None and isinstance(graphs, dict) and "cuda" in graphs and cuda_unavailable_reason() is None:
            try:
                return open_graph(model, threads=threads, device="cuda")
            except MissingDependencyError as error:
                warning = f"the model runs on the CPU: {error}"
    file = model.graph_for(device)
    unbatched = device == CPU or file in model.card.get("alone", ())
    threads = threads or available_cores()
    # A single sequence is too small for several cores: each core runs another one.
    session = open_session(model.verified(file), threads=1 if unbatched else threads, device=device)
    return OpenGraph(session, unbatched, threads if session.device == CPU else 1, warning)


def processor_features() -> str:
    """Return the architecture and the feature flags of the processor, by which ONNX Runtime chooses its kernels."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {' '.join(sorted(features.partition(':')[2].split()))}"


def load_onnxruntime() -> Any:
    """Import onnxruntime and return the module.

    The packages onnxruntime and onnxruntime-gpu install into one folder. Where both were installed and one was removed, the
    module is empty or cannot be imported.

    Raises:
        MissingDependencyError: it is not installed or is damaged; the text states how to install or repair it.
    """
    try:
        import onnxruntime
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "onnxruntime":
            raise MissingDependencyError(
                f"onnxruntime is not installed: pip install {ONNXRUNTIME_PACKAGE}, or score with bm25", option="scorer"
            ) from error
        raise _damaged(_first_line(error) or type(error).__name__) from error
    missing = [name for name in _REQUIRED_NAMES if not hasattr(onnxruntime, name)]
    if missing:
        raise _damaged(f"it has no {', '.join(missing)}")
    return onnxruntime


def _damaged(reason: str) -> MissingDependencyError:
    return MissingDependencyError(f"onnxruntime is damaged ({reason}): {REPAIR}, or use --scorer bm25")


def _load_cuda_libraries(onnxruntime: Any) -> None:
    """Load the CUDA and cuDNN libraries of the packages nvidia-*, where onnxruntime (1.21 and later) can do so.

    The function prints the libraries that it cannot load, and stdout is for data. It runs with a `print` of its own, because
    replacing `sys.stdout` would also swallow the output of other threads.
    """
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return
    silent = {**preload.__globals__, "print": lambda *_, **__: None}
    FunctionType(preload.__code__, silent, argdefs=preload.__defaults__)()


_logger_lock = Lock()


@contextmanager
def _logging_silenced(onnxruntime: Any) -> Iterator[None]:
    """Silence the default logger of ONNX Runtime, which would log why CUDA does not run beside the exception.

    The logger belongs to the whole process, and its level cannot be queried: afterwards it is the documented default.
    """
    with _logger_lock:
        onnxruntime.set_default_logger_severity(_LOG_FATAL)
        try:
            yield
        finally:
            onnxruntime.set_default_logger_severity(_LOG_WARNING)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
