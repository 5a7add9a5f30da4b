"""A unit that only repeats the question is below what follows it."""

from __future__ import annotations

import pytest

from ctxzip import Compressor, Settings
from ctxzip.datamodels import Passage, Request

QUERY = "When does the ferry to Orsay leave?"
FACTS = ["Bread is baked daily.", "The ferry to Orsay leaves at seven.", "Water is wet."]


@pytest.fixture(scope="module", params=["bm25", "hybrid"])
def compressor(request):
    return Compressor(Settings(scorer=request.param, max_sentences=1))


@pytest.mark.parametrize(
    "repeated",
    [
        QUERY,
        "WHEN does the ferry to Orsay leave",
        '"When does the ferry to Orsay leave?"',
        "When does the ferry leave?",
    ],
)
@pytest.mark.parametrize("at", [0, 2, 3])
def test_a_repeated_question_is_not_taken_for_its_answer(compressor, repeated, at):
    """Wherever it stands, with other capitals, quoted, without its mark, or shorter."""
    text = " ".join([*FACTS[:at], repeated if repeated[-1] in '?"' else f"{repeated}.", *FACTS[at:]])
    assert compressor.compress(QUERY, [text]).texts == (FACTS[1],)


def test_many_documents_that_repeat_the_question_do_not_hide_the_answer(compressor):
    """As texts that are written to be retrieved do."""
    result = compressor.compress(QUERY, [*[f"Welcome. {QUERY}"] * 5, " ".join(FACTS)])
    assert result.texts[-1] == FACTS[1]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("Is the ferry to Orsay free?", "The ferry to Orsay is free."),
        ("ferry to Orsay leaves at seven", FACTS[1]),
        (FACTS[1], FACTS[1]),
        ("Connection refused by peer.", "Connection refused by peer."),
        ("La porta di Orsay è aperta?", "La porta di Orsay è aperta."),
    ],
)
def test_a_statement_with_the_words_of_the_question_is_an_answer(compressor, query, answer):
    """To a question for yes or no, to a claim, and to a line of a log, also word for word; in Italian without a change."""
    assert compressor.compress(query, [f"Bread is baked daily. {answer} Water is wet."]).texts == (answer,)


def test_a_repeated_question_has_at_most_the_probability_of_what_follows_it(compressor):
    """And none at the end of a document."""
    request = Request(query=QUERY, passages=(Passage(text=f"{QUERY} {FACTS[0]} {QUERY}"),))
    first, fact, last = compressor.scoring.score_one(request).scores.probability.tolist()
    assert first <= fact
    assert last == 0
