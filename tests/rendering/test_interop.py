"""Results as records of other libraries."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from ctxzip.compressor import Compressor
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES, with_fields
from ctxzip.rendering.interop import library_record
from ctxzip.settings import CONTEXTS, Settings, To
from tests.conftest import compress, jsonl

LIBRARIES = sorted(set(get_args(To)) - CONTEXTS - {"jsonl"})
RECORD = {
    "id": 7,
    "query": "When does the ferry leave Orrin?",
    "docs": [
        {"id": "a", "title": "Ferry", "text": "The ferry leaves at seven. Bread is baked at six."},
        {"id": 2, "text": "Nobody knows the hour."},
        {"title": "Orrin\n<harbour>", "text": "At Orrin the ferry leaves at noon. It rains."},
    ],
}


def result(**settings):
    return Compressor(Settings(scorer="bm25", **settings)).compress(to_request(RECORD, SHAPES))


@pytest.mark.parametrize("to", LIBRARIES)
def test_ctxzip_reads_a_record_of_another_library(to):
    """With and without the name of its format: the query, and of each document the text that is kept, its title and its id."""
    short = result(max_sentences=3)
    written = json.loads(library_record(short, to))
    for shapes in (SHAPES, with_fields(None, None, None, None, to)):
        request = to_request(written, shapes)
        assert request.query == RECORD["query"]
        assert request.passages
        assert [passage.text for passage in request.passages] == [
            text for text in short.texts if text or to != "messages"
        ]
        if to != "messages":
            assert [passage.title for passage in request.passages] == ["Ferry", "", "Orrin\n<harbour>"]
            assert [passage.id for passage in request.passages][:2] == ["a", "2"]
    assert written["ctxzip"]["tokens_out"] == short.tokens_out
    assert written["id"] == "7"


def test_the_key_order_lists_the_documents_that_a_record_has():
    """As in a record of `--to jsonl`."""
    own = json.loads(library_record(result(max_sentences=1, drop_empty=True), "langchain"))
    assert own["ctxzip"]["order"] == [2]
    assert [document["metadata"]["title"] for document in own["documents"]] == ["Orrin\n<harbour>"]


def test_messages_hold_the_documents_of_which_something_is_kept_and_then_the_query():
    """A title cannot close the tag around it."""
    (message,) = json.loads(library_record(result(max_sentences=1), "messages"))["messages"]
    assert message == {
        "role": "user",
        "content": (
            '<documents>\n<document index="3">\n<source>Orrin (harbour)</source>\n<document_content>\n'
            "At Orrin the ferry leaves at noon.\n</document_content>\n</document>\n</documents>\n\n"
            "When does the ferry leave Orrin?"
        ),
    }


def test_to_langchain_writes_one_record_a_line_with_bad_records_in_their_place():
    """An error record stays a record of ctxzip."""
    run = compress("--to", "langchain", "--scorer", "bm25", "-n", "1", stdin=jsonl(RECORD, {"docs": []}, RECORD))
    assert run.code == 1
    assert [sorted(record) for record in run.records] == [
        ["ctxzip", "documents", "id", "query"], ["ctxzip", "docs"], ["ctxzip", "documents", "id", "query"],
    ]  # fmt: skip
    assert [doc["page_content"] for doc in run.records[0]["documents"]] == [
        "",
        "",
        "At Orrin the ferry leaves at noon.",
    ]
    assert compress("--to", "langchain", "-0", stdin="").code == 2
