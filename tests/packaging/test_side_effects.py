"""To import and to use ctxzip changes nothing that belongs to the whole process."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctxzip.errors import MissingDependencyError
from ctxzip.scoring.onnx_sessions import _load_cuda_libraries
from ctxzip.tokens import load_tokenizer

_SCRIPT = """
import csv, io, os, sys
try:
    import tiktoken.load
except ImportError:
    tiktoken = None
import onnxruntime

levels = []
set_level = onnxruntime.set_default_logger_severity
onnxruntime.set_default_logger_severity = lambda level: (levels.append(level), set_level(level))

def state():
    return {
        "environ": dict(os.environ),
        "csv": csv.field_size_limit(),
        "tiktoken": tiktoken and tiktoken.load.read_file,
        "stdout": sys.stdout,
        "stderr": sys.stderr,
        "onnxruntime": levels[-1] if levels else 2,  # its default, which cannot be queried
        "threads": len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else None,
    }

before = state()
from ctxzip import Compressor, Settings
from ctxzip.errors import CtxzipError
from ctxzip.reading.schemas import SHAPES
from ctxzip.reading.detection import to_request
from ctxzip.reading.tables import csv_rows
from ctxzip.tokens import load_tokenizer

request = to_request({"query": "When does the ferry leave?", "docs": ["The ferry leaves at seven. It is red."]}, SHAPES)
for device in ("auto", "cuda"):
    for tokenizer in ("model", sys.argv[1], "tiktoken:no_such_encoding", "tiktoken:cl100k_base"):
        try:
            Compressor(Settings(scorer="model", model="nano", device=device, threads=1, tokenizer=tokenizer)).compress(request)
        except CtxzipError:
            pass
table = csv_rows(io.BytesIO(b"query,text\\nwhen,seven\\n" + b"when," + 200_000 * b"x" + b"\\n"))
for row in table:
    assert state()["csv"] == before["csv"], "the limit is another one between two rows"
after = state()
changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
sys.exit(f"changed: {changed}" if changed else 0)
"""


def test_nothing_of_the_process_is_changed(tmp_path, monkeypatch):
    """Environment, csv, tiktoken, streams, the log level of ONNX Runtime, and threads that are left running."""
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "empty"))
    # Not of the BERT kind, so that the library itself counts.
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "ferry": 1}, unk_token="[UNK]"))  # noqa: S106  # no password
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, tmp_path / "tokenizer.json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_other_threads_may_download_while_an_encoding_is_loaded(tmp_path, monkeypatch):
    """Only the thread that loads for ctxzip is refused."""
    load = pytest.importorskip("tiktoken.load")
    registry = pytest.importorskip("tiktoken.registry")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    (tmp_path / "file").write_bytes(b"content")
    found = []

    def constructor():
        with ThreadPoolExecutor(1) as other:
            found.append(other.submit(load.read_file, str(tmp_path / "file")).result())
        return load.read_file("https://example.org/encoding")

    registry._find_constructors()
    monkeypatch.setitem(registry.ENCODING_CONSTRUCTORS, "slow", constructor)
    with pytest.raises(MissingDependencyError, match="does not download"):
        load_tokenizer("tiktoken:slow")
    assert found == [b"content"]


def test_what_onnxruntime_prints_about_cuda_libraries_is_dropped_and_stdout_stays(tmp_path, capsys, monkeypatch):
    """`sys.stdout` was another one meanwhile, for every thread."""
    (tmp_path / "fake_runtime.py").write_text(
        "import sys\nseen = []\n"
        "def preload_dlls(cuda=True):\n    seen.append((cuda, sys.stdout))\n    print('Failed to load libcublas.so')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    fake = __import__("fake_runtime")
    _load_cuda_libraries(fake)
    assert fake.seen == [(True, sys.stdout)]
    assert capsys.readouterr().out == ""
    _load_cuda_libraries(Path)  # an onnxruntime of before 1.21 has no such function
