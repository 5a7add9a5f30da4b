"""The record shapes of other libraries: in, compressed, and out as they came."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ctxzip.compressor import Compressor
from ctxzip.datamodels import RecordWarning, Request
from ctxzip.errors import InputError, UsageError
from ctxzip.reading.detection import to_request
from ctxzip.reading.requests import read
from ctxzip.reading.schemas import SHAPES, TABLES, names, with_fields
from ctxzip.rendering.record import record
from ctxzip.settings import Settings
from tests.conftest import FIXTURES, compress
from tests.reading.test_requests import items, source

QUESTION = "When does the bakery in Quarrie open on Sundays?"
# What a shape needs besides its keys.
OPTIONS: dict[str, dict[str, Any]] = {
    "dotted.jsonl": {"shapes": with_fields("request.question", "response.hits", "_source.body", "_source.name")},
    "documents.jsonl": {"query": QUESTION},
    "elasticsearch.json": {"query": QUESTION},
    "messages-tool.jsonl": {"shapes": with_fields(None, None, None, None, context_role="tool")},
}
FILES = sorted(path.name for path in (FIXTURES / "shapes").iterdir())


@pytest.fixture(scope="module")
def compressor():
    return Compressor(Settings(scorer="bm25", ratio=0.4))


def requests(name: str, **options: Any) -> list[Request]:
    found = items((FIXTURES / "shapes" / name).read_bytes(), name, **{**OPTIONS.get(name, {}), **options})
    assert all(isinstance(item, Request) for item in found), found
    return found


def leaves(value: Any, at: str = "$") -> dict[str, Any]:
    """Return every value that holds no other, by its path; numbers as they were written."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {path: leaf for key, inner in pairs for path, leaf in leaves(inner, f"{at}.{key}").items()}
    return {at: value}


def literally(text: bytes | str) -> Any:
    return json.loads(text, parse_int=lambda n: f"number {n}", parse_float=lambda n: f"number {n}")


def written(name: str) -> list[Any]:
    """Return the records of a fixture, whatever they are laid out like."""
    text = (FIXTURES / "shapes" / name).read_text("utf-8")
    try:
        found = literally(text)
    except ValueError:
        return [literally(line) for line in text.splitlines()]
    return found if isinstance(found, list) else [found]


def slices(short: str, whole: str) -> bool:
    """Tell whether one text is made of pieces of another, in order."""
    at = 0
    for word in re.findall(r"\w+|[^\w\s]", short):
        at = whole.find(word, at)
        if at < 0:
            return False
    return True


@pytest.mark.parametrize("name", [name for name in FILES if name != "documents.jsonl"])
def test_a_record_comes_out_earlier_error_with_shorter_texts(name, compressor):
    """Every other value, the order of keys and the spelling of numbers included, is what it was."""
    before = written(name)
    results = [compressor.compress(request) for request in requests(name)]
    after = [literally(record(result)) for result in results]
    assert len(after) == len(before)
    for old, new, result in zip(before, after, results, strict=True):
        new.pop("ctxzip")
        assert list(new) == list(old)
        was, now = leaves(old), leaves(new)
        assert list(was) == list(now)
        changed = [path for path in was if was[path] != now[path]]
        assert changed
        for path in changed:
            assert slices(now[path], was[path])
            texts = [passage.text for passage in result.request.passages if passage.text]
            assert any(text in was[path] or was[path] in text for text in texts)
        assert result.tokens_out < result.tokens_in


@pytest.mark.parametrize("name", [name for name in FILES if name != "documents.jsonl"])
def test_what_was_written_is_read_again(name, compressor):
    """The shape that came out is the shape that went in: its texts are those that were kept."""
    results = [compressor.compress(request) for request in requests(name)]
    data = b"".join(record(result) + b"\n" for result in results)
    again = items(data, name, **OPTIONS.get(name, {}))
    for request, result in zip(again, results, strict=True):
        assert request.query == result.request.query
        assert [p.text.split() for p in request.passages] == [text.split() for text in result.texts]
        assert [p.title for p in request.passages] == [p.title for p in result.request.passages]


@pytest.mark.parametrize("name", FILES)
def test_every_fixture_is_read(name):
    """Each record has a question and documents with text."""
    for request in requests(name):
        assert request.query.endswith("?")
        assert any(passage.text for passage in request.passages)


UNTITLED = {"ragas", "cohere", "messages", "segments"}
LIBRARIES = ["langchain", "llamaindex", "haystack", "elasticsearch", "hotpotqa", "dpr", "ragas", "cohere", "flashrag", "recomp", "langsmith", "messages", "kilt", "segments", "beir"]  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_shape_is_found_by_its_keys_or_by_its_name(library):
    """Both read the same; each of these names has its fixture."""
    files = [name for name in FILES if re.match(rf"{library}[-.]", name)]
    assert files
    for name in files:
        role = "tool" if name == "messages-tool.jsonl" else None
        by_keys = requests(name)
        by_name = requests(name, shapes=with_fields(None, None, None, None, library, role))
        for one, other in zip(by_keys, by_name, strict=True):
            assert (one.query, one.passages, one.id) == (other.query, other.passages, other.id)
            assert any(passage.title for passage in one.passages) or library in UNTITLED


def test_every_name_of_an_input_format_has_a_fixture():
    """What --input-format takes is what is tested."""
    assert set(names()) == {"auto", "common", *LIBRARIES, *TABLES}


def test_the_text_of_a_node_is_shortened_wherever_the_node_keeps_it(compressor):
    """LlamaIndex writes a Document's text twice, and reads one of them."""
    node = literally(record(compressor.compress(requests("llamaindex.jsonl")[1])))["nodes"][0]["node"]
    assert node["text"] == node["text_resource"]["text"] == "The lock gates at Thornlea are made of oak."


def test_given_sentences_are_the_units(compressor):
    """Nothing is split again, and what is left out is empty, so that supporting facts go on pointing right."""
    record_ = {
        "question": "Who is Dr. Wren?",
        "context": [["Wren", ["Dr. Wren", " is a builder. He", "", " built the mill!", "Nobody knows when."]]],
        "supporting_facts": [["Wren", 1]],
    }
    request = to_request(record_, SHAPES)
    (passage,) = request.passages
    assert passage.text == "Dr. Wren is a builder. He built the mill! Nobody knows when."
    assert passage.sentences is not None
    assert [passage.text[a:b] for a, b in passage.sentences] == [
        "Dr. Wren", "is a builder. He", "built the mill!", "Nobody knows when.",
    ]  # fmt: skip
    result = compressor.compress(request)
    assert [(unit.start, unit.end) for unit in result.scored.units] == list(passage.sentences)
    sentences = json.loads(record(result))["context"][0][1]
    assert len(sentences) == 5
    assert "".join(sentences).split() == result.texts[0].split()


def test_dropped_documents_leave_a_list_of_titles_and_sentences():
    """`--drop-empty` takes the pair."""
    request = requests("hotpotqa.json")[0]
    result = Compressor(Settings(scorer="bm25", max_sentences=1, drop_empty=True)).compress(request)
    assert json.loads(record(result))["context"] == [
        ["Café in Quarrie", ["The café next to the bakery is closed on Sundays.", ""]]
    ]


@pytest.mark.parametrize(
    ("record_", "message"),
    [
        ({"question": "x", "context": [["T", "s"]]}, "expected an array @ $.context[0][1], got a string"),
        ({"question": "x", "context": [["T"]]}, "expected [title, [sentence, ...]] @ $.context[0], got 1 values"),
        ({"question": "x", "context": [["T", [1]]]}, "expected a string @ $.context[0][1][0], got a number"),
        ({"question": "x", "context": {"title": ["T"], "sentences": []}}, "1 titles and 0 lists of sentences @ $.context"),
        ({"input": "x", "output": [{"answer": "a", "provenance": [{"wikipedia_id": "1", "title": "T"}]}]}, "no text @ $.output.0.provenance: KILT names pages"),
        ({"segments": [{"type": "exampel", "text": "x"}]}, "unknown type 'exampel' @ $.segments[0].type: expected one of instruction, context, example, question; did you mean 'example'?"),
        ({"segments": [{"type": "context", "text": "x"}]}, "no question @ $.segments: expected a segment of type question"),
        ({"segments": [{"type": "context"}]}, "expected an object with type and text @ $.segments[0]"),
        ({"query": "x", "contexs": []}, "no documents: expected one of docs, .*; 'contexs' is nearly 'contexts'"),
        ({"qestion": "x", "docs": []}, "no question: expected one of query, .*; 'qestion' is nearly 'question'"),
        ({"query": "x", "docs": [{"txt": "a"}]}, "required field missing @ $.docs[0].text: .*; 'txt' is nearly 'text'"),
    ],
)  # fmt: skip
def test_an_error_says_the_path_and_what_was_nearly_right(record_, message):
    """Where, what and what to do."""
    pattern = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(InputError, match=pattern):
        to_request(record_, SHAPES)


def test_an_unknown_format_is_a_usage_error_that_lists_the_names():
    """Before anything is read."""
    run = compress("--input-format", "langchian", stdin="")
    assert run.code == 2
    assert "--input-format langchian: expected one of auto, common, langchain" in run.err
    assert "did you mean 'langchain'?" in run.err
    with pytest.raises(UsageError):
        with_fields(None, None, None, None, "nothing")


def test_a_record_of_another_format_than_was_named_says_which():
    """The remedy is an option."""
    shapes = with_fields(None, None, None, None, "ragas")
    with pytest.raises(InputError, match=r"no documents: expected one of retrieved_contexts, contexts; .* 'hotpotqa'"):
        to_request({"question": "x", "context": [["T", ["s"]]]}, shapes)


def test_a_named_format_looks_for_its_own_names_only():
    """Where a record has documents under several names, --input-format selects one."""
    both = {"question": "When?", "docs": ["one"], "contexts": ["two"]}
    assert to_request(both, SHAPES).passages[0].text == "one"
    assert to_request(both, with_fields(None, None, None, None, "ragas")).passages[0].text == "two"


def test_the_answer_of_a_search_engine_is_a_request_of_its_own_with_a_question():
    """Each line is one; what comes out is the answer with shorter fields, not a list of documents."""
    answer = (FIXTURES / "shapes" / "elasticsearch.json").read_text()
    run = compress("-q", QUESTION, "--scorer", "bm25", "-n", "1", stdin=f"{json.dumps(json.loads(answer))}\n" * 2)
    assert run.code == 0
    assert [len(record_["hits"]["hits"]) for record_ in run.records] == [2, 2]
    bodies = [hit["_source"]["body"] for hit in run.records[0]["hits"]["hits"]]
    assert bodies == ["", "The café next to the bakery is closed on Sundays."]


def test_with_a_question_a_record_that_has_its_own_is_refused_whatever_its_shape():
    """Its own question would be lost."""
    for name in ("langsmith.jsonl", "kilt.jsonl", "hotpotqa-hf.jsonl"):
        found = items((FIXTURES / "shapes" / name).read_bytes(), name, query=QUESTION)
        assert all(item.options == ("query",) for item in found[:-1])


@pytest.mark.parametrize("name", ["langchain.jsonl", "langchain-lc.jsonl", "llamaindex.jsonl"])
def test_a_dump_of_documents_alone_is_read_with_a_question(name):
    """What `json.dumps` of a list of them writes, without a record around it."""
    records = [json.loads(line) for line in (FIXTURES / "shapes" / name).read_text("utf-8").splitlines()]
    dumped = [doc for record_ in records for key in ("source_documents", "documents", "context", "source_nodes", "nodes") for doc in record_.get(key, [])]  # fmt: skip
    (request,) = items(json.dumps(dumped), "dump.json", query=QUESTION)
    assert [p.text for p in request.passages] == [p.text for record_ in requests(name) for p in record_.passages]
    result = Compressor(Settings(scorer="bm25", ratio=0.3)).compress(request)
    assert [list(doc) for doc in json.loads(record(result))["docs"]] == [list(doc) for doc in dumped]


def test_the_field_of_a_search_engine_is_named_without_its_wrapper():
    """`--text-field note` is `_source.note` in an answer of Elasticsearch."""
    record_ = {"query": "x", "hits": {"hits": [{"_id": "1", "_source": {"note": "Text.", "head": "T"}}]}}
    (passage,) = to_request(record_, with_fields(None, None, "note", "head")).passages
    assert (passage.text, passage.title, passage.id) == ("Text.", "T", "1")


def test_reading_does_not_depend_on_the_records_before():
    """Every shape is found by the record alone, in any order."""
    everything = [name for name in FILES if name not in OPTIONS]
    alone = {name: [item.passages for item in requests(name)] for name in everything}
    sources = [source((FIXTURES / "shapes" / name).read_bytes(), name) for name in reversed(everything)]
    together = [item.passages for item in read(sources) if isinstance(item, Request)]
    assert together == [passages for name in reversed(everything) for passages in alone[name]]


def chat(*contents: Any, role: str = "user", **options: Any) -> Request:
    """Read messages of the user, or of one role and a question of the user behind them."""
    messages = [{"role": role, "content": content} for content in contents]
    if role != "user":
        messages.append({"role": "user", "content": "When?"})
    return to_request({"messages": messages}, with_fields(None, None, None, None, **options))


@pytest.mark.parametrize(
    ("content", "passages"),
    [
        ("<document>One.</document> When?", [("", "One.")]),
        ("<documents><document>One.</document>\n<document title='T'>\n Two. \n</document></documents>When?", [("", "One."), ("T", "Two.")]),
        ("When?<documents>\nOne.\n</documents>", [("", "One.")]),
        ("<Document><title>T</title><url>u</url>One.</Document>When?", [("T", "One.")]),
        ("<document><source>s</source><document_content>\nOne.\n</document_content>\n</document>When?", [("s", "One.")]),
        ("<document>One, <document> in it.</document>When?", [("", "One, <document> in it.")]),
        ("<document></document><document>One.</document>When?", [("", ""), ("", "One.")]),
        ("<documents><document>One.</document>When?", [("", "One.")]),
        ("<documentary>No.</documentary><document>One.</document>When?", [("", "One.")]),
        ("<document>One &amp; <b>bold</b>.</document>When?", [("", "One &amp; <b>bold</b>.")]),
    ],
)  # fmt: skip
def test_documents_of_a_message_stand_between_tags(content, passages):
    """With the tags that Anthropic's guide has, with fewer, or with none inside `<documents>`."""
    request = chat(content)
    assert [(passage.title, passage.text) for passage in request.passages] == passages
    assert request.query.endswith("When?")


def test_the_question_is_what_else_the_last_message_of_the_user_says():
    """Whatever the turns before it, and wherever the documents are."""
    request = chat("<document>One.</document>Hello.", [{"type": "text", "text": "When? "}], "<document>Two.</document>")
    assert request.query == "When?"
    assert len(request.passages) == 2
    with pytest.raises(InputError, match="no question: expected one in a message of the user"):
        chat("<document>One.</document>")


def test_the_input_of_a_response_is_read_as_messages_are():
    """In a call, and in a line of a batch."""
    messages = [{"role": "user", "content": [{"type": "input_text", "text": "<document>One.</document>When?"}]}]
    for record_ in ({"input": messages}, {"custom_id": "a", "url": "/v1/responses", "body": {"input": messages}}):
        request = to_request(record_, SHAPES)
        assert (request.query, request.passages[0].text, request.id) == ("When?", "One.", record_.get("custom_id"))


def test_messages_without_documents_say_how_to_mark_them():
    """Tags, or a role."""
    with pytest.raises(InputError, match=r"no documents @ \$\.messages: .* <document> .* \(context_role\)"):
        chat("When?")
    with pytest.raises(InputError, match=r"expected an object with a role @ \$\.messages\[1\], got a number"):
        to_request({"messages": [{"role": "user", "content": "x"}, 5]}, SHAPES)
    assert chat("One.", role="tool", context_role="tool").passages[0].text == "One."


def test_a_document_without_an_end_is_left_as_it_is_and_said():
    """What is no document is part of the question."""
    request = chat("<document>One.</document>When?", "<document>Two.")
    assert [passage.text for passage in request.passages] == ["One."]
    text = "a <document> without an end @ $.messages[1].content: left as it is"
    assert request.warnings == (RecordWarning("unclosed_document_tag", text),)


def test_the_order_of_documents_in_several_messages_is_that_in_which_they_are_written():
    """A document stays in its message; `order` says where each of those written stood in the input."""
    lists = [
        "<documents>" + "".join(f"<document>{text}</document>" for text in texts) + "</documents>"
        for texts in (("Fog.", "The ferry is late."), ("Rye.", "The ferry leaves at six."))
    ]
    messages = [
        {"role": "user", "content": lists[0]},
        {"role": "user", "content": f"{lists[1]} When leaves the ferry?"},
    ]
    compressor = Compressor(Settings(scorer="bm25", ratio=1.0, order="relevance"))
    written = json.loads(record(compressor.compress(to_request({"messages": messages}, SHAPES))))
    texts = re.findall("<document>(.*?)</document>", json.dumps(written["messages"]))
    assert texts == ["The ferry is late.", "Fog.", "The ferry leaves at six.", "Rye."]
    assert written["ctxzip"]["order"] == [1, 0, 3, 2]


def test_documents_of_a_message_are_dropped_and_ordered_with_their_tags():
    """`--drop-empty` and `--order relevance` move whole elements."""
    text = "<documents>\n<document>\nNo.\n</document>\n<document>\nThe ferry leaves.\n</document>\n<document>\nThe ferry leaves at ten.\n</document>\n</documents>\nWhen at ten leaves the ferry?"
    short = Compressor(Settings(scorer="bm25", max_sentences=2, drop_empty=True, order="relevance"))
    content = json.loads(record(short.compress(chat(text))))["messages"][0]["content"]
    assert content == (
        "<documents>\n<document>\nThe ferry leaves at ten.\n</document>\n<document>\nThe ferry leaves.\n</document>\n"
        "</documents>\nWhen at ten leaves the ferry?"
    )


def test_many_tags_that_end_nothing_take_no_time():
    """One pass over a message, whatever it holds."""
    with pytest.raises(InputError, match="no documents"):
        chat("<document><documents>" * 50_000)
