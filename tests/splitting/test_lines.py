"""Line-oriented and structured texts: logs, tables without markup, settings, JSON, markup, code and lists."""

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
    """Return the texts of the parents of the span that begins with `piece`, innermost first."""
    spans = split_into_spans(text, ENGLISH)
    span = next(span for span in spans if text[span.start : span.end].lstrip().startswith(piece))
    found = []
    while span.parent is not None:
        span = spans[span.parent]
        found.append(text[span.start : span.end].strip())
    return found


def test_a_log_entry_is_one_span_with_its_stack_trace():
    """The lines of the trace belong to the entry above them."""
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
def test_every_line_of_a_log_is_a_span(line):
    """The common log formats are recognised, and sentences inside a line are not split."""
    assert pieces(f"{line}\n{line} 2\n{line} 3\n") == [line, f"{line} 2", f"{line} 3"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_row_of_column_names_is_the_parent_of_separated_values(delimiter):
    """As in a Markdown table; three rows are enough."""
    text = CSV.replace(",", delimiter)
    assert len(pieces(text)) == 4
    assert parents(text, "1002") == [f"order{delimiter}customer{delimiter}total"]


def test_the_header_of_aligned_columns_is_the_parent_of_their_rows():
    """Two or more spaces separate columns."""
    assert parents(COLUMNS, "Rope") == ["Item        Price   Stock"]


def test_the_parents_of_a_yaml_entry_are_the_entries_that_contain_it():
    """They work like the headings of a paragraph."""
    assert parents(YAML, "port: 5433") == ["replica:", "database:"]
    assert parents(YAML, "size") == ["cache:"]


def test_the_parent_of_a_setting_is_its_section():
    """A comment belongs to the span of the setting below it."""
    assert parents(INI, "; the port of the relay\nport = 2525") == ["[mail]"]
    assert parents(INI, "port = 8080") == ["[web]"]


def test_the_parents_of_a_json_entry_are_its_path():
    """A small object is one span."""
    address = '"address": {"street": "Quay 3", "town": "Little Thorn", "code": "LT 14 9QX"},'
    assert address in pieces(JSON)
    assert parents(JSON, '"address"') == ['"shop": {', "{"]


def test_the_parents_of_an_html_row_are_its_header_row_and_its_heading():
    """The spans include the tags."""
    header, heading = parents(HTML, "<tr><td>Passport")
    assert header.endswith("<tr><th>Item</th><th>Fee</th></tr>")
    assert heading.startswith("<h2>Fees</h2>")


def test_a_function_is_one_span_with_its_comment():
    """It may contain blank lines, and `# Twice` is not a heading."""
    assert [piece.strip().splitlines()[0] for piece in pieces(CODE)] == [
        "import os",
        "def area(a, b):",
        "# Twice as wide.",
    ]


def test_a_turn_of_a_speaker_is_a_span():
    """No blank lines between turns are needed."""
    assert pieces(TURNS)[0] == "ANNA: Where is the key?"
    assert pieces(TURNS)[-1] == "ANNA: Thank you."


def test_the_parent_of_a_list_item_is_the_line_above_its_list():
    """That line ends in a colon, and its own parent is its heading."""
    assert parents(MARKDOWN, "- adults") == ["Fares:", "# Ferry"]


@pytest.mark.parametrize("title", ["Opening Hours", "4.2 Mail", "OPENING HOURS", "**When is it open?**"])
def test_a_title_without_markup_is_a_heading(title):
    """It is a short line with blank lines around it."""
    text = f"{title}\n\nThe office is open from nine to noon on weekdays. It is closed on Sundays.\n"
    assert split_into_spans(text, ENGLISH)[0].kind == "heading"
    assert parents(text, "It is closed") == [title]


def test_wrapped_lines_of_prose_are_split_into_sentences():
    """Here prose of 40 columns."""
    text = "The ferry to Little Thorn leaves at\nseven in the morning, and returns at\nnoon. It takes no cars.\n"
    assert len(pieces(text)) == 2


def covers(text):
    """Return the spans of a text; check that each character that is not white space is in exactly one of them."""
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
    """The texts are logs, tables, code and markup, with random deletions and insertions."""
    for place, n, inserted in edits:
        at = place % (len(text) + 1)
        text = text[:at] + inserted + text[at + n :]
    covers(text)


@given(st.lists(st.sampled_from(SAMPLES) | texts, min_size=1, max_size=30))
def test_no_span_of_several_lines_has_over_400_tokens(parts):
    """Counted by the tokenizer of the model. A single line is not split, however long it is."""
    text = "\n".join(parts) * 2
    of_several_lines = [
        piece for span in covers(text) if len(piece := text[span.start : span.end]) > MAX_TOKENS and "\n" in piece
    ]
    assert max(load_tokenizer().count(of_several_lines), default=0) <= MAX_TOKENS
