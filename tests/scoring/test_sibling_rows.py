"""Rows side by side are told apart by the words of the query that few of them have."""

from __future__ import annotations

import pytest

from ctxzip import compress
from ctxzip.datamodels import Passage, Request, Unit
from ctxzip.scoring.sibling_rows import sibling_match


def match(query, rows, kind="table_row", parents=None):
    """The match of rows that are one passage."""
    text, units = "", []
    for i, row in enumerate(rows):
        units.append(Unit(0, len(text), len(text) + len(row), 5, kind, parents[i] if parents else None))
        text += f"{row}\n"
    return sibling_match(Request(query, (Passage(text),)), units).round(2).tolist()


def test_the_row_with_the_rare_word_matches_best():
    """A word that most rows have tells nothing."""
    assert match("What does the relay cost?", ["Gasket cost 12", "Valve cost 15", "Relay cost 66"]) == [0, 0, 1]


def test_a_row_with_some_of_the_words_matches_in_part():
    """By the weights of the words: here one rare of two."""
    rows = [
        "payment 5521 failed",
        "payment 5521 queued",
        "cart 7 has no currency",
        "cart 8 left",
        "shop left",
        "heap low",
    ]
    assert match("Why did payment 5521 fail?", rows, "line") == [1, 0.55, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("rows", "kind", "parents"),
    [
        (["Relay 66", "Valve 15"], "table_row", None),
        (["Relay 66.", "Valve 15.", "Gasket 12."], "sentence", None),
        (["- relay", "- valve", "- gasket"], "list_item", None),
        (["Relay 66", "Valve 15", "Gasket 12"], "table_row", [None, 0, 1]),
        (["Gauge 66", "Valve 15", "Gasket 12"], "table_row", None),
        (["ANN: Is it the relay?", "BO: It is.", "ANN: Good."], "line", None),
    ],
    ids=["two", "sentences", "items", "other headers", "no word", "turns"],
)
def test_other_units_match_alike(rows, kind, parents):
    """They are not told apart."""
    assert match("What does the relay cost?", rows, kind, parents) == [1] * len(rows)


@pytest.mark.usefixtures("models_read_once")
def test_a_name_in_a_long_table_is_found():
    """The model alone scores all rows alike."""
    names = [
        "Gasket",
        "Valve",
        "Pump",
        "Hose",
        "Clamp",
        "Elbow",
        "Flange",
        "Nipple",
        "Tee",
        "Union",
        "Cap",
        "Relay",
        "Fuse",
    ]
    rows = [f"| AX-{1000 + 37 * i} | {name} | {12 + 3 * i}.50 |" for i, name in enumerate(names)]
    table = "\n".join(["| SKU | Part | Price |", "|---|---|---:|", *rows])
    assert "Relay | 45.50" in compress("What does the relay cost?", [table], max_sentences=2).texts[0]
