"""What the tests share: the command line as users run it, and the labelled requests of fixtures/."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The first example pays for what is loaded lazily, and the machine is shared.
settings.register_profile("ctxzip", deadline=None)
settings.load_profile("ctxzip")

# What the developer has set for themselves is not what is tested.
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


@dataclass(frozen=True)
class Run:
    """What came out of one call of the command line."""

    code: int
    out: bytes
    err: str

    @property
    def records(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def ctxzip(*arguments: str | Path, stdin: bytes | str = b"", cwd: Path | None = None) -> Run:
    """Run the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "ctxzip", *map(str, arguments)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        cwd=cwd,
        check=False,
        timeout=120,
    )
    return Run(done.returncode, done.stdout, done.stderr.decode())


def compress(*arguments: str | Path, stdin: bytes | str = b"", cwd: Path | None = None) -> Run:
    return ctxzip("compress", *arguments, stdin=stdin, cwd=cwd)


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
