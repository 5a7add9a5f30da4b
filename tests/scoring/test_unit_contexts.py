"""The context of a unit: headings, table header, subject, first line."""

from __future__ import annotations

from ctxzip.datamodels import Passage, Request, ScoringInput
from ctxzip.scoring.passage_parts import PassagePart, input_of_parts
from ctxzip.scoring.unit_contexts import unit_contexts
from ctxzip.training.units import units_of

MANUAL = """# Router

## Ports ##

| Port | Use |
|---|---|
| 22 | shell |

Setext
------

Two ports are open.
"""
MAIL = """From: a@example.com
Subject: Heating in room 4

The heating is broken.

From: b@example.com
Subject: Re: Keys

They are here.
"""


def contexts(*passages):
    request = Request("Which port?", passages)
    units = units_of(request)
    texts = [request.passages[unit.passage].text[unit.start : unit.end] for unit in units]
    return dict(zip(texts, unit_contexts(request, units), strict=True))


def test_headings_and_the_table_header_are_the_context():
    """The outermost first, without marks and without the row of dashes; also for a heading itself."""
    found = contexts(Passage(MANUAL, title="Router manual"))
    assert found["| 22 | shell |"] == ("Router:", "Ports:", "| Port | Use |:")
    assert found["## Ports ##"] == ("Router:",)
    assert found["Two ports are open."] == ("Router:", "Setext:")
    assert found["# Router"] == ()


def test_the_subject_line_is_the_context_in_a_mail():
    """The last one above, so that a thread has several."""
    found = contexts(Passage(MAIL, title="Inbox"))
    assert found["The heating is broken."] == ("Subject: Heating in room 4:",)
    assert found["They are here."] == ("Subject: Re: Keys:",)
    assert found["From: a@example.com"] == ()


def test_the_first_line_is_the_context_in_a_passage_without_title():
    """Of its own passage, shortened."""
    long = "The hut " + "far " * 40 + "away has nine beds. Dogs sleep outside."
    found = contexts(
        Passage(long), Passage("The ferry leaves at seven. It is red."), Passage("One. Two.", title="Count")
    )
    assert found["Dogs sleep outside."] == (long[:100].rstrip() + ":",)
    assert found["It is red."] == ("The ferry leaves at seven.:",)
    assert found["Two."] == ()


def test_only_the_innermost_headings_are_the_context():
    """However deep a unit is nested."""
    lines = [f"{' ' * depth}- level {depth} of the list." for depth in range(12)]
    found = contexts(Passage("\n".join(lines), title="Levels"))
    assert found[lines[-1]] == tuple(f"level {depth} of the list.:" for depth in range(3, 11))


def test_a_part_of_a_passage_keeps_the_contexts_of_the_whole():
    """Although its text begins below the headings."""
    request = Request("Which port?", (Passage(MANUAL, title="Router manual"),))
    units = units_of(request)
    item = ScoringInput(request, units)
    part = input_of_parts(item, [PassagePart(0, 3, len(units))])
    assert part.request.passages[0].text.startswith("| 22 | shell |")
    assert part.contexts == unit_contexts(request, units)[3:]
