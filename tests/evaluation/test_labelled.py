"""Files of labelled questions, and errors in them."""

from __future__ import annotations

import gzip

import pytest

from ctxzip.cli.option_names import error_text
from ctxzip.errors import InputError
from ctxzip.evaluation.labelled import read_labelled
from tests.conftest import ctxzip, jsonl
from tests.evaluation.labelled_examples import SMALL

DOC = {"text": "The hut opened.", "evidence": [[0, 15]]}


def test_blank_lines_are_skipped(tmp_path):
    """Files often end with one."""
    (tmp_path / "small.jsonl").write_text(jsonl(SMALL) + "\n")
    assert len(list(read_labelled(tmp_path / "small.jsonl"))) == 1


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
        (
            jsonl({"query": "?", "docs": [DOC], "also": 3}).encode(),
            "expected an array of [document, start, end] @ $.also",
        ),
        (
            jsonl({"query": "?", "docs": [DOC], "also": [[1, 0, 3]]}).encode(),
            "expected [document, start, end] @ $.also[0], got [1, 0, 3]",
        ),
        (
            jsonl({"query": "?", "docs": [DOC], "also": [[0, 3, 16]]}).encode(),
            "[0, 3, 16] @ $.also[0] is not inside the text of its document",
        ),
    ],
)
def test_a_record_in_another_form_is_an_error_with_its_place(tmp_path, content, message):
    """The message is one line without a traceback, and the exit code is 1."""
    (tmp_path / "bad.jsonl").write_bytes(content)
    with pytest.raises(InputError) as error:
        list(read_labelled(tmp_path / "bad.jsonl"))
    assert str(error.value).startswith(f"{tmp_path / 'bad.jsonl'}: line ")
    assert message in str(error.value)
    run = ctxzip("eval", "--method", "lead", tmp_path)
    assert run.code == 1
    assert run.err == f"ctxzip: {error_text(error.value)}\n"


def test_spans_that_answer_in_part_are_read(tmp_path):
    """Beside the evidence, with their document."""
    record = {"query": "?", "docs": [DOC, {"text": "It is old.", "evidence": []}], "also": [[1, 6, 9]]}
    (tmp_path / "small.jsonl").write_text(jsonl(record))
    (question,) = read_labelled(tmp_path / "small.jsonl")
    assert (question.evidence, question.partial) == (((0, 0, 15),), ((1, 6, 9),))


def test_a_truncated_gzip_file_is_an_error(tmp_path):
    """Some of its records are missing."""
    (tmp_path / "bad.jsonl.gz").write_bytes(gzip.compress(jsonl(SMALL).encode())[:-9])
    with pytest.raises(InputError, match=r"bad\.jsonl\.gz: cannot read: "):
        list(read_labelled(tmp_path / "bad.jsonl.gz"))
