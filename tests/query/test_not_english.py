"""Queries that are not English, through the whole pipeline."""

from __future__ import annotations

import pytest

from ctxzip import Compressor, Settings, compress
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.rendering.result import Result
from tests.conftest import FIXTURES

WARNING = "the query is not English, the only language of ctxzip-mini+bm25: scored by BM25"
LANGUAGES = {"german", "french", "spanish", "japanese", "chinese"}  # prefixes of ids


def test_a_query_that_is_not_english_is_scored_by_bm25_with_a_warning():
    """Results stay in the order of the requests, those of English queries scored by the model."""
    docs = ["Die Brücke ist rot. Die Brücke wird am Montag gesperrt.", "Brot wird gebacken."]
    compressor = Compressor(Settings(max_sentences=1))
    queries = ["When is the bridge closed?", "Wann wird die Brücke gesperrt?", "Where is the ferry?"]
    requests = [compress(query, docs, scorer="bm25").request for query in queries]
    first, second, third = (result for result in compressor.stream(requests) if isinstance(result, Result))
    assert [result.scored.scorer for result in (first, second, third)] == [
        "ctxzip-mini+bm25",
        "bm25",
        "ctxzip-mini+bm25",
    ]
    assert second.texts == ("Die Brücke wird am Montag gesperrt.", "")
    assert WARNING in [warning.text for warning in second.warnings]
    assert WARNING not in [warning.text for warning in first.warnings + third.warnings]
    alone = compress(queries[1], docs, scorer="bm25", max_sentences=1)
    assert second.scored.scores.probability.tolist() == alone.scored.scores.probability.tolist()


@pytest.mark.parametrize("scorer", ["hybrid", "model"])
def test_an_explicit_scorer_scores_every_language_with_a_warning(scorer):
    """Only the automatic choice falls back to BM25."""
    result = compress("Wann wird die Brücke gesperrt?", ["Die Brücke ist rot."], scorer=scorer)
    assert result.scored.scorer.startswith("ctxzip-mini")
    assert f"the query is not English, the only language of {result.scored.scorer}" in map(str, result.warnings)


@pytest.mark.parametrize("query", ["Wann wird die Brücke gesperrt?", "橋の長さは?"])
def test_there_is_no_guarantee_for_a_language_without_calibration_queries(query):
    """Calibration queries of kind `other` are English, and do not stand for other languages."""
    result = compress(query, ["Die Brücke ist rot. 橋の長さは百メートルです。"], recall=0.9)
    assert result.scored.prepared.query.kind == "other"
    assert result.budget.guarantee is None
    assert any(warning.code == "no_guarantee" for warning in result.warnings)


def test_the_evidence_of_the_fixtures_is_kept_in_every_language():
    """With a budget of 20% of the tokens."""
    compressor = Compressor(Settings(ratio=0.2))
    questions = [
        question
        for question in read_labelled(FIXTURES / "requests.jsonl")
        if str(question.request.id).partition("-")[0] in LANGUAGES
    ]
    assert len(questions) == 5
    assert all(question.found(compressor.compress(question.request)) for question in questions)
