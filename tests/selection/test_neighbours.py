"""`-A`, `-B` and `-C`: units before and after every kept one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxzip import Compressor, Settings, compress
from ctxzip.datamodels import Limits
from ctxzip.errors import UsageError
from ctxzip.rendering.record import record
from ctxzip.selection.budget_from_limits import decide
from ctxzip.selection.candidates import candidates
from ctxzip.selection.select_within_budget import select
from ctxzip.selection.token_cost import TokenCost
from tests.conftest import compress as run_compress
from tests.conftest import ctxzip, jsonl
from tests.selection.test_select_within_budget import scores_of, units_of
from tests.strategies import queries, texts

pytestmark = pytest.mark.usefixtures("models_read_once")

QUERY = "When does the ferry leave?"
DOCS = ["Bread is baked. Stones are hard. The ferry leaves at seven. Water is wet. Milk is white.", "Grass is green."]


def keep(limits, scores, units, before=0, after=0):
    """Return what is kept with so many neighbours."""
    ranked = candidates(units, scores)
    budget = decide(limits, scores.probability[ranked], sum(unit.n_tokens for unit in units))
    cost = TokenCost(units, lambda kept: sum(units[i].n_tokens for i in kept))
    return select(ranked, replace(budget, before=before, after=after), cost, scores.probability)


SEVEN = units_of(*[4] * 7)
MIDDLE = scores_of(0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [(0, 0, (3,)), (1, 0, (2, 3)), (0, 2, (3, 4, 5)), (1, 1, (2, 3, 4)), (9, 9, tuple(range(7)))],
)
def test_neighbours_are_kept_beside_the_kept_unit(before, after, kept):
    """And do not count as sentences."""
    assert keep(Limits(max_sentences=1), MIDDLE, SEVEN, before, after).kept == kept


def test_neighbours_are_of_the_same_passage():
    """The last unit of a passage has nothing after it."""
    units = units_of(4, 4, 4, passages=(0, 0, 1))
    assert keep(Limits(max_sentences=1), scores_of(0.1, 0.9, 0.1), units, 1, 1).kept == (0, 1)


def test_neighbours_may_be_below_the_threshold():
    """It decides about the units that they stand beside."""
    assert keep(Limits(threshold=0.5), MIDDLE, SEVEN, 1, 0).kept == (2, 3)


def test_under_a_ceiling_the_nearest_neighbours_are_kept_and_no_evidence_is_dropped():
    """At one distance those of the best unit first."""
    scores = scores_of(0.1, 0.8, 0.1, 0.1, 0.1, 0.9, 0.1)
    limits = Limits(max_sentences=2)
    assert keep(limits, scores, SEVEN, 1, 1).kept == (0, 1, 2, 4, 5, 6)
    for max_tokens, kept in ((8, (1, 5)), (12, (1, 4, 5)), (16, (1, 4, 5, 6)), (20, (0, 1, 4, 5, 6))):
        found = keep(replace(limits, max_tokens=max_tokens), scores, SEVEN, 3, 3)
        assert (found.kept, found.n_tokens) == (kept, max_tokens)


def test_a_neighbour_behind_one_that_does_not_fit_is_left_out():
    """No gap is made beside the unit."""
    units = units_of(1, 9, 4, 1, 1)
    found = keep(Limits(max_tokens=7, max_sentences=1), scores_of(0.1, 0.1, 0.9, 0.1, 0.1), units, 2, 2)
    assert found.kept == (2, 3, 4)
    assert found.dropped_because[:2] == ("no room", "no room")


def test_evidence_is_dropped_only_where_dropping_the_neighbours_is_not_enough():
    """Though the estimate of what a neighbour saves, its text alone, says that it is not."""
    units, scores = units_of(4, 2, 9, 4), scores_of(0.9, 0.1, 0.1, 0.8)
    ranked = candidates(units, scores)
    budget = replace(decide(Limits(max_tokens=10, max_sentences=2), scores.probability[ranked], 19), after=1)
    cost = TokenCost(units, lambda kept: sum(units[i].n_tokens for i in kept) + (2 if 1 in kept else 0) + 2)
    found = select(ranked, budget, cost, scores.probability)
    assert (found.kept, found.n_tokens) == ((0, 3), 10)


def test_a_ratio_holds_with_neighbours():
    """The best unit alone may exceed it; then it has none."""
    assert keep(Limits(ratio=0.3, max_sentences=1), MIDDLE, SEVEN, 1, 1).kept == (2, 3)
    assert keep(Limits(ratio=0.1), MIDDLE, SEVEN, 1, 1).kept == (3,)


def test_headings_come_along_with_neighbours_and_are_not_counted():
    """A heading is never kept alone."""
    kinds, parents = ("sentence", "heading", "sentence", "heading", "sentence"), (None, None, 1, None, 3)
    units = units_of(1, 1, 1, 1, 1, kinds=kinds, parents=parents)
    scores = scores_of(0.1, 0.0, 0.9, 0.0, 0.1)
    assert keep(Limits(max_sentences=1), scores, units, 1, 0).kept == (0, 1, 2)
    assert keep(Limits(max_sentences=1), scores, units, 0, 1).kept == (1, 2, 3, 4)


def test_the_reason_of_a_neighbour_names_the_unit_that_it_stands_beside():
    """With `--explain`; others that are kept have none."""
    run = run_compress(
        "--scorer", "bm25", "-n", "1", "-C", "1", "--explain", stdin=jsonl({"query": QUERY, "docs": DOCS})
    )
    own = run.records[0]["ctxzip"]
    (neighbours,) = [doc["neighbours"] for doc in own["docs"] if "neighbours" in doc]
    assert [(*one[:2], one[3]) for one in neighbours] == [
        (16, 32, "neighbour of [0, 33, 59]"),
        (60, 73, "neighbour of [0, 33, 59]"),
    ]
    assert [unit[:2] for unit in own["docs"][0]["kept"]] == [[16, 32], [33, 59], [60, 73]]
    assert (own["budget"]["before"], own["budget"]["after"]) == (1, 1)
    assert own["budget"]["reason"] == "at most 1 sentence; plus neighbours that fit: 1 before and 1 after each"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["-A", "1"], "The ferry leaves at seven. Water is wet."),
        (["-B", "1"], "Stones are hard. The ferry leaves at seven."),
        (["-C", "2", "-A", "0"], "Bread is baked. Stones are hard. The ferry leaves at seven."),
        (["--before", "1", "--around", "0"], "Stones are hard. The ferry leaves at seven."),
    ],
)
def test_the_options_are_those_of_grep(options, text):
    """`-A` and `-B` go before `-C`, in `compress` and in `select`."""
    line = jsonl({"query": QUERY, "docs": DOCS})
    run = run_compress("--scorer", "bm25", "-n", "1", *options, stdin=line)
    assert run.records[0]["docs"] == [text, ""]
    scored = ctxzip("score", "--scorer", "bm25", stdin=line).out
    assert ctxzip("select", "-n", "1", *options, stdin=scored).out == run.out


def test_inspect_says_what_is_a_neighbour():
    """Under its text."""
    run = ctxzip("inspect", "--scorer", "bm25", "-n", "1", "-A", "1", stdin=jsonl({"query": QUERY, "docs": DOCS}))
    lines = run.out.decode().splitlines()
    assert lines[lines.index(next(line for line in lines if "Water is wet." in line)) + 1].strip() == (
        "(neighbour of [0, 33, 59])"
    )


def test_neighbours_in_a_prompt_of_segments_are_those_of_the_context():
    """Of other types a share is kept, with or without them."""
    parts = [("instruction", "Be brief. Be kind. Be exact."), ("context", DOCS[0]), ("question", QUERY)]
    line = jsonl({"segments": [{"type": kind, "text": text} for kind, text in parts]})
    alone, with_neighbours = (
        [one["text"] for one in run_compress("--scorer", "bm25", "-n", "1", *more, stdin=line).records[0]["segments"]]
        for more in ([], ["-A", "1"])
    )
    assert with_neighbours == [alone[0], f"{alone[1]} Water is wet.", alone[2]]


@pytest.mark.parametrize(("name", "value"), [("after", -1), ("before", 1.5), ("around", True), ("around", "1")])
def test_a_number_of_neighbours_that_is_none_is_a_usage_error(name, value):
    """The message has the setting, its value, and what is expected."""
    with pytest.raises(UsageError, match=f"{name}={value}: expected a number of at least 0"):
        compress(QUERY, DOCS, **{name: value})


documents = st.lists(texts | st.fixed_dictionaries({"text": texts, "title": texts}), max_size=4)
neighbours = st.fixed_dictionaries({"before": st.integers(0, 3), "after": st.integers(0, 3)})
not_in_tokens = st.fixed_dictionaries(
    {}, optional={"max_sentences": st.integers(1, 4), "threshold": st.floats(0, 1), "min_saving": st.floats(0, 1)}
)


@settings(max_examples=60)
@given(queries, documents, not_in_tokens, neighbours)
def test_without_a_ceiling_more_is_kept_and_each_at_most_so_far_away(query, docs, limits, reach):
    """All that is kept without neighbours is kept with them; the rest are they and their headings."""
    alone = Compressor(Settings(scorer="bm25", **limits)).compress(query, docs).selection
    result = Compressor(Settings(scorer="bm25", **limits, **reach)).compress(query, docs)
    assert set(alone.kept) <= set(result.selection.kept)
    if "min_saving" in limits or result.budget.no_answer:
        return
    in_order = sorted(candidates(result.scored.units, result.scored.scores))
    units = result.scored.units
    expected = {
        in_order[at + step]
        for at, i in enumerate(in_order)
        if i in alone.kept
        for step in range(-reach["before"], reach["after"] + 1)
        if 0 <= at + step < len(in_order) and units[in_order[at + step]].passage == units[i].passage
    }
    assert set(result.selection.kept) & set(in_order) == expected


@settings(max_examples=60)
@given(queries, documents, st.integers(0, 60), st.floats(0, 1, exclude_min=True), neighbours, st.booleans())
def test_ceilings_hold_and_no_evidence_is_dropped_for_neighbours(query, docs, max_tokens, ratio, reach, mark_gaps):
    """In records and in contexts with marks; what is kept without them stays."""
    limits = {"max_tokens": max_tokens, "ratio": ratio, "max_sentences": 2, "mark_gaps": mark_gaps, "to": "text"}
    alone = Compressor(Settings(scorer="bm25", **limits)).compress(query, docs)
    result = Compressor(Settings(scorer="bm25", **limits, **reach)).compress(query, docs)
    assert result.tokens_out <= max_tokens
    assert result.tokens_out <= max(ratio * result.tokens_in, alone.tokens_out)
    assert set(alone.selection.kept) <= set(result.selection.kept)
    assert json.loads(record(result))["ctxzip"]["tokens_out"] == result.tokens_out
