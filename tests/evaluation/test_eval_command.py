"""`ctxzip eval`: its table, its JSON, its errors and its progress."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ctxzip.settings import DEFAULT_MODEL
from tests.conftest import ctxzip, jsonl
from tests.evaluation.labelled_examples import REQUESTS, SMALL

if TYPE_CHECKING:
    from pathlib import Path


def evaluated(json_file: Path, *arguments: str | Path) -> Any:
    """Return the JSON of a run of `ctxzip eval`."""
    run = ctxzip("eval", "--json", json_file, *arguments)
    assert run.code == 0, run.err
    assert run.err == ""
    return json.loads(json_file.read_text())


def test_the_numbers_of_lead_by_hand(tmp_path):
    """The evidence is the fourth sentence of five: it is kept with 12 of 15 words."""
    (tmp_path / "small.jsonl").write_text(jsonl(SMALL))
    found = evaluated(tmp_path / "out.json", "--method", "lead", "--data", tmp_path / "small.jsonl")
    small = found["methods"]["lead"]["sets"]["small"]
    assert small["n_questions"] == small["n_answerable"] == 1
    assert small["best_unit_recall"] == 0
    assert small["recall"] == {"0.1": 0, "0.2": 0, "0.3": 0}
    assert small["average_precision"] == 0.25
    assert small["passage_auc"] == 0
    assert small["calibration_error"] is None
    assert small["supporting_facts"] is None
    assert small["recall_at_percent"] == [0] * 80 + [1] * 21
    assert found["methods"]["lead"]["ratio_for_90_recall"] == pytest.approx(0.799)


def test_the_best_unit_is_measured_where_one_unit_is_enough(tmp_path):
    """Two sentences that are both needed are left out; of two that each answer, either counts."""
    both = {"query": "Which?", "docs": [{"text": "The hut opened. The ferry sank.", "evidence": [[0, 15], [16, 31]]}]}
    (tmp_path / "small.jsonl").write_text(jsonl(both | {"need": "all"}, both | {"need": "any"}, SMALL))
    found = evaluated(tmp_path / "out.json", "--method", "lead", tmp_path)
    assert found["methods"]["lead"]["sets"]["small"]["best_unit_recall"] == 0.5


def test_supporting_facts_by_hand(tmp_path):
    """Lead scores 1, 2/3, 1/3; the first and the last sentence of three are needed."""
    record = {
        "query": "Which?",
        "need": "all",
        "docs": [{"text": "The hut opened. The bridge closed. The ferry sank.", "evidence": [[0, 15], [35, 50]]}],
    }
    for folder in ("dev", "train"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dev" / "hops.jsonl.gz").write_bytes(gzip.compress(jsonl(record).encode()))
    (tmp_path / "train" / "hops.jsonl").write_text(jsonl(record, record))
    methods = ["--method", "lead", "--method", "oracle"]
    found = evaluated(tmp_path / "out.json", *methods, "--threshold-data", tmp_path / "train", tmp_path / "dev")
    lead, oracle = (found["methods"][name]["sets"]["hops"]["supporting_facts"] for name in ("lead", "oracle"))
    assert lead == pytest.approx({"threshold": 1 / 3, "f1": 0.8, "exact": 0})
    assert oracle == {"threshold": 1, "f1": 1, "exact": 1}


def test_the_table_has_a_block_per_method_with_a_line_per_set_and_the_mean(tmp_path):
    """All lines of a block have the same width."""
    (tmp_path / "small.jsonl").write_text(jsonl(SMALL))
    run = ctxzip("eval", "--limit", "3", "--data", REQUESTS, tmp_path, "--method", "bm25", "--method", "oracle")
    assert run.code == 0
    blocks = run.out.decode().split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == ["method: bm25", "method: oracle"]
    for block in blocks:
        lines = block.splitlines()[1:]
        table = [line for line in lines if not line.startswith(("smallest ", "calibration"))]
        assert [line.split()[0] for line in table] == ["set", "requests", "small", "mean"]
        assert len({len(line) for line in table}) == 1
        assert any(
            line.startswith("smallest ratio that gives 90% recall, the same for all questions: ") for line in lines
        )
    assert run.err == ""


def test_the_json_contains_the_arguments_and_its_keys_are_sorted(tmp_path):
    """The same call writes the same bytes."""
    found, again = (
        evaluated(tmp_path / name, "--limit", "5", "--method", "bm25", REQUESTS) for name in ("out.json", "again.json")
    )
    first = (tmp_path / "out.json").read_bytes()
    assert first == (json.dumps(found, indent=2, sort_keys=True) + "\n").encode()
    assert found["arguments"]["data"] == [str(REQUESTS)]
    assert found["arguments"]["limit"] == 5
    assert found["methods"]["bm25"]["scorer"] == "bm25"
    assert found["methods"]["bm25"]["sets"]["requests"]["n_questions"] == 5
    assert 0 < found["methods"]["bm25"]["pooled_calibration_error"] < 1
    assert again == found


def test_the_default_methods_are_bm25_and_auto():
    """`auto` uses the default model."""
    run = ctxzip("eval", "--limit", "1", "--threads", "1", REQUESTS)
    assert run.code == 0
    heads = [line for line in run.out.decode().splitlines() if line.startswith("method: ")]
    assert heads == ["method: bm25", f"method: auto {DEFAULT_MODEL}"]


def test_a_set_without_an_answerable_question_is_left_out_with_a_warning(tmp_path):
    """It is an error only if no set is left."""
    unanswerable = {"query": "Which?", "docs": [{"text": "The hut opened.", "evidence": []}]}
    (tmp_path / "none.jsonl").write_text(jsonl(unanswerable))
    run = ctxzip("eval", "--method", "lead", "--limit", "2", REQUESTS, tmp_path / "none.jsonl")
    assert run.code == 0
    assert run.err == f"ctxzip: {tmp_path / 'none.jsonl'}: left out: no answerable question\n"
    assert b"none" not in run.out
    run = ctxzip("eval", "--quiet", tmp_path)
    assert run.code == 1
    assert run.err == f"ctxzip: no answerable question in {tmp_path}: nothing to measure (--data, --limit)\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no data: name labelled files or folders of them (--data)"),
        (["--data", "nowhere.jsonl"], "nowhere.jsonl: no such file or folder (--data)"),
        (["--data", "README.md"], "README.md: expected a .jsonl or .jsonl.gz file in the common form (--data)"),
        (["--data", "empty"], "empty: no .jsonl or .jsonl.gz file in this folder (--data)"),
        (["--method", "best", "small.jsonl"], "no method 'best': expected one of lead, random, auto, model, bm25"),
        (["--method", "model", "--model", "mega", "small.jsonl"], "no model 'mega'"),
        (["--json", "-", "small.jsonl"], "--json -: name a file"),
        (["--threshold-data", "nowhere", "small.jsonl"], "--threshold-data nowhere: expected a folder"),
    ],
)
def test_a_wrong_call_exits_2_and_names_the_remedy(tmp_path, arguments, message):
    """The error occurs before anything is measured."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "small.jsonl").write_text(jsonl(SMALL | {"need": "all"}))
    run = ctxzip("eval", *arguments, cwd=tmp_path)
    assert run.code == 2
    assert run.out == b""
    assert run.err.startswith(f"ctxzip: {message}")
    assert run.err.count("\n") == 1


def test_progress_is_shown_on_a_terminal_only():
    """It is one line, which is overwritten, and cleared at the end."""
    terminal, stderr = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ctxzip", "eval", "--method", "lead", "--limit", "2", REQUESTS],
            stdout=subprocess.PIPE, stderr=stderr, check=True, timeout=60,
        )  # fmt: skip
        written = os.read(terminal, 10_000).decode()
    finally:
        os.close(terminal)
        os.close(stderr)
    assert written.startswith("\r\x1b[Klead: requests: 1/2")
    assert written.endswith("\r\x1b[K")
    assert b"\x1b" not in done.stdout


def test_lone_surrogates_are_measured_like_any_text(tmp_path):
    """JSON escapes can contain them, and tokenizers reject them."""
    doc = {"text": "The ferry \ud800 leaves at seven. Bread is baked.", "evidence": [[0, 20]]}
    (tmp_path / "set.jsonl").write_text(json.dumps({"query": "When does the ferry leave?", "docs": [doc]}) + "\n")
    found = evaluated(tmp_path / "out.json", "--method", "bm25", tmp_path / "set.jsonl")
    assert found["methods"]["bm25"]["mean"]["recall"]["0.3"] == 1
