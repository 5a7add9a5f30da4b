"""Budgets and what is kept under them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.datamodels import Limits, Scores, Unit
from ctxzip.errors import UsageError
from ctxzip.selection.budget import decide
from ctxzip.selection.candidates import candidates, covering
from ctxzip.selection.greedy import select
from ctxzip.settings import check_limits


def profile(*probability, relevance=(1.0,)):
    return Scores(np.array(probability, dtype=np.float32), np.array(relevance, dtype=np.float32))


def units(*tokens, passages=None, kinds=None, parents=None):
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


def keep(limits, scores, some_units, extra=0, top_docs=None, **options):
    """Select with a measure that finds `extra` tokens more than the units have."""
    ranked = candidates(some_units, scores, top_docs)

    def measure(kept):
        return sum(some_units[i].n_tokens for i in kept) + (extra if kept else 0)

    total = sum(unit.n_tokens for unit in some_units)
    budget = decide(limits, scores.probability[ranked], total)
    return select(some_units, ranked, scores, budget, measure, **options)


FOUR = units(4, 4, 4, 4)
SCORES = profile(0.2, 0.9, 0.1, 0.5)


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
    """Only the ceiling in tokens may leave nothing; the best unit breaks all others."""
    assert keep(limits, SCORES, FOUR).kept == kept


def test_ties_go_to_the_unit_that_comes_first():
    """The same input, the same output."""
    assert keep(Limits(max_sentences=2), profile(0.5, 0.5, 0.5), units(1, 1, 1)).kept == (0, 1)


def test_a_unit_that_does_not_fit_is_passed_over():
    """Smaller ones behind it may fit; the best may not, and then nothing is owed to it."""
    assert keep(Limits(max_tokens=5), profile(0.9, 0.8, 0.1), units(9, 4, 1)).kept == (1, 2)


def test_the_best_unit_alone_is_exempt_from_the_soft_limits():
    """Where it cannot fit the ceiling, the others still owe the threshold."""
    assert keep(Limits(max_tokens=5, threshold=0.5), profile(0.9, 0.2), units(9, 4)).kept == ()


@pytest.mark.parametrize("limits", [Limits(max_tokens=5, adaptive=True), Limits(max_tokens=5, ratio=0.1)])
def test_where_the_best_unit_is_too_long_the_best_that_fits_is_kept(limits):
    """No automatic limit empties a context that holds something which the ceiling allows."""
    assert keep(limits, profile(0.9, 0.2, 0.1), units(9, 4, 1)).kept == (1,)


def test_a_heading_is_kept_with_what_stands_under_it_and_never_alone():
    """Its own score counts for nothing, its tokens count."""
    kinds, parents = ("heading", "heading", "sentence", "sentence"), (None, 0, 1, None)
    some = units(2, 2, 4, 4, kinds=kinds, parents=parents)
    scores = profile(1.0, 1.0, 0.9, 0.1)
    assert keep(Limits(max_tokens=8), scores, some).kept == (0, 1, 2)
    assert keep(Limits(max_tokens=7), scores, some).kept == (3,)
    assert keep(Limits(max_sentences=1), scores, some).kept == (0, 1, 2)


def test_a_heading_with_nothing_under_it_stands_for_itself():
    """Some documents are headings alone."""
    assert keep(Limits(max_sentences=1), profile(0.9), units(2, kinds=("heading",))).kept == (0,)


def test_only_the_most_relevant_passages_are_looked_at():
    """However well a unit of another one scores."""
    scores = profile(0.9, 0.5, 0.4, relevance=(0.1, 0.9, 0.8))
    found = keep(Limits(ratio=1.0), scores, units(1, 1, 1, passages=(0, 1, 2)), top_docs=2)
    assert found.kept == (1, 2)
    assert found.dropped_because[0] == "not in the most relevant documents"


def test_what_the_final_text_has_besides_its_units_is_within_the_ceiling():
    """The worst unit leaves until the measured text fits."""
    found = keep(Limits(max_tokens=12), SCORES, FOUR, extra=1)
    assert found.kept == (1, 3)
    assert found.n_tokens == 9
    assert keep(Limits(max_tokens=4), SCORES, FOUR, extra=1).kept == ()


def test_titles_and_gap_marks_are_allowed_for():
    """Otherwise one unit too many is taken and one too many dropped."""
    options = {"passage_cost": [3], "gap_cost": 1}
    assert keep(Limits(max_tokens=10), SCORES, FOUR, **options).kept == (1,)
    assert keep(Limits(max_tokens=12), SCORES, FOUR, **options).kept == (1, 3)


def test_a_ratio_never_empties_however_much_the_final_text_has_besides():
    """The best unit stays."""
    assert keep(Limits(ratio=0.5), SCORES, FOUR, extra=9).kept == (1,)
    assert keep(Limits(ratio=1.0), profile(0.5, 0.4), units(1, 1), extra=3).kept == (0,)


def test_a_gap_mark_is_paid_where_a_gap_is_and_nowhere_else():
    """Neighbours need none; everything together needs none at all."""
    assert keep(Limits(max_tokens=8), profile(0.9, 0.8, 0.1, 0.1), FOUR, gap_cost=5).kept == (0, 1)
    assert keep(Limits(max_tokens=12), profile(0.9, 0.1, 0.8, 0.1), FOUR, gap_cost=5).kept == (0, 1)
    assert keep(Limits(ratio=1.0), profile(0.9, 0.1, 0.8, 0.1), FOUR, gap_cost=5).kept == (0, 1, 2, 3)


def test_a_ratio_is_not_lost_to_floating_point():
    """0.29 of 400 is 116."""
    assert decide(Limits(ratio=0.29), SCORES.probability, 400).soft_tokens == 116


def test_every_unit_is_kept_or_has_a_reason():
    """None where it is kept, words where not."""
    kinds, parents = ("heading", "sentence", "sentence", "sentence"), (None, 0, 0, None)
    some = units(1, 9, 1, 1, kinds=kinds, parents=parents)
    found = keep(Limits(max_tokens=5, threshold=0.3), profile(0.5, 0.9, 0.1, 0.4), some)
    assert found.dropped_because == ("nothing under it kept", "no room", "below the threshold", None)
    enough = keep(Limits(max_sentences=1), SCORES, FOUR)
    assert enough.dropped_because == ("enough units kept", None, "enough units kept", "enough units kept")


def test_what_leaves_when_the_final_text_is_measured_has_no_room():
    """And so has what repeats it."""
    found = keep(Limits(max_tokens=12), profile(0.2, 0.9, 0.2, 0.5), FOUR, extra=1, key=[0, 1, 0, 3].__getitem__)
    assert found.dropped_because == ("no room", None, "no room", None)


def test_of_twins_the_better_placed_is_kept_and_the_other_says_where_it_is():
    """And what would have been its room goes to the next."""
    found = keep(Limits(max_tokens=8), SCORES, FOUR, key="abcb".__getitem__)
    assert found.kept == (0, 1)
    assert found.dropped_because == (None, None, "no room", "near-duplicate of [0, 10, 19]")


def test_a_unit_stays_where_its_twin_cannot():
    """A twin that does not fit, with the heading over it, stands for nobody."""
    kinds, parents = ("heading", "sentence", "sentence"), (None, 0, None)
    some = units(9, 4, 4, kinds=kinds, parents=parents)
    assert keep(Limits(max_tokens=8), profile(0, 0.9, 0.8), some, key=lambda _: "same").kept == (2,)


def test_gap_marks_that_twins_leave_behind_are_within_the_ceiling():
    """All fits without marks; without the twin a mark stands where it stood."""
    some, scores = units(4, 1, 4), profile(0.9, 0.1, 0.8)

    def measure(kept):
        return sum(some[i].n_tokens for i in kept) + (5 if tuple(kept) == (0, 2) else 0)

    budget = decide(Limits(max_tokens=9), scores.probability, 9)
    found = select(some, [0, 2, 1], scores, budget, measure, gap_cost=5, key="aba".__getitem__)
    assert found.kept == (0, 1)
    found = select(some, [0, 2, 1], scores, budget, measure, gap_cost=5, key="aab".__getitem__)
    assert found.kept == (0,)
    assert found.n_tokens == 4


LEANING = [False, False, True, True].__getitem__


def test_both_sides_of_a_comparison_come_right_behind_the_best():
    """In the order of their ranks; a side with nothing ranked counts for nothing."""
    some = units(*[1] * 6, passages=(0, 0, 0, 1, 2, 3))
    assert covering([0, 1, 2, 3, 4, 5], some, [{2}, {1}, {9}]) == [0, 3, 4, 1, 2, 5]
    assert covering([0, 1, 2, 3, 4, 5], some, [{0}, {3}]) == [0, 5, 1, 2, 3, 4]


def test_a_second_passage_comes_third_where_the_best_two_are_from_one():
    """Where they are not, nothing moves."""
    some = units(*[1] * 5, passages=(0, 0, 0, 1, 2))
    assert covering([1, 0, 2, 4, 3], some, []) == [1, 0, 4, 2, 3]
    assert covering([1, 3, 0, 2, 4], some, []) == [1, 3, 0, 2, 4]
    assert covering([1, 0, 2], some[:3], []) == [1, 0, 2]
    assert covering([], [], []) == []


@given(
    st.lists(st.tuples(st.integers(0, 20) | st.integers(0, 1), st.floats(0, 1, width=32)), max_size=12),
    st.none() | st.integers(0, 60),
    st.none() | st.floats(0, 1),
    st.none() | st.integers(1, 5),
    st.none() | st.floats(0, 1),
    st.booleans(),
    st.integers(0, 30),
    st.integers(1, 4),
)
def test_limits_hold_for_any_profile(pairs, max_tokens, ratio, max_sentences, threshold, adaptive, extra, n_keys):
    """The ceiling always; ratio and count unless one unit alone is kept; empty only for want of tokens."""
    some = units(*(n for n, _ in pairs))
    scores = profile(*(p for _, p in pairs))
    limits = Limits(max_tokens, ratio, max_sentences, threshold, adaptive)
    found = keep(limits, scores, some, extra, key=lambda i: i % n_keys or None)
    total = sum(unit.n_tokens for unit in some)
    if max_tokens is not None:
        assert found.n_tokens <= max_tokens
    elif pairs:
        assert found.kept
    if ratio is not None and len(found.kept) > 1:
        assert found.n_tokens <= ratio * total
    if max_sentences is not None:
        assert len(found.kept) <= max_sentences
    if threshold is not None and len(found.kept) > 1:
        assert min(scores.probability[i] for i in found.kept) >= np.float32(threshold) or len(found.kept) == 1


def test_auto_keeps_one_unit_where_one_stands_out_and_many_where_many_do():
    """The score profile decides, and says so."""
    peak = profile(*[0.1] * 9, 0.9)
    broad = profile(*[0.1] * 6, 0.8, 0.7, 0.9, 0.8)
    some = units(*[3] * 10)
    assert keep(Limits(adaptive=True), peak, some).kept == (9,)
    assert keep(Limits(adaptive=True), broad, some).kept == (6, 7, 8, 9)
    assert decide(Limits(adaptive=True), peak.probability, 30).reason == "1 of 10 units stands out of the scores"


def test_auto_within_a_limit_takes_the_tighter():
    """Both reasons are named."""
    broad = profile(*[0.1] * 6, 0.8, 0.7, 0.9, 0.8)
    budget = decide(Limits(adaptive=True, max_tokens=6), broad.probability, 30)
    assert budget.mode == "auto+max_tokens"
    assert budget.reason == "4 of 10 units stand out of the scores; at most 6 tokens"
    assert keep(Limits(adaptive=True, max_tokens=6), broad, units(*[3] * 10)).kept == (6, 8)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(ratio=1.5), "ratio=1.5: expected a number from 0 to 1"),
        (Limits(ratio=float("nan")), "ratio=nan"),
        (Limits(max_tokens=-1), "max_tokens=-1: expected a number of at least 0"),
        (Limits(max_tokens="5"), "max_tokens=5: expected a number"),  # type: ignore[arg-type]
        (Limits(max_sentences=0), "max_sentences=0: expected a number of at least 1"),
        (Limits(threshold=-0.1), "threshold=-0.1: expected a number from 0 to 1"),
    ],
)
def test_a_limit_out_of_range_is_a_usage_error(limits, message):
    """The option, its value, and what is expected."""
    with pytest.raises(UsageError, match=message):
        check_limits(limits)
