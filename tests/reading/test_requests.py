"""Input files in, requests out."""

from __future__ import annotations

import json
from contextlib import nullcontext
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip import compress
from ctxzip.datamodels import Passage, Request
from ctxzip.errors import InputError, UsageError
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import BadRecord
from ctxzip.reading.requests import read
from ctxzip.reading.schemas import SHAPES, with_fields
from ctxzip.reading.sources import Source
from tests.conftest import FIXTURES, jsonl

GOOD = {"query": "When?", "docs": ["At ten."]}


def source(data: bytes | str, name: str = "") -> Source:
    data = data.encode() if isinstance(data, str) else data
    return Source(name, lambda: nullcontext(BytesIO(data)))


def read_all(sources: list[Source], **options: Any) -> list[Any]:
    return list(read(sources, **options))


def items(data: bytes | str, name: str = "", **options: Any) -> list[Any]:
    """Read one input; return its requests and bad records."""
    return read_all([source(data, name)], **options)


def content(item):
    """Return the message of a bad record, or the query and texts of a request."""
    return item.message if isinstance(item, BadRecord) else (item.query, [passage.text for passage in item.passages])


def fixture(name):
    return items((FIXTURES / "shapes" / name).read_bytes(), name)


def test_fixtures_with_other_keys_are_the_same_requests():
    """A request does not depend on the names of the keys."""
    by_ctxs, by_page_content = fixture("question_ctxs.jsonl"), fixture("input_documents_page_content.jsonl")
    for one, other in zip(by_ctxs, by_page_content, strict=False):
        assert one.query == other.query
        assert one.passages[0].text == other.passages[0].text
        assert one.passages[0].title == other.passages[0].title != ""


@pytest.mark.parametrize("query", ["query", "question", "input", "user_input", "query_text", "q"])
@pytest.mark.parametrize("docs", ["docs", "documents", "ctxs", "contexts", "passages", "retrieved_contexts"])
@pytest.mark.parametrize("text", ["text", "content", "page_content", "contents", "body"])
def test_known_keys_are_found(query, docs, text):
    """In any combination of the names that libraries use."""
    record = {
        query: "When?",
        docs: [{text: "At ten.", "title": "Ferry", "id": 7}, {"metadata": {"title": "T"}, text: "x"}],
    }
    request = to_request(record, SHAPES)
    assert request.query == "When?"
    assert [(p.text, p.title, p.id) for p in request.passages] == [("At ten.", "Ferry", "7"), ("x", "T", None)]


@pytest.mark.parametrize("docs", ["At ten.", ["At ten."], {"text": "At ten."}, [{"text": "At ten."}]])
def test_documents_may_be_strings_or_objects_one_or_many(docs):
    """SQuAD has one string, other sets have lists."""
    assert to_request({"question": "When?", "context": docs}, SHAPES).passages[0].text == "At ten."


def test_dotted_paths_step_into_objects_and_arrays():
    """A key that contains the dot itself is found first."""
    request = to_request(
        {"a": {"q": "When?"}, "d.x": [{"s": [{"body": "At ten."}], "m": {"t": "Ferry"}}]},
        with_fields("a.q", "d.x", "s.0.body", "m.t"),
    )
    assert (request.query, request.passages[0].text, request.passages[0].title) == ("When?", "At ten.", "Ferry")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("[1]", "line 1: expected an object with a question and documents, got an array"),
        ("17", "line 1: expected an object with a question and documents, got a number"),
        ("null", "line 1: expected an object with a question and documents, got null"),
        ({"docs": []}, "line 1: no question: expected one of query, question, "),
        ({"text": "x"}, "line 1: the record is a document without a question: give the question"),
        ({"query": " ", "docs": []}, "line 1: empty question @ $.query"),
        ({"query": ["x", "y"], "docs": []}, "line 1: expected a string @ $.query, got an array"),
        ({"query": None, "docs": []}, "line 1: expected a string @ $.query, got null"),
        ({"query": "x"}, "line 1: no documents: expected one of docs, documents, ctxs, "),
        ({"query": "x", "docs": 3}, "line 1: expected an array of documents @ $.docs, got a number"),
        ({"query": "x", "docs": None}, "line 1: expected an array of documents @ $.docs, got null"),
        ({"query": "x", "docs": ["a", True]}, "line 1: expected a string or an object @ $.docs[1], got a boolean"),
        ({"query": "x", "docs": ["a", {"id": 1}]}, "line 1: required field missing @ $.docs[1].text: expected one of"),
        ({"query": "x", "docs": ["", "", {"text": {}}]}, "line 1: expected a string @ $.docs[2].text, got an object"),
        ({"query": "x", "docs": [{"text": [{"a": 1}]}]}, "line 1: expected a string @ $.docs[0].text, got an array without a text"),
        ('{"query": "x", "docs": [', "line 1: the JSON is cut off"),
        ('{"query": "x" "docs"}', "line 1: invalid JSON at character 15: Expecting ',' delimiter"),
        ("Plain text.", "line 1: invalid JSON at character 1: Expecting value: one JSON object a line is expected; plain text needs a query"),
    ],
)  # fmt: skip
def test_the_message_of_a_bad_record_has_place_problem_and_remedy(record, message):
    """With the path of the value and the expected names. The next line is read as usual."""
    line = record if isinstance(record, str) else json.dumps(record)
    # An array in the first line is an array of records; after a record it is a bad line.
    bad, good = items(f"{jsonl(GOOD) if line[0] == '[' else ''}{line}\n{jsonl(GOOD)}")[-2:]
    assert isinstance(bad, BadRecord)
    assert bad.message.replace("line 2", "line 1").startswith(message)
    assert content(good) == ("When?", ["At ten."])


def test_the_good_lines_around_broken_ones_are_read():
    """Six good records of sixteen lines, in order."""
    found = items((FIXTURES / "broken.jsonl").read_bytes(), "broken.jsonl")
    assert [item.id for item in found if isinstance(item, Request)] == [f"good-{n}" for n in range(1, 7)]
    assert [item.line_no for item in found if isinstance(item, BadRecord)] == [2, 3, 5, 6, 7, 9, 10, 12, 14, 16]
    assert all(
        item.message.startswith(f"broken.jsonl: line {item.line_no}: ") for item in found if isinstance(item, BadRecord)
    )


@pytest.mark.parametrize(
    "data",
    [
        jsonl(GOOD, GOOD),
        "\ufeff" + jsonl(GOOD, GOOD),
        jsonl(GOOD, GOOD).replace("\n", "\r\n"),
        "\n\n" + jsonl(GOOD) + "  \n" + jsonl(GOOD).rstrip(),
        json.dumps([GOOD, GOOD]),
        json.dumps([GOOD, GOOD], indent=2),
        f"[\n{json.dumps(GOOD)},\n{json.dumps(GOOD)}\n]\n",
        json.dumps(GOOD, indent=2) + "\n" + json.dumps(GOOD, indent="\t"),
    ],
    ids=["lines", "bom", "crlf", "blank lines", "array", "indented array", "array a line", "indented objects"],
)
def test_records_are_found_in_every_json_layout(data):
    """Lines, arrays, and the output of jq without -c."""
    assert [content(item) for item in items(data)] == [("When?", ["At ten."])] * 2


@pytest.mark.parametrize(
    "bad", ["{", "[", '{"a"', "[1,", "}", "]", '"', "{\n  1", "\x00", "\ud83d".encode("utf-8", "surrogatepass")]
)
@pytest.mark.parametrize("before", [0, 1])
def test_lines_after_a_broken_line_are_read(bad, before):
    """Even if it looks like the start of an array or of an indented object."""
    bad = bad if isinstance(bad, bytes) else bad.encode()
    line = jsonl(GOOD).encode()
    found = items(line * before + bad + b"\n" + line * 2)
    assert [isinstance(item, Request) for item in found] == [True] * before + [False] + [True] * 2


def test_the_message_for_a_bad_array_element_has_its_number():
    """Elements have no lines."""
    bad = items(json.dumps([GOOD, 5]))[1]
    assert bad.message == "item 2: expected an object with a question and documents, got a number"


def test_the_whole_elements_of_a_cut_off_array_are_read():
    """Only the incomplete element is lost."""
    found = items(json.dumps([GOOD, GOOD, GOOD], indent=2)[:-30])
    assert [isinstance(item, Request) for item in found] == [True, True, False]
    assert "cut off" in found[2].message


def test_a_cut_off_array_of_many_elements_is_read_in_linear_time():
    """Each element is parsed once; a test of 20,000."""
    found = items("[" + ",".join([json.dumps(GOOD)] * 20_000) + ',{"query"')
    assert [isinstance(item, Request) for item in found] == [True] * 20_000 + [False]


@pytest.mark.parametrize(("opening", "closing"), [("[\n", "\n]\n"), ("[", "]\n"), ("[ ", ""), ("[\n", "")])
@pytest.mark.parametrize("bad_at", [0, 1, 2])
def test_elements_around_a_bad_element_on_its_own_line_are_read(opening, closing, bad_at):
    """Wherever the brackets are, and if the last one is missing."""
    elements = [json.dumps(GOOD)] * 3
    elements[bad_at] = "{bad}"
    found = items(opening + ",\n".join(elements) + closing)
    assert [isinstance(item, Request) for item in found] == [n != bad_at for n in range(3)]


def test_lines_after_a_first_line_that_is_an_array_are_read():
    """JSON Lines whose first line is wrong."""
    found = items(f"[1]\n{json.dumps(GOOD)}\n")
    assert [isinstance(item, Request) for item in found] == [False, True]


@pytest.mark.parametrize(
    "document",
    [{"text": None, "content": "At ten."}, {"text": "", "content": "At ten."}, {"text": "At ten.", "content": None}],
)
def test_a_later_key_is_used_where_an_earlier_one_is_empty(document):
    """Exporters write every key they know."""
    request = to_request({"query": None, "question": "When?", "docs": None, "contexts": [document]}, SHAPES)
    assert request.passages[0].text == "At ten."


def test_a_later_list_of_documents_is_used_where_an_earlier_one_is_empty():
    """The first key whose list is not empty is used."""
    (request,) = items(jsonl({"query": "When?", "documents": [], "contexts": ["The ferry leaves."]}))
    assert [passage.text for passage in request.passages] == ["The ferry leaves."]


def test_line_separators_inside_strings_do_not_end_a_line():
    """U+2028 and U+0085 are text."""
    record = {"query": "When?", "docs": ["At\u2028ten\u0085."]}
    found = items(json.dumps(record, ensure_ascii=False) + "\n")
    assert content(found[0]) == ("When?", ["At\u2028ten\u0085."])


def test_a_null_text_is_an_empty_document_with_a_warning():
    """Haystack writes documents without content."""
    request = items(jsonl({"query": "x", "docs": ["a", {"text": None}]}))[0]
    assert [passage.text for passage in request.passages] == ["a", ""]
    assert [warning.text for warning in request.warnings] == ["the text @ $.docs[1].text is null: left as it is"]


def test_documents_that_are_null_or_empty_stay_with_a_warning():
    """The other documents of the record are compressed."""
    request = items(jsonl({"query": "x", "docs": [None, {}, {"text": "a"}, ""]}))[0]
    assert [passage.text for passage in request.passages] == ["", "", "a", ""]
    assert [warning.text for warning in request.warnings] == [
        "the document @ $.docs[0] is null: left as it is",
        "the document @ $.docs[1] is an empty object: left as it is",
    ]


def test_numbers_are_read_as_they_were_written():
    """As a question, as a document and as its text."""
    request = items('{"query": 404, "docs": [1e5, {"text": 12345678901234567890123}, "a"]}\n')[0]
    assert content(request) == ("404", ["1e5", "12345678901234567890123", "a"])
    assert not request.warnings


def test_a_text_can_be_a_list_of_paragraphs_or_of_content_parts():
    """A blank line goes between two; parts without a text are no part of it."""
    image = {"type": "image_url", "image_url": {"url": "x.png"}}
    docs = [
        {"content": [{"type": "text", "text": "One."}, image, {"type": "text", "text": "Two."}]},
        {"text": ["A.", "B."]},
    ]
    request = items(jsonl({"query": "x", "docs": [*docs, {"text": []}]}))[0]
    assert [passage.text for passage in request.passages] == ["One.\n\nTwo.", "A.\n\nB.", ""]


def test_documents_that_share_an_id_are_read_with_a_warning():
    """They stay two documents."""
    request = items(jsonl({"query": "x", "docs": [{"id": "a", "text": "1"}, {"id": "a", "text": "2"}]}))[0]
    assert len(request.passages) == 2
    assert [warning.text for warning in request.warnings] == ["2 documents share the id 'a'"]


def test_with_a_query_every_line_is_a_document_of_one_request():
    """Objects and strings, in order."""
    lines = jsonl({"title": "T", "text": "one", "n": 1.50}, "two")
    (request,) = items(lines, query="When?")
    assert content(request) == ("When?", ["one", "two"])
    assert request.passages[0].title == "T"


def test_with_a_query_a_bad_document_is_left_out_with_a_warning():
    """The rest of the request is not lost."""
    bad, request = items('{"text": true}\n{"text": "two"}\n', query="When?")
    assert not bad.in_output
    assert [warning.text for warning in request.warnings] == [
        "left out: line 1: expected a string @ $.text, got a boolean"
    ]
    assert content(request) == ("When?", ["two"])


def test_with_a_query_a_record_that_holds_documents_is_refused():
    """Its own question would be lost."""
    bad, _ = items(jsonl(GOOD), query="When?")
    assert "leave out the query" in bad.message
    assert bad.options == ("query",)


@pytest.mark.parametrize(
    ("name", "data", "texts"),
    [
        ("notes.md", "[link](x) and more", ["[link](x) and more"]),
        ("notes.txt", '{"text": "stays"}', ['{"text": "stays"}']),
        ("", "Plain text.\nTwo lines.", ["Plain text.\nTwo lines."]),
        ("", "[not] an array", ["[not] an array"]),
        ("", "{{Infobox}}\nThe ferry.", ["{{Infobox}}\nThe ferry."]),
        ("", '"quoted" she said', ['"quoted" she said']),
        ("", '{"text": "one"}\n{"text": "two"}\n', ["one", "two"]),
        ("", '[{"text": "one"}]', ["one"]),
        ("x.jsonl", '"one"\n', ["one"]),
        ("notes.md", "", [""]),
        ("notes.md", b"\xef\xbb\xbfText", ["Text"]),
    ],
)
def test_with_a_query_text_is_distinguished_from_json(name, data, texts):
    """By the suffix of the file; without one, by its first characters."""
    assert content(items(data, name, query="When?")[0]) == ("When?", texts)


def test_field_names_of_the_user_do_not_apply_to_text_files():
    """They are those of records."""
    shapes = with_fields(None, None, "body", None)
    assert content(items("Text.", "a.md", query="When?", shapes=shapes)[0]) == ("When?", ["Text."])


def test_the_message_for_a_text_file_that_is_not_utf8_has_its_line():
    """The other documents are kept."""
    bad, request = read_all([source(b"ok\n\xff", "a.txt"), source("two", "b.txt")], query="When?")
    assert bad.message.startswith("a.txt: line 2: invalid UTF-8 at byte 4")
    assert content(request) == ("When?", ["two"])


def test_a_text_file_without_a_question_is_a_usage_error():
    """It is raised before anything is read."""
    with pytest.raises(UsageError, match=r"notes\.md: a text file needs a question \(query\)"):
        items("Text.", "notes.md")


def test_an_empty_question_on_the_command_line_is_a_usage_error():
    """As an empty question in a record is an input error."""
    with pytest.raises(UsageError, match="empty question"):
        items("Text.", "notes.md", query=" ")


@given(st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b"")), max_size=8))
def test_arbitrary_bytes_do_not_stop_the_reader(junk):
    """The records before and after them are read."""
    line = jsonl(GOOD).encode()
    found = items(line + b"".join(data + b"\n" for data in junk) + line)
    good = [index for index, item in enumerate(found) if isinstance(item, Request)]
    assert good[0] == 0
    assert good[-1] == len(found) - 1
    assert len(found) <= len(junk) + 2


def test_a_record_that_is_not_an_object_is_an_input_error():
    """In the library as on the command line."""
    with pytest.raises(InputError):
        to_request([], SHAPES)


def test_a_passage_from_python_keeps_its_sentences_and_its_segment():
    """No input record has to hold them."""
    passage = Passage("At ten. At noon.", sentences=((0, 16),), segment="context")
    result = compress("When?", [passage, "Fog."], scorer="bm25")
    assert result.request.passages[0] == passage
    assert [(unit.start, unit.end) for unit in result.scored.units if unit.passage == 0] == [(0, 16)]
