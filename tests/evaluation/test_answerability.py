"""`ctxzip eval --answerable`: off-topic questions, and how well unanswerable ones are recognised."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.datamodels import Passage, Request
from ctxzip.evaluation.answerability import ANSWERED, NEAR_MISS, OFF_TOPIC, off_topic, separations
from ctxzip.evaluation.labelled import Labelled
from ctxzip.selection.adaptive.policy import Answerability
from tests.conftest import ctxzip
from tests.evaluation.labelled_examples import REQUESTS


def question(query, *texts):
    return Labelled(Request(query, tuple(map(Passage, texts))), ((0, 0, 1),), "any")


def test_every_question_of_a_small_set_can_be_off_topic():
    """Its documents are drawn from the other sets only, however large its own set is."""
    questions = [("large", question(f"{i}?", f"text {i}")) for i in range(200)] + [("small", question("a?", "other"))]
    assert len(off_topic(questions, 1.0, random.Random(1))) == 201


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("uvwxyz")), max_size=12), st.integers(0, 99))
def test_off_topic_questions_have_no_document_of_their_own(sets_and_texts, seed):
    """They have those of another set where there is one, and no evidence."""
    questions = [(name, question(f"{name} {text}?", text)) for name, text in sets_and_texts]
    own = {one.request.query: one.request.passages[0].text for _, one in questions}
    found = off_topic(questions, 1.0, random.Random(seed))
    if len(dict(sets_and_texts)) == len(sets_and_texts) == 2 and len({text for _, text in sets_and_texts}) == 2:
        assert len(found) == 2
    for name, one in found:
        text = one.request.passages[0].text
        assert text != own[one.request.query]
        assert one.need == "none"
        if len({other for other, _ in questions}) > 1:
            assert text in {text for other, text in sets_and_texts if other != name}


def test_the_separation_by_hand():
    """Three answered questions, one near miss between them, and two off-topic questions below."""
    rows = [
        (ANSWERED, 0.9), (ANSWERED, 0.8), (ANSWERED, 0.4), (NEAR_MISS, 0.6), (OFF_TOPIC, 0.1), (OFF_TOPIC, 0.2),
    ]  # fmt: skip
    (one,) = separations([("some", kind, Answerability(probability, 0.15)) for kind, probability in rows])
    assert one.n == {ANSWERED: 3, NEAR_MISS: 1, OFF_TOPIC: 2}
    assert one.auc == {NEAR_MISS: pytest.approx(2 / 3), OFF_TOPIC: 1}
    assert one.emptied == {ANSWERED: 0, NEAR_MISS: 0, OFF_TOPIC: 0.5}
    assert one.emptied_at == {ANSWERED: pytest.approx(1 / 3), NEAR_MISS: 0, OFF_TOPIC: 1}


def test_several_sets_are_summed_up():
    """In a last line of all questions."""
    rows = [(name, kind, Answerability(0.5, 0.0)) for name in "ab" for kind in (ANSWERED, OFF_TOPIC)]
    assert [one.set_name for one in separations(rows)] == ["a", "b", "all"]


@pytest.mark.slow
def test_the_table_is_printed(tmp_path):
    """A line for each set, and the same as numbers."""
    run = ctxzip("eval", "--answerable", "--json", tmp_path / "numbers.json", REQUESTS)
    assert run.code == 0
    lines = run.out.decode().splitlines()
    assert lines[2].startswith("requests ")
    assert len({len(line) for line in lines}) == 1
    (numbers,) = json.loads((tmp_path / "numbers.json").read_text())["answerable"]["sets"].values()
    assert numbers["n"][OFF_TOPIC] > 0
    assert numbers["auc"][OFF_TOPIC] > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--compare-budgets"], "one at a time"),
        (["--method", "bm25"], "measured for hybrid and one model"),
        (["--report", "report"], "for methods, not for this measurement"),
    ],
)
def test_options_of_other_measurements_are_refused(options, message, tmp_path):
    """Before any work."""
    run = ctxzip("eval", "--answerable", *options, REQUESTS, cwd=tmp_path)
    assert run.code == 2
    assert message in run.err
    assert not list(tmp_path.iterdir())
