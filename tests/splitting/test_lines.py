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
    ("text", "names"),
    [
        ("order,customer,total\n1001,Ada Holm,14.50\n", "order,customer,total"),
        ('lot,origin,note\n"74","Huila, Colombia","dry, clean"\n', "lot,origin,note"),
        ("id|town|state\nP-1|Tema|sent\nP-2|Pune|lost\n", "id|town|state"),
    ],
)
def test_a_header_and_one_row_are_a_table(text, names):
    """Commas inside quoted cells do not count."""
    lines = text.splitlines()
    assert pieces(text) == lines
    assert parents(text, lines[1]) == [names]


@pytest.mark.parametrize("text", ["Yes, he wrote,\nand left, too.\n", "Kind regards,\nAda Holm\n", "a;b\n1;2\n"])
def test_two_lines_with_commas_are_no_table(text):
    """Letters and lists have such lines."""
    assert all(span.kind not in {"table_header", "table_row"} for span in split_into_spans(text, ENGLISH))


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


def test_the_first_entry_of_a_json_object_in_an_array_is_a_parent_of_the_others():
    """It is mostly the name or id; an object that has a key keeps its key as the parent."""
    text = (
        '{"ports": [{"name": "mail", "use": {"in": 25, "out": 2525}, "note": "%s"}, {"name": "print", "in": 631}]}'
        % ("x" * 80)
    )
    assert parents(text, '"use"') == ['{"name": "mail",', '"ports": [', "{"]
    assert '{"name": "print", "in": 631}]}' in pieces(text)


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


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ('"""Rates.\n\nIn euros.\n"""\n\nimport os\n\nDELAY = 3\n', ['"""Rates.\n\nIn euros.\n"""', "import os", "DELAY = 3"]),
        ("# The port.\nPORT = 25\n# The host.\nHOST = 1\n", ["# The port.\nPORT = 25", "# The host.\nHOST = 1"]),
        (
            "/**\n * Opens the gate.\n */\nfunction open() {\n  gate();\n\n  return true;\n}\n\nconst LIMIT = 10;\n",
            ["/**\n * Opens the gate.\n */\nfunction open() {\n  gate();\n\n  return true;\n}", "const LIMIT = 10;"],
        ),
        (
            "#!/bin/sh\n# copy the photos\ncp -r photos /mnt\n# tell the owner\necho done\n",
            ["#!/bin/sh", "# copy the photos\ncp -r photos /mnt", "# tell the owner\necho done"],
        ),
        ("# Build.\nall: main.o\n\tcc main.o\n\nclean:\n\trm *.o\n", ["# Build.\nall: main.o\n\tcc main.o", "clean:\n\trm *.o"]),
        ("DROP VIEW items;\nCREATE INDEX due_idx ON items (due);\nCOMMIT;\n", ["DROP VIEW items;", "CREATE INDEX due_idx ON items (due);", "COMMIT;"]),
        ("INSERT INTO menu (name, price) VALUES\n('tea', 2.20),\n('cake', 3.10);\n", ["INSERT INTO menu (name, price) VALUES", "('tea', 2.20),", "('cake', 3.10);"]),
    ],
    ids=["docstring", "settings", "javadoc", "shell", "makefile", "sql", "insert"],
)  # fmt: skip
def test_a_comment_and_a_docstring_belong_to_the_code(text, units):
    """No comment is a heading, and a definition is whole."""
    assert pieces(text) == units
    assert {span.kind for span in split_into_spans(text, ENGLISH)} <= {"code", "line", "table_header", "table_row"}


def test_a_method_comes_with_its_class():
    """A decorator belongs to its method."""
    text = 'class Gate:\n    """A gate."""\n\n    @slow\n    def open(self):\n        pass\n\n    def close(self):\n        pass\n'
    assert parents(text, "@slow") == parents(text, "def close") == ['class Gate:\n    """A gate."""']


@pytest.mark.parametrize(
    "text",
    [
        "# Install\n\nRun it twice.\n\n# Use\nWait. It starts = soon.\n",
        "# Plan\nCreate a list.\nWrite it down;\nbuy bread.\n",
    ],
)
def test_prose_with_marks_of_code_is_no_code(text):
    """Its headings stay headings."""
    assert split_into_spans(text, ENGLISH)[0].kind == "heading"


def test_a_long_trace_is_split_at_its_causes():
    """Each part has the frame that it was raised in, and the entry of the log as its parent."""
    frames = "".join(f"    at com.example.pay.Main.run(Main.java:{line})\n" for line in range(10, 13))
    text = (
        "2031-03-14 08:02:40 ERROR pay: payment 5521 failed with code E-4017 after three attempts\n"
        f"java.lang.IllegalStateException: token expired at 08:00\n{frames}"
        f"Caused by: java.net.SocketTimeoutException: Read timed out after 30000 ms\n{frames}"
        "2031-03-14 08:03:01 INFO  gate: closed\n"
    )
    found = pieces(text)
    assert [piece.strip().splitlines()[0][:10] for piece in found] == [
        "2031-03-14",
        "at com.exa",
        "Caused by:",
        "at com.exa",
        "2031-03-14",
    ]
    assert "Main.java:10" in found[0]
    assert parents(text, "Caused by:") == [found[0]]


def test_an_item_comes_with_the_item_that_it_is_nested_in():
    """As with a heading."""
    text = "2.3.0 (2024-04-02)\n  * export to Parquet\n  * removed XML\n\n2.2.1 (2024-01-15)\n  * fixed a crash\n"
    assert parents(text, "* removed") == ["2.3.0 (2024-04-02)"]
    assert parents(text, "* fixed") == ["2.2.1 (2024-01-15)"]


def test_a_term_is_the_heading_of_its_explanation():
    """A glossary without markup."""
    text = "Berth\nPlace where a ship lies.\n\nBollard\nShort post for ropes.\n"
    assert parents(text, "Short post") == ["Bollard"]


def test_a_question_of_one_speaker_is_the_heading_of_the_answer():
    """The answer alone may repeat none of its words."""
    text = "Q: How do I cancel?\nA: Write to us.\n"
    assert parents(text, "A: Write") == ["Q: How do I cancel?"]
    assert parents(TURNS, "BEN: It is") == ["ANNA: Where is the key?"]


def test_what_is_behind_a_list_is_not_under_the_line_above_it():
    """A line that ends in a colon introduces the list alone."""
    text = "You need the following documents:\n\n- a photograph\n- a fee\n\nThe licence is issued at once.\n"
    assert parents(text, "- a fee") == ["You need the following documents:"]
    assert parents(text, "The licence") == []


def test_a_turn_of_a_speaker_is_a_span():
    """No blank lines between turns are needed."""
    assert pieces(TURNS)[0] == "ANNA: Where is the key?"
    assert pieces(TURNS)[-1] == "ANNA: Thank you."


def test_the_parent_of_a_list_item_is_the_line_above_its_list():
    """That line ends in a colon, and its own parent is its heading."""
    assert parents(MARKDOWN, "- adults") == ["Fares:", "# Ferry"]


def test_a_sentence_that_ends_in_a_colon_is_the_heading_of_the_list_below_it():
    """Also behind another sentence."""
    text = "The office is small. For a licence you need:\n\n- a photograph\n- a fee\n"
    assert parents(text, "- a fee") == ["For a licence you need:"]
    assert [span.kind for span in split_into_spans(text, ENGLISH)][:2] == ["sentence", "heading"]


def test_a_caption_is_one_heading():
    """Its number does not end it."""
    text = "Table 2. Mean weight after 12 weeks.\n\n| Group | Mean |\n|---|---|\n| A | 71.2 |\n"
    assert pieces(text)[0] == "Table 2. Mean weight after 12 weeks."
    assert split_into_spans(text, ENGLISH)[0].kind == "heading"


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
