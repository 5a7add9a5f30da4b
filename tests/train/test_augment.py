"""Data augmentation: the labels stay on the evidence."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ctxzip.evaluation.labelled import read_labelled
from ctxzip.training.augment import LAYOUTS, Shares, augmented
from ctxzip.training.units import units_of
from tests.conftest import FIXTURES


@pytest.fixture(scope="module")
def english():
    """The English fixtures; augmentation is for English only."""
    other = {"german", "french", "spanish", "japanese", "chinese"}
    questions = list(read_labelled(FIXTURES / "requests.jsonl"))
    return [question for question in questions if not any(word in str(question.request.id) for word in other)]


def _words(text):
    return set(text.replace("|", " ").split())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_evidence_stays_evidence_in_every_layout(english, layout):
    """The units that overlap it afterwards contain its words."""
    changed = 0
    for question in english:
        found = augmented(question, random.Random(1), Shares(0, 1, 0), (layout,))
        changed += found.request.passages != question.request.passages
        units = units_of(found.request)
        evidence = [units[i] for i in found.are_evidence(units).nonzero()[0]]
        after = set().union(
            *(_words(found.request.passages[unit.passage].text[unit.start : unit.end]) for unit in evidence)
        )
        for passage, start, end in question.evidence:
            assert _words(question.request.passages[passage].text[start:end]) <= after
    assert changed > 5


def test_a_near_duplicate_of_the_evidence_is_not_evidence(english):
    """It has another name in place of one in the question."""
    changed = 0
    for question in english:
        found = augmented(question, random.Random(2), Shares(1, 0, 0))
        before = len(units_of(question.request))
        changed += len(units_of(found.request)) > before
        assert len(found.evidence) >= min(len(question.evidence), 1)
    assert changed >= 2


def test_a_question_that_is_made_unanswerable_has_no_evidence(english):
    """Its passage is the same, and one name in the question is replaced by another of the passage."""
    (question,) = (one for one in english if one.request.id == "fact-ferry-battery")
    index = question.evidence[0][0]
    alone = replace(
        question,
        request=replace(question.request, passages=(question.request.passages[index],)),
        evidence=((0, *question.evidence[0][1:]),),
    )
    found = augmented(alone, random.Random(3), Shares(0, 0, 1))
    assert found.request.passages == alone.request.passages
    assert found.request.query != alone.request.query
    assert (found.need, found.evidence) == ("none", ())


def test_most_questions_are_not_changed(english):
    """With the default shares."""
    rng = random.Random(4)
    drawn = [augmented(question, rng) is question for question in english for _ in range(20)]
    assert 0.5 < sum(drawn) / len(drawn) < 0.9
