"""Which units are near-duplicates, and when one of them is dropped."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ctxzip import compress
from ctxzip.datamodels import Passage, Unit
from ctxzip.selection.adaptive.guarantee import NeededDepths
from ctxzip.selection.adaptive.policy import Policy
from ctxzip.selection.adaptive.policy_file import policy_as_json
from ctxzip.selection.dedup import DuplicateKeys


def keys_of(*texts, titles=None, kind="sentence", language="en"):
    """Return the keys of passages whose units are the lines of their texts."""
    units = []
    for number, text in enumerate(texts):
        start = 0
        for line in text.splitlines(keepends=True):
            units.append(Unit(number, start, start + len(line.rstrip()), 1, kind))
            start += len(line)
    passages = [Passage(text, title) for text, title in zip(texts, titles or [""] * len(texts), strict=True)]
    return DuplicateKeys(passages, units, [language] * len(texts))


def are_duplicates(one, other, **options):
    keys = keys_of(one, other, **options)
    return keys.key(0) is not None and keys.key(0) == keys.key(1)


BRIDGE = "Ada Holm built the old bridge across the river in 1901."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BRIDGE, BRIDGE),
        (BRIDGE, "However, Ada Holm built the old bridge across the river in 1901"),
        (BRIDGE, "Ada Holm built  the old \u201cbridge\u201d across the river, in 1901 ."),
        ("The state's first novel by J. K. Rowling was sold.", "the state 's first novel by J.K. Rowling was sold ."),
        ("The primary endpoint was survival.", "Primary endpoint was survival."),
        ("Cafe\u0301 Holm opened its doors in the old town.", "Caf\u00e9 Holm opened its doors in the old town."),
    ],
)
def test_texts_with_the_same_words_are_near_duplicates(one, other):
    """Punctuation, spaces, "the", a link at the start, and the composition of a letter are no difference."""
    assert are_duplicates(one, other, titles=["Log", "Log"])


@pytest.mark.parametrize(
    "other",
    [
        "Ada Holm built the old bridge across the river in 1902.",
        "Ada Holm built the old bridge across the river in 19.01.",
        "Ada Holm built the old bridge across the river in -1901.",
        "Ada Holm built the old bridge across the river in 1901%.",
        "Ada Holm built the old bridge across the river in 1 901.",
        "Ada Brandt built the old bridge across the river in 1901.",
        "Ada Holm built the old bridge across the River in 1901.",
        "Ada Holm never built the old bridge across the river in 1901.",
        "Ada Holm did not build the old bridge across the river in 1901.",
        "Ada Holm closed the old bridge across the river in 1901.",
        "Otherwise, Ada Holm built the old bridge across the river in 1901.",
        "Ada Holm built the old bridge across the river in 1901?",
        "The old bridge built Ada Holm across the river in 1901.",
    ],
)
def test_a_number_a_name_a_negation_or_any_other_word_is_a_difference(other):
    """Any of them can be the evidence."""
    assert not are_duplicates(BRIDGE, other, titles=["Log", "Log"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 0", "x != 0"),
        ("a", "-a"),
        ("a", "!a"),
        ("(a", "(-a"),
        ("a_b", "a b"),
        ("x > a", "x > −a"),
        ("6' wide", '6" wide'),
        ("6 wide", "6' wide"),
    ],
)
def test_a_sign_is_a_difference(one, other):
    """Though other marks are none."""
    text = "The pump of the lower basin stops at once where {} holds."
    assert not are_duplicates(text.format(one), text.format(other))


def test_under_different_titles_there_are_no_near_duplicates():
    """Two ships carry the same number of passengers, and the question may be about either."""
    text = "The passenger capacity is 382 passengers, and there are 295 crew members."
    assert not are_duplicates(text, text, titles=["Silver Whisper", "Silver Shadow"])
    assert are_duplicates(text, text, titles=["Silver Shadow", "Silver Shadow"])


def test_under_different_headings_there_are_no_near_duplicates():
    """The fee for adults and the fee for children."""
    texts = [f"# {who}\nThe fee is five euros for each day and person.\n" for who in ("Adults", "Children", "Adults")]
    result = compress("What is the fee?", texts, scorer="bm25", ratio=1.0)
    assert [bool(text) for text in result.texts] == [True, True, False]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Oslo is cold.", "It was closed in 1901 for all who wanted to cross.", False),
        ("Rome is warm.", "It was closed in 1901 for all who wanted to cross.", True),
        ("Oslo is cold.", "Yes, on Sundays.", False),
        ("Rome is warm.", "Yes, on Sundays.", True),
        ("Oslo is cold.", BRIDGE, True),
    ],
)
def test_a_short_or_context_dependent_unit_is_a_duplicate_only_after_the_same_unit(before, after, expected):
    """Its topic is in the unit before it."""
    keys = keys_of(f"Rome is warm.\n{after}", f"{before}\n{after}")
    assert (keys.key(1) == keys.key(3)) is expected


@pytest.mark.parametrize(
    "text",
    [
        "# Services\n\n- Ferry\n  - closed on Monday\n- Bridge\n  - closed on Monday\n",
        "The Aurora came in 1990. The passenger capacity is 382. The Borealis came in 1995. The passenger capacity is 382.",
        "The Aurora came. Tickets are sold from seven at the pier. The Borealis came. Tickets are sold from seven at the pier.",
        "Ann\t\t5\tyes\nAnn\t5\t\tyes\n",
    ],
)
def test_a_sentence_that_occurs_twice_in_a_passage_is_no_duplicate(text):
    """It is about two things: two ships, two items of a list, two columns."""
    result = compress("Which is closed, and when?", [{"title": "Town", "text": text}], scorer="bm25", ratio=1.0)
    assert not any(reason and reason.startswith("near-duplicate") for reason in result.selection.dropped_because)


@pytest.mark.parametrize("inside", [f"It opened. {BRIDGE}", f"See: {BRIDGE} {BRIDGE}", "Ada Holm built the old town."])
def test_in_a_long_passage_a_sentence_is_compared_with_its_neighbour_where_it_occurs_twice(inside):
    """The index of the tokens of a long passage gives the same as a search of a short one."""
    for rest in ("", "The river is wide.\n" * 1_000):
        text = f"{BRIDGE}\n{inside}\n{rest}"
        assert (keys_of(text).key(0)[-1] == ()) == (BRIDGE not in inside)


def test_in_other_languages_the_unit_before_must_be_the_same():
    """Because context-dependent sentences are recognized in English only."""
    text = "Er wurde im Jahr 1901 in Oslo geboren und starb dort."
    keys = keys_of(f"Rom.\n{text}", f"Oslo.\n{text}", titles=["A", "A"], language="de")
    assert keys.key(1) != keys.key(3)


def test_code_is_compared_exactly_and_horizontal_rules_never():
    """In code punctuation is a difference; a rule has no words."""
    assert are_duplicates("x = 1", "x = 1", kind="code")
    assert not are_duplicates("x = f(1)", "x = f[1]", kind="code")
    assert not are_duplicates("---", "---", kind="rule")


DOCS = [
    {"title": "Ferry", "text": f"The ferry to the island leaves at seven on weekdays. {extra}"}
    for extra in ("It is red.", "Bread is baked.")
]


@pytest.mark.parametrize(
    ("limit", "both"),
    [
        ({"ratio": 0.9}, False),
        ({"max_tokens": 50}, False),
        ({"max_sentences": 3}, False),
        ({}, False),
        ({"threshold": 0.0}, True),
    ],
    ids=str,
)
def test_one_of_two_near_duplicates_is_kept_unless_a_threshold_holds_for_every_unit(limit, both):
    """The reason names document and offsets of the unit that is kept."""
    result = compress("When does the ferry leave?", DOCS, scorer="bm25", **limit)
    counts = [text.count("leaves at seven") for text in result.texts]
    assert counts == ([1, 1] if both else [1, 0])
    if set(limit) - {"threshold"}:
        assert result.selection.dropped_because[2] == "near-duplicate of [0, 0, 52]"


def test_under_a_recall_near_duplicates_are_kept(tmp_path):
    """It was calibrated on every unit, so the guarantee holds only for all of them."""
    needed = NeededDepths(np.ones(99))  # the largest depth: all units are needed
    policy = Policy("", "bm25", "auto", None, "best", {"fact": needed, "time_scoped": needed}, 0.0)
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy_as_json(policy, np.ones(2))))
    for max_tokens in (None, 50):
        result = compress(
            "When does the ferry leave?", DOCS, scorer="bm25", recall=0.8, policy=str(path), max_tokens=max_tokens
        )
        assert [text.count("leaves at seven") for text in result.texts] == [1, 1]
        assert result.budget.guarantee
        assert result.budget.guarantee.recall == 0.8
