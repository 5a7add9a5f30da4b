"""The labels of the fixtures, and whether their evidence is kept."""

from __future__ import annotations

import pytest

from ctxzip import compress
from ctxzip.compressor import Compressor
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.settings import Settings
from tests.conftest import FIXTURES

pytestmark = pytest.mark.usefixtures("models_read_once")


def test_evidence_spans_are_exact_and_hold_the_answers(labelled):
    """Each lies inside its text, and begins and ends with a character that is not white space."""
    for request in labelled:
        slices = [doc["text"][start:end] for doc in request["docs"] for start, end in doc["evidence"]]
        assert bool(slices) == (request["need"] != "none")
        assert all(piece and piece == piece.strip() for piece in slices)


def test_there_is_a_request_of_every_kind(labelled):
    """Kinds of questions, of documents, and of languages."""
    assert {
        "fact", "comparison", "two_hops", "list", "how_to", "unanswerable", "code", "table", "german", "japanese",
        "very_long", "near_duplicates",
    } <= {request["kind"] for request in labelled}  # fmt: skip


def test_at_three_tenths_of_the_tokens_every_question_keeps_its_evidence():
    """In all languages."""
    compressor = Compressor(Settings(ratio=0.3))
    lost = {
        str(question.request.id)
        for question in read_labelled(FIXTURES / "requests.jsonl")
        if question.need != "none" and not question.found(compressor.compress(question.request))
    }
    assert lost == set()


def test_the_automatic_budget_keeps_37_percent_at_most_and_loses_evidence_of_two_questions():
    """Of nineteen that have an answer."""
    compressor = Compressor()
    questions = [question for question in read_labelled(FIXTURES / "requests.jsonl") if question.need != "none"]
    results = [compressor.compress(question.request) for question in questions]
    lost = {
        str(question.request.id)
        for question, result in zip(questions, results, strict=True)
        if not question.found(result)
    }
    assert len(questions) == 19
    assert lost == {"how-to-dispenser-filter", "two-hops-library-architect"}
    assert max(result.kept_fraction for result in results) < 0.37


def test_a_kept_table_row_has_its_header(labelled):
    """Numbers mean nothing without the names of their columns."""
    request = next(request for request in labelled if request["id"] == "table-hut-beds")
    result = compress(request["query"], request["docs"], max_sentences=3, scorer="bm25")
    rows = [i for i in result.selection.kept if result.scored.units[i].kind == "table_row"]
    assert rows
    assert all(result.scored.units[i].parent in result.selection.kept for i in rows)


def test_code_is_kept_whole(labelled):
    """Both fences are kept or dropped together."""
    request = next(request for request in labelled if request["id"] == "code-tallowry-lock-error")
    result = compress(request["query"], request["docs"], ratio=0.3)
    assert any(result.scored.units[i].kind == "code" for i in result.selection.kept)
    assert all(text.count("```") % 2 == 0 for text in result.texts)


def test_each_language_is_split_by_its_own_rules(labelled):
    """German, French, Spanish, Japanese and Chinese are detected."""
    expected = {"german": "de", "french": "fr", "spanish": "es", "japanese": "ja", "chinese": "zh"}
    for request in labelled:
        languages = set(compress(request["query"], request["docs"]).scored.prepared.languages)
        assert languages == {expected.get(request["kind"], "en")}


def test_every_evidence_span_is_made_of_whole_units(labelled):
    """No unit begins or ends inside a labelled sentence, row, item or block, abbreviations and all."""
    for request in labelled:
        result = compress(request["query"], request["docs"], ratio=1.0)
        for index, doc in enumerate(request["docs"]):
            units = [unit for unit in result.scored.units if unit.passage == index]
            for start, end in doc["evidence"]:
                inside = [unit for unit in units if unit.start < end and start < unit.end]
                assert doc["text"][inside[0].start : inside[-1].end].strip() == doc["text"][start:end], request["id"]
