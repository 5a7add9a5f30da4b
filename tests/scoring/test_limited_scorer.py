"""Units that a model does not score: the prefilter leaves them out, or the deadline comes first."""

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
from ctxzip.scoring.hybrid import HybridScorer
from ctxzip.scoring.limited_scorer import LimitedScorer
from ctxzip.scoring.passage_parts import PassagePart, best_parts, input_of_parts, split_parts, whole_passages
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.scoring.prefilter import scoring_input
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


class ConstantScorer:
    """Gives every unit the probability 0.25 and every passage the relevance 0.75, and records the units of each input."""

    name = "constant"
    device = "cpu"
    batch_tokens = 10  # so that one step has forty bytes
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


class TickingClock:
    """A clock that is one second later at each call."""

    def __init__(self):
        self.now = -1.0

    def __call__(self):
        self.now += 1
        return self.now


def scored_by(deadline, request=REQUEST, units=UNITS):
    model = ConstantScorer()
    (scores,) = LimitedScorer(model, TickingClock()).score([ScoringInput(request, units, deadline=deadline)])
    return model.scored, scores


def test_the_best_passages_are_scored_first_until_the_deadline():
    """The clock is read before and after each step; a step that would take too long does not begin."""
    steps = [
        ["The ferry leaves at seven.", "It is red."],
        ["A ferry is a ship."],
        ["Bread is baked.", "It is dear.", "Rain fell."],
    ]
    # The third step has two passages, of under forty bytes together; the second with one of them would have more.
    for deadline, n_steps in ((0.0, 0), (0.5, 1), (3.0, 1), (3.5, 2), (9.0, 3)):
        texts, scores = scored_by(deadline)
        assert texts == steps[:n_steps]
        assert bool(scores.not_scored) == (n_steps < 3)
        assert scores.warnings == ((WARNING,) if n_steps else ())


def test_units_after_the_deadline_have_their_calibrated_bm25_probability():
    """For a unit without a query term that is sigmoid(-3.8); a passage has the relevance of its best unit."""
    _, scores = scored_by(3.5)
    assert scores.not_scored == (DEADLINE, DEADLINE, None, None, None, DEADLINE)
    assert scores.probability.tolist() == pytest.approx([0.0219, 0.0219, 0.25, 0.25, 0.25, 0.0219], abs=1e-4)
    assert scores.relevance.tolist() == pytest.approx([0.0219, 0.75, 0.75, 0.0219], abs=1e-4)


def test_hybrid_adds_bm25_only_to_units_that_the_model_scored():
    """The probability of the other units is from BM25 already."""
    model = LimitedScorer(ConstantScorer(), TickingClock())
    weights = {"model": 1.0, "bm25_rank": 0.0, "sibling_rows": 0.0, "bias": 1.0}
    (scores,) = HybridScorer(model, weights).score([ScoringInput(REQUEST, UNITS, deadline=3.5)])
    assert scores.probability.tolist() == pytest.approx([0.0219, 0.0219, 0.4754, 0.4754, 0.4754, 0.0219], abs=1e-4)
    assert scores.not_scored == (DEADLINE, DEADLINE, None, None, None, DEADLINE)


def test_a_long_passage_is_scored_in_parts_under_a_deadline():
    """A single step would end long after the deadline."""
    text = " ".join(f"The ferry has {n} seats." for n in range(500))
    request = Request("ferry", (Passage(text),))
    for n_tokens in (5, 0):  # the tokenizer that counts makes no difference
        units = [replace(unit, n_tokens=n_tokens) for unit in units_of(text)]
        texts, scores = scored_by(1.5, request, units)
        assert [len(step) for step in texts] == [175]
        assert scores.not_scored.count(DEADLINE) == 500 - 175
        assert scores.relevance.tolist() == [0.75]


def scored_tokens(max_tokens, query=REQUEST.query, evidence=()):
    model = ConstantScorer()
    item = ScoringInput(replace(REQUEST, query=query), UNITS, evidence, max_tokens=max_tokens)
    (scores,) = LimitedScorer(model, TickingClock()).score([item])
    return model.scored, scores


def test_the_prefilter_lets_the_model_score_the_best_parts_together():
    """In document order; the other units rank below all of them, by their BM25 score."""
    texts, scores = scored_tokens(15)
    assert texts == [["The ferry leaves at seven.", "It is red.", "A ferry is a ship."]]
    assert scores.not_scored == (PREFILTER, PREFILTER, None, None, None, PREFILTER)
    texts, scores = scored_tokens(10)
    assert scores.not_scored == (PREFILTER, PREFILTER, None, None, PREFILTER, PREFILTER)
    assert 0 == scores.probability[0] < scores.probability[4] < 1e-6
    assert 0 == scores.relevance[0] < scores.relevance[2] < 1e-6


def test_at_least_one_part_is_scored():
    """However few tokens the prefilter allows."""
    assert scored_tokens(1)[0] == [["The ferry leaves at seven.", "It is red."]]


def test_the_second_pass_scores_the_passages_that_the_evidence_leads_to():
    """They need not share a word with the query."""
    texts, _ = scored_tokens(10, query="ship", evidence=("Rain: rain fell.",))
    assert ["Rain fell."] in [step[-1:] for step in texts]


def test_a_unit_that_one_pass_did_not_score_has_the_probability_of_the_other():
    """Worked by hand: odds of 1/4 and 4 have the mean 1; a unit that the second pass left out has 0.2 less half a logit."""

    def scores(probability, *reasons):
        return Scores(np.array(probability, dtype=np.float32), np.zeros(1, dtype=np.float32), (), reasons)

    first = scores([0.2, 0.2, 0.2, 0.1, 0.1, 0.1], None, None, None, PREFILTER, PREFILTER, DEADLINE)
    second = scores([0.8, 0.9, 0.9, 0.7, 0.9, 0.9], None, PREFILTER, DEADLINE, None, PREFILTER, DEADLINE)
    both = combined(first, second)
    assert both.probability.tolist() == pytest.approx([0.5, 0.1317, 0.2, 0.7, 0.1, 0.1], abs=1e-4)
    assert both.not_scored == (None, None, SECOND_PASS, None, PREFILTER, DEADLINE)
    assert combined(scores([0.2]), scores([0.8])).not_scored == ()


def test_a_second_pass_without_time_changes_nothing():
    """Every unit of the first pass is reported as not scored in the second."""
    first = Scores(np.array([0.2, 0.3], dtype=np.float32), np.zeros(1, dtype=np.float32), (), (None, PREFILTER))
    both = combined(first, replace(first, not_scored=(DEADLINE, PREFILTER)))
    assert both.probability is first.probability
    assert both.not_scored == (SECOND_PASS, PREFILTER)


def test_a_part_that_does_not_fit_is_skipped_for_parts_that_do():
    """One long block of code must not be all that is scored; where nothing fits, the best part is."""
    parts = [PassagePart(0, 0, 1), PassagePart(1, 1, 2), PassagePart(2, 2, 3)]
    bm25 = np.array([0.9, 0.2, 0.5], dtype=np.float32)
    assert best_parts(parts, [900, 10, 20], bm25, 30) == [PassagePart(1, 1, 2), PassagePart(2, 2, 3)]
    assert best_parts(parts, [900, 10, 20], bm25, 5) == [PassagePart(0, 0, 1)]


def test_the_text_of_a_part_is_an_exact_slice_and_a_whole_passage_keeps_its_text():
    """With the white space around its units, which may change the tokens."""
    request = Request("q", (Passage("  One. Two. Three. "), Passage("Four."), Passage("")))
    units = tuple(Unit(p, s, e, 1, "sentence") for p, s, e in ((0, 2, 6), (0, 7, 11), (0, 12, 18), (1, 0, 5)))
    item = ScoringInput(request, units)
    assert whole_passages(item) == [PassagePart(0, 0, 3), PassagePart(1, 3, 4), PassagePart(2, 4, 4)]
    assert input_of_parts(item, whole_passages(item)).request == request
    of_parts = input_of_parts(item, [PassagePart(0, 1, 3), PassagePart(1, 3, 4)])
    texts = [passage.text for passage in of_parts.request.passages]
    assert texts == ["Two. Three.", "Four."]
    assert [texts[unit.passage][unit.start : unit.end] for unit in of_parts.units] == ["Two.", "Three.", "Four."]


def test_parts_are_split_between_units_and_adjacent_ones_are_joined_again():
    """So that the text is cut into as few windows as possible."""
    units = units_of("One. Two. Three. Four.")
    sizes = [unit.n_tokens for unit in units]
    parts = split_parts([PassagePart(0, 0, 4)], sizes, 9)
    assert parts == [PassagePart(0, 0, 1), PassagePart(0, 1, 2), PassagePart(0, 2, 3), PassagePart(0, 3, 4)]
    assert split_parts([PassagePart(0, 0, 4)], sizes, 10) == [PassagePart(0, 0, 2), PassagePart(0, 2, 4)]
    bm25 = np.array([0.1, 0.5, 0.4, 0.2], dtype=np.float32)
    assert best_parts(parts, sizes, bm25, 10) == [PassagePart(0, 1, 3)]


FACT = "Which ferry leaves at seven?"
OTHERS = ("Wann fährt die Fähre von Thornlea ab?", "Which is older, the ferry or the bridge?", "Yes.")


def limits_of(query, n_characters, **settings):
    """Return the limits in tokens and in code points of a request with `n_characters`, five to a token."""
    units = tuple(Unit(0, at, at + 50, 10, "sentence") for at in range(0, n_characters, 50))
    prepared = prepare(replace(REQUEST, query=query), Settings(), load_tokenizer("words"))
    item = scoring_input(replace(prepared, units=units, passage_tokens=n_characters // 5), Settings(**settings))
    return item.max_tokens, item.max_characters


def test_the_automatic_prefilter_limits_nothing_where_bm25_may_miss_evidence():
    """Nor under a policy, which was fitted on scores of all text."""
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
    """So is a prefilter of some tokens together with a guaranteed recall."""
    with pytest.raises(UsageError, match=r"prefilter=|deadline_ms=|cache_size_mb="):
        Settings(**setting).check()


@pytest.fixture(scope="module")
def ferry(labelled):
    """A multi-hop request of the fixtures, which gets a second pass."""
    return next(one for one in labelled if one["id"] == "two-hops-library-architect")


def test_a_deadline_that_is_never_reached_changes_nothing(ferry):
    """Nor does a prefilter that leaves nothing out."""
    request = to_request(ferry, SHAPES)
    expected = Compressor(Settings(ratio=0.2, model="nano")).compress(request)
    limited = Compressor(Settings(ratio=0.2, model="nano", deadline_ms=1e9, prefilter=100_000)).compress(request)
    assert record(limited) == record(expected)


def test_time_counts_from_when_a_record_is_read(labelled):
    """No record is read while another one waits to be scored."""
    together = {"query": labelled[0]["query"], "docs": [doc for one in labelled[:4] for doc in one["docs"]]}
    n_read = 0

    def items():
        nonlocal n_read
        for _ in range(2):
            n_read += 1
            yield to_request(together, SHAPES)

    settings = Settings(model="nano", threads=1, max_sentences=1, deadline_ms=3_500, prefilter="off")
    # A limit on the time of a record would read the clock, too.
    compressor = Compressor(replace(settings, record_timeout=None), clock=TickingClock())
    counts = []
    for result in compressor.stream(items()):
        assert isinstance(result, Result)
        counts.append(result.to_dict()["ctxzip"]["not_scored_by_model"])
        assert n_read == len(counts)
    assert counts[0] == counts[1]
    assert 0 < counts[0]["deadline"]["docs"] < len(together["docs"])


def test_a_deadline_of_0_loses_no_record(ferry):
    """BM25 scores everything; record and stderr state what the deadline and the prefilter left out."""
    options = ("--deadline-ms", "0", "--prefilter", "100", "--max-sentences", "1")
    run = compress(*options, stdin=jsonl(ferry, {"query": "x"}, ferry))
    assert run.code == 1
    assert ["error" in one["ctxzip"] for one in run.records] == [False, True, False]
    own = run.records[0]["ctxzip"]
    late, left_out = own["not_scored_by_model"].values()
    assert list(own["not_scored_by_model"]) == ["deadline", "prefilter"]
    n_units = late["units"] + left_out["units"]
    text = (
        f"deadline: the model did not score {late['units']} of {n_units} units, among them all of {late['docs']} of "
        f"{len(ferry['docs'])} documents: scored by BM25 (--deadline-ms)"
    )
    assert own["warnings"][0] == {"code": "deadline", "text": text}
    assert text in run.err
    (kept,) = [span for document in own["docs"] for span in document["kept"]]
    assert 0.02 < kept[2] < 1


def test_a_scored_record_states_which_units_the_model_did_not_score(ferry):
    """So that `ctxzip select` reports the same as `ctxzip compress`."""
    compressor = Compressor(Settings(ratio=0.9, prefilter=100, model="nano"))
    request = to_request(ferry, SHAPES)
    (scored,) = compressor.scoring.score([request])
    assert isinstance(scored, Scored)
    (result,) = compressor.selector.select_all([to_request(json.loads(scored_record(scored)), SHAPES)])
    assert isinstance(result, Result)
    assert record(result) == record(compressor.compress(request))
    own = result.to_dict()["ctxzip"]
    assert own["not_scored_by_model"]["prefilter"]["docs"] > 0
    assert own["warnings"][0]["code"] == "prefilter"
    assert any(document["kept"] and document["relevance"] == 0 for document in own["docs"])


def test_a_scored_record_with_a_wrong_number_of_reasons_is_a_bad_record(ferry):
    """Somebody changed it."""
    (scored,) = ScoringPipeline(Settings(scorer="bm25")).score([to_request(ferry, SHAPES)])
    assert isinstance(scored, Scored)
    changed = json.loads(scored_record(scored))
    changed["ctxzip"]["scored"]["not_scored_by_model"] = ["deadline"]
    (bad,) = Selector(Settings()).select_all([to_request(changed, SHAPES)])
    assert isinstance(bad, BadRecord)
    assert "1 reasons why units were not scored" in bad.message


def test_a_large_request_of_the_prefilter_study_keeps_the_evidence_on_the_same_words():
    """Every passage is in it once, in a new order."""
    questions = [
        Labelled(Request(f"q{n}", (Passage(f"Answer {n}."), Passage("Rain fell."))), ((0, 7, 8),), "all")
        for n in range(4)
    ]
    for n, question in enumerate(assembled(questions, 4)):
        texts = [passage.text for passage in question.request.passages]
        assert len(texts) == len(set(texts)) == 4
        ((passage, start, end),) = question.evidence
        assert texts[passage][start:end] == str(n)


def test_the_record_of_a_request_that_was_scored_whole_has_no_counts():
    """The key `not_scored_by_model` is left out."""
    result = Compressor(Settings(scorer="bm25", max_sentences=1)).compress(REQUEST)
    assert "not_scored_by_model" not in result.to_dict()["ctxzip"]
