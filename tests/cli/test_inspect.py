"""`ctxzip inspect`: what is kept and dropped, shown to a person, and nothing of a text acted upon."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from typing import Any

import pytest

from ctxzip._internal.terminal_text import visible
from tests.conftest import FIXTURES, ctxzip, jsonl, process

FERRY = {
    "query": "When does the ferry leave?",
    "docs": [
        {"title": "Bread", "text": "Bread is baked."},
        {"title": "Ferry", "text": "The mill burned. The ferry leaves at seven.", "id": 7},
        {"title": "", "text": ""},
    ],
}
HOSTILE: dict[str, Any] = {
    "id": '"><img src=x onerror=alert(1)>',
    "query": "<script>alert('q')</script> When does the \x1b[31mferry\x1b[0m leave?",
    "docs": [
        {
            "title": "</title></style><script>alert('title')</script>",
            "text": "The ferry leaves at seven. <img src=x onerror=alert('text')> \x1b]0;owned\x07\x1b[2J\x9b31m gone. "
            "</span></div><script>alert(2)</script><!-- The ferry \u202etnemyap\u202c is free. {{ 7*7 }} ${alert(3)}",
        },
        {"title": "\u202eRTL\x00", "text": 'A\rB" onmouseover="alert(4)\n\u2028The ferry \U000e0041\ud800 at nine.'},
    ],
}


class Page(HTMLParser):
    """Every tag with its attributes, all text outside of scripts and styles, and what stands in each document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.documents: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag not in {"meta", "input"}:
            self._inside.append(attributes.get("class") or tag)
        if attributes.get("class") == "text":
            self.documents.append("")

    def handle_endtag(self, tag):  # noqa: ARG002  # as the base has it
        self._inside.pop()

    def handle_data(self, data):
        if self._inside[-1:] not in (["script"], ["style"]):
            self.text += data
        if "text" in self._inside and self._inside[-1] != "score":
            self.documents[-1] += data


def page_of(tmp_path, *arguments, records):
    (tmp_path / "in.jsonl").write_text(jsonl(*records))
    run = ctxzip("inspect", "--scorer", "bm25", "--html", tmp_path / "page.html", tmp_path / "in.jsonl", *arguments)
    assert run.code == 0, run.err
    assert run.out == b""
    return (tmp_path / "page.html").read_text("utf-8")


def test_every_character_that_acts_or_hides_has_a_sign():
    """Of all of Unicode; line breaks, tabs, joiners and soft hyphens stay."""
    kept = "\n\t\u200c\u200d\u00ad"
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in kept:
            assert visible(c).isprintable(), hex(code)
    assert visible(kept) == kept
    assert visible("é ا 漢字\u3000👍🏽") == "é ا 漢字\u3000👍🏽"


def test_plain_text_marks_what_is_kept_and_the_reasons():
    """One unit a line, `+` kept and `-` dropped, no escape."""
    run = ctxzip("inspect", "--scorer", "bm25", "--max-sentences", "1", stdin=jsonl(FERRY))
    assert run.code == 0
    lines = run.out.decode().splitlines()
    assert [line for line in lines if line.startswith("  + ")] == ["  + 0.38  The ferry leaves at seven."]
    assert [line[10:] for line in lines if line.startswith("  - ")] == ["Bread is baked.", "The mill burned."]
    assert "budget: at most 1 sentence" in lines
    assert "    relevance 0.00, kept 0 of 1 unit, 0 of 4 tokens; dropped: enough units kept" in lines
    assert "[3]" in lines
    assert b"\x1b" not in run.out
    assert "1 record, 14 -> 6 tokens (42.9% kept)" in run.err


def test_several_records_end_with_the_total_and_a_bad_one_keeps_its_place():
    """And the exit code is that of compress."""
    run = ctxzip("inspect", "-n", "1", "--scorer", "bm25", stdin=jsonl(FERRY) + "{\n" + jsonl(FERRY))
    assert run.code == 1
    out = run.out.decode()
    assert re.findall(r"^== record .*$", out, re.MULTILINE) == [
        "== record 1: line 1", "== record 2: not used", "== record 3: line 3",
    ]  # fmt: skip
    assert out.splitlines()[-1].startswith("total: 2 records, 28 -> 12 tokens")


def test_scores_that_were_written_are_shown_without_the_model():
    """With the name of their scorer, whatever the options are."""
    scored = ctxzip("score", "--scorer", "bm25", stdin=jsonl(FERRY)).out
    assert b"bm25 on cpu" in ctxzip("inspect", stdin=b"{\n" + scored).out  # although a bad record comes first
    shown, anew = (
        ctxzip("inspect", "--threshold", "0.1", *arguments, stdin=stdin)
        for arguments, stdin in (((), scored), (("--scorer", "bm25"), jsonl(FERRY)))
    )
    assert shown.code == 0
    assert "bm25 on cpu" in shown.out.decode()
    assert shown.out == anew.out


def on_terminal(record, **environment):
    """What the command writes on a terminal of 60 columns."""
    terminal, theirs = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "ctxzip", "inspect", "-n", "1", "--scorer", "bm25", "--quiet"],
            input=jsonl(record).encode(), stdout=theirs, check=True, timeout=60,
            env={**os.environ, "CTXZIP_PAGER": "cat", "TERM": "xterm", "COLUMNS": "60", "LINES": "20", **environment},
        )  # fmt: skip
        return os.read(terminal, 100_000).decode()
    finally:
        os.close(terminal)
        os.close(theirs)


def test_a_hostile_text_reaches_no_terminal():
    """Nothing but printed characters and our own colours comes out of a terminal, and no line is wider."""
    written = on_terminal(HOSTILE)
    assert "\x1b[1m" in written
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written).replace("\r\n", "\n")
    assert all(c.isprintable() or c == "\n" for c in plain)
    assert max(map(len, plain.splitlines())) <= 60
    assert "␛]0;owned␇␛[2J" in plain
    assert "<U+202E>tnemyap" in plain


def test_without_colour_bright_and_dim_still_tell():
    """NO_COLOR takes the colours and leaves the rest."""
    styles = set(re.findall(r"\x1b\[[0-9;]*m", on_terminal(FERRY, NO_COLOR="1")))
    assert {"\x1b[1m", "\x1b[2m"} <= styles <= {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[2;3m"}


def test_a_pager_that_is_left_early_is_no_error():
    """The rest is not written, and the messages appear when the pager has ended."""
    records = [FERRY | {"id": str(i)} for i in range(300)]
    terminal, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ctxzip", "inspect", "--scorer", "bm25"],
            input=jsonl(*records).encode(), stdout=theirs, stderr=subprocess.PIPE, check=True, timeout=60,
            env={**os.environ, "CTXZIP_PAGER": "head -1", "TERM": "xterm"},
        )  # fmt: skip
        assert b"== record 1: line 1" in os.read(terminal, 100_000)
    finally:
        os.close(terminal)
        os.close(theirs)
    assert done.stderr.startswith(b"ctxzip: ")
    assert done.stderr.count(b"\n") == 1


def test_a_pager_that_is_no_command_is_a_wrong_call():
    """No traceback."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        on_terminal(FERRY, CTXZIP_PAGER="less '")
    assert error.value.returncode == 2


def test_the_page_holds_every_text_escaped_and_no_tag_of_theirs(tmp_path):
    """Parsed: the tags are those of a harmless record, the texts are what was written."""
    page = Page(page_of(tmp_path, records=[HOSTILE]))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in Page(page_of(tmp_path, records=[FERRY])).tags}
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.documents == [visible(document["text"]) for document in HOSTILE["docs"]]
    assert "<script>alert('q')</script> When does the ␛[31mferry␛[0m leave?" in page.text
    assert "\u202e" not in page.text


def test_the_page_loads_nothing_and_allows_only_its_own_script(tmp_path):
    """No address in any attribute, and a policy that names the hashes."""
    page = Page(page_of(tmp_path, records=[FERRY, FERRY]))
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in {"src", "href"}]
    assert addresses
    assert all(str(address).startswith("#") for address in addresses)
    policy = next(str(attributes["content"]) for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_has_scores_and_reasons_of_every_unit(tmp_path):
    """With all digits, so that the slider decides as select does."""
    page = Page(page_of(tmp_path, "--max-sentences", "1", records=[FERRY]))
    units = [attributes for tag, attributes in page.tags if attributes.get("role") == "listitem"]
    scored = json.loads(ctxzip("score", "--scorer", "bm25", stdin=jsonl(FERRY)).out)["ctxzip"]["scored"]["units"]
    assert [float(str(unit["data-probability"])) for unit in units] == [unit[-1] for unit in scored]
    assert [unit.get("data-reason") for unit in units] == ["enough units kept", "enough units kept", None]
    assert ["kept" in str(unit["class"]).split() for unit in units] == [False, False, True]


@pytest.mark.parametrize("record", [{"query": "Why?", "docs": []}, {"query": "Why?", "docs": [{"text": ""}] * 100}])
def test_a_record_without_documents_or_text_shows_a_note(tmp_path, record):
    """No documents, or a hundred without a text."""
    assert re.search(r"\(no documents\)|\(no text\)", page_of(tmp_path, records=[record]))
    assert ctxzip("inspect", "--scorer", "bm25", stdin=jsonl(record)).code == 0


def test_a_wrong_limit_is_refused_before_anything_is_read():
    """And no page is left."""
    run = ctxzip("inspect", "--ratio", "5", FIXTURES / "requests.jsonl")
    assert run.code == 2
    assert run.err == "ctxzip: --ratio 5: expected a number above 0 and at most 1, or a percentage such as 20%\n"


def test_plain_text_is_utf_8_whatever_the_locale():
    """As all other output. The interpreter reads the variable when it starts, so this needs a process."""
    record = jsonl({"query": "Wo?", "docs": [{"text": "Ein Haus für 漢字."}]})
    run = process("inspect", "--scorer", "bm25", stdin=record, env={"PYTHONIOENCODING": "ascii"})
    assert run.code == 0
    assert "Ein Haus für 漢字." in run.out.decode()


def test_escape_sequences_in_a_record_do_not_reach_the_terminal():
    """Warnings and the name of the scorer come from whoever wrote the file."""
    scored = ctxzip("score", "--scorer", "bm25", stdin=jsonl({"query": "When?", "docs": ["At ten."]})).records[0]
    scored["ctxzip"]["scored"] |= {"warnings": [{"code": "no_match", "text": "\x1b[2J gone"}], "scorer": "bm\x1b[31m25"}
    run = ctxzip("inspect", stdin=jsonl(scored))
    assert "\x1b" not in run.err
    assert "␛[2J gone" in run.err
