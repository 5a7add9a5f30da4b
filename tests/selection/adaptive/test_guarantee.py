"""Depths by probability, conformal quantiles of needed depths, policy files, and budgets that a policy decides."""

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
from ctxzip.selection.adaptive.guarantee import ALL, RARE, NeededDepths, check_recall, min_queries
from ctxzip.selection.adaptive.policy import Policy
from ctxzip.selection.adaptive.policy_file import load_policy, policy_as_json, rounded_up
from ctxzip.settings import Settings
from tests.strategies import ranking_with

probabilities = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1, width=32), min_size=1, max_size=20)


def policy(kinds, **fields):
    """Return a policy for bm25 with these needed depths by kind."""
    needed = {kind: NeededDepths(np.sort(np.array(depths, dtype=np.float64))) for kind, depths in kinds.items()}
    values = {
        "path": "policy.json",
        "scorer": "bm25",
        "splitter": "auto",
        "model_sha256": None,
        "depth_definition": "best",
        "low_best_probability": 0.0,
    }
    return Policy(needed_depths=needed, **(values | fields))


def written(path, some, **changed):
    path.write_text(json.dumps(policy_as_json(some, np.array([some.low_best_probability, 1.0])) | changed))
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
    """None of them is better than another. Without units there are no depths."""
    assert depths(np.zeros(3), definition).tolist() == [0, 0, 0]
    assert depths(np.zeros(0), definition).tolist() == []


@given(st.floats(0, 40))
def test_rounding_never_lowers_a_needed_depth(depth):
    """It adds less than one unit of the last decimal place."""
    assert depth <= rounded_up(depth) < depth + 1.01e-4
    assert rounded_up(rounded_up(depth)) == rounded_up(depth)


def test_the_rank_has_the_finite_sample_correction():
    """ceil((n + 1) * recall): for 0.95 the largest of 19 needed depths, and the last but one of 39."""
    assert policy({"fact": range(19)}).conformal_depth("fact", 0.95).depth == 18
    assert policy({"fact": range(39)}).conformal_depth("fact", 0.95).depth == 37
    assert policy({"fact": range(9)}).conformal_depth("fact", 0.9).depth == 8
    assert policy({"fact": range(19)}).conformal_depth("fact", 0.9).depth == 17
    assert policy({"fact": range(19)}).pooled_depth(0.9).depth == 17
    assert policy({"fact": range(5)}).pooled_depth(0.99).depth == 4


@pytest.mark.parametrize("recall", [0.5, 0.9, 0.95, 0.99])
def test_with_too_few_queries_the_message_has_the_number_needed(recall):
    """With one query more there are enough."""
    needed = min_queries(recall)
    assert policy({"fact": range(needed)}).conformal_depth("fact", recall).n == needed
    with pytest.raises(UsageError, match=rf"recall={recall:g}: needs at least {needed} labelled questions, and policy"):
        policy({"fact": range(needed - 1), "code": []}).conformal_depth("fact", recall)


def test_queries_whose_evidence_is_in_no_unit_count_against_the_recall():
    """Of 19 queries two are never covered, and 0.9 needs 18 that are."""
    some = policy({})
    kinds = {"fact": NeededDepths(np.arange(17.0), n_unreached=2)}
    some = Policy("p", some.scorer, some.splitter, None, "best", kinds, 0.0)
    assert some.conformal_depth("fact", 0.8).depth == 15
    with pytest.raises(UsageError, match=r"the evidence of 2 of the 19 questions in p is in no unit: set at most 0.85"):
        some.conformal_depth("fact", 0.9)
    assert some.pooled_depth(0.99).depth == 16


def test_without_a_guarantee_there_is_one_depth_for_all_kinds():
    """The quantile of the needed depths of all queries."""
    quantile = policy({"fact": range(5), "list": range(5, 10)}).pooled_depth(0.9)
    assert (quantile.depth, quantile.n, quantile.group) == (8, 10, ALL)


def test_kinds_with_enough_queries_are_groups_of_their_own_and_the_others_one_group():
    """10 / alpha are enough. Where the others are too few together, the smallest of the former joins them.

    A kind that needs more than the others of its group gets more.
    """
    some = policy({"fact": [0.1] * 100, "list": [0.5] * 60, "code": [0.9] * 50})
    assert [some.conformal_depth(kind, 0.9).group for kind in ("fact", "list", "code", "summary")] == [
        "fact",
        RARE,
        RARE,
        RARE,
    ]
    assert some.conformal_depth("fact", 0.9).depth == 0.1
    assert some.conformal_depth("list", 0.9).n == 110
    assert some.conformal_depth("list", 0.9).depth == 0.9
    deeper = policy({"fact": [0.1] * 300, "list": [0.2] * 60, "code": [0.2] * 40 + [0.9] * 10})
    assert [deeper.conformal_depth(kind, 0.9).depth for kind in ("fact", "list", "code")] == [0.1, 0.2, 0.9]
    assert (deeper.conformal_depth("code", 0.9).group, deeper.conformal_depth("code", 0.9).n) == (RARE, 110)
    few = policy({"fact": [0.1] * 300, "yes_no": [0.3] * 120, "code": [0.9] * 8})
    assert [few.conformal_depth(kind, 0.9).group for kind in ("fact", "yes_no", "code")] == ["fact", RARE, RARE]
    assert few.conformal_depth("code", 0.9).n == 128
    assert {few.conformal_depth(kind, 0.99).group for kind in ("fact", "yes_no", "code")} == {ALL}
    lone = policy({"fact": [0.1] * 300})
    assert (lone.conformal_depth("fact", 0.9).group, lone.conformal_depth("fact", 0.9).is_calibrated) == ("fact", True)
    assert (lone.conformal_depth("code", 0.9).group, lone.conformal_depth("code", 0.9).is_calibrated) == (ALL, False)


@pytest.mark.parametrize("recall", [0.8, 0.9, 0.95])
def test_coverage_of_exchangeable_queries_is_at_least_the_recall(recall):
    """Over many draws, in all and in each group, with rounded needed depths, within three standard errors."""
    rng = np.random.default_rng(5)
    shapes = {"fact": (0.5, 8.0), "list": (3.0, 2.0), "code": (9.0, 1.0)}
    names = np.array(["fact"] * 260 + ["list"] * 20 + ["code"] * 20)
    hits: dict[str, list[bool]] = {"fact": [], RARE: []}
    n_draws, n_further = 300, 40
    for _ in range(n_draws):
        drawn = rng.choice(names, size=300 + n_further)
        depths = np.array([rng.beta(*shapes[kind]) for kind in drawn])
        calibration, kinds = depths[:300], drawn[:300]
        some = policy(
            {kind: [rounded_up(depth) for depth in calibration[kinds == kind]] for kind in np.unique(kinds).tolist()}
        )
        for kind, depth in zip(drawn[300:].tolist(), depths[300:].tolist(), strict=True):
            quantile = some.conformal_depth(kind, recall)
            hits[quantile.group].append(depth <= quantile.depth)
    every = [hit for found in hits.values() for hit in found]
    for found in (every, *hits.values()):
        # Queries of one draw share their quantile, so the number of independent samples is that of the draws.
        error = np.sqrt(recall * (1 - recall) / n_draws)
        assert np.mean(found) >= recall - 3 * error
    assert np.mean(every) <= recall + 0.05


@pytest.mark.parametrize("recall", [0, 1, 1.5, -0.1, float("nan"), "0.9", True])
def test_a_recall_is_between_0_and_1(recall):
    """0 and 1 excluded."""
    with pytest.raises(UsageError, match=r"recall=.*: expected a number between 0 and 1"):
        check_recall(recall)


def test_a_policy_for_another_scorer_model_or_splitter_is_refused():
    """The message has both."""
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


def test_the_reason_states_the_guarantee():
    """Every unit of at most the depth is kept."""
    some = policy({"fact": [0.5] * 2143}, low_best_probability=0.3)
    decision = some.decide_guaranteed(some.conformal_depth("fact", 0.95), ranking_with([0.8, 0.4, 0.1]), 0.95)
    assert decision.threshold == np.float32(0.4)
    assert decision.reason == (
        "recall 0.95: 95% of queries like these keep all their evidence (calibrated on 2,143 queries, kind fact)"
    )
    assert decision.guarantee is not None
    assert (decision.guarantee.recall, decision.guarantee.alpha, decision.guarantee.n, decision.guarantee.kind) == (
        0.95,
        0.05,
        2143,
        "fact",
    )
    assert decision.warnings == ()


def test_a_query_unlike_those_of_the_calibration_gets_a_warning():
    """By the probability of its best unit. For a kind without labelled queries there is no guarantee."""
    some = policy({"fact": [0.5] * 100}, low_best_probability=0.3)
    decision = some.decide_guaranteed(some.conformal_depth("fact", 0.9), ranking_with([0.2, 0.1]), 0.9)
    assert [warning.code for warning in decision.warnings] == ["unlike_calibration"]
    unseen = some.decide_guaranteed(some.conformal_depth("code", 0.9), ranking_with([0.4]), 0.9)
    assert unseen.guarantee is None
    assert [warning.text for warning in unseen.warnings] == ["no guarantee: policy.json has no query of this kind"]
    assert "%" not in unseen.reason
    assert some.decide_guaranteed(some.conformal_depth("fact", 0.9), ranking_with([]), 0.9).threshold == 0


def test_a_policy_is_the_same_after_it_was_written_and_loaded(tmp_path):
    """With the number of queries whose evidence is in no unit."""
    kinds = {"fact": NeededDepths(np.array([0.1, 0.25]), 1), "list": NeededDepths(np.array([0.75]))}
    some = Policy(str(tmp_path / "p.json"), "ctxzip-mini", "auto", "01", "mass", kinds, 0.4)
    again = load_policy(written(tmp_path / "p.json", some))
    assert again.conformal_depth("fact", 0.5) == some.conformal_depth("fact", 0.5)
    assert again.needed_depths["fact"].n_unreached == 1
    assert (again.path, again.scorer, again.model_sha256, again.depth_definition) == (
        some.path,
        "ctxzip-mini",
        "01",
        "mass",
    )
    assert again.low_best_probability == pytest.approx(0.406)  # 1% of the way from the lowest to the next


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
    """The message has the place, the error and the remedy."""
    path = written(tmp_path / "p.json", policy({"fact": [0.1, 0.2]}), **changed)
    with pytest.raises(ModelError, match=message) as error:
        load_policy(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).endswith("make it again with `ctxzip calibrate`")


def test_a_file_that_is_not_a_policy_is_refused(tmp_path):
    """A missing file is a usage error."""
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


def compressed(tmp_path, needed_depth=0.9, **settings):
    path = written(tmp_path / "p.json", policy({"fact": [needed_depth] * 100}))
    return Compressor(Settings(scorer="bm25", policy=str(path), **settings)).compress(REQUEST)


def test_a_recall_keeps_the_units_of_at_most_its_depth_with_a_guarantee(tmp_path):
    """Everything at the largest depth, the best unit at 0."""
    everything = compressed(tmp_path, needed_depth=1.0, recall=0.9)
    assert everything.texts == tuple(passage.text for passage in REQUEST.passages)
    best = compressed(tmp_path, needed_depth=0.0, recall=0.9)
    assert best.texts == ("The ferry to Orrin leaves at seven.", "")
    for result in (everything, best):
        assert result.budget.mode == "recall"
        assert result.budget.guarantee is not None
        assert (result.budget.guarantee.n, result.budget.guarantee.kind) == (100, "fact")
        assert not result.warnings


@pytest.mark.parametrize("limit", [{"max_tokens": 15}, {"ratio": 0.5}, {"max_sentences": 1}, {"top_docs": 1}])
def test_a_limit_that_keeps_less_than_the_recall_removes_the_guarantee(tmp_path, limit):
    """With a warning. A limit that keeps as much does not."""
    result = compressed(tmp_path, needed_depth=1.0, recall=0.9, **limit)
    assert result.budget.guarantee is None
    assert any(warning.text.startswith("no guarantee: another limit") for warning in result.warnings)
    assert "no guarantee" in result.budget.reason
    assert compressed(tmp_path, needed_depth=0.0, recall=0.9, **limit).budget.guarantee is not None


def test_units_not_scored_by_the_model_remove_the_guarantee(tmp_path):
    """It was calibrated on scores of all the text."""
    path = written(tmp_path / "p.json", policy({"fact": [0.5] * 100}))
    compressor = Compressor(Settings(scorer="bm25", policy=str(path), recall=0.9))
    (scored,) = compressor.scoring.score([REQUEST])
    assert isinstance(scored, Scored)
    assert compressor.selector.select(scored).budget.guarantee is not None
    late = replace(scored.scores, not_scored=(*[None] * (len(scored.units) - 1), DEADLINE))
    result = compressor.selector.select(replace(scored, scores=late))
    assert result.budget.guarantee is None
    expected = "no guarantee: it requires that the model scores all units (--deadline-ms, --prefilter)"
    assert expected in map(str, result.warnings)
    assert "the model did not score all units" in result.budget.reason


def test_a_recall_with_an_automatic_budget_or_too_high_is_refused(tmp_path):
    """Both would decide how much is kept."""
    with pytest.raises(UsageError, match=r"recall=.*: the recall decides how much is kept"):
        compressed(tmp_path, recall=0.9, budget="auto")
    with pytest.raises(UsageError, match=r"recall=0.999: needs at least"):
        compressed(tmp_path, recall=0.999)


def test_without_a_policy_the_message_for_a_recall_names_the_command_that_makes_one():
    """No policy for bm25 is shipped."""
    with pytest.raises(UsageError, match=r"recall=0.9: no policy for bm25: .*`ctxzip calibrate`"):
        Compressor(Settings(scorer="bm25", recall=0.9))


def test_an_automatic_budget_uses_a_policy_without_a_guarantee(tmp_path):
    """It goes as deep as most labelled queries needed."""
    result = compressed(tmp_path, needed_depth=0.0)
    assert result.texts == ("The ferry to Orrin leaves at seven.", "")
    assert result.budget.mode == "auto"
    assert result.budget.guarantee is None
    assert "of 100 labelled queries needed (all kinds)" in result.budget.reason


def test_a_record_that_saves_too_little_is_kept_whole(tmp_path):
    """Unless it exceeds the ceiling in tokens."""
    small = compressed(tmp_path, needed_depth=0.0, min_saving=0.9)
    assert small.texts == tuple(passage.text for passage in REQUEST.passages)
    assert small.tokens_out == small.tokens_in
    assert small.budget.reason.endswith("saves less than 90%: left unchanged")
    assert compressed(tmp_path, needed_depth=0.0, min_saving=0.5).tokens_out < small.tokens_in
    assert compressed(tmp_path, needed_depth=1.0, min_saving=0.5, max_tokens=9).tokens_out <= 9


@pytest.fixture
def mini(tmp_path):
    """The shipped model, linked file by file, so that a test can change one."""
    for path in (models_folder() / "ctxzip-mini").iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def test_the_shipped_policy_decides_without_a_limit_and_under_a_recall():
    """It was calibrated for the shipped graph."""
    docs = ["Bread is baked. The ferry leaves at seven.", "The bridge is red. It is old."]
    request = to_request({"query": "When does the ferry leave?", "docs": docs}, SHAPES)
    automatic = Compressor(Settings(scorer="hybrid", device="cpu")).compress(request)
    assert "labelled queries needed" in automatic.budget.reason
    guaranteed = Compressor(Settings(scorer="hybrid", device="cpu", recall=0.9)).compress(request)
    assert guaranteed.budget.guarantee is not None
    assert guaranteed.budget.guarantee.n >= 100


def test_a_changed_policy_of_a_model_is_refused(mini):
    """The model card has its SHA-256."""
    content = (mini / "policy.json").read_text("utf-8")
    (mini / "policy.json").unlink()
    (mini / "policy.json").write_text(content.replace('"floor": 0.', '"floor": 0.1'), "utf-8")
    with pytest.raises(ModelError, match=r"policy\.json: damaged or replaced"):
        Compressor(Settings(model=str(mini), device="cpu"))


def test_without_a_policy_the_scores_of_a_model_decide(mini):
    """And there is no guarantee."""
    (mini / "policy.json").unlink()
    result = Compressor(Settings(model=str(mini), device="cpu", scorer="hybrid")).compress(
        to_request({"query": "When does the ferry leave?", "docs": ["Bread. The ferry leaves at seven."]}, SHAPES)
    )
    assert "labelled queries" not in result.budget.reason
    with pytest.raises(UsageError, match="no policy for ctxzip-mini"):
        Compressor(Settings(model=str(mini), device="cpu", recall=0.9))
