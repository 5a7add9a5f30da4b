"""Texts that are made of lines: logs, tables without markup, settings, JSON, markup, code and lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from ctxzip.tokens import load_tokenizer
from tests.strategies import texts

ENGLISH = splitter_for("en")[0]
MAX_TOKENS = 400  # of a span that is more than one line

LOG = """2031-03-14 08:00:12 INFO  gate: opened for 14 visitors.
2031-03-14 08:02:40 ERROR pay: card refused
java.net.SocketTimeoutException: Read timed out
    at com.example.pay.Client.send(Client.java:88)
    at com.example.pay.Main.main(Main.java:12)
2031-03-14 08:03:01 INFO  gate: closed
"""
CSV = "order,customer,total\n1001,Ada Holm,14.50\n1002,Bo Lund,22.00\n1003,Cy Berg,7.25\n"
YAML = "database:\n  host: db1.example.com\n  replica:\n    port: 5433\n    lag: 2s\ncache:\n  size: 64M\n"
INI = "[mail]\nhost = mx.example.com\n; the port of the relay\nport = 2525\n[web]\nport = 8080\n"
JSON = '{\n  "shop": {\n    "name": "Harbour Books",\n    "address": {"street": "Quay 3", "town": "Little Thorn", "code": "LT 14 9QX"},\n    "open": true\n  }\n}\n'
HTML = "<h2>Fees</h2><table><tr><th>Item</th><th>Fee</th></tr><tr><td>Passport</td><td>70</td></tr><tr><td>Card</td><td>25</td></tr></table><p>Fees are paid in cash. No card is taken.</p>"
CODE = 'import os\n\ndef area(a, b):\n    """Return the area."""\n\n    return a * b\n\n# Twice as wide.\ndef wide(a):\n    return area(a, 2 * a)\n'
TURNS = "ANNA: Where is the key?\nBEN: It is below the mat. It always is.\nANNA: Thank you.\n"
MARKDOWN = "# Ferry\n\n| day | leaves |\n|---|---|\n| Monday | 7:10 |\n\nFares:\n\n- adults: 4.50\n- children: free\n"
COLUMNS = "Item        Price   Stock\nLamp        12.00   4\nRope         3.50   17\n"
SAMPLES = [LOG, CSV, YAML, INI, JSON, HTML, CODE, TURNS, MARKDOWN, COLUMNS]


def pieces(text):
    return [text[span.start : span.end] for span in split_into_spans(text, ENGLISH)]


def parents(text, piece):
    """The texts that come along with the span that begins so, innermost first."""
    spans = split_into_spans(text, ENGLISH)
    span = next(span for span in spans if text[span.start : span.end].lstrip().startswith(piece))
    found = []
    while span.parent is not None:
        span = spans[span.parent]
        found.append(text[span.start : span.end].strip())
    return found


def test_an_entry_of_a_log_is_a_unit_with_its_stack_trace():
    """The lines of the trace stay with the line that raised it."""
    first, second, third = pieces(LOG)
    assert first.endswith("14 visitors.")
    assert second.startswith("2031-03-14 08:02:40 ERROR")
    assert second.endswith("Main.java:12)")
    assert third.endswith("closed")


@pytest.mark.parametrize(
    "line",
    [
        "Mar 14 08:00:12 gate sshd[412]: Accepted key for ada from 10.0.0.7 port 5122",
        '10.0.0.7 - - [14/Mar/2031:08:00:12 +0100] "GET /fees HTTP/1.1" 200 512',
        "[   12.345678] usb 1-1: new device number 4",
        '{"level": "info", "msg": "opened. closed.", "n": 3}',
        "INFO [main] com.example.Shop - opened in 200 ms. Ready.",
        "[08:00:12] step build: done. Next is test.",
    ],
)
def test_every_line_of_a_log_is_a_unit(line):
    """Whatever its format is."""
    assert pieces(f"{line}\n{line} 2\n{line} 3\n") == [line, f"{line} 2", f"{line} 3"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_of_separated_values_comes_with_the_row_of_names(delimiter):
    """As in a Markdown table, however few rows there are."""
    text = CSV.replace(",", delimiter)
    assert len(pieces(text)) == 4
    assert parents(text, "1002") == [f"order{delimiter}customer{delimiter}total"]


def test_a_row_of_columns_comes_with_its_header():
    """Gaps of two spaces and more separate the columns."""
    assert parents(COLUMNS, "Rope") == ["Item        Price   Stock"]


def test_an_entry_of_yaml_comes_with_the_entries_that_it_is_in():
    """As a paragraph comes with its headings."""
    assert parents(YAML, "port: 5433") == ["replica:", "database:"]
    assert parents(YAML, "size") == ["cache:"]


def test_a_setting_comes_with_its_section_and_its_comment():
    """A comment belongs to the setting below it."""
    assert parents(INI, "; the port of the relay\nport = 2525") == ["[mail]"]
    assert parents(INI, "port = 8080") == ["[web]"]


def test_an_entry_of_json_comes_with_its_path():
    """A small object is one unit."""
    address = '"address": {"street": "Quay 3", "town": "Little Thorn", "code": "LT 14 9QX"},'
    assert address in pieces(JSON)
    assert parents(JSON, '"address"') == ['"shop": {', "{"]


def test_a_row_of_html_comes_with_its_header_row_and_its_heading():
    """The tags stay in the text."""
    header, heading = parents(HTML, "<tr><td>Passport")
    assert header.endswith("<tr><th>Item</th><th>Fee</th></tr>")
    assert heading.startswith("<h2>Fees</h2>")


def test_a_function_is_a_unit_with_its_comment():
    """A blank line inside it does not end it; `# Twice` is no heading."""
    assert [piece.strip().splitlines()[0] for piece in pieces(CODE)] == [
        "import os",
        "def area(a, b):",
        "# Twice as wide.",
    ]


def test_a_turn_of_a_speaker_is_a_unit():
    """Without blank lines between them."""
    assert pieces(TURNS)[0] == "ANNA: Where is the key?"
    assert pieces(TURNS)[-1] == "ANNA: Thank you."


def test_an_item_comes_with_the_line_above_its_list():
    """A line that ends in a colon, under its heading."""
    assert parents(MARKDOWN, "- adults") == ["Fares:", "# Ferry"]


@pytest.mark.parametrize("title", ["Opening Hours", "4.2 Mail", "OPENING HOURS", "**When is it open?**"])
def test_a_title_without_markup_is_a_heading(title):
    """A short line with blank lines around it."""
    text = f"{title}\n\nThe office is open from nine to noon on weekdays. It is closed on Sundays.\n"
    assert split_into_spans(text, ENGLISH)[0].kind == "heading"
    assert parents(text, "It is closed") == [title]


def test_the_wrapped_lines_of_a_paragraph_are_not_units():
    """Prose of 40 columns."""
    text = "The ferry to Little Thorn leaves at\nseven in the morning, and returns at\nnoon. It takes no cars.\n"
    assert len(pieces(text)) == 2


def covers(text):
    """Check that each character but white space is in one span, and the length of spans."""
    spans = split_into_spans(text, ENGLISH)
    at = 0
    for span in spans:
        assert at <= span.start < span.end <= len(text)
        assert not text[at : span.start].strip()
        at = span.end
    assert not text[at:].strip()
    assert all(span.parent is None or span.parent < index for index, span in enumerate(spans))
    return spans


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 12), st.sampled_from(["", "\n", "\n\n", " ", "\t", "<", "{", '"', ":", "#", "|", "\r", "é", "x"])), max_size=6),
)  # fmt: skip
def test_every_character_of_a_mutated_text_is_in_one_span(text, edits):
    """Logs, tables, code and markup with pieces cut out and others put in."""
    for place, n, inserted in edits:
        at = place % (len(text) + 1)
        text = text[:at] + inserted + text[at + n :]
    covers(text)


@given(st.lists(st.sampled_from(SAMPLES) | texts, min_size=1, max_size=30))
def test_no_span_of_several_lines_has_over_400_tokens(parts):
    """By the model's own tokenizer; a single line is never cut for its length."""
    text = "\n".join(parts) * 2
    of_several_lines = [
        piece for span in covers(text) if len(piece := text[span.start : span.end]) > MAX_TOKENS and "\n" in piece
    ]
    assert max(load_tokenizer().count(of_several_lines), default=0) <= MAX_TOKENS
