"""A budget for each type of prompt segment."""

from __future__ import annotations

import json

import pytest

from ctxzip.compressor import Compressor
from ctxzip.errors import UsageError
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.record import record
from ctxzip.settings import Settings
from tests.conftest import FIXTURES, compress, ctxzip

QUESTION = "When does the ferry leave?"
TEN = " ".join(f"The ferry passed buoy {n} today." for n in range(10))  # six tokens a sentence with --tokenizer words
PROMPT = {
    "segments": [
        {"type": "example", "text": TEN},
        {"type": "instruction", "text": TEN},
        {"type": "context", "text": TEN},
        {"type": "question", "text": QUESTION},
        {"type": "context", "text": TEN.replace("buoy", "pier")},
    ]
}


def kept(**settings):
    """Return the sentences kept of each segment, in order, and the result."""
    result = Compressor(Settings(scorer="bm25", tokenizer="words", **settings)).compress(to_request(PROMPT, SHAPES))
    segments = json.loads(record(result))["segments"]
    assert segments[3] == PROMPT["segments"][3]
    assert result.tokens_out == sum(
        len(segment["text"].split()) for segment in segments if segment["type"] != "question"
    )
    return [segment["text"].count(".") for segment in segments if segment["type"] != "question"], result


def test_every_type_keeps_its_share():
    """85% of instructions, 30% of examples, and of the context what the limits allow; units are kept whole."""
    counts, result = kept(ratio=0.5)
    assert counts[:2] == [3, 8]
    assert counts[2] + counts[3] == 10
    assert result.budget.reason == (
        "instruction 0.85: at most 51 of 60 tokens; context ratio 0.5: at most 60 of 120 tokens; "
        "example 0.3: at most 18 of 60 tokens"
    )


def test_a_share_can_be_set_for_every_type():
    """But not for the question."""
    assert kept(ratio=0.5, segment_budget=(("example", 0.5), ("instruction", 1.0)))[0][:2] == [5, 10]
    counts, _ = kept(segment_budget=(("context", 0.25),))
    assert counts[2] + counts[3] == 5
    counts, _ = kept(max_sentences=1, segment_budget=(("context", 0.25),))
    assert counts[2] + counts[3] == 1  # the tightest limit holds
    for wrong in (("example", 2.0), ("question", 0.5), ("exampel", 0.5)):
        with pytest.raises(UsageError, match=f"segment_budget={wrong[0]}={wrong[1]:g}: "):
            kept(ratio=0.5, segment_budget=(wrong,))


@pytest.mark.parametrize("max_tokens", [0, 5, 6, 30, 50, 100, 500])
@pytest.mark.parametrize("to", ["jsonl", "text"])
def test_the_ceiling_in_tokens_is_for_all_segments_together(max_tokens, to):
    """Instructions come first, then context, then examples."""
    counts, result = kept(max_tokens=max_tokens) if to == "jsonl" else ([], _text(max_tokens))
    assert result.tokens_out <= max_tokens
    if to == "jsonl":
        instruction = min(8, max_tokens // 6)
        context = min(20, max_tokens // 6 - instruction)
        assert counts[1] == instruction
        assert counts[2] + counts[3] == context
        assert counts[0] == min(3, max_tokens // 6 - instruction - context)


def _text(max_tokens):
    settings = Settings(scorer="bm25", tokenizer="words", max_tokens=max_tokens, to="text")
    result = Compressor(settings).compress(to_request(PROMPT, SHAPES))
    assert len((result.context or "").split()) == result.tokens_out
    return result


def compressed(*segments, **settings):
    """Return the texts of segments, each a type and a text, before a question."""
    prompt = {"segments": [{"type": kind, "text": text} for kind, text in (*segments, ("question", QUESTION))]}
    result = Compressor(Settings(scorer="bm25", tokenizer="words", **settings)).compress(to_request(prompt, SHAPES))
    return [segment["text"] for segment in json.loads(record(result))["segments"]][:-1]


INSTRUCTION = ("instruction", "Answer in one word. Say so where you cannot.")
FERRY = "The Ada is red. It does leave when the ferry to the north quay is full."


def test_top_docs_applies_to_the_context_alone():
    """An instruction is not a document."""
    found = compressed(INSTRUCTION, ("context", "Fog."), ("context", FERRY), top_docs=1, ratio=1.0)
    assert found[0].startswith("Answer in one word.")
    assert found[1:] == ["", FERRY]


def test_near_duplicates_are_dropped_in_segments_too():
    """One of two is kept."""
    text = "The ferry leaves the north quay at seven in the morning."
    assert compressed(("context", text), ("context", text), ratio=1.0) == [text, ""]


def test_a_share_of_0_keeps_nothing():
    """With a larger share the best unit is kept whatever its length."""
    found = compressed(("example", TEN), ("context", FERRY), ratio=1.0, segment_budget=(("example", 0.0),))
    assert found == ["", FERRY]


def test_score_and_select_write_what_compress_writes():
    """Under any segment budgets."""
    file = FIXTURES / "shapes" / "segments.jsonl"
    options = ("--ratio", "0.6", "--segment-budget", "example=0.5", "--segment-budget", "instruction=0.4")
    scored = ctxzip("score", "--scorer", "bm25", file)
    selected = ctxzip("select", *options, stdin=scored.out)
    assert selected.out == compress("--scorer", "bm25", *options, file).out
    why = selected.records[0]["ctxzip"]["budget"]["reason"]
    assert why.startswith("instruction 0.4: ")
    assert "; context ratio 0.6: " in why
    assert "; example 0.5: " in why


def test_a_malformed_segment_budget_is_a_usage_error():
    """The message has the expected form."""
    run = compress("--segment-budget", "example", stdin="")
    assert run.code == 2
    assert "--segment-budget example: expected TYPE=R, such as example=0.3" in run.err


def test_a_ceiling_that_earlier_segments_use_up_leaves_nothing_for_later_ones():
    """Not even one token."""
    request = {
        "segments": [
            {"type": "instruction", "text": "Answer in four words."},
            {"type": "context", "text": "Seven"},
            {"type": "question", "text": "When does ferry seven leave?"},
        ]
    }
    result = Compressor(Settings(scorer="bm25", tokenizer="words", max_tokens=4)).compress(to_request(request, SHAPES))
    assert [segment["text"] for segment in json.loads(record(result))["segments"]][:2] == ["Answer in four words.", ""]
