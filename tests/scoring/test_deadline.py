"""What a model does not score of a request: left out by the prefilter, or not reached before the deadline."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ctxzip import Compressor, Settings
from ctxzip.compressor import Selector
from ctxzip.datamodels import (
    DEADLINE,
    PREFILTER,
    SECOND_PASS,
    Passage,
    RecordWarning,
    Request,
    Scored,
    Scores,
    ScoringInput,
    Unit,
)
from ctxzip.errors import UsageError
from ctxzip.evaluation.labelled import Labelled
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import BadRecord
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.record import record
from ctxzip.rendering.result import Result
from ctxzip.rendering.scored import scored_record
from ctxzip.scoring.deadline import PartialScorer
from ctxzip.scoring.hybrid import HybridScorer
from ctxzip.scoring.not_scored import scoring_input
from ctxzip.scoring.parts import Part, input_of, passages
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.scoring.prefilter import best_of, cut
from ctxzip.scoring.preparation import prepare
from ctxzip.scoring.second_pass import combined
from ctxzip.tokens import load_tokenizer
from tests.benchmarks.prefilter_study import assembled
from tests.conftest import compress, jsonl

TEXTS = ("Bread is baked. It is dear.", "The ferry leaves at seven. It is red.", "A ferry is a ship.", "Rain fell.")
REQUEST = Request("Which ferry leaves at seven?", tuple(map(Passage, TEXTS)))


def units_of(*texts):
    units = []
    for index, text in enumerate(texts):
        start = 0
        while start < len(text):
            end = text.index(".", start) + 1
            units.append(Unit(index, start, end, 5, "sentence"))
            start = end + 1
    return tuple(units)


UNITS = units_of(*TEXTS)


WARNING = RecordWarning("query_truncated", "scored")


class Reader:
    """A model by which every unit has the probability 0.25, and every passage the relevance 0.75."""

    name = "reader"
    device = "cpu"
    batch_tokens = 10  # forty bytes are scored in one step
    has_second_pass = True
    warning: str | None = None

    def __init__(self):
        self.scored: list[list[str]] = []

    def score(self, batch):
        self.scored += [
            [item.request.passages[unit.passage].text[unit.start : unit.end] for unit in item.units] for item in batch
        ]
        return [
            Scores(
                np.full(len(item.units), 0.25, np.float32),
                np.full(len(item.request.passages), 0.75, np.float32),
                (WARNING,),
            )
            for item in batch
        ]

    def close(self):
        """Nothing to free."""


class Ticking:
    """A clock that is one second later whenever somebody looks."""

    def __init__(self):
        self.now = -1.0

    def __call__(self):
        self.now += 1
        return self.now


def scored_by(deadline, request=REQUEST, units=UNITS):
    reader = Reader()
    (scores,) = PartialScorer(reader, Ticking()).score([ScoringInput(request, units, deadline=deadline)])
    return reader.scored, scores


def test_the_best_passages_are_scored_first_until_the_deadline():
    """Looks at the clock: before a step and behind it; none begins that the last one shows to be too long."""
    steps = [
        ["The ferry leaves at seven.", "It is red."],
        ["A ferry is a ship."],
        ["Bread is baked.", "It is dear.", "Rain fell."],
    ]
    # The third step holds two passages: forty bytes at once, which ten tokens take, and the second and the next would be more.
    for deadline, n_steps in ((0.0, 0), (0.5, 1), (3.0, 1), (3.5, 2), (9.0, 3)):
        texts, scores = scored_by(deadline)
        assert texts == steps[:n_steps]
        assert bool(scores.not_scored) == (n_steps < 3)
        assert scores.warnings == ((WARNING,) if n_steps else ())


def test_units_after_the_deadline_have_their_calibrated_bm25_probability():
    """A unit without a word of the question: sigmoid(-3.8); the relevance of its passage is that of its best unit."""
    _, scores = scored_by(3.5)
    assert scores.not_scored == (DEADLINE, DEADLINE, None, None, None, DEADLINE)
    assert scores.probability.tolist() == pytest.approx([0.0219, 0.0219, 0.25, 0.25, 0.25, 0.0219], abs=1e-4)
    assert scores.relevance.tolist() == pytest.approx([0.0219, 0.75, 0.75, 0.0219], abs=1e-4)


def test_hybrid_adds_bm25_only_to_units_that_the_model_scored():
    """BM25 is added to what the model read, and not twice to what it did not."""
    reader = PartialScorer(Reader(), Ticking())
    weights = {"model": 1.0, "bm25_rank": 0.0, "bias": 1.0}
    (scores,) = HybridScorer(reader, weights).score([ScoringInput(REQUEST, UNITS, deadline=3.5)])
    assert scores.probability.tolist() == pytest.approx([0.0219, 0.0219, 0.4754, 0.4754, 0.4754, 0.0219], abs=1e-4)
    assert scores.not_scored == (DEADLINE, DEADLINE, None, None, None, DEADLINE)


def test_a_long_passage_is_scored_in_parts_under_a_deadline():
    """It would be late by all of it."""
    text = " ".join(f"The ferry has {n} seats." for n in range(500))
    request = Request("ferry", (Passage(text),))
    for n_tokens in (5, 0):  # what counts tokens has no say in it
        units = [replace(unit, n_tokens=n_tokens) for unit in units_of(text)]
        texts, scores = scored_by(1.5, request, units)
        assert [len(step) for step in texts] == [175]
        assert scores.not_scored.count(DEADLINE) == 500 - 175
        assert scores.relevance.tolist() == [0.75]


def scored_tokens(max_tokens, query=REQUEST.query, evidence=()):
    reader = Reader()
    item = ScoringInput(replace(REQUEST, query=query), UNITS, evidence, max_tokens=max_tokens)
    (scores,) = PartialScorer(reader, Ticking()).score([item])
    return reader.scored, scores


def test_the_prefilter_lets_the_model_score_the_best_parts_together():
    """In the order of the documents; what is dropped ranks below all else, by its share of bm25."""
    texts, scores = scored_tokens(15)
    assert texts == [["The ferry leaves at seven.", "It is red.", "A ferry is a ship."]]
    assert scores.not_scored == (PREFILTER, PREFILTER, None, None, None, PREFILTER)
    texts, scores = scored_tokens(10)
    assert scores.not_scored == (PREFILTER, PREFILTER, None, None, PREFILTER, PREFILTER)
    assert 0 == scores.probability[0] < scores.probability[4] < 1e-6
    assert 0 == scores.relevance[0] < scores.relevance[2] < 1e-6


def test_one_part_at_least_is_scored():
    """However few tokens are allowed."""
    assert scored_tokens(1)[0] == [["The ferry leaves at seven.", "It is red."]]


def test_the_second_pass_scores_what_the_evidence_leads_to():
    """A passage of the second step need not have a word of the question."""
    texts, _ = scored_tokens(10, query="ship", evidence=("Rain: rain fell.",))
    assert ["Rain fell."] in [step[-1:] for step in texts]


def test_a_unit_that_one_pass_did_not_score_has_the_probability_of_the_other():
    """Worked by hand: (1/4 and 4) have the mean odds 1; what the second could not lead to has half a logit less than 0.2."""

    def scores(probability, *unread):
        return Scores(np.array(probability, dtype=np.float32), np.zeros(1, dtype=np.float32), (), unread)

    first = scores([0.2, 0.2, 0.2, 0.1, 0.1, 0.1], None, None, None, PREFILTER, PREFILTER, DEADLINE)
    second = scores([0.8, 0.9, 0.9, 0.7, 0.9, 0.9], None, PREFILTER, DEADLINE, None, PREFILTER, DEADLINE)
    both = combined(first, second)
    assert both.probability.tolist() == pytest.approx([0.5, 0.1317, 0.2, 0.7, 0.1, 0.1], abs=1e-4)
    assert both.not_scored == (None, None, SECOND_PASS, None, PREFILTER, DEADLINE)
    assert combined(scores([0.2]), scores([0.8])).not_scored == ()


def test_a_second_pass_without_time_changes_nothing():
    """And every unit is reported."""
    first = Scores(np.array([0.2, 0.3], dtype=np.float32), np.zeros(1, dtype=np.float32), (), (None, PREFILTER))
    both = combined(first, replace(first, not_scored=(DEADLINE, PREFILTER)))
    assert both.probability is first.probability
    assert both.not_scored == (SECOND_PASS, PREFILTER)


def test_a_part_that_does_not_fit_makes_room_for_those_that_do():
    """One block of code must not be all that is read; where nothing fits, the best is."""
    parts = [Part(0, 0, 1), Part(1, 1, 2), Part(2, 2, 3)]
    share = np.array([0.9, 0.2, 0.5], dtype=np.float32)
    assert best_of(parts, [900, 10, 20], share, 30) == [Part(1, 1, 2), Part(2, 2, 3)]
    assert best_of(parts, [900, 10, 20], share, 5) == [Part(0, 0, 1)]


def test_a_part_is_an_exact_slice_and_a_whole_passage_is_left_as_it_is():
    """White space around it too, which the model may have read."""
    request = Request("q", (Passage("  One. Two. Three. "), Passage("Four."), Passage("")))
    units = tuple(Unit(p, s, e, 1, "sentence") for p, s, e in ((0, 2, 6), (0, 7, 11), (0, 12, 18), (1, 0, 5)))
    item = ScoringInput(request, units)
    assert passages(item) == [Part(0, 0, 3), Part(1, 3, 4), Part(2, 4, 4)]
    assert input_of(item, passages(item)).request == request
    of_parts = input_of(item, [Part(0, 1, 3), Part(1, 3, 4)])
    part, own = of_parts.request, of_parts.units
    assert [passage.text for passage in part.passages] == ["Two. Three.", "Four."]
    assert [part.passages[unit.passage].text[unit.start : unit.end] for unit in own] == ["Two.", "Three.", "Four."]


def test_parts_are_cut_between_units_and_neighbours_are_joined_again():
    """So that a window is cut no oftener than it must."""
    units = units_of("One. Two. Three. Four.")
    sizes = [unit.n_tokens for unit in units]
    parts = cut([Part(0, 0, 4)], sizes, 9)
    assert parts == [Part(0, 0, 1), Part(0, 1, 2), Part(0, 2, 3), Part(0, 3, 4)]
    assert cut([Part(0, 0, 4)], sizes, 10) == [Part(0, 0, 2), Part(0, 2, 4)]
    share = np.array([0.1, 0.5, 0.4, 0.2], dtype=np.float32)
    assert best_of(parts, sizes, share, 10) == [Part(0, 1, 3)]


FACT = "Which ferry leaves at seven?"
OTHERS = ("Wann fährt die Fähre von Thornlea ab?", "Which is older, the ferry or the bridge?", "Yes.")


def limits_of(query, n_characters, **settings):
    """Return the limits in tokens and code points that a request of so many code points has, five of them a token."""
    units = tuple(Unit(0, at, at + 50, 10, "sentence") for at in range(0, n_characters, 50))
    prepared = prepare(replace(REQUEST, query=query), Settings(), load_tokenizer("words"))
    found = scoring_input(replace(prepared, units=units, passage_tokens=n_characters // 5), Settings(**settings))
    return found.max_tokens, found.max_characters


def test_auto_scores_all_of_what_the_prefilter_was_not_fitted_on():
    """A policy was fitted on all of the text; what needs two steps or another language shares no words with it."""
    assert limits_of(FACT, 7_500) == limits_of(FACT, 44_950) == (None, None)
    assert limits_of(FACT, 225_000) == (None, 90_000)
    assert limits_of(FACT, 225_000, prefilter="off") == (None, None)
    assert limits_of(FACT, 225_000, recall=0.9) == (None, None)
    assert limits_of(FACT, 225_000, policy="policy.json") == (None, None)
    for query in OTHERS:
        assert limits_of(query, 225_000) == (None, None)
        assert limits_of(query, 225_000, prefilter=300) == (300, None)
    assert limits_of(FACT, 1_000, prefilter=300) == (None, None)


@pytest.mark.parametrize(
    "setting",
    [
        {"prefilter": "some"},
        {"prefilter": 0},
        {"deadline_ms": -1},
        {"cache_size_mb": 0},
        {"cache_size_mb": float("inf")},
        {"prefilter": 9, "recall": 0.9},
    ],
    ids=str,
)
def test_a_setting_out_of_its_range_is_a_usage_error(setting):
    """So is a number of tokens beside a promise."""
    with pytest.raises(UsageError, match=r"prefilter=|deadline_ms=|cache_size_mb="):
        Settings(**setting).check()


@pytest.fixture(scope="module")
def ferry(labelled):
    """A request of the fixtures that is looked at twice."""
    return next(one for one in labelled if one["id"] == "two-hops-library-architect")


def test_a_deadline_that_is_never_reached_changes_nothing(ferry):
    """Nor does a prefilter that drops nothing."""
    request = to_request(ferry, SHAPES)
    expected = Compressor(Settings(ratio=0.2, model="nano")).compress(request)
    limited = Compressor(Settings(ratio=0.2, model="nano", deadline_ms=1e9, prefilter=100_000)).compress(request)
    assert record(limited) == record(expected)


def test_time_counts_from_when_a_record_is_read(labelled):
    """By the clock that is passed in; none is read while another one waits to be scored."""
    together = {"query": labelled[0]["query"], "docs": [doc for one in labelled[:4] for doc in one["docs"]]}
    n_read = 0

    def items():
        nonlocal n_read
        for _ in range(2):
            n_read += 1
            yield to_request(together, SHAPES)

    compressor = Compressor(
        Settings(model="nano", threads=1, max_sentences=1, deadline_ms=3_500, prefilter="off"), clock=Ticking()
    )
    found = []
    for result in compressor.stream(items()):
        assert isinstance(result, Result)
        found.append(json.loads(record(result))["ctxzip"]["not_scored_by_model"])
        assert n_read == len(found)
    assert found[0] == found[1]
    assert 0 < found[0]["deadline"]["docs"] < len(together["docs"])


def test_a_deadline_of_nothing_loses_no_record(ferry):
    """All is scored by bm25, and the record and stderr say so, as they do what the prefilter dropped."""
    options = ("--deadline-ms", "0", "--prefilter", "100", "--max-sentences", "1")
    run = compress(*options, stdin=jsonl(ferry, {"query": "x"}, ferry))
    assert run.code == 1
    assert ["error" in one["ctxzip"] for one in run.records] == [False, True, False]
    about = run.records[0]["ctxzip"]
    late, dropped = about["not_scored_by_model"].values()
    assert list(about["not_scored_by_model"]) == ["deadline", "prefilter"]
    n_units = late["units"] + dropped["units"]
    text = (
        f"deadline: the model did not score {late['units']} of {n_units} units, among them all of {late['docs']} of "
        f"{len(ferry['docs'])} documents: scored by BM25 (--deadline-ms)"
    )
    assert about["warnings"][0] == {"code": "deadline", "text": text}
    assert text in run.err
    (kept,) = [span for document in about["docs"] for span in document["kept"]]
    assert 0.02 < kept[2] < 1


def test_a_scored_record_states_what_the_model_did_not_score(ferry):
    """A scored record says it, as `ctxzip score` writes it for `ctxzip select`."""
    compressor = Compressor(Settings(ratio=0.9, prefilter=100, model="nano"))
    request = to_request(ferry, SHAPES)
    (scored,) = compressor.scoring.score([request])
    assert isinstance(scored, Scored)
    (result,) = compressor.selector.select_all([to_request(json.loads(scored_record(scored)), SHAPES)])
    assert isinstance(result, Result)
    assert record(result) == record(compressor.compress(request))
    about = json.loads(record(result))["ctxzip"]
    assert about["not_scored_by_model"]["prefilter"]["docs"] > 0
    assert about["warnings"][0]["code"] == "prefilter"
    assert any(document["kept"] and document["relevance"] == 0 for document in about["docs"])


def test_reasons_that_are_none_are_no_scores(ferry):
    """A record that somebody changed is a bad record."""
    (scored,) = ScoringPipeline(Settings(scorer="bm25")).score([to_request(ferry, SHAPES)])
    assert isinstance(scored, Scored)
    changed = json.loads(scored_record(scored))
    changed["ctxzip"]["scored"]["not_scored_by_model"] = ["deadline"]
    (bad,) = Selector(Settings()).select_all([to_request(changed, SHAPES)])
    assert isinstance(bad, BadRecord)
    assert "1 reasons why units were not scored" in bad.message


def test_a_large_request_keeps_the_evidence_where_it_was():
    """Every passage once, in an order of its own, and the spans on the same words."""
    asked = [
        Labelled(Request(f"q{n}", (Passage(f"Answer {n}."), Passage("Rain fell."))), ((0, 7, 8),), "all")
        for n in range(4)
    ]
    for n, question in enumerate(assembled(asked, 4)):
        texts = [passage.text for passage in question.request.passages]
        assert len(texts) == len(set(texts)) == 4
        ((passage, start, end),) = question.evidence
        assert texts[passage][start:end] == str(n)


def test_the_record_of_a_request_that_was_read_whole_has_no_word_about_it():
    """As before."""
    result = Compressor(Settings(scorer="bm25", max_sentences=1)).compress(REQUEST)
    assert "unread" not in json.loads(record(result))["ctxzip"]
