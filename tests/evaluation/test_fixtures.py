"""The labels of the fixtures, and whether their evidence is kept."""

from __future__ import annotations

from ctxzip import compress
from ctxzip.compressor import Compressor
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.settings import Settings
from tests.conftest import FIXTURES

# Their evidence shares at most one word with the question, so BM25 cannot find it.
BEYOND_BM25 = {
    "two-hops-library-architect",
    "comparison-reservoirs",
    "time-scoped-harbour-master-1968",
    "list-weather-station-box",
    "how-to-dispenser-filter",
}


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


def test_evidence_with_words_of_the_question_is_kept():
    """With three tenths of the tokens, every question but those beyond BM25 keeps the needed evidence."""
    compressor = Compressor(Settings(ratio=0.3))
    lost = {
        str(question.request.id)
        for question in read_labelled(FIXTURES / "requests.jsonl")
        if question.need != "none" and not question.found(compressor.compress(question.request))
    }
    assert lost <= BEYOND_BM25


def test_auto_keeps_less_than_half_and_the_evidence_of_most():
    """The automatic budget on the fixtures."""
    compressor = Compressor()
    questions = [question for question in read_labelled(FIXTURES / "requests.jsonl") if question.need != "none"]
    results = [compressor.compress(question.request) for question in questions]
    assert sum(question.found(result) for question, result in zip(questions, results, strict=True)) >= 0.7 * len(
        questions
    )
    assert max(result.kept_fraction for result in results) < 0.5


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
