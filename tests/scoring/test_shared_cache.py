"""A cache that other processes write: one of them is killed, or wrote what is no score."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
import zlib
from contextlib import closing

import numpy as np
import pytest

from ctxzip.scoring.score_cache import CACHE_FILE, ScoreCache
from tests.conftest import compress, jsonl

RECORDS = jsonl(
    {"query": "When does the ferry leave?", "docs": ["It is red. The ferry leaves at seven.", "Bread is here."]}
)


@pytest.mark.parametrize(
    "value", [b"", b"abc", np.array([2, 0, 0], "<f4").tobytes(), np.array([0.5, np.nan, 0], "<f4").tobytes()]
)
def test_a_value_that_is_no_score_is_scored_again(tmp_path, value):
    """The checksum is right: somebody else made the file."""
    without = compress("--model", "nano", stdin=RECORDS)
    compress("--model", "nano", "--cache", tmp_path, stdin=RECORDS)
    with closing(sqlite3.connect(tmp_path / CACHE_FILE)) as file, file:
        for (key,) in file.execute("SELECT key FROM scores").fetchall():
            checked = zlib.crc32(value, zlib.crc32(key)).to_bytes(4, "big") + value
            file.execute("UPDATE scores SET value = ? WHERE key = ?", (checked, key))
    run = compress("--model", "nano", "--cache", tmp_path, stdin=RECORDS)
    assert run.code == 0
    assert run.out == without.out


def test_a_process_that_is_killed_leaves_the_cache_to_others(tmp_path):
    """One is killed at any moment while it writes; another goes on, and no value is wrong."""
    many = jsonl(
        *({"query": f"When does ferry {i} leave?", "docs": [f"Ferry {i} leaves at nine."]} for i in range(400))
    )
    command = [sys.executable, "-m", "ctxzip", "compress", "--model", "nano", "--cache", str(tmp_path), "--quiet"]
    without = compress("--model", "nano", stdin=many).out
    for delay in (0.0, 0.1, 0.3):
        killed = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert killed.stdin is not None
        assert killed.stdout is not None
        killed.stdin.write(many.encode())
        killed.stdin.close()
        killed.stdout.readline()
        time.sleep(delay)
        killed.kill()
        killed.stdout.close()
        killed.wait()
        run = compress("--model", "nano", "--cache", tmp_path, stdin=many)
        assert run.code == 0
        assert run.out == without
        assert "cannot be used" not in run.err


def test_a_clock_that_jumps_costs_no_value(tmp_path):
    """Back or forth by years: only the order in which values are evicted depends on it."""
    now = [2e9]
    cache = ScoreCache(tmp_path, 1, clock=lambda: now[0])
    for jump in (0, -1.5e9, 3e9):
        now[0] += jump
        cache.put({f"{jump}".encode(): b"value"})
    assert set(cache.get([b"0", b"-1500000000.0", b"3000000000.0"]).values()) == {b"value"}
    assert len(cache.get([b"0", b"-1500000000.0", b"3000000000.0"])) == 3
    assert cache.warning is None
