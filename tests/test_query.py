"""How a question is read."""

from __future__ import annotations

import pytest

from ctxzip.query import kind_of


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("Who built the bridge?", "fact"),
        ("when does the ferry leave", "fact"),
        ("Which bridge is longer, the old one or the new one?", "comparison"),
        ("What is the difference between a lock and a weir?", "comparison"),
        ("How many locks are there?", "list"),
        ("List the harbour masters", "list"),
        ("How do I change the filter?", "how_why"),
        ("Why was the bridge closed?", "how_why"),
        ("What is a weir?", "definition"),
        ("Who was harbour master in 1968?", "time_scoped"),
        ("Is the pool heated?", "yes_no"),
        ("tallow build fails with LockError", "code"),
        ("What does `tallow lock` do?", "code"),
        ("Summarize the minutes", "summary"),
        ("bridge opening hours", "keywords"),
        ("Wer hat die Brücke gebaut?", "other"),
        ("橋はいつ建てられたか。", "other"),
        ("There was terror in the streets of the old town that night", "other"),
        ("more " * 200_000, "other"),
    ],
)
def test_a_question_is_read_by_its_words(query, kind):
    """The first rule that fits names the kind."""
    assert kind_of(query) == kind
