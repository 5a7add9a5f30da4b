"""The comparison with peers and its scaling: inputs and printed tables; no test depends on a time."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from ctxzip.errors import InputError
from ctxzip.tokens import load_tokenizer
from tests.benchmarks.peers.measuring import first_lines
from tests.benchmarks.peers.peer_adapters import requests
from tests.benchmarks.peers.scaling import generated
from tests.conftest import FIXTURES, jsonl

REQUESTS = FIXTURES / "requests.jsonl"


def run(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_files_take_turns_and_are_repeated(tmp_path):
    """So that few records are from every file, and a small file is enough for many."""
    (tmp_path / "a.jsonl").write_text("1\n2\n3\n")
    (tmp_path / "b.jsonl").write_text("4\n\n")
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    assert first_lines(paths, 3) == [b"1\n", b"4\n", b"2\n"]
    assert first_lines(paths, 6) == [b"1\n", b"4\n", b"2\n", b"3\n", b"1\n", b"4\n"]


def test_no_records_is_an_error(tmp_path):
    """Not an empty table."""
    (tmp_path / "a.jsonl").write_text("\n")
    with pytest.raises(InputError, match="no records"):
        first_lines([tmp_path / "a.jsonl"], 3)


def test_a_peer_without_its_packages_is_left_out(tmp_path):
    """Its row names the extra to install; the others are measured."""
    if find_spec("sentence_transformers"):
        pytest.skip("sentence-transformers is installed")
    (tmp_path / "a.jsonl").write_text(
        jsonl({"query": "When does it leave?", "docs": ["Bread. The ferry leaves at 7."]})
    )
    options = ("--records", "2", "--seconds", "0.01", "--rounds", "1", "--peer", "bm25", "--peer", "cross-encoder")
    out = run("peers", *options, tmp_path / "a.jsonl")
    (bm25,) = [line.split() for line in out if line.startswith("ctxzip bm25")]
    assert (bm25[2], int(bm25[3]) in {1, 2}) == ("real", True)
    assert any("cross-encoder" in line and "pip install 'ctxzip[bench]'" in line for line in out)


def test_generated_records_have_the_given_documents_and_tokens():
    """Longer and shorter than the documents that they are built from."""
    tokenizer = load_tokenizer()
    found = requests(first_lines([REQUESTS], 3))
    for n_tokens in (5, 700):
        records = [json.loads(line) for line in generated(found, 2, n_documents=3, n_tokens=n_tokens)]
        assert [record["query"] for record in records] == [request.query for request in found[:2]]
        assert [tokenizer.count([doc["text"] for doc in record["docs"]]) for record in records] == [[n_tokens] * 3] * 2


def test_scaling_has_four_axes_and_a_plot(tmp_path):
    """A value for every point."""
    options = ("--records", "1", "--most", "2", "--rounds", "1", "--threads", "2", "--peer", "ctxzip bm25")
    out = run("peers.scaling", *options, "--plot", tmp_path / "speed.png", REQUESTS)
    heads = [line for line in out if line.startswith(("records", "documents", "tokens", "threads"))]
    rows = [line.split()[2:] for line in out if line.startswith("ctxzip bm25")]
    assert [len(row) for row in rows] == [2, 6, 5, 2]
    assert len(heads) == 4
    assert all(float(value) > 0 for row in rows for value in row)
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")
