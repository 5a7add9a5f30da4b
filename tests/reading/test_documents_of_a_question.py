"""Documents that are read with `--query`: where they come from, what they may hold, and messages about them."""

from __future__ import annotations

import pytest

from ctxzip.errors import InputError
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from tests.conftest import compress, jsonl

CALL = ("--query", "When does the ferry leave?", "--scorer", "bm25", "-n", "1")
ANSWER = "The ferry leaves at seven."
CHROMA = {"query": "When?", "ids": [["a", "b"]], "metadatas": None}


def test_brackets_in_a_text_are_not_nested(tmp_path):
    """A text file is no JSON."""
    (tmp_path / "a.txt").write_text("[" * 500 + f" {ANSWER}")
    run = compress(*CALL, tmp_path / "a.txt")
    assert run.code == 0
    assert ANSWER in run.records[0]["docs"][0]["text"]


def test_a_record_among_documents_has_its_place_in_messages(tmp_path):
    """Its documents are read for the question of the call; one without text is named with file and line."""
    path = tmp_path / "docs.jsonl"
    path.write_text(jsonl({"docs": [ANSWER]}, {"docs": [ANSWER, None]}))
    run = compress(*CALL, path)
    assert f"{path}: line 2: " in run.err
    assert len(run.records) == 2


def test_an_empty_text_file_is_named_with_its_line(tmp_path):
    (tmp_path / "a.txt").write_text(ANSWER)
    (tmp_path / "b.jsonl").write_text('{"other": 1}\n')
    run = compress(*CALL, tmp_path / "a.txt", tmp_path / "b.jsonl")
    assert f"{tmp_path / 'b.jsonl'}: line 1: " in run.err
    assert "--text-field" in run.err
    assert "--input-format" in run.err
    assert run.code == 1


def test_an_ignored_file_is_left_out_by_a_gitignore_above(tmp_path):
    """Of the repository that the folder is in."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.log\n")
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text(ANSWER)
    (folder / "b.log").write_text("The ferry leaves never.")
    run = compress(*CALL, folder)
    assert len(run.records[0]["docs"]) == 1


@pytest.mark.parametrize(
    ("record", "message", "options"),
    [
        ({"segments": [{"type": "context", "text": "a"}]}, "no question @ $.segments: expected a segment", ("query_field",)),
        ({"segments": [{"type": "question", "text": ["a"]}]}, "expected a string @ $.segments[0].text, got", ()),
        ({"query": {"a": 1}, "docs": ["a"]}, "expected a string @ $.query, got an object", ("query_field",)),
        ({**CHROMA, "documents": [["a"], ["b"]]}, "expected the documents of one query @ $.documents, got those of 2", ()),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_record_has_its_path_and_the_option_that_mends_it(record, message, options):
    with pytest.raises(InputError) as caught:
        to_request(record, SHAPES)
    assert message in caught.value.message
    assert caught.value.options == options


def test_columns_of_texts_may_hold_null():
    """The other columns have the same order; another value is no text."""
    request = to_request({**CHROMA, "documents": [["At ten.", None]]}, SHAPES)
    assert [passage.text for passage in request.passages] == ["At ten.", ""]
    with pytest.raises(InputError):
        to_request({**CHROMA, "documents": [["At ten.", {"a": 1}]]}, SHAPES)


def test_only_the_message_about_parquet_names_the_format():
    """No option reads an image."""
    assert "--input-format" in compress(stdin=b"PAR1....").err
    assert "--input-format" not in compress(stdin=b"%PDF-1.7 ...").err
