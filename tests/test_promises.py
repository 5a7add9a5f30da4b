"""The promises of the design, for arbitrary text. Promise 6 begins with the first calibrated policy."""

from __future__ import annotations

import json
import socket
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxzip import Compressor, Settings, compress
from ctxzip.reading import SHAPES, to_request
from ctxzip.records import BadRecord
from ctxzip.rendering import record
from ctxzip.tokens import load_tokenizer
from tests.conftest import Run, jsonl
from tests.conftest import compress as run_compress
from tests.strategies import queries, texts

documents = st.lists(texts | st.fixed_dictionaries({"text": texts, "title": texts}), max_size=4)
limits = st.fixed_dictionaries(
    {},
    optional={
        "max_tokens": st.integers(0, 60),
        "ratio": st.floats(0, 1),
        "max_sentences": st.integers(1, 4),
        "threshold": st.floats(0, 1),
    },
)
renderings = st.fixed_dictionaries(
    {
        "to": st.sampled_from(["jsonl", "text", "markdown"]),
        "titles": st.booleans(),
        "mark_gaps": st.booleans(),
        "order": st.sampled_from(["source", "relevance"]),
        "drop_empty": st.booleans(),
    }
)


def text_of(document):
    return document if isinstance(document, str) else document["text"]


@given(queries, documents, limits)
def test_1_spans_are_exact_slices_disjoint_and_in_order(query, docs, limit):
    """And the text of a document is its slices with white space between them, nothing else."""
    result = compress(query, docs, **limit)
    written = json.loads(record(result))
    for document, shortened, about in zip(docs, written["docs"], written["ctxzip"]["docs"], strict=True):
        original, at, rest = text_of(document), 0, text_of(shortened)
        for start, end, probability in about["kept"]:
            assert at <= start < end <= len(original)
            assert 0 <= probability <= 1
            before, piece, rest = rest.partition(original[start:end])
            assert piece
            assert not before.strip()
            at = end
        assert not rest.strip()


@given(queries, documents, limits, renderings, st.sampled_from(["model", "words"]))
def test_2_the_final_text_never_measures_more_than_the_ceiling(query, docs, limit, rendering, tokenizer):
    """Counted anew on what is written: the documents' texts, or the whole context."""
    result = compress(query, docs, **{"max_tokens": 25, **limit}, **rendering, tokenizer=tokenizer)
    count = load_tokenizer(tokenizer).count
    if result.context is None:
        written = json.loads(record(result))
        measured = sum(count([text_of(document) for document in written["docs"]]))
    else:
        measured = count([result.context])[0]
    assert measured == result.tokens_out <= limit.get("max_tokens", 25)


@given(queries, documents, st.floats(0, 1))
def test_2_a_ratio_is_kept_wherever_more_than_the_best_unit_is(query, docs, ratio):
    """The best unit and the headings over it are never less than what is kept."""
    result = compress(query, docs, ratio=ratio)
    parents = {result.units[i].parent for i in result.selection.kept}
    if len([i for i in result.selection.kept if i not in parents]) > 1:
        assert result.tokens_out <= ratio * result.tokens_in


@given(st.lists(st.tuples(queries, documents), max_size=4), limits)
def test_3_a_record_comes_out_the_same_whatever_stands_around_it(pairs, limit):
    """Alone, in a stream, or read from one array."""
    lines = [json.dumps({"query": query, "docs": docs}).encode() for query, docs in pairs]
    compressor = Compressor(Settings(**limit))
    requests = [to_request(json.loads(line), SHAPES) for line in lines]
    together = [record(result) for result in compressor.stream(requests) if not isinstance(result, BadRecord)]
    alone = [record(Compressor(Settings(**limit)).compress(request)) for request in requests]
    assert together == alone


@given(st.lists(st.booleans(), max_size=20))
def test_4_as_many_results_as_requests_in_order(flags):
    """Bad records keep their places."""
    good = to_request({"query": "x", "docs": ["x y"]}, SHAPES)
    stream = [good if flag else BadRecord("bad", n) for n, flag in enumerate(flags)]
    assert [not isinstance(item, BadRecord) for item in Compressor().stream(stream)] == flags


def test_4_results_come_as_soon_as_they_are_ready():
    """The engine does not read ahead: an endless source is no reason to wait."""

    def endless():
        while True:
            yield to_request({"query": "x", "docs": ["x y"]}, SHAPES)

    assert len(list(islice(Compressor().stream(endless()), 3))) == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(queries, documents, st.dictionaries(st.text(), json_values, max_size=3)), min_size=1, max_size=30
    )
)
def test_4_and_5_the_command_line_writes_one_json_line_a_record_and_leaves_the_rest_alone(rows):
    """stdout is data, record by record; unknown keys are as they were; what people read is on stderr."""
    records = [
        {**{f"_{key}": value for key, value in extra.items()}, "query": query, "docs": docs}
        for query, docs, extra in rows
    ]
    run = run_compress(stdin=jsonl(*records))
    assert run.code == 0
    assert run.err.splitlines()[-1].startswith(f"ctxzip: {len(records)} record")
    for before, after in zip(records, run.records, strict=True):
        assert {**after, "docs": 0, "ctxzip": 0} == {**before, "docs": 0, "ctxzip": 0}


@pytest.mark.parametrize("to", ["jsonl", "text"])
def test_7_nothing_reaches_for_the_network(labelled, to, monkeypatch):
    """A socket is never opened, in any language of the fixtures."""

    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    for request in labelled:
        compress(request["query"], request["docs"], to=to)


@pytest.mark.parametrize(
    ("settings", "docs", "warning"),
    [
        ({"max_tokens": 1}, ["The ferry leaves at ten."], "nothing kept: no unit fits into the tokens allowed"),
        ({}, [], "no documents"),
        ({}, ["", " "], "no text in any document"),
        (
            {},
            ["Bread. Water."],
            "no word of the question occurs in the documents: what is kept was not chosen by score",
        ),
        (
            {"lang": "th"},
            ["The ferry."],
            "no sentence rules for th are installed: split at stops that all languages share",
        ),
    ],
)
def test_8_an_empty_or_second_best_result_is_said(settings, docs, warning):
    """In the record, where nobody can miss it."""
    assert warning in json.loads(record(compress("When does the ferry leave?", docs, **settings)))["ctxzip"]["warnings"]


def test_8_is_said_on_stderr_too():
    """With the line that it is about."""
    run: Run = run_compress("--max-tokens", "1", stdin=jsonl({"query": "x", "docs": ["one two three"]}))
    assert "ctxzip: line 1: warning: nothing kept" in run.err


def test_no_file_is_needed_but_those_of_the_package(tmp_path, monkeypatch):
    """The tokenizer is found from any folder."""
    monkeypatch.chdir(tmp_path)
    assert compress("x", ["x y"]).tokens_in == 2
    assert not list(Path(tmp_path).iterdir())
