"""Items of lists and clauses of contracts: which one each is nested in, and which ones only name others."""

from __future__ import annotations

import pytest

from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans

CONTRACT = """\
7. Termination
7.1 Either party may terminate this Agreement:
(a) on three months' notice; or
(b) immediately, after a material breach.
7.2 Clauses 1 and 9 survive termination.

8. Liability
8.1 Neither party is liable for loss of profit.
"""
HANDBOOK = """\
- Leave
  - Sick leave
    - Tell your lead before nine.
- Equipment
  1. Order laptops through the shop.
- The canteen opens at noon.
  - On Fridays it is closed.
"""


def nesting(text):
    """Return the kind and the parent of each unit, as texts."""
    english, _ = splitter_for("en")
    spans = split_into_spans(text, english)
    texts = [text[span.start : span.end].strip() for span in spans]
    return {
        own: (span.kind, None if span.parent is None else texts[span.parent])
        for own, span in zip(texts, spans, strict=True)
    }


def test_a_clause_is_nested_by_its_number_and_below_a_colon():
    """Without indentation; the next clause of the same form ends what the colon introduces."""
    found = nesting(CONTRACT)
    assert found["7. Termination"] == ("heading", None)
    assert found["7.1 Either party may terminate this Agreement:"] == ("list_item", "7. Termination")
    assert found["(b) immediately, after a material breach."] == (
        "list_item", "7.1 Either party may terminate this Agreement:",
    )  # fmt: skip
    assert found["7.2 Clauses 1 and 9 survive termination."] == ("list_item", "7. Termination")
    assert found["8.1 Neither party is liable for loss of profit."] == ("list_item", "8. Liability")


def test_an_item_that_only_names_the_items_in_it_is_a_heading():
    """A sentence is an item with text of its own, whatever is nested in it."""
    found = nesting(HANDBOOK)
    assert found["- Leave"] == ("heading", None)
    assert found["- Sick leave"] == ("heading", "- Leave")
    assert found["- Tell your lead before nine."] == ("list_item", "- Sick leave")
    assert found["1. Order laptops through the shop."] == ("list_item", "- Equipment")
    assert found["- The canteen opens at noon."] == ("list_item", None)
    assert found["- On Fridays it is closed."] == ("list_item", "- The canteen opens at noon.")


@pytest.mark.parametrize(
    "text", ["1. One\n2. Two\n3. Three\n", "- a\n- b\n", "(a) one\n(b) two\n", "1.1 One\n1.2 Two\n"]
)
def test_items_of_one_list_are_not_nested(text):
    """Not by their numbers either."""
    assert {parent for _, parent in nesting(text).values()} == {None}
