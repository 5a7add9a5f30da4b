"""`ctxzip score` and `ctxzip select`: scored once, the same result as `ctxzip compress` under any budget."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.conftest import FIXTURES, compress, ctxzip, jsonl


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    """Six of the fixtures, all in English."""
    path = tmp_path_factory.mktemp("requests") / "requests.jsonl"
    lines = (FIXTURES / "requests.jsonl").read_text().splitlines(keepends=True)
    path.write_text("".join([line for line in lines if line.isascii()][:6]))
    return path


@pytest.fixture(scope="module", params=["bm25", "hybrid"])
def scored(request, requests):
    """Score them; return what scored, and the file."""
    path = requests.with_name(f"{request.param}.jsonl")
    run = ctxzip("score", "--scorer", request.param, requests, "-o", path)
    assert run.code == 0, run.err
    assert "6 records" in run.err
    assert "tokens scored" in run.err
    return request.param, path


@pytest.mark.parametrize(
    "budget",
    [
        [],
        ["--ratio", "0.3", "--explain"],
        ["--max-tokens", "60", "--to", "text"],
        ["--profile", "aggressive", "--empty", "keep-best"],
        ["--max-sentences", "2", "--to", "markdown", "--order", "relevance", "--mark-gaps"],
        ["--threshold", "0.4", "--top-docs", "2", "--drop-empty", "--tokenizer", "words"],
    ],
    ids=" ".join,
)
def test_score_and_select_do_what_compress_does(scored, requests, budget):
    """To the byte."""
    scorer, path = scored
    assert ctxzip("select", *budget, path).out == compress("--scorer", scorer, *budget, requests).out


@pytest.mark.parametrize("scorer", ["bm25", "hybrid"])
@pytest.mark.parametrize("options", [[], ["--mark-gaps", "--to", "text"]], ids=" ".join)
def test_both_cut_a_unit_that_is_larger_than_all_that_may_be_kept(scorer, options, tmp_path):
    """To the byte, and the clause that has the words of the query is kept."""
    hours = "The baths open at nine on weekdays, the sauna is closed in July, the key of the lockers costs two euros"
    path = tmp_path / "long.jsonl"
    path.write_text(jsonl({"query": "What does the key of the lockers cost?", "docs": [f"{hours}. It is warm."]}))
    scored = ctxzip("score", "--scorer", scorer, stdin=path.read_text()).out
    budget = ("-m", "12", *options)
    selected = ctxzip("select", *budget, stdin=scored).out
    assert selected == compress("--scorer", scorer, *budget, path).out
    assert b"the key of the lockers costs two euros" in selected
    assert b"The baths" not in selected


def test_the_tokenizer_does_not_change_the_input_of_the_second_pass(labelled, tmp_path):
    """Scored with one tokenizer and selected with another, as `compress` does with the other."""
    path = tmp_path / "long.jsonl"
    (hops,) = (one for one in labelled if one["id"] == "two-hops-library-architect")
    others = [doc for one in labelled if one["id"].startswith(("comparison", "time")) for doc in one["docs"]]
    path.write_text(jsonl({"query": hops["query"], "docs": [*hops["docs"], *others]}))
    scored, options = tmp_path / "scored.jsonl", ("--ratio", "0.1", "--tokenizer", "words")
    assert ctxzip("score", path, "-o", scored).code == 0
    assert ctxzip("select", *options, scored).out == compress(*options, path).out


def test_a_scored_record_is_the_input_and_the_scores(scored, requests):
    """Documents stay whole, and every unit is a slice of its document."""
    _, path = scored
    for before, line in zip(requests.read_text().splitlines(), path.read_text().splitlines(), strict=True):
        record = json.loads(line)
        about = record.pop("ctxzip")["scored"]
        assert record == json.loads(before)
        assert len(about["relevance"]) == len(about["languages"]) == len(record["docs"])
        for passage, start, end, n_tokens, _, parent, probability in about["units"]:
            assert record["docs"][passage]["text"][start:end].strip()
            assert n_tokens > 0
            assert parent is None or parent < len(about["units"])
            assert 0 <= probability <= 1


def test_another_tokenizer_of_the_same_name_counts_anew(tmp_path):
    """Nearly all are called tokenizer.json."""
    record = jsonl({"query": "When does the ferry leave?", "docs": ["The ferry leaves at seven. It is red."]})
    for folder, splitter in (
        ("one", pre_tokenizers.Whitespace()),
        ("other", pre_tokenizers.Digits(individual_digits=True)),
    ):
        tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))  # noqa: S106
        tokenizer.pre_tokenizer = splitter
        (tmp_path / folder).mkdir()
        tokenizer.save(str(tmp_path / folder / "tokenizer.json"))
    named = ("--tokenizer", "tokenizer.json")
    scored = ctxzip("score", "--scorer", "bm25", *named, stdin=record, cwd=tmp_path / "one").out
    selected = ctxzip("select", "-n", "1", *named, stdin=scored, cwd=tmp_path / "other").out
    assert (
        selected == ctxzip("compress", "--scorer", "bm25", "-n", "1", *named, stdin=record, cwd=tmp_path / "other").out
    )


def test_a_pipe_of_both_keeps_bad_records_in_their_place():
    """Each is reported once."""
    good = {"query": "When does the ferry leave?", "docs": ["The ferry leaves at seven. It is red."]}
    piped = ctxzip("score", "--scorer", "bm25", stdin=jsonl(good) + "{\n" + jsonl(good))
    run = ctxzip("select", "--max-sentences", "1", stdin=piped.out)
    first, second, third = (json.loads(line) for line in run.out.splitlines())
    assert first == third
    assert first["docs"] == ["The ferry leaves at seven."]
    assert second == json.loads(ctxzip("compress", "--scorer", "bm25", stdin=jsonl(good) + "{\n").out.splitlines()[1])
    assert (piped.code, run.code) == (1, 1)


SCORED: dict[str, Any] = {
    "query": "When does the ferry leave?",
    "docs": ["The ferry leaves."],
    "ctxzip": {
        "scored": {
            "scorer": "bm25", "device": "cpu", "model_sha256": None, "splitter": "auto", "tokenizer": "words",
            "languages": ["en"], "passage_tokens": 3, "relevance": [0.5],
            "units": [[0, 0, 17, 3, "sentence", None, 0.5]], "warnings": [],
        }
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"units": [[0, 0, 18, 3, "sentence", None, 0.5]]},
        {"units": [[1, 0, 17, 3, "sentence", None, 0.5]]},
        {"units": [[0, 0, 17, 3, "sentence", 0, 0.5]]},
        {"units": [[0, 0, 17, 3, "verse", None, 0.5]]},
        {"units": [[0, 0, 17, 3, "sentence", None, 1.5]]},
        {"units": [[0, 0, 17]]},
        {"units": [[0, 0.0, 17, 3, "sentence", None, 0.5]]},
        {"units": [[0, 0, 17, 3.5, "sentence", None, 0.5]]},
        {"units": [[0, False, 17, 3, "sentence", None, 0.5]]},
        {"units": 1},
        {"relevance": []},
        {"languages": ["en", "en"]},
    ],
    ids=str,
)
def test_scores_of_other_documents_are_a_bad_record(changed):
    """The message has the line and the remedy; the other records are selected."""
    bad = {**SCORED, "ctxzip": {"scored": SCORED["ctxzip"]["scored"] | changed}}
    run = ctxzip("select", stdin=jsonl(bad, SCORED))
    first, second = (json.loads(line) for line in run.out.splitlines())
    assert "line 1: the scores @ $.ctxzip.scored do not fit the documents" in first["ctxzip"]["error"]
    assert second["docs"] == ["The ferry leaves."]
    assert run.code == 1


def test_a_record_without_scores_is_an_error_that_names_the_command():
    """Whether there is another key of ours or none."""
    plain = {key: value for key, value in SCORED.items() if key != "ctxzip"}
    for record in (plain, plain | {"ctxzip": {"version": "0"}}, plain | {"ctxzip": 7}):
        run = ctxzip("select", stdin=jsonl(record))
        assert run.code == 1
        assert "line 1: no scores @ $.ctxzip.scored: make them with `ctxzip score`" in run.err


def test_a_recall_needs_a_policy_of_the_scorer():
    """The record names its scorer: only one scored by BM25 becomes an error record."""
    plain = {key: value for key, value in SCORED.items() if key != "ctxzip"}
    by_model = ctxzip("score", stdin=jsonl(plain)).records[0]
    run = ctxzip("select", "--recall", "0.9", stdin=jsonl(SCORED, by_model))
    assert run.code == 1
    assert "line 1: no policy for bm25" in run.err
    assert ["error" in record["ctxzip"] for record in run.records] == [True, False]


def test_the_query_of_records_that_hold_documents_only_is_kept():
    """What a search engine answers has no room for it but under our key."""
    answer = jsonl({"documents": [{"text": "The ferry leaves at seven. It is red."}]})
    scored = ctxzip("score", "--scorer", "bm25", "-q", "When does the ferry leave?", stdin=answer)
    selected = ctxzip("select", "-n", "1", stdin=scored.out)
    assert (
        selected.out
        == ctxzip("compress", "--scorer", "bm25", "-n", "1", "-q", "When does the ferry leave?", stdin=answer).out
    )
    assert selected.records[0]["documents"][0]["text"] == "The ferry leaves at seven."
