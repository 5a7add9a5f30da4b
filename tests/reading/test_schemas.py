"""The record shapes of other libraries: read, compressed, and written in the same shape."""

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
from ctxzip.reading.schemas import FILE_FORMATS, SHAPES, names, with_fields
from ctxzip.rendering.record import record
from ctxzip.settings import Settings
from tests.conftest import FIXTURES, compress
from tests.reading.test_requests import items, source

QUESTION = "When does the bakery in Quarrie open on Sundays?"
# Options without which a fixture cannot be read.
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
    """Return every value that contains no other, by its path."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {path: leaf for key, inner in pairs for path, leaf in leaves(inner, f"{at}.{key}").items()}
    return {at: value}


def with_number_literals(text: bytes | str) -> Any:
    """Parse JSON, with number literals as strings."""
    return json.loads(text, parse_int=lambda n: f"number {n}", parse_float=lambda n: f"number {n}")


def written(name: str) -> list[Any]:
    """Return the records of a fixture, whether lines or an array."""
    text = (FIXTURES / "shapes" / name).read_text("utf-8")
    try:
        found = with_number_literals(text)
    except ValueError:
        return [with_number_literals(line) for line in text.splitlines()]
    return found if isinstance(found, list) else [found]


def is_subsequence(short: str, whole: str) -> bool:
    """Return whether all words of one text occur in another, in order."""
    start = 0
    for word in re.findall(r"\w+|[^\w\s]", short):
        start = whole.find(word, start)
        if start < 0:
            return False
    return True


@pytest.mark.parametrize("name", [name for name in FILES if name != "documents.jsonl"])
def test_a_written_record_differs_only_in_shorter_texts(name, compressor):
    """Every other value is unchanged, and so are the order of keys and the literals of numbers."""
    before = written(name)
    results = [compressor.compress(request) for request in requests(name)]
    after = [with_number_literals(record(result)) for result in results]
    assert len(after) == len(before)
    for old, new, result in zip(before, after, results, strict=True):
        new.pop("ctxzip")
        assert list(new) == list(old)
        was, now = leaves(old), leaves(new)
        assert list(was) == list(now)
        changed = [path for path in was if was[path] != now[path]]
        assert changed
        for path in changed:
            if now[path] is None or str(now[path]).startswith("number "):
                assert re.search(r"\.(start_char_idx|end_char_idx|answer_start(\.\d+)?)$", path)
                continue
            assert is_subsequence(now[path], was[path])
            texts = [passage.text for passage in result.request.passages if passage.text]
            assert any(text in was[path] or was[path] in text for text in texts)
        assert result.tokens_out < result.tokens_in


@pytest.mark.parametrize("name", [name for name in FILES if name != "documents.jsonl"])
def test_a_written_record_can_be_read_again(name, compressor):
    """With the same shape, and the kept texts."""
    results = [compressor.compress(request) for request in requests(name)]
    data = b"".join(record(result) + b"\n" for result in results)
    again = items(data, name, **OPTIONS.get(name, {}))
    for request, result in zip(again, results, strict=True):
        assert request.query == result.request.query
        assert [p.text.split() for p in request.passages] == [text.split() for text in result.texts]
        assert [p.title for p in request.passages] == [p.title for p in result.request.passages]


@pytest.mark.parametrize("name", FILES)
def test_every_fixture_is_read(name):
    """Each record has a query and documents with text."""
    for request in requests(name):
        assert request.query.endswith("?")
        assert any(passage.text for passage in request.passages)


UNTITLED = {"ragas", "cohere", "messages", "segments", "msmarco"}
LIBRARIES = ["langchain", "llamaindex", "haystack", "elasticsearch", "hotpotqa", "dpr", "ragas", "cohere", "flashrag", "recomp", "langsmith", "messages", "kilt", "segments", "beir", "chroma", "pinecone", "qdrant", "weaviate", "azure-ai-search", "bedrock", "vertex", "msmarco"]  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_record_is_read_the_same_by_detection_and_by_the_name_of_its_shape(library):
    """Each name has a fixture."""
    files = [name for name in FILES if re.match(rf"{library}[-.]", name)]
    assert files
    for name in files:
        role = "tool" if name == "messages-tool.jsonl" else None
        by_keys = requests(name)
        by_name = requests(name, shapes=with_fields(None, None, None, None, library, role))
        for one, other in zip(by_keys, by_name, strict=True):
            assert (one.query, one.passages, one.id) == (other.query, other.passages, other.id)
            assert any(passage.title for passage in one.passages) or library in UNTITLED


def test_a_hit_without_a_text_is_left_as_it_is():
    """Knowledge bases return images, and fields differ between the points of a collection."""
    image = {"content": {"type": "IMAGE", "byteContent": "data:"}, "score": 0.5}
    request = to_request({"query": "x", "retrievalResults": [image, {"content": {"text": "a"}}]}, SHAPES)
    assert [passage.text for passage in request.passages] == ["", "a"]
    assert [warning.text for warning in request.warnings] == ["no text @ $.retrievalResults[0]: left as it is"]


def test_the_documents_of_several_queries_are_refused():
    """A record is one request."""
    result = {"query": "x", "ids": [["1"], ["2"]], "documents": [["a"], ["b"]], "metadatas": None}
    with pytest.raises(InputError, match=r"expected the documents of one query @ \$\.documents, got those of 2"):
        to_request(result, SHAPES)


def test_every_name_of_an_input_format_has_a_fixture():
    """All values of --input-format are tested."""
    assert set(names()) == {"auto", "common", *LIBRARIES, *FILE_FORMATS}


def test_both_copies_of_the_text_of_a_node_are_shortened(compressor):
    """LlamaIndex writes the text of a Document twice."""
    node = with_number_literals(record(compressor.compress(requests("llamaindex.jsonl")[1])))["nodes"][0]["node"]
    assert node["text"] == node["text_resource"]["text"] == "The lock gates at Thornlea are made of oak."


def test_given_sentences_are_the_units(compressor):
    """Dropped sentences become empty, so that indices of supporting facts stay valid."""
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


def test_an_empty_document_is_dropped_from_a_list_of_titles_and_sentences():
    """`--drop-empty` drops the title with its sentences."""
    request = requests("hotpotqa.json")[0]
    result = Compressor(Settings(scorer="bm25", max_sentences=1, drop_empty=True)).compress(request)
    assert json.loads(record(result))["context"] == [
        ["Bakery in Quarrie", ["", " On Sundays it opens at half past eight and sells rolls only."]]
    ]


@pytest.mark.parametrize(
    ("record_", "message"),
    [
        ({"question": "x", "context": [["T", "s"]]}, "expected an array @ $.context[0][1], got a string"),
        ({"question": "x", "context": [["T"]]}, "expected [title, [sentence, ...]] @ $.context[0], got 1 values"),
        ({"question": "x", "context": [["T", [1]]]}, "expected a string @ $.context[0][1][0], got a number"),
        ({"question": "x", "context": {"title": ["T"], "sentences": []}}, "1 titles and 0 lists of sentences @ $.context: expected the same number"),
        ({"input": "x", "output": [{"answer": "a", "provenance": [{"wikipedia_id": "1", "title": "T"}]}]}, "no text @ $.output.0.provenance: KILT has only the ids of pages"),
        ({"segments": [{"type": "exampel", "text": "x"}]}, "unknown type 'exampel' @ $.segments[0].type: expected one of instruction, context, example, question; did you mean 'example'?"),
        ({"segments": [{"type": "context", "text": "x"}]}, "no question @ $.segments: expected a segment of type question"),
        ({"segments": [{"type": "context"}]}, "expected an object with type and text @ $.segments[0]"),
        ({"query": "x", "contexs": []}, "no documents: expected one of docs, .*; 'contexs' is nearly 'contexts'"),
        ({"qestion": "x", "docs": []}, "no question: expected one of query, .*; 'qestion' is nearly 'question'"),
        ({"query": "x", "docs": [{"txt": "a"}]}, "required field missing @ $.docs[0].text: .*; 'txt' is nearly 'text'"),
    ],
)  # fmt: skip
def test_an_error_has_the_path_and_a_similar_name(record_, message):
    """Place, problem and remedy."""
    pattern = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(InputError, match=pattern):
        to_request(record_, SHAPES)


def test_an_unknown_format_is_a_usage_error_that_lists_the_names():
    """It is raised before anything is read."""
    run = compress("--input-format", "langchian", stdin="")
    assert run.code == 2
    assert "--input-format langchian: expected one of auto, common, langchain" in run.err
    assert "did you mean 'langchain'?" in run.err
    with pytest.raises(UsageError):
        with_fields(None, None, None, None, "nothing")


def test_the_error_for_a_record_of_another_format_than_the_named_one_names_it():
    """The remedy is another value of --input-format."""
    shapes = with_fields(None, None, None, None, "ragas")
    with pytest.raises(InputError, match=r"no documents: expected one of retrieved_contexts, contexts; .* 'hotpotqa'"):
        to_request({"question": "x", "context": [["T", ["s"]]]}, shapes)


def test_a_named_format_tries_only_its_own_keys():
    """If a record has documents under several keys, --input-format selects one."""
    both = {"question": "When?", "docs": ["one"], "contexts": ["two"]}
    assert to_request(both, SHAPES).passages[0].text == "one"
    assert to_request(both, with_fields(None, None, None, None, "ragas")).passages[0].text == "two"


def test_with_a_query_the_response_of_a_search_engine_is_a_request_by_itself():
    """The output is the response with shorter fields, not a list of documents."""
    response = (FIXTURES / "shapes" / "elasticsearch.json").read_text()
    run = compress("-q", QUESTION, "--scorer", "bm25", "-n", "1", stdin=f"{json.dumps(json.loads(response))}\n" * 2)
    assert run.code == 0
    assert [len(record_["hits"]["hits"]) for record_ in run.records] == [2, 2]
    bodies = [hit["_source"]["body"] for hit in run.records[0]["hits"]["hits"]]
    assert bodies == ["On Sundays it opens at half past eight and sells rolls only.", ""]


def test_with_a_query_a_record_of_any_shape_with_its_own_query_is_refused():
    """Its own question would be lost."""
    for name in ("langsmith.jsonl", "kilt.jsonl", "hotpotqa-hf.jsonl"):
        found = items((FIXTURES / "shapes" / name).read_bytes(), name, query=QUESTION)
        assert all(item.options == ("query",) for item in found[:-1])


@pytest.mark.parametrize("name", ["langchain.jsonl", "langchain-lc.jsonl", "llamaindex.jsonl"])
def test_with_a_query_an_array_of_documents_of_a_library_is_read(name):
    """As `json.dumps` writes it, without a record around it."""
    records = [json.loads(line) for line in (FIXTURES / "shapes" / name).read_text("utf-8").splitlines()]
    dumped = [doc for record_ in records for key in ("source_documents", "documents", "context", "source_nodes", "nodes") for doc in record_.get(key, [])]  # fmt: skip
    (request,) = items(json.dumps(dumped), "dump.json", query=QUESTION)
    assert [p.text for p in request.passages] == [p.text for record_ in requests(name) for p in record_.passages]
    result = Compressor(Settings(scorer="bm25", ratio=0.3)).compress(request)
    assert [list(doc) for doc in json.loads(record(result))["docs"]] == [list(doc) for doc in dumped]


def test_a_field_name_is_found_inside_the_wrapper_of_a_search_engine():
    """`--text-field note` is `_source.note` in an answer of Elasticsearch."""
    record_ = {"query": "x", "hits": {"hits": [{"_id": "1", "_source": {"note": "Text.", "head": "T"}}]}}
    (passage,) = to_request(record_, with_fields(None, None, "note", "head")).passages
    assert (passage.text, passage.title, passage.id) == ("Text.", "T", "1")


def test_detection_does_not_depend_on_earlier_records():
    """The shape of a record is found by that record alone."""
    fixtures = [name for name in FILES if name not in OPTIONS]
    alone = {name: [item.passages for item in requests(name)] for name in fixtures}
    sources = [source((FIXTURES / "shapes" / name).read_bytes(), name) for name in reversed(fixtures)]
    together = [item.passages for item in read(sources) if isinstance(item, Request)]
    assert together == [passages for name in reversed(fixtures) for passages in alone[name]]


def chat(*contents: Any, role: str = "user", **options: Any) -> Request:
    """Read messages of the user; or of another role, followed by a question of the user."""
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
def test_documents_are_read_between_tags_in_a_message(content, passages):
    """With the tags of Anthropic's guide, with fewer, or with `<documents>` alone."""
    request = chat(content)
    assert [(passage.title, passage.text) for passage in request.passages] == passages
    assert request.query.endswith("When?")


def test_the_query_is_the_text_outside_documents_in_the_last_message_of_the_user():
    """Earlier turns and documents after it do not matter."""
    request = chat("<document>One.</document>Hello.", [{"type": "text", "text": "When? "}], "<document>Two.</document>")
    assert request.query == "When?"
    assert len(request.passages) == 2
    with pytest.raises(
        InputError, match="no question: expected text outside the documents in a message with the role user"
    ):
        chat("<document>One.</document>")


def test_the_input_of_the_responses_api_is_read_as_messages():
    """In a request body, and in a line of a batch."""
    messages = [{"role": "user", "content": [{"type": "input_text", "text": "<document>One.</document>When?"}]}]
    for record_ in ({"input": messages}, {"custom_id": "a", "url": "/v1/responses", "body": {"input": messages}}):
        request = to_request(record_, SHAPES)
        assert (request.query, request.passages[0].text, request.id) == ("When?", "One.", record_.get("custom_id"))


def test_the_error_for_messages_without_documents_names_tags_and_role():
    """The two ways to mark documents."""
    with pytest.raises(InputError, match=r"no documents @ \$\.messages: .* <document> .* \(context_role\)"):
        chat("When?")
    with pytest.raises(InputError, match=r"expected an object with a role @ \$\.messages\[1\], got a number"):
        to_request({"messages": [{"role": "user", "content": "x"}, 5]}, SHAPES)
    assert chat("One.", role="tool", context_role="tool").passages[0].text == "One."


def test_a_document_without_its_end_tag_is_unchanged_with_a_warning():
    """Its message holds no documents."""
    request = chat("<document>One.</document>When?", "<document>Two.")
    assert [passage.text for passage in request.passages] == ["One."]
    text = "a <document> without its end tag @ $.messages[1].content: left as it is"
    assert request.warnings == (RecordWarning("unclosed_document_tag", text),)


def test_order_lists_input_positions_of_documents_as_written_in_several_messages():
    """A document stays in its message."""
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


def test_documents_of_a_message_are_dropped_and_reordered_with_their_tags():
    """`--drop-empty` and `--order relevance` move whole elements."""
    text = "<documents>\n<document>\nNo.\n</document>\n<document>\nThe ferry leaves.\n</document>\n<document>\nThe ferry leaves at ten.\n</document>\n</documents>\nWhen at ten leaves the ferry?"
    short = Compressor(Settings(scorer="bm25", max_sentences=2, drop_empty=True, order="relevance"))
    content = json.loads(record(short.compress(chat(text))))["messages"][0]["content"]
    assert content == (
        "<documents>\n<document>\nThe ferry leaves at ten.\n</document>\n<document>\nThe ferry leaves.\n</document>\n"
        "</documents>\nWhen at ten leaves the ferry?"
    )


def test_many_unclosed_tags_are_read_in_linear_time():
    """One pass over the message."""
    with pytest.raises(InputError, match="no documents"):
        chat("<document><documents>" * 50_000)
