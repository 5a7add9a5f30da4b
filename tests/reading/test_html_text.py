"""HTML files as documents, with the extra that reads them and without."""

from __future__ import annotations

import sys

import pytest

from ctxzip.errors import InputError
from ctxzip.reading.html_text import text_of
from tests.conftest import compress

PAGE = """<!doctype html><html><head><title>T</title><style>p {color: red}</style><script>var ferry;</script></head>
<body><form><header><h1>Ferry <em>times</em></h1></header>
<p>The <b>ferry</b> leaves at&nbsp;<a href="/seven">seven</a>. It is red &amp; fast.</p></form>
<table><tr><th>Day</th><th>Time</th></tr><tr><td>Monday</td><td>7:00</td></tr></table>
<ul><li>Bring a coat.</li></ul><pre>ls -l
  cd x</pre></body></html>
"""
QUESTION = ("--scorer", "bm25", "-q", "When does the ferry leave?")


@pytest.fixture
def without_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "html_to_markdown", None)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE)
    return path


def test_the_text_of_a_page_keeps_its_form():
    """Headings, tables, lists and code are Markdown; marks inside of sentences, scripts and styles are gone."""
    pytest.importorskip("html_to_markdown")
    assert text_of(PAGE).splitlines() == [
        "# Ferry times", "",
        "The ferry leaves at seven. It is red & fast.", "",
        "| Day | Time |", "| --- | --- |", "| Monday | 7:00 |", "",
        "- Bring a coat.", "",
        "```", "ls -l", "  cd x", "```",
    ]  # fmt: skip


def test_a_page_without_text_is_an_empty_document():
    """Such as one that a script fills."""
    pytest.importorskip("html_to_markdown")
    assert text_of("<html><body><div id=app></div><script>x()</script></body></html>").strip() == ""


def test_a_page_of_which_a_part_is_lost_is_an_error():
    """It is not shortened silently."""
    pytest.importorskip("html_to_markdown")
    with pytest.raises(InputError, match=r"^not readable as HTML: .*: extract its text first$"):
        text_of("<p>Begin.</p>" + "<div>" * 5000 + "End.")


def test_the_document_is_the_text_and_spans_refer_to_it(page):
    """The record holds the text, not the page."""
    pytest.importorskip("html_to_markdown")
    run = compress(*QUESTION, "--ratio", "1", page)
    assert run.code == 0
    (record,) = run.records
    text = record["docs"][0]["text"]
    assert text.startswith("# Ferry times\n")
    spans = [text[start:end] for start, end, *_ in record["ctxzip"]["docs"][0]["kept"]]
    assert "The ferry leaves at seven." in spans
    assert "warning" not in run.err


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_one_warning_says_how_to_install_it(page):
    """However many pages there are; tags are text then."""
    run = compress(*QUESTION, "--ratio", "1", page, page)
    assert run.code == 0
    assert "<b>ferry</b>" in run.records[0]["docs"][0]["text"]
    warning = f"warning: 2 files are HTML (first: {page}) and read with the tags: pip install 'ctxzip[html]'"
    assert run.err.count(warning) == 1
    assert run.err.count("ctxzip[html]") == 1
    assert [one["code"] for one in run.records[0]["ctxzip"]["warnings"]] == ["html_as_text"]


@pytest.mark.usefixtures("without_extra")
def test_a_page_named_as_text_keeps_its_tags(page):
    """No warning: the user asked for it."""
    run = compress(*QUESTION, "--ratio", "1", "--input-format", "text", page)
    assert "<b>ferry</b>" in run.records[0]["docs"][0]["text"]
    assert "warning" not in run.err


def test_stdin_can_be_named_html():
    """A pipe has no name."""
    pytest.importorskip("html_to_markdown")
    run = compress(*QUESTION, "-n", "1", "--input-format", "html", "--to", "text", stdin=PAGE)
    assert run.out.rstrip().endswith(b"The ferry leaves at seven.")


def test_a_page_needs_a_question(page):
    """As a text file does."""
    run = compress(page)
    assert (run.code, run.out) == (2, b"")
    assert f"{page}: an HTML file needs a question (--query)" in run.err
