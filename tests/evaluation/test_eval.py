"""Evaluation on labelled questions: metrics, baselines, and `ctxzip eval`."""

from __future__ import annotations

import gzip
import importlib.util
import json
import math
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.cli.option_names import error_text
from ctxzip.compressor import Compressor
from ctxzip.datamodels import Scored
from ctxzip.errors import InputError, UsageError
from ctxzip.evaluation.fixed_ratio import RATIOS, found_at_ratios
from ctxzip.evaluation.labelled import Labelled, read_labelled
from ctxzip.evaluation.methods import METHODS, LeadScorer, OracleScorer, RandomScorer, load_methods
from ctxzip.evaluation.metrics import (
    at_threshold,
    average_precision,
    best_threshold,
    expected_calibration_error,
    f1,
    ratio_for_recall,
    roc_auc,
)
from ctxzip.evaluation.questions import read_questions
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import Origin
from ctxzip.reading.schemas import SHAPES
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.settings import DEFAULT_MODEL, Settings
from tests.conftest import FIXTURES, ctxzip, jsonl

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = FIXTURES / "requests.jsonl"

# Few values, so that there are ties.
ranked = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=20)


def arrays(pairs):
    return np.array([score for score, _ in pairs], dtype=np.float32), np.array([label for _, label in pairs])


def answerable() -> list[Labelled]:
    """Return the fixtures with evidence and English documents of usual length."""
    others = ("japanese", "chinese", "german", "french", "spanish", "very-long")
    return [
        question
        for question in read_labelled(REQUESTS)
        if question.need != "none" and not str(question.request.id).startswith(others)
    ]


@given(ranked)
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    """Ties count half; without a pair there is no AUC."""
    scores, labels = arrays(pairs)
    comparisons = [
        1.0 if positive > negative else 0.5 if positive == negative else 0.0
        for positive in scores[labels]
        for negative in scores[~labels]
    ]
    auc = roc_auc(scores, labels)
    assert auc == (pytest.approx(sum(comparisons) / len(comparisons)) if comparisons else None)


@given(ranked)
def test_average_precision_is_precision_at_each_threshold_weighted_by_gained_recall(pairs):
    """Computed by the definition, threshold by threshold."""
    scores, labels = arrays(pairs)
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        kept = scores >= threshold
        reached = labels[kept].sum() / max(labels.sum(), 1)
        total += (reached - recall) * labels[kept].mean()
        recall = reached
    assert average_precision(scores, labels) == pytest.approx(total)


@given(st.integers(1, 10), st.integers(0, 10), st.randoms())
def test_average_precision_of_a_perfect_ranking_is_1(n_evidence, n_others, random):
    """In any order of the units."""
    pairs = [(0.5 + i / 100, True) for i in range(n_evidence)] + [(i / 100, False) for i in range(n_others)]
    random.shuffle(pairs)
    assert average_precision(*arrays(pairs)) == pytest.approx(1)


def test_calibration_error_by_hand():
    """0.85 is right once in two, 0.1 never: gaps of 0.35 for two and 0.1 for one; 1.0 is in the last bin."""
    probability, labels = np.array([0.85, 0.85, 0.1]), np.array([True, False, False])
    assert expected_calibration_error(probability, labels, np.ones(3)) == pytest.approx((2 * 0.35 + 0.1) / 3)
    assert expected_calibration_error(probability, labels, np.array([1, 1, 2])) == pytest.approx((2 * 0.35 + 0.2) / 4)
    assert expected_calibration_error(np.array([1.0, 0.95]), np.array([1, 1]), np.ones(2)) == pytest.approx(0.025)


def test_the_ratio_for_a_recall_is_interpolated():
    """At the first crossing, also where recall falls again after it."""
    ratios = np.array([0.0, 0.1, 0.2, 0.3])
    assert ratio_for_recall(ratios, np.array([0.2, 0.8, 1.0, 0.7]), 0.9) == pytest.approx(0.15)
    assert ratio_for_recall(ratios, np.array([0.2, 0.9, 0.9, 1.0]), 0.9) == pytest.approx(0.1)
    assert ratio_for_recall(ratios, np.array([0.95, 1.0, 1.0, 1.0]), 0.9) == 0
    assert ratio_for_recall(ratios, np.array([0.1, 0.2, 0.3, 0.4]), 0.9) is None


@given(st.lists(ranked, min_size=1, max_size=4))
def test_no_threshold_beats_the_best(questions):
    """Compared with every score that occurs, and one above all."""
    pairs = [arrays(question) for question in questions]

    def mean_f1(threshold):
        return np.mean([f1(at_threshold(scores, threshold), labels) for scores, labels in pairs])

    tried = [mean_f1(float(score)) for scores, _ in pairs for score in scores]
    assert mean_f1(best_threshold(pairs)) == pytest.approx(max([*tried, mean_f1(2.0)]))


@pytest.mark.parametrize("scorer", [Bm25Scorer(), LeadScorer(), RandomScorer()], ids=lambda scorer: scorer.name)
def test_the_scan_over_ratios_agrees_with_the_compressor(scorer):
    """With headings, tables and units that do not fit."""
    for question in answerable():
        result = Compressor(Settings(tokenizer="words"), scorer).compress(question.request)
        found = found_at_ratios(question, result.scored)
        for ratio in (0.01, 0.05, 0.1, 0.2, 0.3, 0.57, 1.0):
            at_ratio = Compressor(Settings(ratio=ratio, tokenizer="words"), scorer).compress(question.request)
            assert found[round(ratio * 100)] == question.found(at_ratio), (question.request.id, ratio)
    assert RATIOS[57] == 0.57


def test_the_oracle_keeps_all_evidence_at_a_ratio_with_room_for_it():
    """Room for the words of the evidence and of the headings above it, and no more."""
    questions = answerable()
    oracle = OracleScorer(questions)
    for question in questions:
        result = Compressor(Settings(ratio=1.0, tokenizer="words"), oracle).compress(question.request)
        needed: set[int | None] = set(np.flatnonzero(question.are_evidence(result.scored.units)).tolist())
        for i in reversed(range(len(result.scored.units))):  # a heading comes before the units under it
            if i in needed:
                needed.add(result.scored.units[i].parent)
        ratio = (
            math.ceil(1e6 * sum(result.scored.units[i].n_tokens for i in needed if i is not None) / result.tokens_in)
            / 1e6
        )
        assert question.found(
            Compressor(Settings(ratio=ratio, tokenizer="words"), oracle).compress(question.request)
        ), question.request.id


def test_the_oracle_keeps_a_heading_that_is_evidence():
    """A heading is kept only with a unit under it."""
    (question,) = answerable()[:1]
    text = "Intro.\n\n# Opening hours\n\nSee the door.\n\n# Other\n\nNothing."
    passages = [type(question.request.passages[0])(text)]
    request = type(question.request)(query="When?", passages=tuple(passages), origin=Origin(place="here"))
    labelled = Labelled(request, ((0, text.index("Opening"), text.index("\n\nSee")),), "any")
    result = Compressor(Settings(ratio=0.01, tokenizer="words"), OracleScorer([labelled])).compress(request)
    assert labelled.found(result)
    assert "See the door." in result.texts[0]


def test_random_scores_are_the_same_in_every_run():
    """The seed is the text of the question."""
    question = answerable()[0]
    once, twice = (
        Compressor(Settings(), RandomScorer()).compress(question.request).scored.scores.probability.tolist()
        for _ in range(2)
    )
    assert once == twice
    assert len(set(once)) > 1


# Lead ranks A1, B1, A2, B2, A3; every sentence has three words.
SMALL = {
    "query": "Which?",
    "docs": [
        {"title": "A", "text": "The hut opened. The bridge closed. The ferry sank.", "evidence": []},
        {"title": "B", "text": "The mill burned. The tower stands.", "evidence": [[17, 34]]},
    ],
}


def evaluated(json_file: Path, *arguments: str | Path) -> Any:
    """Return the JSON of a run of `ctxzip eval`."""
    run = ctxzip("eval", "--json", json_file, *arguments)
    assert run.code == 0, run.err
    assert run.err == ""
    return json.loads(json_file.read_text())


def test_the_numbers_of_lead_by_hand(tmp_path):
    """Evidence is the fourth sentence of five: kept with 12 of 15 words."""
    (tmp_path / "small.jsonl").write_text(jsonl(SMALL))
    found = evaluated(tmp_path / "out.json", "--method", "lead", "--data", tmp_path / "small.jsonl")
    small = found["methods"]["lead"]["sets"]["small"]
    assert small["n_questions"] == small["n_answerable"] == 1
    assert small["recall"] == {"0.1": 0, "0.2": 0, "0.3": 0}
    assert small["average_precision"] == 0.25
    assert small["passage_auc"] == 0
    assert small["calibration_error"] is None
    assert small["supporting_facts"] is None
    assert small["recall_at_percent"] == [0] * 80 + [1] * 21
    assert found["methods"]["lead"]["ratio_for_90_recall"] == pytest.approx(0.799)


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


def test_the_table_has_a_block_a_method_a_line_a_set_and_the_mean_last(tmp_path):
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


def test_the_json_holds_the_arguments_and_its_keys_are_sorted(tmp_path):
    """The same call gives the same bytes."""
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
    """With the default model."""
    run = ctxzip("eval", "--limit", "1", "--threads", "1", REQUESTS)
    assert run.code == 0
    heads = [line for line in run.out.decode().splitlines() if line.startswith("method: ")]
    assert heads == ["method: bm25", f"method: auto {DEFAULT_MODEL}"]


def test_blank_lines_are_skipped(tmp_path):
    """They are common at the end of a file."""
    (tmp_path / "small.jsonl").write_text(jsonl(SMALL) + "\n")
    assert len(list(read_labelled(tmp_path / "small.jsonl"))) == 1


def test_methods_with_a_model_run_once_for_each_model():
    """Methods without a model run once; duplicates are dropped."""
    methods = load_methods(["model", "bm25", "model"], ["ctxzip-mini", "ctxzip-mini"])
    assert [method.label for method in methods] == ["model ctxzip-mini", "bm25"]


def test_a_method_compresses_as_compress_does_with_its_model():
    """With the policy of that model, and BM25 for a language that the model does not support."""
    mini, nano, bm25, lead = load_methods(["auto", "bm25", "lead"], ["mini", "nano"])
    assert [method.compressor().settings.model for method in (mini, nano)] == ["mini", "nano"]
    assert mini.compressor().policy is not None
    assert mini.compressor().policy != nano.compressor().policy
    german = to_request({"query": "Wann wurde die Brücke gesperrt?", "docs": ["Die Brücke ist gesperrt."]}, SHAPES)
    scored = [next(method.compressor().scoring.score([german])) for method in (mini, bm25, lead)]
    assert [one.scorer for one in scored if isinstance(one, Scored)] == ["bm25", "bm25", "lead"]


def test_a_set_without_an_answerable_question_is_left_out_with_a_warning(tmp_path):
    """An error only where no set is left."""
    unanswerable = {"query": "Which?", "docs": [{"text": "The hut opened.", "evidence": []}]}
    (tmp_path / "none.jsonl").write_text(jsonl(unanswerable))
    run = ctxzip("eval", "--method", "lead", "--limit", "2", REQUESTS, tmp_path / "none.jsonl")
    assert run.code == 0
    assert run.err == f"ctxzip: {tmp_path / 'none.jsonl'}: left out: no answerable question\n"
    assert b"none" not in run.out
    run = ctxzip("eval", "--quiet", tmp_path)
    assert run.code == 1
    assert run.err == f"ctxzip: no answerable question in {tmp_path}: nothing to measure (--data, --limit)\n"


DOC = {"text": "The hut opened.", "evidence": [[0, 15]]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "line 1: not in the common form: no JSON: "),
        (b"\xff\n", "line 1: not in the common form: no JSON: "),
        (b"[]\n", "line 1: not in the common form: expected an object"),
        (jsonl({"query": "?", "docs": [DOC]}, {"docs": [DOC]}).encode(), "line 2: not in the common form: no question"),
        (jsonl({"query": "?", "contexts": ["x"]}).encode(), "required field missing @ $.docs"),
        (jsonl({"query": "?", "docs": ["x"]}).encode(), "required field missing @ $.docs[0].evidence"),
        (
            jsonl({"query": "?", "docs": [DOC | {"evidence": [[0, "x"]]}]}).encode(),
            "expected [start, end] @ $.docs[0].evidence[0]",
        ),
        (
            jsonl({"query": "?", "docs": [DOC | {"evidence": [[3, 16]]}]}).encode(),
            "[3, 16] @ $.docs[0].evidence[0] is not inside the text of 15 characters",
        ),
        (jsonl({"query": "?", "docs": [DOC], "need": "some"}).encode(), "expected one of all, any, none @ $.need"),
    ],
)
def test_a_record_in_another_form_is_an_error_with_its_place(tmp_path, content, message):
    """One line, no traceback, exit 1."""
    (tmp_path / "bad.jsonl").write_bytes(content)
    with pytest.raises(InputError) as error:
        list(read_labelled(tmp_path / "bad.jsonl"))
    assert str(error.value).startswith(f"{tmp_path / 'bad.jsonl'}: line ")
    assert message in str(error.value)
    run = ctxzip("eval", "--method", "lead", tmp_path)
    assert run.code == 1
    assert run.err == f"ctxzip: {error_text(error.value)}\n"


def test_a_truncated_gzip_file_is_an_error(tmp_path):
    """Its records are not all there."""
    (tmp_path / "bad.jsonl.gz").write_bytes(gzip.compress(jsonl(SMALL).encode())[:-9])
    with pytest.raises(InputError, match=r"bad\.jsonl\.gz: cannot read: "):
        list(read_labelled(tmp_path / "bad.jsonl.gz"))


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
    """Before anything is measured."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "small.jsonl").write_text(jsonl(SMALL | {"need": "all"}))
    run = ctxzip("eval", *arguments, cwd=tmp_path)
    assert run.code == 2
    assert run.out == b""
    assert run.err.startswith(f"ctxzip: {message}")
    assert run.err.count("\n") == 1


def test_sets_of_files_with_the_same_name_have_the_folder_in_theirs(tmp_path):
    """And a file that is given twice is one set."""
    for folder in ("dev", "train"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "small.jsonl").write_text(jsonl(SMALL))
    (tmp_path / "dev" / "answered.jsonl").write_text(jsonl({"query": "When?", "docs": ["At ten."], "answer": "ten"}))
    named = [tmp_path / "dev" / "small.jsonl", tmp_path / "train", tmp_path / "dev" / "small.jsonl"]
    answered = tmp_path / "dev" / "answered.jsonl"
    sets, n_weak = read_questions([*named, answered, answered])
    names = [str(tmp_path / "dev" / "small"), str(tmp_path / "train" / "small"), "answered"]
    assert [labelled.name for labelled in sets] == names
    assert n_weak == 1
    with pytest.raises(UsageError, match="no such file or folder"):
        read_questions([tmp_path / "test"])


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is not None, reason="training is installed")
def test_a_missing_bi_encoder_names_the_extra_to_install():
    """Exit 3."""
    run = ctxzip("eval", "--method", "biencoder", REQUESTS)
    assert run.code == 3
    assert run.err.strip().endswith("is not installed: pip install 'ctxzip[train]'")


def test_progress_is_shown_on_a_terminal_only():
    """One line that is overwritten, and cleared at the end."""
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


def test_every_method_is_named_in_the_help():
    """The option has no list of choices, so the help text must have them all."""
    assert set(METHODS) <= set(ctxzip("eval", "--help").out.decode().replace(",", " ").split())


def test_lone_surrogates_are_measured_like_any_text(tmp_path):
    """They come from JSON escapes, and tokenizers reject them."""
    doc = {"text": "The ferry \ud800 leaves at seven. Bread is baked.", "evidence": [[0, 20]]}
    (tmp_path / "set.jsonl").write_text(json.dumps({"query": "When does the ferry leave?", "docs": [doc]}) + "\n")
    found = evaluated(tmp_path / "out.json", "--method", "bm25", tmp_path / "set.jsonl")
    assert found["methods"]["bm25"]["mean"]["recall"]["0.3"] == 1
