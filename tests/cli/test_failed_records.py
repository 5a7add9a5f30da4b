"""--errors FILE: the records that could not be used, as they came."""

from __future__ import annotations

import base64
import json

from tests.conftest import LINE, ctxzip

CALL = ("compress", "--scorer", "bm25", "--quiet")
NO_DOCUMENTS = '{"id": 2, "query": "When?"}'
LATIN_1 = '{"query": "Où?", "docs": ["Là."]}'.encode("latin-1")


def failed(tmp_path, *arguments, stdin=b""):
    run = ctxzip(*CALL, "--errors", "errors.jsonl", *arguments, stdin=stdin, cwd=tmp_path)
    return run, [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text().splitlines()]


def test_a_failed_line_is_written_with_its_number_and_the_reason(tmp_path):
    """The reason is the message on stderr."""
    run, errors = failed(tmp_path, stdin=LINE + NO_DOCUMENTS + "\r\n" + "{broken\n")
    assert run.code == 1
    assert [(one["line"], one["raw"]) for one in errors] == [(2, NO_DOCUMENTS), (3, "{broken")]
    assert [f"ctxzip: {one['error']}" for one in errors] == run.err.splitlines()


def test_a_line_that_is_not_utf_8_is_in_base64(tmp_path):
    """Its bytes would be lost as text."""
    _, (error,) = failed(tmp_path, stdin=LATIN_1 + b"\n")
    assert base64.b64decode(error["raw_base64"]) == LATIN_1
    assert "raw" not in error


def test_mended_lines_can_be_run_again(tmp_path):
    """`jq -r .raw errors.jsonl` gives the lines."""
    _, (error,) = failed(tmp_path, stdin=NO_DOCUMENTS + "\n")
    mended = {**json.loads(error["raw"]), "docs": ["At seven."]}
    run, errors = failed(tmp_path, stdin=json.dumps(mended) + "\n")
    assert (run.code, errors) == (0, [])


def test_a_row_of_a_table_is_its_cells(tmp_path):
    """A row too short for its header has no other form."""
    (tmp_path / "in.csv").write_text("question,context\nWhen?,At seven.\nalone\n")
    _, (error,) = failed(tmp_path, "in.csv")
    assert (error["line"], json.loads(error["raw"])) == (3, ["alone"])


def test_an_element_of_an_array_is_its_json(tmp_path):
    """With its number in the array."""
    _, (error,) = failed(tmp_path, stdin=f"[{LINE.strip()}, {NO_DOCUMENTS}]")
    assert (error["line"], error["raw"]) == (2, NO_DOCUMENTS)


def test_the_file_is_empty_without_errors(tmp_path):
    """So that a script need not ask whether it is there."""
    assert failed(tmp_path, stdin=LINE)[1] == []


def test_it_may_not_be_a_file_that_is_read_or_written(tmp_path):
    """However it is spelled."""
    (tmp_path / "in.jsonl").write_text(LINE)
    for name in ("in.jsonl", "./out.jsonl", "stats.json", "-"):
        run = ctxzip(*CALL, "--errors", name, "--stats", "stats.json", "-o", "out.jsonl", "in.jsonl", cwd=tmp_path)
        assert run.code == 2
        assert f"--errors {name}: name a file of its own" in run.err
    assert (tmp_path / "in.jsonl").read_text() == LINE
