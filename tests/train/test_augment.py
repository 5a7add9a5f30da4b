"""Training questions in other clothes: the labels still lie on what they named."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ctxzip.evaluation.labelled import read_labelled
from ctxzip.training.augment import LAYOUTS, Shares, perturbed
from ctxzip.training.examples import units_of
from tests.conftest import FIXTURES


@pytest.fixture(scope="module")
def english():
    """Our own labelled questions; perturbations are made for English."""
    other = {"german", "french", "spanish", "japanese", "chinese"}
    questions = list(read_labelled(FIXTURES / "requests.jsonl"))
    return [question for question in questions if not any(word in str(question.request.id) for word in other)]


def _words(text):
    return set(text.replace("|", " ").split())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_evidence_stays_evidence_in_every_layout(english, layout):
    """The units that overlap it afterwards hold the words that it had."""
    relaid = 0
    for question in english:
        found = perturbed(question, random.Random(1), Shares(0, 1, 0), (layout,))
        relaid += found.request.passages != question.request.passages
        units = units_of(found.request)
        held = [units[i] for i in found.are_evidence(units).nonzero()[0]]
        after = set().union(
            *(_words(found.request.passages[unit.passage].text[unit.start : unit.end]) for unit in held)
        )
        for passage, start, end in question.evidence:
            assert _words(question.request.passages[passage].text[start:end]) <= after
    assert relaid > 5


def test_a_twin_stands_beside_the_evidence_and_is_none(english):
    """It says the same of something that the question does not name."""
    twinned = 0
    for question in english:
        found = perturbed(question, random.Random(2), Shares(1, 0, 0))
        before = len(units_of(question.request))
        twinned += len(units_of(found.request)) > before
        assert len(found.evidence) >= min(len(question.evidence), 1)
    assert twinned >= 2


def test_a_question_that_asks_for_something_else_has_no_evidence(english):
    """Its passage is the same, and one name in the question another of the passage."""
    (question,) = (one for one in english if one.request.id == "fact-ferry-battery")
    index = question.evidence[0][0]
    alone = replace(
        question,
        request=replace(question.request, passages=(question.request.passages[index],)),
        evidence=((0, *question.evidence[0][1:]),),
    )
    found = perturbed(alone, random.Random(3), Shares(0, 0, 1))
    assert found.request.passages == alone.request.passages
    assert found.request.query != alone.request.query
    assert (found.need, found.evidence) == ("none", ())


def test_most_questions_stay_as_they_are(english):
    """The sets themselves are what is learned first."""
    rng = random.Random(4)
    drawn = [perturbed(question, rng) is question for question in english for _ in range(20)]
    assert 0.5 < sum(drawn) / len(drawn) < 0.9
