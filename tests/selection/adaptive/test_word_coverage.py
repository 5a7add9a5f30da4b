"""The share of a question's words that occur in passages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.selection.adaptive.word_coverage import word_coverage
from tests.strategies import queries, texts


@given(queries, st.lists(texts, max_size=4))
def test_shares_are_from_0_to_1_and_all_passages_have_at_least_the_words_of_the_best(query, found):
    """More passages never have fewer words."""
    in_any, in_best = word_coverage(query, found)
    assert 0 <= in_best <= in_any <= 1
    assert word_coverage(query, [*found, "more text"])[0] >= in_any


@pytest.mark.parametrize(
    ("query", "text", "share"),
    [
        ("Who repaired the bridges?", "A bridge is under repair.", 1.0),
        ("Who repaired the bridges?", "The drawbridge is old.", 0.0),
        ("Which company studied it?", "Companies that study rivers.", 1.0),
        ("Who is it?", "Nobody.", 1.0),
    ],
)
def test_a_word_occurs_where_a_word_of_the_text_begins_with_its_stem(query, text, share):
    """In any form, but not inside of another word; without words there is nothing to miss."""
    assert word_coverage(query, [text]) == (share, share)
