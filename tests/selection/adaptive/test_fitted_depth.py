"""Features of a ranking, forests, depth by a fitted forest, and queries that are predicted to be unanswerable."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.compressor import Compressor
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.record import summary
from ctxzip.selection.adaptive.depth import FITTED_DEPTH, depths_of
from ctxzip.selection.adaptive.features import (
    QUESTION_FEATURES,
    RANK_FEATURES,
    evaluated_ranks,
    question_features,
    rank_features,
)
from ctxzip.selection.adaptive.fitted_depth import covered_probability, fitted_depths
from ctxzip.selection.adaptive.forest import forest_from_json
from ctxzip.selection.adaptive.guarantee import NeededDepths
from ctxzip.selection.adaptive.policy import Policy
from ctxzip.selection.adaptive.policy_file import policy_as_json
from ctxzip.selection.budget_from_limits import NO_ANSWER
from ctxzip.settings import Settings
from tests.strategies import ranking_with, stump, stump_json

probabilities = st.lists(st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1, width=32), min_size=1, max_size=60)


def descending(found):
    return ranking_with(
        sorted(found, reverse=True), passage=[i % 3 for i in range(len(found))], relevance=(0.9, 0.2, 0.0)
    )


@given(probabilities)
def test_every_feature_is_a_number(found):
    """For any probabilities, 0 and 1 among them."""
    ranks = evaluated_ranks(len(found))
    assert ranks[0] == 1
    assert ranks[-1] == len(found)
    rows = rank_features(descending(found), ranks)
    assert rows.shape == (len(ranks), len(RANK_FEATURES))
    assert np.isfinite(rows).all()
    assert (rows[:, : len(QUESTION_FEATURES)] == question_features(descending(found))).all()


def test_features_by_hand():
    """Two passages, three units of 100, 300 and 100 characters."""
    some = ranking_with([0.8, 0.5, 0.1], size=[100, 300, 100], passage=[1, 0, 1], relevance=(0.3, 0.9))
    row = dict(zip(RANK_FEATURES, rank_features(some, np.array([2]))[0].tolist(), strict=True))
    assert row["kept"] == pytest.approx(400 / 500)
    assert row["mass_kept"] == pytest.approx(1.3 / 1.4)
    assert row["below_best"] == pytest.approx(np.log(4))
    assert row["complete"] == pytest.approx(np.log(0.9), rel=1e-4)
    assert row["found"] == pytest.approx(np.log(0.2 * 0.5), rel=1e-4)
    assert (row["kept_passages"], row["relevance_kept"]) == pytest.approx((2, 1))
    assert (row["likely"], row["relevant"], row["units"]) == pytest.approx((1, 1, np.log(3)))
    assert (row["rank"], row["share"]) == pytest.approx((np.log(2), 2 / 3))
    assert (row["odds"], row["next_odds"], row["odds_1"]) == pytest.approx((0, np.log(0.1 / 0.9), np.log(4)))
    assert (row["relevance_1"], row["relevance_gap"]) == pytest.approx((np.log(9), np.log(9) - np.log(3 / 7)))
    assert row["mass_left"] == pytest.approx(np.log(0.1), rel=1e-3)


def test_a_certain_unit_and_no_unit_have_finite_odds():
    """As far from 0.5 as 1e-6 is from 0."""
    some = ranking_with([1.0, 0.0], relevance=(1.0, 0.0))
    row = dict(zip(RANK_FEATURES, rank_features(some, np.array([1]))[0].tolist(), strict=True))
    edge = np.log((1 - 1e-6) / 1e-6)
    assert (row["odds_1"], row["next_odds"]) == pytest.approx((edge, -edge), rel=1e-4)
    assert (row["relevance_1"], row["relevance_2"], row["relevance_3"]) == pytest.approx((edge, -edge, -edge), rel=1e-4)


def test_where_the_forest_does_not_distinguish_ranks_the_scores_do():
    """A unit that adds more of the probability is less deep."""
    at = fitted_depths(ranking_with([0.6, 0.3, 0.01]), stump(RANK_FEATURES))
    assert 0 < at[1] < at[2] < 12


def test_a_feature_that_equals_the_threshold_goes_left():
    """As in scikit-learn."""
    forest = stump(QUESTION_FEATURES, "units", 1.5, -2.0, 2.0)
    rows = np.zeros((3, len(QUESTION_FEATURES)), dtype=np.float32)
    rows[:, 0] = [1.0, 1.5, 2.0]
    low, high = 1 / (1 + np.exp(2)), 1 / (1 + np.exp(-2))
    assert forest.probabilities(rows) == pytest.approx([low, low, high])


@given(probabilities)
def test_depths_rise_down_the_ranking_and_are_equal_for_equal_units(found):
    """The best has 0, the deepest at most 12."""
    some = descending(found)
    by_forest = fitted_depths(some, stump(RANK_FEATURES, "rank", 0.5, -1.0, 2.0))
    assert by_forest[0] == 0
    assert (np.diff(by_forest) >= 0).all()
    assert by_forest.max() <= 12
    at = depths_of(some, FITTED_DEPTH, stump(RANK_FEATURES))
    for i in range(1, len(at)):
        assert at[i] == at[i - 1] or some.probability[i] < some.probability[i - 1]


def test_units_that_gain_only_together_have_one_depth():
    """The probability rises at the third unit: the second has the depth of the third, and the fourth is deeper."""
    some = ranking_with([0.4, 0.3, 0.2, 0.1])
    forest = stump(RANK_FEATURES, "rank", float(np.log(2.5)), -3.0, 3.0)
    assert covered_probability(some, forest) == pytest.approx(1 / (1 + np.exp([3, 3, -3, -3])))
    at = fitted_depths(some, forest)
    assert at[0] == 0
    assert at[1] == at[2] < at[3]


def test_a_long_unit_is_deeper_than_a_short_one_that_gains_as_much():
    """The depth is by the probability gained per length."""
    forest = stump(RANK_FEATURES, "rank", 0.5, -1.0, 1.0)
    short, long = (fitted_depths(ranking_with([0.5, 0.4], size=[100, size]), forest)[1] for size in (100, 10_000))
    assert short < long


def test_a_forest_with_other_features_or_damaged_is_refused():
    """Its predictions would be wrong."""
    tree = {"feature": [0], "threshold": [0.0], "left": [0], "right": [0], "value": [1.0]}
    content = {"features": list(QUESTION_FEATURES), "steps": 0, "trees": [tree]}
    assert forest_from_json(content, QUESTION_FEATURES).probabilities(
        np.zeros((1, len(QUESTION_FEATURES)), np.float32)
    ) == (pytest.approx(1 / (1 + np.exp(-1))))
    with pytest.raises(ValueError, match="other features"):
        forest_from_json(content, RANK_FEATURES)
    with pytest.raises(ValueError, match="an index out of range in 'left'"):
        forest_from_json(content | {"trees": [tree | {"left": [1]}]}, QUESTION_FEATURES)


REQUEST = to_request({"query": "When does the ferry leave?", "docs": ["Bread is baked. Rye is sown.", "Fog."]}, SHAPES)


@pytest.fixture
def policy(tmp_path):
    """Write a policy for bm25 that predicts a query to be answerable where a word of it occurs."""
    some = Policy("", "bm25", "auto", None, FITTED_DEPTH, {"fact": NeededDepths(np.full(20, 12.0))}, 0.0)
    fitted = {
        "reach": stump_json(RANK_FEATURES),
        "answerable": stump_json(QUESTION_FEATURES, "odds_1", -5.0, -3.0, 3.0),
        "floor": 0.5,
    }
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy_as_json(some, np.ones(1), **fitted)))
    return str(path)


def unanswerable(policy, **settings):
    return Compressor(Settings(scorer="bm25", policy=policy, **settings)).compress(REQUEST)


def test_nothing_is_kept_of_an_unanswerable_query_and_the_record_has_the_reason(policy):
    """With a warning, and a reason for every unit."""
    result = unanswerable(policy)
    assert result.texts == ("", "")
    assert set(result.selection.dropped_because) == {NO_ANSWER}
    assert [warning.code for warning in result.warnings] == ["no_answer"]
    assert summary(result)["no_answer"] == NO_ANSWER
    assert summary(result)["budget"]["reason"] == f"{NO_ANSWER}: nothing"


def test_empty_sets_what_is_kept_of_an_unanswerable_query(policy):
    """The best unit, or everything within the limits."""
    whole = tuple(passage.text for passage in REQUEST.passages)
    assert sum(map(bool, unanswerable(policy, empty="keep-best").texts)) == 1
    assert unanswerable(policy, empty="passthrough").texts == whole
    assert unanswerable(policy, empty="passthrough", max_tokens=5, budget="auto").tokens_out <= 5
    assert len(unanswerable(policy, empty="passthrough", max_sentences=2, budget="auto").selection.kept) == 2
    assert unanswerable(policy, empty="passthrough", ratio=0.5, budget="auto").kept_fraction <= 0.5


@pytest.mark.parametrize("settings", [{"recall": 0.9}, {"ratio": 0.5}, {"max_sentences": 1}])
def test_only_an_automatic_budget_keeps_nothing(policy, settings):
    """Under a guarantee or a limit something is kept."""
    assert any(unanswerable(policy, **settings).texts)


def test_of_an_answerable_query_something_is_kept(policy):
    """A word of it occurs."""
    request = to_request({"query": "When does the ferry leave?", "docs": ["The ferry leaves at seven."]}, SHAPES)
    result = Compressor(Settings(scorer="bm25", policy=policy)).compress(request)
    assert result.texts == ("The ferry leaves at seven.",)
    assert "no_answer" not in summary(result)
