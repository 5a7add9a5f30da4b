"""Questions in languages that the model was not taught."""

from __future__ import annotations

import pytest

from ctxzip import Compressor, Settings, compress
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.rendering.result import Result
from ctxzip.splitting.sentences import sentence_spans, splitter_for
from tests.conftest import FIXTURES

WARNING = "the query is not English, the only language of ctxzip-mini+bm25: scored by BM25"
FOREIGN = {"german", "french", "spanish", "japanese", "chinese"}


def test_auto_scores_them_by_words_and_says_so():
    """Between others in English, each in its place."""
    docs = ["Die Brücke ist rot. Die Brücke wird am Montag gesperrt.", "Brot wird gebacken."]
    compressor = Compressor(Settings(max_sentences=1))
    asked = ["When is the bridge closed?", "Wann wird die Brücke gesperrt?", "Where is the ferry?"]
    requests = [compress(query, docs, scorer="bm25").request for query in asked]
    first, second, third = (result for result in compressor.stream(requests) if isinstance(result, Result))
    assert [result.scored.scorer for result in (first, second, third)] == [
        "ctxzip-mini+bm25",
        "bm25",
        "ctxzip-mini+bm25",
    ]
    assert second.texts == ("Die Brücke wird am Montag gesperrt.", "")
    assert WARNING in [warning.text for warning in second.warnings]
    assert WARNING not in [warning.text for warning in first.warnings + third.warnings]
    alone = compress(asked[1], docs, scorer="bm25", max_sentences=1)
    assert second.scored.scores.probability.tolist() == alone.scored.scores.probability.tolist()


@pytest.mark.parametrize("scorer", ["hybrid", "model"])
def test_a_scorer_that_is_named_scores_every_language(scorer):
    """As it was asked to."""
    result = compress("Wann wird die Brücke gesperrt?", ["Die Brücke ist rot."], scorer=scorer)
    assert result.scored.scorer.startswith("ctxzip-mini")
    assert f"the query is not English, the only language of {result.scored.scorer}" in map(str, result.warnings)


@pytest.mark.parametrize("query", ["Wann wird die Brücke gesperrt?", "橋の長さは?"])
def test_nothing_is_promised_of_a_language_that_was_not_calibrated_on(query):
    """English questions that are hard to read say nothing of it."""
    result = compress(query, ["Die Brücke ist rot. 橋の長さは百メートルです。"], recall=0.9)
    assert result.scored.prepared.query.kind == "other"
    assert result.budget.guarantee is None
    assert any(warning.code == "no_guarantee" for warning in result.warnings)


def test_a_long_chinese_paragraph_is_split_at_its_stops():
    """It is one run without white space."""
    sentences = [f"第{n}座桥很长。" for n in range(200)]
    splitter, warning = splitter_for("zh")
    spans = sentence_spans("".join(sentences), splitter)
    assert len(spans) == len(sentences)
    assert warning is None


def test_the_evidence_of_the_fixtures_survives_in_every_language():
    """At a fifth of the tokens."""
    compressor = Compressor(Settings(ratio=0.2))
    questions = [
        question
        for question in read_labelled(FIXTURES / "requests.jsonl")
        if str(question.request.id).partition("-")[0] in FOREIGN
    ]
    assert len(questions) == 5
    assert all(question.found(compressor.compress(question.request)) for question in questions)
