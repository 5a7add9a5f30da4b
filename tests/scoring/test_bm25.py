"""BM25."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.datamodels import Passage, Request, ScoringInput, Unit
from ctxzip.errors import UsageError
from ctxzip.scoring.bm25 import attained, terms
from ctxzip.scoring.loading import load_scorer
from ctxzip.settings import Settings
from tests.strategies import queries, texts


def request(query, *passages):
    return Request(query, tuple(Passage(text) if isinstance(text, str) else Passage(*text) for text in passages))


def units_of(request):
    """One unit a line."""
    found = []
    for index, passage in enumerate(request.passages):
        at = 0
        for line in passage.text.split("\n"):
            found.append(Unit(index, at, at + len(line), len(line.split()), "sentence"))
            at += len(line) + 1
    return found


def score(query, *passages):
    asked = request(query, *passages)
    return load_scorer(Settings(scorer="bm25")).score([ScoringInput(asked, units_of(asked))])[0]


def test_a_case_worked_by_hand():
    """Two texts, one holds the word: idf ln(1 + 1.5/1.5), count 1 in a text of mean length."""
    weight = math.log(2)
    assert attained([["tea"], ["water"]], ["tea"]) == pytest.approx([weight * 2.5 / 2.5 / (weight * 2.5), 0])


def test_a_word_that_appears_nowhere_lowers_the_share():
    """Half of the question's weight cannot be attained."""
    assert attained([["tea"], ["water"]], ["tea", "cake"])[0] < attained([["tea"], ["water"]], ["tea"])[0] / 2


def test_a_word_in_every_text_never_scores_below_zero():
    """rank-bm25's own idf is negative there."""
    assert (attained([["tea"], ["tea"], ["tea"]], ["tea"]) > 0).all()


def test_the_passage_that_speaks_of_the_question_is_the_most_relevant():
    """And its units stand above the same words elsewhere."""
    scores = score(
        "When does the ferry leave Orrin?", "Ferry at Orrin.\nIt may leave at ten.", "They leave.\nNobody knows."
    )
    assert scores.relevance[0] > scores.relevance[1]
    assert scores.probability[1] > scores.probability[2]


def test_the_title_speaks_for_its_passage():
    """A sentence that says "it" is found by the title above it."""
    scores = score(
        "How long is the Kestrel?", ("It is forty metres long.", "Kestrel"), ("It is forty metres long.", "Heron")
    )
    assert scores.probability[0] > scores.probability[1]


def test_no_shared_word_scores_zero():
    """Nothing is made up."""
    assert not score("ferry", "Bread.\nWater.").probability.any()


@pytest.mark.parametrize("passages", [(), ("",), ("", "a")])
def test_empty_documents_are_no_error(passages):
    """rank-bm25 divides by zero on an empty corpus."""
    scores = score("ferry", *passages)
    assert scores.relevance.shape == (len(passages),)


@given(queries, st.lists(texts, max_size=4))
def test_scores_are_shares(query, passages):
    """float32, between 0 and 1, one a unit and one a passage."""
    asked = request(query, *passages)
    units = units_of(asked)
    scores = load_scorer(Settings(scorer="bm25")).score([ScoringInput(asked, units)])[0]
    for values, count in ((scores.probability, len(units)), (scores.relevance, len(passages))):
        assert values.shape == (count,)
        assert values.dtype == np.float32
        assert ((values >= 0) & (values <= 1)).all()


def test_what_a_request_scores_does_not_depend_on_its_batch():
    """Alone, first or last."""
    one, two = request("ferry", "The ferry.\nBread."), request("bread", "The ferry.\nBread.")
    together = load_scorer(Settings(scorer="bm25")).score(
        [ScoringInput(one, units_of(one)), ScoringInput(two, units_of(two))]
    )
    alone = [
        load_scorer(Settings(scorer="bm25")).score([ScoringInput(asked, units_of(asked))])[0] for asked in (one, two)
    ]
    for batch, single in zip(together, alone, strict=True):
        assert (batch.probability == single.probability).all()


def test_terms_are_stems_without_stop_words():
    """Numbers stay whole, unspaced scripts become letter pairs."""
    assert terms("How were the bridges of 12345678 repaired?") == ["bridge", "12345678", "repair"]
    assert terms("पुल बंद है") == ["पुल", "बंद", "है"]
    assert terms("Bru\u0308cke") == terms("Brücke") == ["brücke"]
    assert terms("橋の長さ 橋") == ["橋の", "の長", "長さ", "橋"]


def test_an_unknown_scorer_is_a_usage_error():
    """The known ones are listed."""
    with pytest.raises(UsageError, match="expected one of auto"):
        load_scorer(Settings(scorer="magic"))
