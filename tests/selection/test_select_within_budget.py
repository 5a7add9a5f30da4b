"""Greedy selection within a budget: limits, headings, near-duplicates and the exact count of the final text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.datamodels import Limits, Scores, Unit
from ctxzip.errors import UsageError
from ctxzip.selection.budget_from_limits import decide
from ctxzip.selection.candidates import candidates
from ctxzip.selection.select_within_budget import select
from ctxzip.selection.token_cost import TokenCost
from ctxzip.settings import check_limits


def scores_of(*probability, relevance=(1.0,)):
    return Scores(np.array(probability, dtype=np.float32), np.array(relevance, dtype=np.float32))


def units_of(*tokens, passages=None, kinds=None, parents=None):
    return [
        Unit(
            passage=passages[i] if passages else 0,
            start=10 * i,
            end=10 * i + 9,
            n_tokens=n,
            kind=kinds[i] if kinds else "sentence",
            parent=parents[i] if parents else None,
        )
        for i, n in enumerate(tokens)
    ]


def keep(limits, scores, units, extra=0, *, top_docs=None, key=None, **costs):
    """Select where the final text has `extra` tokens in addition to those of its units."""
    ranked = candidates(units, scores, top_docs)

    def count(kept):
        return sum(units[i].n_tokens for i in kept) + (extra if kept else 0)

    total = sum(unit.n_tokens for unit in units)
    budget = decide(limits, scores.probability[ranked], total)
    return select(ranked, budget, TokenCost(units, count, **costs), scores.probability, key)


FOUR = units_of(4, 4, 4, 4)
SCORES = scores_of(0.2, 0.9, 0.1, 0.5)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        (Limits(max_tokens=8), (1, 3)),
        (Limits(max_tokens=3), ()),
        (Limits(max_tokens=0), ()),
        (Limits(ratio=0.5), (1, 3)),
        (Limits(ratio=0.1), (1,)),
        (Limits(ratio=0.0), (1,)),
        (Limits(ratio=1.0), (0, 1, 2, 3)),
        (Limits(max_sentences=3), (0, 1, 3)),
        (Limits(threshold=0.5), (1, 3)),
        (Limits(threshold=0.95), (1,)),
        (Limits(threshold=0.0), (0, 1, 2, 3)),
        (Limits(max_tokens=12, ratio=0.5), (1, 3)),
        (Limits(max_tokens=8, ratio=1.0, max_sentences=1), (1,)),
        (Limits(ratio=1.0, threshold=0.2), (0, 1, 3)),
        (Limits(ratio=0.1, max_tokens=3), ()),
        (Limits(), (0, 1, 2, 3)),
    ],
)
def test_the_tightest_limit_holds(limits, kept):
    """Only `max_tokens` may leave nothing; the best unit is kept whatever the other limits are."""
    assert keep(limits, SCORES, FOUR).kept == kept


def test_of_units_with_equal_scores_the_first_is_kept():
    """The output is the same whenever the input is."""
    assert keep(Limits(max_sentences=2), scores_of(0.5, 0.5, 0.5), units_of(1, 1, 1)).kept == (0, 1)


def test_a_unit_that_does_not_fit_is_skipped():
    """Smaller ones after it are tried, also where the best unit does not fit."""
    assert keep(Limits(max_tokens=5), scores_of(0.9, 0.8, 0.1), units_of(9, 4, 1)).kept == (1, 2)


def test_only_the_best_unit_may_be_below_the_threshold_of_the_user():
    """Where it is too long for `max_tokens`, the threshold holds for all others."""
    assert keep(Limits(max_tokens=5, threshold=0.5), scores_of(0.9, 0.2), units_of(9, 4)).kept == ()


@pytest.mark.parametrize("limits", [Limits(max_tokens=5, adaptive=True), Limits(max_tokens=5, ratio=0.1)])
def test_where_the_best_unit_is_too_long_the_best_that_fits_is_kept(limits):
    """Neither an automatic threshold nor a ratio leaves a text empty in which something fits `max_tokens`."""
    assert keep(limits, scores_of(0.9, 0.2, 0.1), units_of(9, 4, 1)).kept == (1,)


def test_a_heading_is_kept_with_a_unit_under_it_and_never_alone():
    """Its own score is not used; its tokens are counted."""
    kinds, parents = ("heading", "heading", "sentence", "sentence"), (None, 0, 1, None)
    units = units_of(2, 2, 4, 4, kinds=kinds, parents=parents)
    scores = scores_of(1.0, 1.0, 0.9, 0.1)
    assert keep(Limits(max_tokens=8), scores, units).kept == (0, 1, 2)
    assert keep(Limits(max_tokens=7), scores, units).kept == (3,)
    assert keep(Limits(max_sentences=1), scores, units).kept == (0, 1, 2)


def test_a_heading_with_nothing_under_it_is_a_candidate():
    """Some documents consist of headings."""
    assert keep(Limits(max_sentences=1), scores_of(0.9), units_of(2, kinds=("heading",))).kept == (0,)


def test_only_units_of_the_most_relevant_passages_are_kept():
    """However high the score of a unit in another passage is."""
    scores = scores_of(0.9, 0.5, 0.4, relevance=(0.1, 0.9, 0.8))
    found = keep(Limits(ratio=1.0), scores, units_of(1, 1, 1, passages=(0, 1, 2)), top_docs=2)
    assert found.kept == (1, 2)
    assert found.dropped_because[0] == "not in the most relevant documents"


def test_tokens_between_units_count_towards_the_ceiling():
    """The worst unit is dropped until the final text fits, counted exactly."""
    found = keep(Limits(max_tokens=12), SCORES, FOUR, extra=1)
    assert found.kept == (1, 3)
    assert found.n_tokens == 9
    assert keep(Limits(max_tokens=4), SCORES, FOUR, extra=1).kept == ()


def test_titles_and_gap_marks_are_part_of_the_estimate():
    """Otherwise units are added that do not fit, and then more than needed are dropped."""
    options = {"title_tokens": [3], "gap_tokens": 1}
    assert keep(Limits(max_tokens=10), SCORES, FOUR, **options).kept == (1,)
    assert keep(Limits(max_tokens=12), SCORES, FOUR, **options).kept == (1, 3)


def test_a_ratio_never_drops_the_best_unit():
    """However many tokens the final text has between units."""
    assert keep(Limits(ratio=0.5), SCORES, FOUR, extra=9).kept == (1,)
    assert keep(Limits(ratio=1.0), scores_of(0.5, 0.4), units_of(1, 1), extra=3).kept == (0,)


def test_a_gap_mark_is_counted_only_where_there_is_a_gap():
    """There is none between neighbours, and none where everything is kept."""
    assert keep(Limits(max_tokens=8), scores_of(0.9, 0.8, 0.1, 0.1), FOUR, gap_tokens=5).kept == (0, 1)
    assert keep(Limits(max_tokens=12), scores_of(0.9, 0.1, 0.8, 0.1), FOUR, gap_tokens=5).kept == (0, 1)
    assert keep(Limits(ratio=1.0), scores_of(0.9, 0.1, 0.8, 0.1), FOUR, gap_tokens=5).kept == (0, 1, 2, 3)


def test_a_ratio_is_exact():
    """0.29 of 400 is 116, though floating point says 115.99999999999999."""
    assert decide(Limits(ratio=0.29), SCORES.probability, 400).soft_tokens == 116


def test_every_unit_is_kept_or_has_a_reason():
    """None where it is kept."""
    kinds, parents = ("heading", "sentence", "sentence", "sentence"), (None, 0, 0, None)
    units = units_of(1, 9, 1, 1, kinds=kinds, parents=parents)
    found = keep(Limits(max_tokens=5, threshold=0.3), scores_of(0.5, 0.9, 0.1, 0.4), units)
    assert found.dropped_because == ("nothing under it kept", "no room", "below the threshold", None)
    enough = keep(Limits(max_sentences=1), SCORES, FOUR)
    assert enough.dropped_because == ("enough units kept", None, "enough units kept", "enough units kept")


def test_a_unit_dropped_to_make_the_final_text_fit_has_the_reason_no_room():
    """And so have its near-duplicates."""
    found = keep(Limits(max_tokens=12), scores_of(0.2, 0.9, 0.2, 0.5), FOUR, extra=1, key=[0, 1, 0, 3].__getitem__)
    assert found.dropped_because == ("no room", None, "no room", None)


def test_of_near_duplicates_the_best_is_kept_and_the_reason_of_the_others_names_it():
    """The tokens that this saves are free for other units."""
    found = keep(Limits(max_tokens=8), SCORES, FOUR, key="abcb".__getitem__)
    assert found.kept == (0, 1)
    assert found.dropped_because == (None, None, "no room", "near-duplicate of [0, 10, 19]")


def test_a_unit_is_kept_where_its_near_duplicate_does_not_fit():
    """The better one has a heading that is too long."""
    kinds, parents = ("heading", "sentence", "sentence"), (None, 0, None)
    units = units_of(9, 4, 4, kinds=kinds, parents=parents)
    assert keep(Limits(max_tokens=8), scores_of(0, 0.9, 0.8), units, key=lambda _: "same").kept == (2,)


def test_a_gap_mark_in_place_of_a_near_duplicate_counts_towards_the_ceiling():
    """Everything fits without marks; a near-duplicate that is dropped leaves a gap."""
    units, scores = units_of(4, 1, 4), scores_of(0.9, 0.1, 0.8)

    def count(kept):
        return sum(units[i].n_tokens for i in kept) + (5 if tuple(kept) == (0, 2) else 0)

    budget = decide(Limits(max_tokens=9), scores.probability, 9)
    cost = TokenCost(units, count, gap_tokens=5)
    found = select([0, 2, 1], budget, cost, scores.probability, "aba".__getitem__)
    assert found.kept == (0, 1)
    found = select([0, 2, 1], budget, cost, scores.probability, "aab".__getitem__)
    assert found.kept == (0,)
    assert found.n_tokens == 4


any_limits = st.builds(
    Limits,
    max_tokens=st.none() | st.integers(0, 60),
    ratio=st.none() | st.floats(0, 1),
    max_sentences=st.none() | st.integers(1, 5),
    threshold=st.none() | st.floats(0, 1),
    adaptive=st.booleans(),
)
any_units = st.lists(st.tuples(st.integers(0, 20) | st.integers(0, 1), st.floats(0, 1, width=32)), max_size=12)


@given(any_units, any_limits, st.integers(0, 30), st.integers(1, 4))
def test_limits_hold_for_any_scores(pairs, limits, extra, n_keys):
    """`max_tokens` and `max_sentences` always, the others where more than one unit is kept; only `max_tokens` leaves nothing."""
    units = units_of(*(n for n, _ in pairs))
    scores = scores_of(*(p for _, p in pairs))
    found = keep(limits, scores, units, extra, key=lambda i: i % n_keys or None)
    if limits.max_tokens is not None:
        assert found.n_tokens <= limits.max_tokens
    elif pairs:
        assert found.kept
    if limits.max_sentences is not None:
        assert len(found.kept) <= limits.max_sentences
    if len(found.kept) > 1:
        assert limits.ratio is None or found.n_tokens <= limits.ratio * sum(unit.n_tokens for unit in units)
        lowest = min(scores.probability[i] for i in found.kept)
        assert limits.threshold is None or lowest >= np.float32(limits.threshold)


def test_without_a_policy_the_units_well_above_the_median_are_kept():
    """One if one has a high score, many if many do."""
    peak = scores_of(*[0.1] * 9, 0.9)
    broad = scores_of(*[0.1] * 6, 0.8, 0.7, 0.9, 0.8)
    units = units_of(*[3] * 10)
    assert keep(Limits(adaptive=True), peak, units).kept == (9,)
    assert keep(Limits(adaptive=True), broad, units).kept == (6, 7, 8, 9)
    reason = decide(Limits(adaptive=True), peak.probability, 30).reason
    assert reason == "1 of 10 units is well above the median score"


def test_of_an_automatic_budget_and_a_limit_the_tighter_holds():
    """The reason names both."""
    broad = scores_of(*[0.1] * 6, 0.8, 0.7, 0.9, 0.8)
    budget = decide(Limits(adaptive=True, max_tokens=6), broad.probability, 30)
    assert budget.mode == "auto+max_tokens"
    assert budget.reason == "4 of 10 units are well above the median score; at most 6 tokens"
    assert keep(Limits(adaptive=True, max_tokens=6), broad, units_of(*[3] * 10)).kept == (6, 8)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(ratio=1.5), "ratio=1.5: expected a number above 0 and at most 1"),
        (Limits(ratio=0), "ratio=0: expected a number above 0 and at most 1"),
        (Limits(ratio="20%"), "ratio=20%: expected a number above 0"),  # type: ignore[arg-type]
        (Limits(ratio=float("nan")), "ratio=nan"),
        (Limits(max_tokens=-1), "max_tokens=-1: expected a number of at least 0"),
        (Limits(max_tokens="5"), "max_tokens=5: expected a number"),  # type: ignore[arg-type]
        (Limits(max_sentences=0), "max_sentences=0: expected a number of at least 1"),
        (Limits(threshold=-0.1), "threshold=-0.1: expected a number from 0 to 1"),
    ],
)
def test_a_limit_out_of_range_is_a_usage_error(limits, message):
    """The message has the option, its value, and what is expected."""
    with pytest.raises(UsageError, match=message):
        check_limits(limits)
