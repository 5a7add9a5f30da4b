"""`python -m tests.cases`: which cases are ok, and the causes of lost needles."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.cases import judging
from tests.cases.__main__ import main
from tests.cases.judging import BUDGETS, Case, judge, read_cases

OWN = Path(__file__).with_name("own.jsonl")
FERRY = {
    "case": "ferry",
    "record": {
        "query": "When does the ferry leave?",
        "docs": ["Bread is baked here. The ferry leaves at seven. The church has a red roof. Nobody sells apples."],
    },
    "needles": ["The ferry leaves at seven."],
}
NOBODY = {
    "case": "nobody",
    "record": {"query": "Who won the chess championship?", "docs": ["Bread is baked here. The church has a red roof."]},
    "needles": [],
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in (FERRY, NOBODY)), "utf-8")
    return path


def outcome(case: Case, budget: str = "-n 2") -> judging.Outcome:
    return next(judge([case], BUDGETS[budget]))


def of(text: str, *needles: str, query: str = "When does the ferry leave?") -> Case:
    return Case("one", {"query": query, "docs": [text]}, needles)


def test_a_line_for_each_case_and_a_summary_for_each_budget(path, capsys):
    assert main([str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["ferry", "nobody"]
    assert lines[0].split()[1:4] == ["default", "ok", "27%"]
    assert not lines[2]
    assert [line.split("  ")[0] for line in lines[3:]] == list(BUDGETS)
    assert all(line.partition("needles kept: ")[2].split(" ")[2] == "2" for line in lines[3:])


def test_one_case_is_shown_with_its_units(path, capsys):
    """A star marks the unit with the needle."""
    assert main([str(path), "--show", "ferry", "--budget", "-r 0.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("== ferry -r 0.2: ok")
    assert sum(line.startswith("*") for line in lines) == 1
    assert next(line for line in lines if line.startswith("* keep")).endswith("'The ferry leaves at seven.'")
    assert main([str(path), "--show", "nowhere"]) == 2
    assert "no such case: nowhere" in capsys.readouterr().err


def test_causes_are_grouped(path, capsys):
    """A case without needles fails if no warning reports that nothing answers the question."""
    assert main([str(path), "--why", "--budget", "-r 0.2"]) == 0
    out = capsys.readouterr().out
    assert "ferry" not in out
    assert not outcome(read_cases(path)[0], "-r 0.2").causes


def test_kinds_are_counted(tmp_path, capsys):
    """The kind is the part of a name before the slash."""
    path = tmp_path / "kinds.jsonl"
    path.write_text("".join(json.dumps({**FERRY, "case": name}) + "\n" for name in ("a/1", "a/2", "b/1")), "utf-8")
    assert main([str(path), "--kinds", "--budget", "-n 2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:6] for line in lines[:2]] == [
        ["a", "-n", "2", "2", "of", "2"],
        ["b", "-n", "2", "1", "of", "1"],
    ]


@pytest.mark.parametrize(
    ("case", "budget", "cause"),
    [
        (of("Bread is baked. The ferry is red.", "baked. The ferry is red", query="bread"), "-r 0.2", judging.SPLIT),
        (of("The ferry leaves at seven. Bread is baked.", "Bread is baked."), "-r 0.2", judging.NOT_BEST),
        (of("The ferry leaves at seven.", "at eight"), "-n 2", judging.NOT_IN_TEXT),
        (
            of("The ferry leaves at eight. The ferry leaves at seven.", "at eight", "at seven"),
            "-r 0.2",
            judging.BUDGET_RULE,
        ),
        (Case("one", {"query": "x", "docs": 3}, ("x",)), "default", judging.NOT_READ),
    ],
)
def test_a_loss_has_a_cause(case, budget, cause):
    found = outcome(case, budget)
    assert not found.ok
    assert found.causes[0].kind == cause


def test_a_case_with_needles_in_three_lines_is_not_counted_with_two_units():
    """It is counted with the other budgets."""
    case = of("1. Open it.\n2. Pull it.\n3. Shut it.", "Open", "Pull", "Shut")
    assert not outcome(case).counts
    assert outcome(case).word.startswith("(")
    assert outcome(case, "default").counts
    assert outcome(of("Open it. Pull it. Shut it.", "Open", "Pull", "Shut")).counts


def test_our_own_cases_can_be_judged():
    """Names are unique, and every needle occurs in its record."""
    cases = read_cases(OWN)
    assert len(cases) >= 80
    assert Counter(case.name for case in cases).most_common(1)[0][1] == 1
    for case in cases:
        strings = list(judging.strings(case.record))
        for needle in case.needles:
            assert any(needle in text for text in strings), (case.name, needle)
