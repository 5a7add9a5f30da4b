"""The benchmarks run and print their tables; no test depends on a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ctxzip.scoring.onnx_sessions import cuda_unavailable_reason
from tests.conftest import FIXTURES

REQUESTS = str(FIXTURES / "requests.jsonl")
pytestmark = pytest.mark.slow


def run(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_floors_has_a_table_for_start_up_bm25_and_each_model():
    """Each with its floor."""
    code, out, err = run(
        "tests.benchmarks.floors", REQUESTS, "--rounds", "1", "--megabytes", "0.01", "--records", "2",
        "--model-records", "1", "--memory", "2",
    )  # fmt: skip
    assert (code, err) == (0, "")
    for line in ("start-up", "cold start, one record of 10 passages", "one core", "1 records, mini", "1 records, nano"):
        assert line in out
    assert "batches in ONNX Runtime alone" in out
    assert "2 records, bm25" in out


def test_batch_sizes_has_a_line_for_each_variant():
    """The one that ctxzip uses first."""
    code, out, err = run("tests.benchmarks.batch_sizes", REQUESTS, "--rounds", "1", "--records", "1", "--model", "nano")
    assert (code, err) == (0, "")
    rows = [line for line in out.splitlines() if " at once, " in line]
    assert "windows alone" in rows[0]
    assert rows[0].split()[-1] == "1.000"
    assert any("4,096 tokens a batch" in row for row in rows)


def test_a_device_is_compared_with_the_cpu():
    """The CPU agrees with itself."""
    code, out, err = run(
        "tests.benchmarks.cuda", REQUESTS, "--device", "cpu", "--rounds", "1", "--records", "2", "--model", "nano"
    )
    assert (code, err) == (0, "")
    assert "nano on cpu keeps or drops 100.00% of" in out
    assert "cpu, 65,536 tokens a batch" in out


@pytest.mark.skipif(cuda_unavailable_reason() is None, reason="this machine has a GPU with CUDA")
def test_a_missing_gpu_is_an_error():
    """Not a traceback."""
    code, _, err = run("tests.benchmarks.cuda", REQUESTS)
    assert code == 2
    assert "--device cuda: " in err


@pytest.mark.parametrize("module", ["tests.benchmarks.floors", "tests.benchmarks.batch_sizes"])
def test_a_file_without_records_is_an_error(module, tmp_path):
    """Not a traceback."""
    (tmp_path / "none.jsonl").write_text("")
    code, _, err = run(module, str(tmp_path / "none.jsonl"))
    assert code == 2
    assert "no records" in err
