"""Kept units -> texts, contexts and records."""

from __future__ import annotations

import json

import pytest

from ctxzip import compress
from ctxzip.compressor import Compressor
from ctxzip.datamodels import Unit
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.context import passage_text
from ctxzip.rendering.record import record
from ctxzip.settings import Settings

TEXT = "One. Two. Three.\n\nFour.\nFive."
BOUNDS = [(0, 4), (5, 9), (10, 16), (18, 23), (24, 29)]


def kept_text(*kept, mark_gaps=False):
    pairs = [(Unit(0, start, end, 1, "sentence"), i in kept) for i, (start, end) in enumerate(BOUNDS)]
    return passage_text(TEXT, pairs, mark_gaps=mark_gaps)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ((), ""),
        ((0, 1, 2, 3, 4), TEXT),
        ((1,), "Two."),
        ((0, 1), "One. Two."),
        ((0, 2), "One. Three."),
        ((2, 3), "Three.\n\nFour."),
        ((1, 3), "Two.\n\nFour."),
        ((2, 4), "Three.\n\nFive."),
        ((3, 4), "Four.\nFive."),
    ],
)
def test_kept_units_are_joined_by_white_space_of_the_original(kept, expected):
    """Neighbours by the white space between them, others by the widest white space between them."""
    assert kept_text(*kept) == expected


def test_gaps_are_marked_between_kept_units_only():
    """Not at the start or the end of a text."""
    assert kept_text(1, 3, mark_gaps=True) == "Two.\n\n[...]\n\nFour."
    assert kept_text(0, 2, mark_gaps=True) == "One. [...] Three."
    assert kept_text(0, 1, mark_gaps=True) == "One. Two."


def test_text_without_spaces_is_joined_without_spaces():
    """As Japanese is."""
    result = compress("橋は長い？", ["橋は赤い。空は青い。橋は長い。"], max_sentences=2, scorer="bm25")
    assert result.texts == ("橋は赤い。橋は長い。",)


DOCS = [
    {"title": "Ferry", "text": "The ferry leaves at seven. Bread is baked at six."},
    {"text": "Nobody knows the hour."},
    {"title": "Orrin\nharbour", "text": "At Orrin the ferry leaves at noon."},
]
QUESTION = "When does the ferry leave Orrin?"


def test_text_holds_titles_and_a_blank_line_between_documents():
    """Documents of which nothing is kept are left out."""
    result = compress(QUESTION, DOCS, max_sentences=2, to="text")
    assert result.context == "Ferry\nThe ferry leaves at seven.\n\nOrrin harbour\nAt Orrin the ferry leaves at noon.\n"


def test_markdown_numbers_documents_by_their_position_in_the_input():
    """So that an answer can cite them."""
    result = compress(QUESTION, DOCS, max_sentences=2, to="markdown")
    assert result.context == (
        "## [1] Ferry\n\nThe ferry leaves at seven.\n\n## [3] Orrin harbour\n\nAt Orrin the ferry leaves at noon.\n"
    )


def test_titles_can_be_left_out():
    """In text the line is left out, in markdown the number stays."""
    assert compress(QUESTION, DOCS, max_sentences=1, to="text", titles=False).context == DOCS[2]["text"] + "\n"
    assert (
        compress(QUESTION, DOCS, max_sentences=1, to="markdown", titles=False).context
        == f"## [3]\n\n{DOCS[2]['text']}\n"
    )


def test_order_relevance_writes_the_most_relevant_document_first():
    """In the context, and in the record, whose key `order` has the indices."""
    assert (compress(QUESTION, DOCS, ratio=1.0, to="text", order="relevance").context or "").startswith(
        "Orrin harbour\n"
    )
    written = json.loads(record(compress(QUESTION, DOCS, ratio=1.0, order="relevance")))
    assert [doc.get("title") for doc in written["docs"]] == ["Orrin\nharbour", "Ferry", None]
    assert written["ctxzip"]["order"] == [2, 0, 1]
    assert written["ctxzip"]["docs"][2]["kept"][0][:2] == [0, 34]


def test_documents_of_which_nothing_is_kept_stay_unless_drop_empty_is_set():
    """Then `order` has the indices of the documents that stay."""
    full = json.loads(record(compress(QUESTION, DOCS, max_sentences=1)))
    assert [doc["text"] for doc in full["docs"]] == ["", "", DOCS[2]["text"]]
    short = json.loads(record(compress(QUESTION, DOCS, max_sentences=1, drop_empty=True)))
    assert [doc["text"] for doc in short["docs"]] == [DOCS[2]["text"]]
    assert short["ctxzip"]["order"] == [2]
    assert len(short["ctxzip"]["docs"]) == 3


def test_the_value_of_the_key_ctxzip_has_these_keys():
    """One entry of `docs` for every document."""
    own = json.loads(record(compress(QUESTION, DOCS, ratio=0.5, max_tokens=30)))["ctxzip"]
    assert set(own) == {
        "version", "scorer", "device", "query_kind", "budget", "answerable", "tokenizer", "splitter",
        "tokens_in", "tokens_out", "kept_fraction", "docs", "warnings",
    }  # fmt: skip
    assert set(own["budget"]) == {"mode", "ratio", "max_tokens", "threshold", "reason"}
    assert own["budget"]["mode"] == "ratio+max_tokens"
    assert own["kept_fraction"] == own["tokens_out"] / own["tokens_in"]
    assert [set(doc) for doc in own["docs"]] == [{"relevance", "language", "kept"}] * 3
    start, end, probability = own["docs"][2]["kept"][0]
    assert (start, end) == (0, 34)
    assert 0 < probability <= 1


BUILT = "The bridge was built in 1932."
TOLL = "The toll is two euros."


def compressed(value, **settings):
    with Compressor(Settings(**{"scorer": "bm25", "max_sentences": 1, **settings})) as compressor:
        return json.loads(record(compressor.compress(to_request(value, SHAPES))))


def test_a_list_of_paragraphs_is_written_back_as_a_list():
    """What is left out is empty, so that indices into the list stay right."""
    written = compressed(
        {"query": "What is the toll?", "docs": [{"text": [BUILT, f"It is long. {TOLL}", "Bread is baked."]}]}
    )
    assert written["docs"] == [{"text": ["", TOLL, ""]}]


def test_content_parts_keep_their_places():
    """Parts without a text are unchanged."""
    image = {"type": "image_url", "image_url": {"url": "x.png"}}
    parts = [{"type": "text", "text": f"{BUILT} {TOLL}"}, image, {"type": "text", "text": BUILT}]
    written = compressed({"query": "What is the toll?", "docs": [{"content": parts}]})
    assert written["docs"] == [{"content": [{"type": "text", "text": TOLL}, image, {"type": "text", "text": ""}]}]


def test_a_unit_across_paragraphs_is_shared_out():
    """A code block that is not closed holds the paragraphs behind it."""
    paragraphs = ["```python", "toll = 2  # the toll in euros", "Bread is baked."]
    written = compressed({"query": "What is the toll?", "docs": [{"text": paragraphs}]})
    assert written["docs"] == [{"text": paragraphs}]


def test_gap_marks_stay_inside_their_paragraph():
    """They are those of the text as a whole."""
    text = [f"{BUILT} {TOLL} Water is wet. The toll was one euro.", "Bread is baked."]
    written = compressed({"query": "toll euro", "docs": [{"text": text}]}, max_sentences=2, mark_gaps=True)
    assert written["docs"] == [{"text": [f"{TOLL} [...] The toll was one euro.", ""]}]


def test_the_offset_of_an_answer_moves_with_it():
    """It is null, with a warning, where the answer is not kept."""
    value = {
        "question": "What is the toll?",
        "context": f"{BUILT} {TOLL}",
        "answers": {"text": ["two euros"], "answer_start": [42]},
    }
    written = compressed(value)
    start = written["answers"]["answer_start"][0]
    assert written["context"][start:].startswith("two euros")
    assert not written["ctxzip"]["warnings"]
    lost = compressed({**value, "answers": [{"text": "1932", "answer_start": 24}]})
    assert lost["answers"] == [{"text": "1932", "answer_start": None}]
    assert [warning["code"] for warning in lost["ctxzip"]["warnings"]] == ["offset_dropped"]


def test_offsets_in_a_source_document_are_null_where_the_text_is_shortened():
    """Those of other documents stay."""
    nodes = [
        {"node": {"text": f"{BUILT} {TOLL}", "start_char_idx": 10, "end_char_idx": 62}, "score": 0.5},
        {"node": {"text": TOLL, "start_char_idx": 70, "end_char_idx": 92}, "score": 0.4},
    ]
    written = compressed({"query": "What is the toll?", "source_nodes": nodes}, max_sentences=None, ratio=0.6)
    kept = {node["node"]["text"]: node["node"]["start_char_idx"] for node in written["source_nodes"]}
    assert all((kept[text] is None) == (text not in {f"{BUILT} {TOLL}", TOLL}) or text == TOLL for text in kept)
    assert None in kept.values()
    assert [warning["code"] for warning in written["ctxzip"]["warnings"]] == ["offset_dropped", "offset_dropped"]
