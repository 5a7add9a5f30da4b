"""Queries, a corpus and a run in three files."""

from __future__ import annotations

import pytest

from ctxzip.errors import InputError
from ctxzip.reading.origin import BadRecord
from ctxzip.reading.trec_join import load
from tests.conftest import FIXTURES, compress, ctxzip, jsonl
from tests.reading.test_requests import items, source

BEIR = FIXTURES / "beir"
CORPUS = (BEIR / "corpus.jsonl").read_bytes()
QUERIES = (BEIR / "queries.jsonl").read_bytes()
RUN = (BEIR / "run.trec").read_bytes()


def joined(run=RUN, corpus=CORPUS, queries=QUERIES):
    join = load(source(corpus, "corpus.jsonl"), source(run, "run.trec"))
    return items(queries, "queries.jsonl", join=join)


def test_queries_get_the_documents_of_the_run_by_score():
    """In any order of its lines; a document missing from the corpus is a warning."""
    requests = joined(corpus=b"\xef\xbb\xbf" + CORPUS)
    assert [request.id for request in requests] == ["q1", "q2", "q3"]
    assert [[passage.id for passage in request.passages] for request in requests] == [
        ["d101", "d102"], ["d201", "d202", "d203"], ["d301"],
    ]  # fmt: skip
    assert requests[0].query == "When does the bakery in Quarrie open on Sundays?"
    assert requests[0].passages[0].title == "Bakery in Quarrie"
    assert [warning.text for warning in requests[2].warnings] == ["1 of 2 documents of the run are not in the corpus"]


@pytest.mark.parametrize(
    "run",
    [
        (BEIR / "qrels.tsv").read_bytes(),
        b"q1 0 d101 1\nq1 0 d102 0\nq2 0 d203 1\nq2 0 d201 2\n",
        b"\xef\xbb\xbfq1 d101 1\r\nq2\td203\t1\r\n\r\nq2 d201 2",
    ],
    ids=["beir", "trec", "no header"],
)
def test_relevance_judgements_are_a_run_of_the_relevant_documents(run):
    """The most relevant first; a query without any has no documents and a warning."""
    requests = joined(run)
    assert [[passage.id for passage in request.passages] for request in requests] == [["d101"], ["d201", "d203"], []]
    assert [warning.text for warning in requests[2].warnings] == ["the run has no documents for the question 'q3'"]


@pytest.mark.parametrize(
    ("run", "corpus", "message"),
    [
        (b"q1 Q0 d1 1 x bm25\n", CORPUS, "run.trec: line 1: expected `qid Q0 docid rank score tag`"),
        (b"q1 d1 1\nq1 d1\n", CORPUS, "run.trec: line 2: expected"),
        (RUN, b'{"_id": "d1"}\n{"title": 5}\n', "corpus.jsonl: line 2: expected an object with _id or id, got an object"),
        (RUN, b"{", "corpus.jsonl: line 1: the JSON is cut off"),
    ],
)  # fmt: skip
def test_the_error_for_a_malformed_line_has_file_and_line(run, corpus, message):
    """It is raised before the first query is read."""
    with pytest.raises(InputError) as error:
        joined(run, corpus)
    assert str(error.value).startswith(message)


def test_a_query_without_an_id_is_a_bad_record():
    """In its place in the output."""
    bad, good = joined(queries=jsonl({"text": "When?"}, {"_id": "q1", "text": "When?"}).encode())
    assert isinstance(bad, BadRecord)
    assert "the question has no id: expected one of _id, id, " in bad.message
    assert len(good.passages) == 2


def test_a_joined_record_is_written_and_can_be_read_again():
    """The record of the query, with its documents under `docs`."""
    files = ("--corpus", BEIR / "corpus.jsonl", "--run", BEIR / "run.trec")
    run = compress(*files, "--scorer", "bm25", "-n", "1", BEIR / "queries.jsonl")
    assert run.code == 0
    assert run.out.splitlines()[0].startswith(b'{"_id":"q1","text":"When does the bakery')
    assert b'"metadata":{"weight": 0.1000}' in run.out
    assert [[doc["_id"] for doc in record["docs"]] for record in run.records] == [
        ["d101", "d102"],
        ["d201", "d202", "d203"],
        ["d301"],
    ]
    scored = ctxzip("score", *files, "--scorer", "bm25", BEIR / "queries.jsonl")
    assert ctxzip("select", "-n", "1", stdin=scored.out).out == run.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--corpus", str(BEIR / "corpus.jsonl")], "both are needed"),
        (["--corpus", "nope.jsonl", "--run", str(BEIR / "run.trec")], "nope.jsonl: no such file"),
        (["--corpus", str(BEIR / "corpus.jsonl"), "--run", str(BEIR / "run.trec"), "-q", "x"], "leave out the query"),
    ],
)
def test_an_incomplete_join_is_a_usage_error(options, message):
    """A join needs a corpus, a run and queries."""
    run = compress(*options, BEIR / "queries.jsonl")
    assert run.code == 2
    assert message in run.err
