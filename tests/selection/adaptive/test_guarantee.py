"""Depths, levels and what a policy may promise."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.compressor import Compressor
from ctxzip.datamodels import DEADLINE, Scored
from ctxzip.errors import ModelError, UsageError
from ctxzip.model_store import models_folder
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.selection.adaptive.depth import DEPTHS, depths
from ctxzip.selection.adaptive.guarantee import ALL, RARE, Needs, Policy, check_recall, questions_needed
from ctxzip.selection.adaptive.policy_file import as_json, load_policy, rounded_up
from ctxzip.settings import Settings
from tests.strategies import profile

probabilities = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1, width=32), min_size=1, max_size=20)


def policy(kinds, **fields):
    needs = {kind: Needs(np.sort(np.array(scores, dtype=np.float64))) for kind, scores in kinds.items()}
    about = {
        "place": "policy.json",
        "scorer": "bm25",
        "splitter": "auto",
        "model_sha256": None,
        "definition": "best",
        "lowest_best": 0.0,
    }
    return Policy(kinds=needs, **(about | fields))


def written(path, some, **changed):
    path.write_text(json.dumps(as_json(some, np.array([some.lowest_best, 1.0])) | changed))
    return path


@given(probabilities, st.sampled_from(sorted(DEPTHS)), st.floats(0, 40), st.floats(0, 40))
def test_a_larger_depth_keeps_a_superset(found, definition, one, other):
    """The best unit is in every set, better units before worse ones, and equal ones together."""
    probability = np.array(found, dtype=np.float32)
    depth = depths(probability, definition)
    small, large = ({i for i, at in enumerate(depth) if at <= limit} for limit in sorted((one, other)))
    assert small <= large
    assert int(np.argmax(probability)) in small
    assert (depth >= 0).all()
    for i, p in enumerate(probability):
        for j, q in enumerate(probability):
            assert depth[i] <= depth[j] if p > q else p < q or depth[i] == depth[j]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("certainty", [0.0, 0.5, 0.8]),
        ("best", [0.0, 0.375, 0.75]),
        ("mass", [0.0, 0.8 / 1.5, 1.3 / 1.5]),
        ("odds", [0.0, np.log(4), np.log(16)]),
        ("complete", [0.0, 0.5 * 0.8, 0.8]),
    ],
)
def test_depths_by_hand(definition, expected):
    """Of 0.8, 0.5 and 0.2, in another order."""
    assert depths(np.array([0.5, 0.2, 0.8]), definition) == pytest.approx([expected[1], expected[2], 0])


@pytest.mark.parametrize("definition", sorted(DEPTHS))
def test_units_without_any_probability_are_kept_together(definition):
    """None of them is better than another; no units have no depths."""
    assert depths(np.zeros(3), definition).tolist() == [0, 0, 0]
    assert depths(np.zeros(0), definition).tolist() == []


@given(st.floats(0, 40))
def test_rounding_up_never_lowers_a_need(need):
    """Where it changes anything, then by less than the last digit."""
    assert need <= rounded_up(need) < need + 1.01e-4
    assert rounded_up(rounded_up(need)) == rounded_up(need)


def test_the_rank_has_its_finite_sample_correction():
    """Of 19 needs the largest for 0.95, of 39 the one before the last: ceil((n + 1) * recall)."""
    assert policy({"fact": range(19)}).level("fact", 0.95).depth == 18
    assert policy({"fact": range(39)}).level("fact", 0.95).depth == 37
    assert policy({"fact": range(9)}).level("fact", 0.9).depth == 8
    assert policy({"fact": range(19)}).level("fact", 0.9).depth == 17
    assert policy({"fact": range(19)}).usual(0.9).depth == 17
    assert policy({"fact": range(5)}).usual(0.99).depth == 4


@pytest.mark.parametrize("recall", [0.5, 0.9, 0.95, 0.99])
def test_too_few_questions_are_refused_with_the_number_that_it_takes(recall):
    """One question more is enough."""
    needed = questions_needed(recall)
    assert policy({"fact": range(needed)}).level("fact", recall).n == needed
    with pytest.raises(UsageError, match=rf"recall={recall:g}: needs at least {needed} labelled questions, and policy"):
        policy({"fact": range(needed - 1), "code": []}).level("fact", recall)


def test_evidence_that_no_unit_holds_counts_against_the_recall():
    """Two of 19 can never be kept: 0.9 takes 18 of them."""
    some = policy({})
    kinds = {"fact": Needs(np.arange(17.0), n_unreached=2)}
    some = Policy("p", some.scorer, some.splitter, None, "best", kinds, 0.0)
    assert some.level("fact", 0.8).depth == 15
    with pytest.raises(UsageError, match=r"of 2 of the 19 questions in p the evidence is in no unit: set at most 0.85"):
        some.level("fact", 0.9)
    assert some.usual(0.99).depth == 16


def test_what_promises_nothing_goes_by_one_number_for_all_kinds():
    """The need at nine tenths of all questions, whatever their kind."""
    level = policy({"fact": range(5), "list": range(5, 10)}).usual(0.9)
    assert (level.depth, level.n, level.kind) == (8, 10, ALL)


def test_kinds_with_enough_questions_speak_for_themselves_and_the_others_together():
    """Ten over alpha are enough; where the others are too few together, the smallest joins them.

    One that needs more than those it is taken together with gets more.
    """
    some = policy({"fact": [0.1] * 100, "list": [0.5] * 60, "code": [0.9] * 50})
    assert [some.level(kind, 0.9).kind for kind in ("fact", "list", "code", "summary")] == ["fact", RARE, RARE, RARE]
    assert some.level("fact", 0.9).depth == 0.1
    assert some.level("list", 0.9).n == 110
    assert some.level("list", 0.9).depth == 0.9
    deeper = policy({"fact": [0.1] * 300, "list": [0.2] * 60, "code": [0.2] * 40 + [0.9] * 10})
    assert [deeper.level(kind, 0.9).depth for kind in ("fact", "list", "code")] == [0.1, 0.2, 0.9]
    assert (deeper.level("code", 0.9).kind, deeper.level("code", 0.9).n) == (RARE, 110)
    few = policy({"fact": [0.1] * 300, "yes_no": [0.3] * 120, "code": [0.9] * 8})
    assert [few.level(kind, 0.9).kind for kind in ("fact", "yes_no", "code")] == ["fact", RARE, RARE]
    assert few.level("code", 0.9).n == 128
    assert {few.level(kind, 0.99).kind for kind in ("fact", "yes_no", "code")} == {ALL}
    lone = policy({"fact": [0.1] * 300})
    assert (lone.level("fact", 0.9).kind, lone.level("fact", 0.9).seen) == ("fact", True)
    assert (lone.level("code", 0.9).kind, lone.level("code", 0.9).seen) == (ALL, False)


@pytest.mark.parametrize("recall", [0.8, 0.9, 0.95])
def test_coverage_of_exchangeable_questions_is_what_was_promised(recall):
    """Over many draws, in all and in each group, with needs rounded up; three standard errors off at most."""
    rng = np.random.default_rng(5)
    shapes = {"fact": (0.5, 8.0), "list": (3.0, 2.0), "code": (9.0, 1.0)}
    names = np.array(["fact"] * 260 + ["list"] * 20 + ["code"] * 20)
    hits: dict[str, list[bool]] = {"fact": [], RARE: []}
    n_draws, n_unseen = 300, 40
    for _ in range(n_draws):
        drawn = rng.choice(names, size=300 + n_unseen)
        needs = np.array([rng.beta(*shapes[kind]) for kind in drawn])
        calibration, seen = needs[:300], drawn[:300]
        some = policy(
            {kind: [rounded_up(need) for need in calibration[seen == kind]] for kind in np.unique(seen).tolist()}
        )
        for kind, need in zip(drawn[300:].tolist(), needs[300:].tolist(), strict=True):
            level = some.level(kind, recall)
            hits[level.kind].append(need <= level.depth)
    every = [hit for found in hits.values() for hit in found]
    for found in (every, *hits.values()):
        # Questions of one draw share their level: the draws are what is independent.
        error = np.sqrt(recall * (1 - recall) / n_draws)
        assert np.mean(found) >= recall - 3 * error
    assert np.mean(every) <= recall + 0.05


@pytest.mark.parametrize("recall", [0, 1, 1.5, -0.1, float("nan"), "0.9", True])
def test_a_recall_lies_between_0_and_1(recall):
    """Neither of them can be promised."""
    with pytest.raises(UsageError, match=r"recall=.*: expected a number between 0 and 1"):
        check_recall(recall)


def test_a_policy_of_another_scorer_or_model_is_refused():
    """And of another splitter, which makes other units."""
    some = policy({"fact": range(9)}, scorer="ctxzip-mini", model_sha256="0123")
    some.check("ctxzip-mini", "0123", "auto")
    with pytest.raises(
        UsageError, match=r"policy.json: calibrated for the scorer ctxzip-mini, not bm25: run `ctxzip cal"
    ):
        some.check("bm25", None, "auto")
    with pytest.raises(UsageError, match="model with the SHA-256 0123, not 4567"):
        some.check("ctxzip-mini", "4567", "auto")
    with pytest.raises(UsageError, match="splitter auto, not spacy:de"):
        some.check("ctxzip-mini", "0123", "spacy:de")


def test_what_is_promised_is_said_in_words():
    """Everything within the depth is kept."""
    some = policy({"fact": [0.5] * 2143}, lowest_best=0.3)
    cut = some.guarantee(some.level("fact", 0.95), profile([0.8, 0.4, 0.1]), 0.95)
    assert cut.threshold == np.float32(0.4)
    assert cut.reason == (
        "recall 0.95: 95% of queries like these keep all their evidence (calibrated on 2,143 queries, kind fact)"
    )
    assert cut.guarantee is not None
    assert (cut.guarantee.recall, cut.guarantee.alpha, cut.guarantee.n, cut.guarantee.kind) == (
        0.95,
        0.05,
        2143,
        "fact",
    )
    assert cut.warnings == ()


def test_a_question_unlike_the_calibration_is_warned_of():
    """By the probability of its best unit; for a kind that was never seen nothing is promised."""
    some = policy({"fact": [0.5] * 100}, lowest_best=0.3)
    cut = some.guarantee(some.level("fact", 0.9), profile([0.2, 0.1]), 0.9)
    assert [warning.code for warning in cut.warnings] == ["unlike_calibration"]
    unseen = some.guarantee(some.level("code", 0.9), profile([0.4]), 0.9)
    assert unseen.guarantee is None
    assert [warning.text for warning in unseen.warnings] == ["no guarantee: policy.json has no query of this kind"]
    assert "%" not in unseen.reason
    assert some.guarantee(some.level("fact", 0.9), profile([]), 0.9).threshold == 0


def test_a_policy_comes_back_from_its_file(tmp_path):
    """With what was evidence in no unit."""
    kinds = {"fact": Needs(np.array([0.1, 0.25]), 1), "list": Needs(np.array([0.75]))}
    some = Policy(str(tmp_path / "p.json"), "ctxzip-mini", "auto", "01", "mass", kinds, 0.4)
    again = load_policy(written(tmp_path / "p.json", some))
    assert again.level("fact", 0.5) == some.level("fact", 0.5)
    assert again.kinds["fact"].n_unreached == 1
    assert (again.place, again.scorer, again.model_sha256, again.definition) == (
        some.place,
        "ctxzip-mini",
        "01",
        "mass",
    )
    assert again.lowest_best == pytest.approx(0.406)  # 1% of the way from the lowest to the next


FACT = {"n": 2, "unreached": 0, "needs": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"version": 1}, r"expected a policy of version 2 @ \$.version, got 1"),
        ({"depth": "width"}, r"expected one of certainty, .* @ \$.depth, got 'width'"),
        ({"scorer": None}, r"expected names @ \$.scorer"),
        ({"kinds": {}}, r"no questions @ \$.kinds"),
        ({"kinds": {"fact": FACT | {"needs": [0.2, 0.1]}}}, r"expected rising numbers .* @ \$.kinds.fact.needs"),
        ({"kinds": {"fact": FACT | {"n": 3}}}, r"@ \$.kinds.fact.n"),
        ({"kinds": {"fact": {"n": 2}}}, "required field missing @ .*needs"),
        ({"kinds": []}, "not a policy"),
        ({"best_probability": {}}, "required field missing"),
    ],
)
def test_a_damaged_policy_is_refused(tmp_path, changed, message):
    """Where, what, and what to do."""
    path = written(tmp_path / "p.json", policy({"fact": [0.1, 0.2]}), **changed)
    with pytest.raises(ModelError, match=message) as error:
        load_policy(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).endswith("make it again with `ctxzip calibrate`")


def test_what_is_no_policy_file_is_refused(tmp_path):
    """A missing file is a wrong call."""
    (tmp_path / "p.json").write_text("{")
    with pytest.raises(ModelError, match="not a policy"):
        load_policy(tmp_path / "p.json")
    (tmp_path / "p.json").write_text("[]")
    with pytest.raises(ModelError, match=r"not a policy|expected a policy"):
        load_policy(tmp_path / "p.json")
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match=f"{path}: no such file: name a policy"):
            load_policy(path)


REQUEST = to_request(
    {
        "query": "When does the ferry to Orrin leave?",
        "docs": ["Bread is baked. The ferry to Orrin leaves at seven. The ferry is old.", "Trains leave. Ships too."],
    },
    SHAPES,
)


def compressed(tmp_path, need=0.9, lowest_best=0.0, **settings):
    path = written(tmp_path / "p.json", policy({"fact": [need] * 100}, lowest_best=lowest_best))
    return Compressor(Settings(scorer="bm25", policy=str(path), **settings)).compress(REQUEST)


def test_a_recall_keeps_what_is_within_its_depth_and_promises(tmp_path):
    """Everything at the largest depth, the best unit at 0."""
    everything = compressed(tmp_path, need=1.0, recall=0.9)
    assert everything.texts == tuple(passage.text for passage in REQUEST.passages)
    best = compressed(tmp_path, need=0.0, recall=0.9)
    assert best.texts == ("The ferry to Orrin leaves at seven.", "")
    for result in (everything, best):
        assert result.budget.mode == "recall"
        assert result.budget.guarantee is not None
        assert (result.budget.guarantee.n, result.budget.guarantee.kind) == (100, "fact")
        assert not result.warnings


@pytest.mark.parametrize("limit", [{"max_tokens": 15}, {"ratio": 0.5}, {"max_sentences": 1}, {"top_docs": 1}])
def test_a_limit_that_cuts_below_the_recall_takes_the_guarantee_back(tmp_path, limit):
    """And says so; one that does not cut leaves it."""
    result = compressed(tmp_path, need=1.0, recall=0.9, **limit)
    assert result.budget.guarantee is None
    assert any(warning.text.startswith("no guarantee: another limit") for warning in result.warnings)
    assert "no guarantee" in result.budget.reason
    assert compressed(tmp_path, need=0.0, recall=0.9, **limit).budget.guarantee is not None


def test_what_a_model_did_not_read_takes_the_guarantee_back(tmp_path):
    """It was calibrated on scores of all the text."""
    path = written(tmp_path / "p.json", policy({"fact": [0.5] * 100}))
    compressor = Compressor(Settings(scorer="bm25", policy=str(path), recall=0.9))
    (scored,) = compressor.scoring.score([REQUEST])
    assert isinstance(scored, Scored)
    assert compressor.selector.select(scored).budget.guarantee is not None
    late = replace(scored.scores, not_scored=(*[None] * (len(scored.units) - 1), DEADLINE))
    result = compressor.selector.select(replace(scored, scores=late))
    assert result.budget.guarantee is None
    assert "no guarantee: it holds for scores of all the text (--deadline-ms, --prefilter)" in map(str, result.warnings)
    assert "the model did not score all of it" in result.budget.reason


def test_a_recall_beside_another_budget_that_decides_is_refused(tmp_path):
    """It decides itself."""
    with pytest.raises(UsageError, match=r"recall=.*: the recall decides how much is kept"):
        compressed(tmp_path, recall=0.9, budget="auto")
    with pytest.raises(UsageError, match=r"recall=0.999: needs at least"):
        compressed(tmp_path, recall=0.999)


def test_a_recall_without_a_policy_says_how_to_make_one():
    """bm25 ships without one."""
    with pytest.raises(UsageError, match=r"recall=0.9: no policy for bm25: .*`ctxzip calibrate`"):
        Compressor(Settings(scorer="bm25", recall=0.9))


def test_an_automatic_budget_goes_by_a_policy_that_is_named_and_promises_nothing(tmp_path):
    """As deep as most labelled queries needed."""
    result = compressed(tmp_path, need=0.0)
    assert result.texts == ("The ferry to Orrin leaves at seven.", "")
    assert result.budget.mode == "auto"
    assert result.budget.guarantee is None
    assert "of 100 labelled queries needed (all kinds)" in result.budget.reason


def test_a_record_that_saves_too_little_is_left_as_it_was(tmp_path):
    """The ceiling in tokens holds all the same."""
    small = compressed(tmp_path, need=0.0, min_saving=0.9)
    assert small.texts == tuple(passage.text for passage in REQUEST.passages)
    assert small.tokens_out == small.tokens_in
    assert small.budget.reason.endswith("saves less than 90%: left as it was")
    assert compressed(tmp_path, need=0.0, min_saving=0.5).tokens_out < small.tokens_in
    assert compressed(tmp_path, need=1.0, min_saving=0.5, max_tokens=9).tokens_out <= 9


@pytest.fixture
def mini(tmp_path):
    """The model that ships, linked file by file, so that one can be changed."""
    for path in (models_folder() / "ctxzip-mini").iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def test_the_policy_that_ships_decides_and_can_promise():
    """Without a limit, and for a recall; it is of the graph that ships."""
    docs = ["Bread is baked. The ferry leaves at seven.", "The bridge is red. It is old."]
    request = to_request({"query": "When does the ferry leave?", "docs": docs}, SHAPES)
    usual = Compressor(Settings(scorer="hybrid", device="cpu")).compress(request)
    assert "labelled queries needed" in usual.budget.reason
    promised = Compressor(Settings(scorer="hybrid", device="cpu", recall=0.9)).compress(request)
    assert promised.budget.guarantee is not None
    assert promised.budget.guarantee.n >= 100


def test_a_changed_policy_of_a_model_is_refused(mini):
    """Its SHA-256 stands on the card, as that of every file."""
    content = (mini / "policy.json").read_text("utf-8")
    (mini / "policy.json").unlink()
    (mini / "policy.json").write_text(content.replace('"floor": 0.', '"floor": 0.1'), "utf-8")
    with pytest.raises(ModelError, match=r"policy\.json: damaged or replaced"):
        Compressor(Settings(model=str(mini), device="cpu"))


def test_without_its_policy_the_scores_of_a_model_decide(mini):
    """And nothing can be promised."""
    (mini / "policy.json").unlink()
    result = Compressor(Settings(model=str(mini), device="cpu", scorer="hybrid")).compress(
        to_request({"query": "When does the ferry leave?", "docs": ["Bread. The ferry leaves at seven."]}, SHAPES)
    )
    assert "labelled questions" not in result.budget.reason
    with pytest.raises(UsageError, match="no policy for ctxzip-mini"):
        Compressor(Settings(model=str(mini), device="cpu", recall=0.9))
