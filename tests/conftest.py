"""Shared by the tests: the command line, in this process or in one of its own, and the labelled requests of fixtures/."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import settings

from ctxzip import cli, model_store
from ctxzip.scoring import onnx_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# No deadline: the first example loads what is imported lazily, and the machine may be shared.
settings.register_profile("ctxzip", deadline=None)
settings.load_profile("ctxzip")

# Tests run without the settings of whoever runs them.
for _name in [name for name in os.environ if name.startswith("CTXZIP_")]:
    del os.environ[_name]
os.environ["CTXZIP_CONFIG"] = os.devnull

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
COMMAND = [sys.executable, "-m", "ctxzip", "compress"]
RECORD: dict[str, Any] = {
    "id": 1,
    "query": "When does the ferry leave?",
    "docs": ["Bread is baked. The ferry leaves at seven. Water is wet."],
}
LINE = json.dumps(RECORD) + "\n"
_open = onnx_sessions.open_session
_sha256 = model_store.sha256


@dataclass(frozen=True)
class Run:
    """Exit code and output of one call of the command line."""

    code: int
    out: bytes
    err: str

    @property
    def records(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def ctxzip(
    *arguments: str | Path, stdin: bytes | str = b"", cwd: Path | None = None, env: dict[str, str] | None = None
) -> Run:
    """Run the command line inside this process, with streams of its own.

    In a process of its own where the test has set a variable that Python reads only when it starts (PYTHONPATH).

    Args:
        arguments: the words after `ctxzip`.
        stdin: what the command reads from stdin.
        cwd: folder to run in; None is the current one.
        env: environment variables on top of the current ones.
    """
    if _of_python({**os.environ, **(env or {})}) != _OF_PYTHON:
        return process(*arguments, stdin=stdin, cwd=cwd, env=env)
    data = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = BytesIO(), BytesIO()
    with (
        TextIOWrapper(BufferedReader(BytesIO(data)), "utf-8") as sys_stdin,
        TextIOWrapper(out, "utf-8") as sys_stdout,
        TextIOWrapper(err, "utf-8", "backslashreplace", write_through=True) as sys_stderr,
        nullcontext() if cwd is None else chdir(cwd),
        _state_restored(),
        patch.multiple(
            sys, stdin=sys_stdin, stdout=sys_stdout, stderr=sys_stderr, argv=["ctxzip", *map(str, arguments)]
        ),
        _models_read_once(),
    ):
        os.environ.update(env or {})
        code = _exit_code(cli._run)  # what `main` runs between setting up a process and ending it
        for thread in threading.enumerate():
            if thread.name == "ctxzip-load":  # nobody waits for it where the call was wrong
                thread.join()
        sys_stdout.flush()
        return Run(code, out.getvalue(), err.getvalue().decode())


def _exit_code(call: Callable[[], None]) -> int:
    try:
        call()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 0


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


_OF_PYTHON = _of_python(os.environ)


@contextmanager
def _state_restored() -> Iterator[None]:
    """Restore what a command sets for its whole process."""
    environ, interval, threshold = dict(os.environ), sys.getswitchinterval(), gc.get_threshold()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)}
    with warnings.catch_warnings():
        try:
            yield
        finally:
            gc.unfreeze()
            gc.enable()
            gc.set_threshold(*threshold)
            sys.setswitchinterval(interval)
            os.environ.clear()
            os.environ.update(environ)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _open_session(path: Path, *, threads: int | None = None, device: str = "cpu") -> onnx_sessions.Session:
    return _opened(path, _version(path), threads, device)


@lru_cache(maxsize=8)
def _opened(path: Path, _: tuple[int, int, int], threads: int | None, device: str) -> onnx_sessions.Session:
    return _open(path, threads=threads, device=device)


@lru_cache(maxsize=64)
def _hashed(path: Path, _: tuple[int, int, int]) -> str:
    return _sha256(path)


def _version(path: Path) -> tuple[int, int, int]:
    """Return what changes with the content of a file."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _models_read_once() -> Iterator[None]:
    """Hash a file and open a graph once in this process, as long as the file stays the same."""
    with (
        patch.object(onnx_sessions, "open_session", _open_session),
        patch.object(model_store, "sha256", lambda path: _hashed(path, _version(path))),
    ):
        yield


def process(
    *arguments: str | Path, stdin: bytes | str = b"", cwd: Path | None = None, env: dict[str, str] | None = None
) -> Run:
    """Run the command line in a process of its own, for tests of what only a process has."""
    done = subprocess.run(
        [sys.executable, "-m", "ctxzip", *map(str, arguments)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        check=False,
        timeout=120,
    )
    return Run(done.returncode, done.stdout, done.stderr.decode())


def compress(
    *arguments: str | Path, stdin: bytes | str = b"", cwd: Path | None = None, env: dict[str, str] | None = None
) -> Run:
    """Run `ctxzip compress` inside this process."""
    return ctxzip("compress", *arguments, stdin=stdin, cwd=cwd, env=env)


def shortened(*arguments: str | Path, stdin: bytes | str = LINE) -> Run:
    """Compress a record to its best sentence."""
    return compress("--max-sentences", "1", "--scorer", "bm25", *arguments, stdin=stdin)


def jsonl(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def damaged_onnxruntime(tmp_path, monkeypatch):
    """Return a function that puts an onnxruntime before the installed one, as another package may leave it behind.

    The two packages share a folder: one that is removed takes files of the other with it.
    """

    def damage(error: str) -> None:
        package = tmp_path / "damaged" / "onnxruntime"
        package.mkdir(parents=True)
        if error.startswith("it has no"):
            (package / "__init__.py").write_text("__version__ = '1.31.1'\n")
        else:
            (package / "__init__.py").write_text(f"raise ImportError({error!r})\n")
        before = os.environ.get("PYTHONPATH", "")
        monkeypatch.setenv("PYTHONPATH", f"{package.parent}{os.pathsep}{before or ROOT}")

    return damage


@pytest.fixture(scope="session")
def labelled() -> list[dict[str, Any]]:
    """The labelled requests of fixtures/requests.jsonl."""
    return [json.loads(line) for line in (FIXTURES / "requests.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def models_read_once() -> Iterator[None]:
    """Read each model once, for a module that makes many compressors."""
    with _models_read_once():
        yield
