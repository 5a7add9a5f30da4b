"""The order of the candidates for questions whose evidence is in several passages."""

from __future__ import annotations

from ctxzip import compress
from ctxzip.datamodels import Passage, Unit
from ctxzip.selection.coverage_order import covering, passages_naming


def units_of(*passages):
    """Return one unit for each passage given by its index."""
    return [Unit(passage, 10 * i, 10 * i + 9, 1, "sentence") for i, passage in enumerate(passages)]


def test_both_sides_of_a_comparison_come_right_after_the_best():
    """In the order of their ranks; a side without candidates is ignored."""
    units = units_of(0, 0, 0, 1, 2, 3)
    assert covering([0, 1, 2, 3, 4, 5], units, [{2}, {1}, {9}]) == [0, 3, 4, 1, 2, 5]
    assert covering([0, 1, 2, 3, 4, 5], units, [{0}, {3}]) == [0, 5, 1, 2, 3, 4]


def test_a_second_passage_comes_third_where_the_best_two_are_from_one():
    """Where they are not, or where there is one passage only, the order does not change."""
    units = units_of(0, 0, 0, 1, 2)
    assert covering([1, 0, 2, 4, 3], units, []) == [1, 0, 4, 2, 3]
    assert covering([1, 3, 0, 2, 4], units, []) == [1, 3, 0, 2, 4]
    assert covering([1, 0, 2], units[:3], []) == [1, 0, 2]
    assert covering([], [], []) == []


def test_a_name_is_looked_for_in_titles_first_and_then_in_texts():
    """Whole words, without case."""
    passages = [Passage("Ada Holm drew it."), Passage("The red ferry.", "Ada Holm (engineer)"), Passage("ada holmes.")]
    assert passages_naming(passages, "Ada Holm") == {1}
    assert passages_naming(passages, "red Ferry") == {1}
    assert passages_naming([Passage("Ada Holm drew it."), Passage("The ferry.")], "ada holm") == {0}
    assert passages_naming(passages, "Brandt") == passages_naming(passages, " ") == frozenset()


def test_two_sentences_of_a_comparison_are_one_of_each_side():
    """Though two sentences of one side score higher."""
    docs = [
        {"title": "Holm Bridge", "text": "Holm Bridge is older than most, and Holm Bridge was built in 1901. The older Holm Bridge was built of wood, and later Holm Bridge was built of stone."},
        {"title": "Brandt Bridge", "text": "It dates from 1880."},
        {"title": "Ferry", "text": "The ferry was built in 1950."},
    ]  # fmt: skip
    result = compress("Which was built earlier, Holm Bridge or Brandt Bridge?", docs, scorer="bm25", max_sentences=2)
    assert [bool(text) for text in result.texts] == [True, True, False]
    assert result.scored.scores.probability[2] < result.scored.scores.probability[:2].min()
