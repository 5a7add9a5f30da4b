"""BM25: the terms of a text, and the scores of units and passages."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from ctxzip import compress
from ctxzip.datamodels import Passage, Request, ScoringInput, Unit
from ctxzip.errors import UsageError
from ctxzip.scoring.bm25 import _Okapi, attained_share
from ctxzip.scoring.loading import load_scorer
from ctxzip.scoring.terms import terms
from ctxzip.settings import Settings
from tests.strategies import queries, texts


def request(query, *passages):
    return Request(query, tuple(Passage(text) if isinstance(text, str) else Passage(*text) for text in passages))


def units_of(request):
    """Return every line as a unit."""
    units = []
    for index, passage in enumerate(request.passages):
        start = 0
        for line in passage.text.split("\n"):
            units.append(Unit(index, start, start + len(line), len(line.split()), "sentence"))
            start += len(line) + 1
    return units


def score(query, *passages):
    return score_together(request(query, *passages))[0]


def score_together(*requests):
    return load_scorer(Settings(scorer="bm25")).score([ScoringInput(one, units_of(one)) for one in requests])


words = st.lists(st.sampled_from("abcdefgh"), max_size=12)


@given(texts=st.lists(words, min_size=1, max_size=8), query=words.map(lambda found: list(dict.fromkeys(found))))
def test_the_scores_are_those_of_the_library(texts, query):
    """Bit by bit, with the idf of ours."""
    if any(texts):
        index = _Okapi(texts, frozenset("abcdefgh"))
        assert index.get_scores(query).tolist() == BM25Okapi.get_scores(index, query).tolist()


def test_a_case_worked_by_hand():
    """One of two texts has the term: idf ln(1 + 1.5/1.5), count 1 in a text of mean length."""
    weight = math.log(2)
    assert attained_share([["tea"], ["water"]], ["tea"]) == pytest.approx([weight * 2.5 / 2.5 / (weight * 2.5), 0])


def test_a_term_that_is_in_no_text_lowers_the_share():
    """More than half of the query's weight cannot be attained."""
    assert (
        attained_share([["tea"], ["water"]], ["tea", "cake"])[0] < attained_share([["tea"], ["water"]], ["tea"])[0] / 2
    )


def test_a_term_in_every_text_scores_above_zero():
    """The idf of rank-bm25 is negative there."""
    assert (attained_share([["tea"], ["tea"], ["tea"]], ["tea"]) > 0).all()


def test_a_passage_with_more_query_terms_is_more_relevant():
    """And its units score higher than units with the same words elsewhere."""
    scores = score(
        "When does the ferry leave Orrin?", "Ferry at Orrin.\nIt may leave at ten.", "They leave.\nNobody knows."
    )
    assert scores.relevance[0] > scores.relevance[1]
    assert scores.probability[1] > scores.probability[2]


def test_the_terms_of_the_title_count_for_the_units_of_its_passage():
    """A sentence about "it" is found by the title of its passage."""
    scores = score(
        "How long is the Kestrel?", ("It is forty metres long.", "Kestrel"), ("It is forty metres long.", "Heron")
    )
    assert scores.probability[0] > scores.probability[1]


def test_units_without_a_query_term_score_zero():
    """So do the units beside them."""
    assert not score("ferry", "Bread.\nWater.").probability.any()


@pytest.mark.parametrize("passages", [(), ("",), ("", "a")])
def test_empty_documents_are_no_error(passages):
    """rank-bm25 divides by zero on an empty corpus."""
    scores = score("ferry", *passages)
    assert scores.relevance.shape == (len(passages),)


@given(queries, st.lists(texts, max_size=4))
def test_scores_are_between_0_and_1(query, passages):
    """In float32, one for each unit and one for each passage."""
    one = request(query, *passages)
    (scores,) = score_together(one)
    for values, count in ((scores.probability, len(units_of(one))), (scores.relevance, len(passages))):
        assert values.shape == (count,)
        assert values.dtype == np.float32
        assert ((values >= 0) & (values <= 1)).all()


def test_the_scores_of_a_request_do_not_depend_on_its_batch():
    """Each request is an index of its own."""
    requests = request("ferry", "The ferry.\nBread."), request("bread", "The ferry.\nBread.")
    for one, together in zip(requests, score_together(*requests), strict=True):
        (alone,) = score_together(one)
        assert (alone.probability == together.probability).all()


def test_terms_are_stems_without_stop_words():
    """Numbers are not cut, unspaced scripts become letter pairs and Han characters."""
    assert terms("How were the bridges of 12345678 repaired?") == ["bridg", "12345678", "repair"]
    assert terms("पुल बंद है") == ["पुल", "बंद", "है"]
    assert terms("Bru\u0308cke") == terms("Brücke") == ["brücke"]
    assert terms("橋の長さ 橋") == ["橋の", "の長", "長さ", "橋", "長", "橋"]


def test_an_unknown_scorer_is_a_usage_error():
    """The message lists the known ones."""
    with pytest.raises(UsageError, match="expected one of auto"):
        load_scorer(Settings(scorer="magic"))


@pytest.mark.parametrize(
    ("query", "answer", "other"),
    [
        ("弄丢了书要赔多少钱？", "遗失图书须按原价赔偿。", "阅览室周一闭馆。"),
        ("遺失書要賠多少？", "圖書不見者照價賠償。", "閱覽室週一休息。"),
    ],
)
def test_single_han_characters_match(query, answer, other):
    """Also where no pair of letters of the question occurs."""
    result = compress(query, [other + answer], scorer="bm25", max_sentences=1)
    assert result.texts == (answer,)
