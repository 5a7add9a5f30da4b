"""The Python interface: `compress`, `Compressor` and `Result`."""

from __future__ import annotations

import json
import threading

import pytest

from ctxzip import Compressor, Passage, Request, Result, Settings, compress
from ctxzip.errors import InputError, UsageError
from ctxzip.scoring.loading import load_scorer
from tests.conftest import LINE, RECORD
from tests.conftest import compress as run_compress

QUERY, DOCS = RECORD["query"], RECORD["docs"]
KEPT = ("The ferry leaves at seven.",)


@pytest.fixture(scope="module")
def bm25():
    return Compressor(Settings(scorer="bm25", max_sentences=1))


def test_a_compressor_takes_a_query_and_documents_or_a_request(bm25):
    """The results are the same."""
    by_query = bm25.compress(QUERY, DOCS)
    by_request = bm25.compress(Request(QUERY, tuple(map(Passage, DOCS))))
    assert isinstance(by_query, Result)
    assert by_query.texts == by_request.texts == KEPT
    assert by_query.selection == by_request.selection


def test_a_compressor_refuses_an_empty_query(bm25):
    """As `compress` does."""
    for call in (bm25.compress, lambda *request: compress(*request, scorer="bm25")):
        with pytest.raises(InputError, match="query"):
            call(" ", DOCS)


def test_sentences_and_segments_of_a_passage_are_used(bm25):
    """They cannot be in a record, and are taken from the argument."""
    passage = Passage("At seven. It is red", sentences=((0, 19),), segment="example")
    result = bm25.compress("When is it?", [passage])
    assert result.request.passages[0].sentences == passage.sentences
    assert result.request.passages[0].segment == "example"
    assert result.texts == (passage.text,)


def test_a_result_as_a_dict_is_the_record_that_the_command_line_writes():
    """With the key `ctxzip`, in plain Python values."""
    run = run_compress("--scorer", "bm25", "--max-sentences", "1", stdin=LINE)
    written = run.records[0]
    result = compress(QUERY, DOCS, scorer="bm25", max_sentences=1)
    record = result.to_dict()
    assert record["docs"] == written["docs"] == list(KEPT)
    assert record["ctxzip"] == written["ctxzip"]
    assert json.loads(json.dumps(record)) == record


def test_leaving_a_with_statement_ends_the_threads():
    """The compressor can be used again, as after `close`."""
    others = set(threading.enumerate())
    with Compressor(Settings(model="nano", device="cpu", threads=3, max_sentences=1)) as compressor:
        assert isinstance(compressor, Compressor)
        assert compressor.compress(QUERY, DOCS).texts == KEPT
        assert set(threading.enumerate()) - others
    assert not set(threading.enumerate()) - others
    assert compressor.compress(QUERY, DOCS).texts == KEPT
    compressor.close()
    assert not set(threading.enumerate()) - others


def test_a_second_call_with_the_same_settings_does_not_load_the_model_again(monkeypatch):
    """Other settings do."""
    loaded = []

    def counting(settings, clock):
        loaded.append(settings)
        return load_scorer(settings, clock)

    monkeypatch.setattr("ctxzip.scoring.pipeline.load_scorer", counting)
    for n in (1, 1, 2):
        assert compress(QUERY, DOCS, model="nano", max_sentences=n, mark_gaps=True).texts[0]
    assert [settings.max_sentences for settings in loaded] == [1, 2]


@pytest.mark.parametrize(
    "setting",
    [{"ratio": [0.3]}, {"profile": ["light"]}, {"prefilter": {}}, {"segment_budget": (["context", 0.5],)}],
    ids=str,
)
def test_a_setting_that_is_a_list_is_a_usage_error(setting):
    """`compress` caches by settings, which must be hashable."""
    (name,) = setting
    with pytest.raises(UsageError, match="expected a number, a string or a tuple") as caught:
        compress(QUERY, DOCS, **setting)
    assert caught.value.options == (name,)
