"""Which units are near-duplicates, and what a passage is about."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ctxzip import compress
from ctxzip.datamodels import Passage, Unit
from ctxzip.selection.adaptive.guarantee import Needs, Policy
from ctxzip.selection.adaptive.policy_file import as_json
from ctxzip.selection.dedup import Duplicates


def wording(*texts, titles=None, kind="sentence", language="en"):
    """Return the words of passages whose units are the lines of their texts."""
    units = []
    for number, text in enumerate(texts):
        start = 0
        for line in text.splitlines(keepends=True):
            units.append(Unit(number, start, start + len(line.rstrip()), 1, kind))
            start += len(line)
    passages = [Passage(text, title) for text, title in zip(texts, titles or [""] * len(texts), strict=True)]
    return Duplicates(passages, units, [language] * len(texts))


def same(one, other, **options):
    words = wording(one, other, **options)
    return words.key(0) is not None and words.key(0) == words.key(1)


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
def test_the_same_words_set_otherwise_are_the_same(one, other):
    """Punctuation, spaces, "the", a link at the head, and how a letter is composed say nothing."""
    assert same(one, other, titles=["Log", "Log"])


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
    """That is where the evidence is."""
    assert not same(BRIDGE, other, titles=["Log", "Log"])


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
    """What negates is a mark like those that mean nothing."""
    text = "The pump of the lower basin stops at once where {} holds."
    assert not same(text.format(one), text.format(other))


def test_the_same_words_under_another_title_are_about_something_else():
    """Two ships carry as many passengers; that both do may be what is asked."""
    said = "The passenger capacity is 382 passengers, and there are 295 crew members."
    assert not same(said, said, titles=["Silver Whisper", "Silver Shadow"])
    assert same(said, said, titles=["Silver Shadow", "Silver Shadow"])


def test_the_same_words_under_another_heading_are_about_something_else():
    """The fee for adults and that for children."""
    texts = [f"# {who}\nThe fee is five euros for each day and person.\n" for who in ("Adults", "Children", "Adults")]
    result = compress("What is the fee?", texts, scorer="bm25", ratio=1.0)
    assert [bool(text) for text in result.texts] == [True, True, False]


@pytest.mark.parametrize(
    ("before", "behind", "expected"),
    [
        ("Oslo is cold.", "It was closed in 1901 for all who wanted to cross.", False),
        ("Rome is warm.", "It was closed in 1901 for all who wanted to cross.", True),
        ("Oslo is cold.", "Yes, on Sundays.", False),
        ("Rome is warm.", "Yes, on Sundays.", True),
        ("Oslo is cold.", BRIDGE, True),
    ],
)
def test_a_short_or_context_dependent_unit_is_a_duplicate_only_behind_the_same_unit(before, behind, expected):
    """It cannot say alone what it is about."""
    words = wording(f"Rome is warm.\n{behind}", f"{before}\n{behind}")
    assert (words.key(1) == words.key(3)) is expected


@pytest.mark.parametrize(
    "text",
    [
        "# Services\n\n- Ferry\n  - closed on Monday\n- Bridge\n  - closed on Monday\n",
        "The Aurora came in 1990. The passenger capacity is 382. The Borealis came in 1995. The passenger capacity is 382.",
        "The Aurora came. Tickets are sold from seven at the pier. The Borealis came. Tickets are sold from seven at the pier.",
        "Ann\t\t5\tyes\nAnn\t5\t\tyes\n",
    ],
)
def test_what_one_passage_says_twice_is_said_of_two_things(text):
    """Of two ships, of two items of a list, in two columns."""
    result = compress("Which is closed, and when?", [{"title": "Town", "text": text}], scorer="bm25", ratio=1.0)
    assert not any(reason and reason.startswith("twin") for reason in result.selection.dropped_because)


def test_other_languages_are_not_known_to_stand_alone():
    """Which words lean there is not known here."""
    words = [
        wording(f"Rom.\n{text}", f"Oslo.\n{text}", titles=["A", "A"], language="de")
        for text in ("Er wurde im Jahr 1901 in Oslo geboren und starb dort.",)
    ]
    assert words[0].key(1) != words[0].key(3)


def test_code_is_the_same_to_the_letter_and_rules_are_nothing():
    """Punctuation is what code is made of."""
    assert same("x = 1", "x = 1", kind="code")
    assert not same("x = f(1)", "x = f[1]", kind="code")
    assert not same("---", "---", kind="rule")


def test_a_passage_is_about_what_its_title_names_and_else_what_its_text_does():
    """Whole words, whatever their case."""
    words = wording("Ada Holm drew it.", "The red ferry.", "ada holmes.", titles=["", "Ada Holm (engineer)", ""])
    assert words.passages_about("Ada Holm") == {1}
    assert words.passages_about("red Ferry") == {1}
    assert wording("Ada Holm drew it.", "The ferry.").passages_about("ada holm") == {0}
    assert words.passages_about("Brandt") == words.passages_about(" ") == frozenset()


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
def test_what_is_said_twice_is_kept_once_unless_a_threshold_is_meant_of_every_unit(limit, both):
    """The reason names document and offsets of the one that stays."""
    result = compress("When does the ferry leave?", DOCS, scorer="bm25", **limit)
    said = [text.count("leaves at seven") for text in result.texts]
    assert said == ([1, 1] if both else [1, 0])
    if set(limit) - {"threshold"}:
        assert result.selection.dropped_because[2] == "near-duplicate of [0, 0, 52]"


def test_a_promised_recall_keeps_what_is_said_twice(tmp_path):
    """It was calibrated on every unit, so the guarantee stands only with all of them."""
    needs = Needs(np.ones(99))  # every depth: all units are owed
    policy = Policy("", "bm25", "auto", None, "best", {"fact": needs, "time_scoped": needs}, lowest_best=0.0)
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(as_json(policy, np.ones(2))))
    for max_tokens in (None, 50):
        result = compress(
            "When does the ferry leave?", DOCS, scorer="bm25", recall=0.8, policy=str(path), max_tokens=max_tokens
        )
        assert [text.count("leaves at seven") for text in result.texts] == [1, 1]
        assert result.budget.guarantee
        assert result.budget.guarantee.recall == 0.8


def test_a_comparison_gets_a_unit_of_each_side_into_two():
    """Though two sentences of one side score higher."""
    docs = [
        {"title": "Holm Bridge", "text": "Holm Bridge is older than most, and Holm Bridge was built in 1901. The older Holm Bridge was built of wood, and later Holm Bridge was built of stone."},
        {"title": "Brandt Bridge", "text": "It dates from 1880."},
        {"title": "Ferry", "text": "The ferry was built in 1950."},
    ]  # fmt: skip
    result = compress("Which was built earlier, Holm Bridge or Brandt Bridge?", docs, scorer="bm25", max_sentences=2)
    assert [bool(text) for text in result.texts] == [True, True, False]
    assert result.scored.scores.probability[2] < result.scored.scores.probability[:2].min()
