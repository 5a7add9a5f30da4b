"""Folders, and files that are read as text, as documents of one question."""

from __future__ import annotations

import json
import os

import pytest

from tests.conftest import FIXTURES, compress, ctxzip

QUESTION = ("--scorer", "bm25", "-q", "When does the ferry leave?")
FERRY = "The ferry leaves at seven. Bread is baked."


@pytest.fixture
def docs(tmp_path):
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "docs" / "b.md").write_text(FERRY)
    (tmp_path / "docs" / "sub" / "a.txt").write_text("The ferry is red.")
    return tmp_path / "docs"


def titles(run):
    return [document["title"] for record in run.records for document in record["docs"]]


@pytest.mark.parametrize("command", ["compress", "score", "inspect"])
def test_a_folder_is_read_as_its_files(command, docs):
    """The output is that of the files by name."""
    by_folder = ctxzip(command, *QUESTION, "docs", cwd=docs.parent)
    by_files = ctxzip(command, *QUESTION, "docs/b.md", "docs/sub/a.txt", cwd=docs.parent)
    assert by_folder.code == 0
    assert by_folder.out == by_files.out
    assert b"docs/sub/a.txt" in by_folder.out


def test_folders_and_files_keep_their_order(docs):
    """The order of the call, and stdin among them."""
    run = compress(*QUESTION, "docs/sub", "-", "docs", cwd=docs.parent, stdin="Ferry.")
    assert [document.get("title") for document in run.records[0]["docs"]] == [
        "docs/sub/a.txt", None, "docs/b.md", "docs/sub/a.txt",
    ]  # fmt: skip


def test_include_and_exclude_may_be_repeated(docs):
    """Options of the call, a variable, and a key of a config file."""
    (docs / "c.rst").write_text("Ferry.")
    every = ("--include", "*.md", "--include", "*.txt", "--exclude", "sub", "--exclude", "nothing")
    assert titles(compress(*QUESTION, *every, docs)) == [f"{docs}/b.md"]
    assert titles(compress(*QUESTION, docs, env={"CTXZIP_INCLUDE": "*.md *.rst"})) == [f"{docs}/b.md", f"{docs}/c.rst"]


def test_one_warning_counts_what_is_skipped_in_all_folders(docs):
    """On stderr, and not with --quiet."""
    (docs / ".hidden").write_text("x")
    (docs / "sub" / "image").write_bytes(b"\0")
    (docs / "sub" / ".hidden").write_text("x")
    run = compress(*QUESTION, docs)
    assert run.code == 0
    assert run.err.count("skipped") == 1
    assert "ctxzip: warning: 3 skipped in folders (hidden: 2, binary: 1)\n" in run.err
    assert compress(*QUESTION, "--quiet", docs).err == ""


def test_a_file_that_cannot_be_read_is_one_error_and_the_others_go_on(docs):
    """A link that leads nowhere; the exit code is 1."""
    (docs / "a.md").symlink_to("nowhere")
    run = compress(*QUESTION, docs)
    assert run.code == 1
    assert titles(run) == [f"{docs}/b.md", f"{docs}/sub/a.txt"]
    assert run.err.count("a.md") == 1
    assert f"ctxzip: {docs}/a.md: cannot read: No such file or directory\n" in run.err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["b.md", "sub"])
def test_a_file_or_folder_without_permission_is_one_error(docs, name):
    """The others go on."""
    (docs / name).chmod(0)
    run = compress(*QUESTION, docs)
    (docs / name).chmod(0o700)
    assert run.code == 1
    assert f"ctxzip: {docs}/{name}: cannot read: Permission denied\n" in run.err
    assert len(titles(run)) == 1


def test_the_output_in_the_folder_is_no_input(docs):
    """A second run reads what the first has read."""
    first = compress(*QUESTION, docs, "-o", docs / "out.jsonl", "--stats", docs / "stats.json")
    before = (docs / "out.jsonl").read_bytes()
    second = compress(*QUESTION, docs, "-o", docs / "out.jsonl", "--stats", docs / "stats.json")
    assert (first.code, second.code) == (0, 0)
    assert (docs / "out.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "empty: no file to read in this folder\n"),
        (("--include", "*.md"), "empty: no file to read in this folder (--include)\n"),
    ],
)
def test_an_empty_folder_is_a_usage_error(tmp_path, arguments, message):
    """With the patterns, where there are some."""
    (tmp_path / "empty").mkdir()
    run = compress(*QUESTION, *arguments, "empty", cwd=tmp_path)
    assert (run.code, run.out, run.err) == (2, b"", f"ctxzip: {message}")


def test_a_folder_without_a_matching_file_is_a_usage_error(docs):
    """It says what is skipped, too."""
    (docs / ".hidden.nope").write_text("x")
    run = compress(*QUESTION, "--include", "*.nope", "docs", cwd=docs.parent)
    assert run.code == 2
    assert run.err == "ctxzip: docs: no file to read in this folder (skipped hidden: 1) (--include)\n"


def test_a_pattern_that_is_none_is_a_usage_error(docs):
    """Spelled as it was typed."""
    run = compress(*QUESTION, "--exclude", "!", docs)
    assert run.code == 2
    assert "--exclude !: expected a pattern of file names" in run.err


def test_a_folder_of_records_is_read_without_a_question(tmp_path):
    """Every file as it is by itself."""
    record = {"query": "When does the ferry leave?", "docs": [FERRY]}
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(json.dumps({**record, "id": name}) + "\n")
    run = compress("--scorer", "bm25", tmp_path)
    assert [one["id"] for one in run.records] == ["a.jsonl", "b.jsonl"]


def test_a_folder_is_refused_where_records_are_selected(tmp_path):
    """`ctxzip select` reads what `ctxzip score` wrote."""
    run = ctxzip("select", tmp_path)
    assert run.code == 2
    assert "is a folder: name the files in it" in run.err


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.py", "a.md"])
def test_every_file_is_one_document_where_the_format_is_text(tmp_path, name):
    """Whatever it is called, and whatever it holds."""
    text = '{"query": "x", "docs": []}\nThe ferry leaves at seven.\n'
    (tmp_path / name).write_text(text)
    run = compress(*QUESTION, "--ratio", "1", "--input-format", "text", tmp_path / name)
    assert run.code == 0
    (record,) = run.records
    assert [document["title"] for document in record["docs"]] == [str(tmp_path / name)]
    assert "The ferry leaves at seven." in record["docs"][0]["text"]


def test_stdin_may_be_one_text():
    """Also where it would be read as JSON."""
    run = compress(*QUESTION, "--input-format", "text", "--ratio", "1", stdin='{"text": "The ferry leaves."}\n')
    assert run.records[0]["docs"] == [{"text": '{"text": "The ferry leaves."}\n'}]


def test_text_needs_a_question():
    """It has no key for one."""
    run = compress("--input-format", "text", FIXTURES / "requests.jsonl")
    assert run.code == 2
    assert "requests.jsonl: a text file needs a question (--query)" in run.err
