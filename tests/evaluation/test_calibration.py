"""Fitting a policy on labelled questions, and `ctxzip calibrate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ctxzip.datamodels import Passage, Request
from ctxzip.evaluation.budget_comparison import compare
from ctxzip.evaluation.calibration import held_out
from ctxzip.evaluation.labelled import Labelled
from ctxzip.evaluation.methods import LeadScorer
from ctxzip.evaluation.questions import read_questions
from ctxzip.evaluation.ranking import Ranked, needed_depth, rank_question
from ctxzip.reading.origin import Origin
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.selection.adaptive.depth import depths
from ctxzip.selection.adaptive.features import RANK_FEATURES
from ctxzip.selection.adaptive.policy_file import load_policy
from ctxzip.settings import Settings
from tests.conftest import FIXTURES, compress, ctxzip, jsonl
from tests.strategies import ranking_with, stump

REQUESTS = FIXTURES / "requests.jsonl"


def ranked_by_lead(text, evidence, need):
    """Return the ranking of one passage from top to bottom."""
    request = Request(query="Which?", passages=(Passage(text),), origin=Origin(place="here"))
    labelled = Labelled(
        request, tuple((0, text.index(words), text.index(words) + len(words)) for words in evidence), need
    )
    scored = ScoringPipeline(Settings(tokenizer="words"), scorer=LeadScorer()).score_one(request)
    found = rank_question("set", labelled, scored)
    assert found is not None
    return found


TEXT = "# Hut\n\nThe hut opened. It has beds.\n\n# Bridge\n\nThe bridge closed."


@pytest.mark.parametrize(
    ("evidence", "need", "last"),
    [
        (["opened"], "any", 0),
        (["beds"], "any", 1),
        (["bridge closed"], "any", 2),
        (["beds", "bridge closed"], "any", 1),
        (["beds", "bridge closed"], "all", 2),
        (["opened. It has"], "all", 0),
        (["Bridge"], "any", 2),
        (["Hut"], "any", 0),
    ],
)
def test_the_rank_of_the_evidence(evidence, need, last):
    """Any span or all of them, and any unit of a span; a heading has the rank of the first unit under it."""
    assert ranked_by_lead(TEXT, evidence, need).last_needed == last


def test_evidence_between_units_is_never_kept():
    """No depth covers such a question."""
    found = ranked_by_lead("One is here.  \n\n  Two is there.", ["\n\n"], "any")
    assert found.last_needed is None
    assert needed_depth(found, np.array([0.0, 0.5])) == np.inf


def test_words_kept_are_counted_with_their_headings():
    """Of 13 words: the first sentence with its heading, the second alone, the third with its heading."""
    found = ranked_by_lead(TEXT, ["opened"], "any")
    assert found.kept_fraction * 13 == pytest.approx([5, 8, 13])


def test_the_best_unit_needs_no_depth():
    """It is kept at every depth, whatever its depth is by a definition."""
    one = Ranked("set", ranking_with([0.6, 0.4]), np.array([0.3, 1.0]), 0)
    assert needed_depth(one, np.array([0.4, 0.6])) == 0
    assert needed_depth(Ranked("set", one.ranking, one.kept_fraction, 1), np.array([0.4, 0.6])) == 0.6


def simulated(n_questions, rng):
    """Return questions of two kinds, whose last needed rank is drawn from the probabilities."""
    questions = []
    for i in range(n_questions):
        probability = np.sort(rng.beta(0.3, 2.0, 12).astype(np.float32))[::-1]
        last = int(rng.choice(12, p=probability / probability.sum())) if rng.random() < 0.99 else None
        kept = np.cumsum(rng.dirichlet(np.ones(12)))
        questions.append(Ranked(f"set{i % 2}", ranking_with(probability, kind="fact" if i % 3 else "list"), kept, last))
    return questions


def test_held_out_halves_are_covered_as_guaranteed():
    """Over all questions and for each kind; a higher recall keeps more words."""
    questions = simulated(600, np.random.default_rng(3))
    kept = []
    for recall in (0.8, 0.9):
        found = held_out(questions, "mass", recall)
        assert found is not None
        assert {kind: one.n for kind, one in found.items()} == {"all": 600, "fact": 400, "list": 200}
        # The halves are exchangeable: only sampling error remains.
        assert all(recall - 0.01 <= one.coverage <= recall + 0.02 for one in found.values())
        kept.append(found["all"].kept_fraction)
    assert kept[0] < kept[1] < 1
    assert held_out(questions[:30], "mass", 0.95) is None


def test_a_comparison_by_hand():
    """Two questions: evidence in the second and in the first of three units."""
    one = ranking_with([0.5, 0.3, 0.2])
    questions = [Ranked("a", one, np.array([0.1, 0.4, 1.0]), 1), Ranked("b", one, np.array([0.3, 0.5, 1.0]), 0)]
    found, savings = compare(questions, (0.5, 0.9))
    costs = {cost.name: cost for cost in found}
    assert costs["fixed ratio"].kept_fraction == pytest.approx((0.2, (0.4 + 0.3) / 2))
    assert costs["fixed number"].kept_fraction == pytest.approx((0.2, (0.4 + 0.5) / 2))
    assert costs["mass"].kept_fraction == pytest.approx((0.2, (0.4 + 0.5) / 2))
    assert costs["fixed number"].by_set[0] == {"a": (0.0, 0.1), "b": (1.0, 0.3)}
    assert not savings
    nowhere = [*questions, Ranked("a", one, np.array([0.1, 0.4, 1.0]), None)]
    assert {cost.kept_fraction[1] for cost in compare(nowhere, (0.5, 0.9))[0]} == {None}


def test_a_saving_has_an_interval_around_it():
    """A forest without information cuts by the mass of the scores; both are compared at the same recall."""
    questions = simulated(200, np.random.default_rng(5))
    costs, savings = compare(questions, (0.8,), stump(RANK_FEATURES))
    kept = {cost.name: cost.kept_fraction[0] or 0.0 for cost in costs}
    assert [saving.than for saving in savings] == ["fixed ratio", "fixed number", "fixed threshold"]
    for saving in savings:
        assert saving.share == pytest.approx(kept["reach"] / kept[saving.than])
        assert 0 < saving.low <= saving.share <= saving.high


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A policy from the fixtures, and the run that wrote it."""
    path = tmp_path_factory.mktemp("policy") / "policy.json"
    return path, ctxzip("calibrate", REQUESTS, "--scorer", "bm25", "--recall", "0.8", "--recall", "0.9", "-o", path)


def test_calibrate_writes_a_policy_and_prints_a_table(calibrated):
    """A line for each kind and one for all; the file records its data."""
    path, run = calibrated
    assert (run.code, run.err) == (0, "")
    lines = run.out.decode().splitlines()
    assert lines[1].split() == ["kind", "n", "recall", "0.8", "kept", "recall", "0.9", "kept"]
    assert lines[-1].split()[:2] == ["all", "19"]
    assert len({len(line) for line in lines[1:]}) == 1
    content = json.loads(path.read_text())
    assert content["data"] == {"files": {"requests.jsonl": 19}, "questions": 19, "labelled_by_answers_only": 0}
    assert content["model_sha256"] is None
    assert content["held_out"]["0.9"]["all"]["coverage"] >= 0.85
    assert load_policy(path).conformal_depth("fact", 0.95).n == 19


def test_a_calibrated_recall_covers_its_own_questions(calibrated):
    """Needed depths are rounded up, so the command line keeps the evidence."""
    path, _ = calibrated
    run = compress("--scorer", "bm25", "--recall", "0.9", "--policy", path, REQUESTS)
    assert run.code == 0, run.err
    (labelled,), _ = read_questions([REQUESTS])
    covered = []
    for question, record in zip(labelled.questions, run.records, strict=True):
        assert record["ctxzip"]["budget"]["guarantee"] == {
            "recall": 0.9,
            "alpha": 0.1,
            "n": 19,
            "kind": "all",
            "policy": str(path),
            "model_sha256": None,
        }
        spans = [[(start, end) for start, end, _ in doc["kept"]] for doc in record["ctxzip"]["docs"]]
        covered += [
            (all if question.need == "all" else any)(
                any(start < b and a < end for start, end in spans[passage]) for passage, a, b in question.evidence
            )
        ] * (question.need != "none")
    assert np.mean(covered) >= 0.9


def test_too_few_questions_are_refused_before_any_is_scored(tmp_path):
    """The message has the number that is needed; nothing is written."""
    run = ctxzip("calibrate", REQUESTS, "--scorer", "bm25", "--recall", "0.99", "-o", tmp_path / "p.json")
    assert run.code == 2
    assert "--recall 0.99: needs at least 99 answerable questions, and there are 19" in run.err
    assert not (tmp_path / "p.json").exists()


def test_a_recall_that_cannot_be_guaranteed_is_refused_and_not_written(tmp_path):
    """No depth keeps evidence that no unit overlaps."""
    good = {
        "query": "When does it leave?",
        "kind": "fact",
        "docs": [{"text": "It leaves at seven.", "evidence": [[0, 19]]}],
    }
    bad = good | {"docs": [{"text": "It leaves.   It is red.", "evidence": [[10, 13]]}]}
    (tmp_path / "some.jsonl").write_text(jsonl(*[good] * 19, bad))
    call = ("calibrate", "some.jsonl", "--scorer", "bm25", "-o", "p.json")
    run = ctxzip(*call, "--recall", "0.95", cwd=tmp_path)
    assert run.code == 2
    assert "the evidence of 1 of the 20 questions in the policy is in no unit" in run.err
    assert not (tmp_path / "p.json").exists()
    assert ctxzip(*call, "--recall", "0.9", "--splitter", "spacy:en", cwd=tmp_path).code == 0
    guaranteed = ("compress", "--scorer", "bm25", "--recall", "0.9", "--policy", "p.json", "--splitter", "spacy:en")
    (record,) = ctxzip(*guaranteed, stdin=jsonl(good), cwd=tmp_path).records
    assert record["ctxzip"]["budget"]["guarantee"]["n"] == 20


def test_documents_of_white_space_cannot_be_calibrated_on(tmp_path):
    """The error is one line."""
    blank = {"query": "When does it leave?", "docs": [{"text": "   ", "evidence": [[0, 2]]}]}
    (tmp_path / "blank.jsonl").write_text(jsonl(*[blank] * 30))
    for call in (("calibrate", "-o", "p.json"), ("eval", "--compare-budgets")):
        run = ctxzip(*call, "blank.jsonl", cwd=tmp_path)
        assert run.code == 1
        assert "no text in any document in blank.jsonl" in run.err


def test_a_policy_beside_a_fixed_limit_is_a_usage_error(calibrated):
    """It would have no effect."""
    path, _ = calibrated
    run = compress("--scorer", "bm25", "--ratio", "0.3", "--policy", path, REQUESTS)
    assert run.code == 2
    assert "no policy decides under these limits" in run.err


def test_a_policy_of_another_scorer_is_an_error(calibrated):
    """And so is one that cannot guarantee the recall."""
    path, _ = calibrated
    run = compress("--recall", "0.9", "--policy", path, "--threads", "1", REQUESTS)
    assert run.code == 2
    assert "calibrated for the scorer bm25, not" in run.err
    run = compress("--scorer", "bm25", "--recall", "0.99", "--policy", path, REQUESTS)
    assert run.code == 2
    assert "needs at least 99 labelled questions" in run.err
    assert run.out == b""


@pytest.mark.slow
def test_a_comparison_of_budgets_is_printed(tmp_path):
    """A line for fixed limits and one for every definition of depth, and the same as numbers."""
    run = ctxzip("eval", "--compare-budgets", "--json", tmp_path / "numbers.json", REQUESTS)
    assert run.code == 0
    names = [line[:16].strip() for line in run.out.decode().splitlines()]
    assert names[2:5] == ["fixed ratio", "fixed number", "fixed threshold"]
    assert "mass" in names
    numbers = json.loads((tmp_path / "numbers.json").read_text())["budgets"]
    assert numbers["questions"] == 19
    assert set(numbers["by_set"]["fixed ratio"][0]) == {"requests"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option"),
        (["-o", "-"], "name a file for the policy"),
        (["-o", "p.json", "--depth", "width"], "--depth width: expected one of"),
        (["-o", "p.json", "--recall", "1"], "--recall 1.0: expected a number between 0 and 1"),
    ],
)
def test_a_wrong_call_is_refused(arguments, message, tmp_path):
    """Before any work; no file is written."""
    run = ctxzip("calibrate", REQUESTS, "--scorer", "bm25", *arguments, cwd=tmp_path)
    assert run.code == 2
    assert message in run.err
    assert not list(Path(tmp_path).iterdir())


def test_depths_are_those_that_the_policy_uses(calibrated):
    """The depths in the file are those of the units of the questions, rounded up."""
    path, _ = calibrated
    some = load_policy(path)
    (labelled,), _ = read_questions([REQUESTS])
    scoring = ScoringPipeline(Settings(scorer="bm25"))
    needs = []
    for question in labelled.answerable:
        one = rank_question("requests", question, scoring.score_one(question.request))
        assert one is not None
        needs.append(needed_depth(one, depths(one.ranking.probability, some.depth_definition)))
    in_file = np.sort(np.concatenate([needed.depths for needed in some.needed_depths.values()]))
    assert (in_file >= np.sort(needs)).all()
    assert in_file == pytest.approx(np.sort(needs), abs=1.01e-4)
