"""Conformal quantiles of needed depths, for groups of kinds of queries."""

from __future__ import annotations

import numpy as np
import pytest

from ctxzip.errors import UsageError
from ctxzip.selection.adaptive.guarantee import ALL, RARE, NeededDepths, check_recall, min_queries
from ctxzip.selection.adaptive.policy import Policy
from ctxzip.selection.adaptive.policy_file import rounded_up
from tests.selection.adaptive.example_policies import policy


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
    """With one more query there are enough."""
    needed = min_queries(recall)
    assert policy({"fact": range(needed)}).conformal_depth("fact", recall).n == needed
    with pytest.raises(UsageError, match=rf"recall={recall:g}: needs at least {needed} labelled questions, and policy"):
        policy({"fact": range(needed - 1), "code": []}).conformal_depth("fact", recall)


def test_queries_whose_evidence_is_in_no_unit_count_against_the_recall():
    """Of 19 queries two cannot be covered, and a recall of 0.9 needs 18."""
    some = policy({})
    kinds = {"fact": NeededDepths(np.arange(17.0), n_unreached=2)}
    some = Policy("p", some.scorer, some.splitter, None, "best", kinds, 0.0)
    assert some.conformal_depth("fact", 0.8).depth == 15
    with pytest.raises(UsageError, match=r"the evidence of 2 of the 19 questions in p is in no unit: set at most 0.85"):
        some.conformal_depth("fact", 0.9)
    assert some.pooled_depth(0.99).depth == 16


def test_without_a_guarantee_there_is_one_depth_for_all_kinds():
    """It is the quantile of the needed depths of all queries."""
    quantile = policy({"fact": range(5), "list": range(5, 10)}).pooled_depth(0.9)
    assert (quantile.depth, quantile.n, quantile.group) == (8, 10, ALL)


def test_kinds_with_enough_queries_are_separate_groups_and_the_others_one_group():
    """10 / alpha queries are enough. If the others are too few together, the smallest separate group joins them.

    A kind that needs a greater depth than the others of its group gets it.
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
    just_enough = policy({"fact": [0.1] * 300, "list": [0.2] * 91, "code": [0.9] * 9})  # ceil((9 + 1) * 0.9) is 9
    assert just_enough.conformal_depth("code", 0.9).depth == 0.9
    few = policy({"fact": [0.1] * 300, "yes_no": [0.3] * 120, "code": [0.9] * 8})
    assert [few.conformal_depth(kind, 0.9).group for kind in ("fact", "yes_no", "code")] == ["fact", RARE, RARE]
    assert few.conformal_depth("code", 0.9).n == 128
    assert {few.conformal_depth(kind, 0.99).group for kind in ("fact", "yes_no", "code")} == {ALL}
    lone = policy({"fact": [0.1] * 300})
    assert (lone.conformal_depth("fact", 0.9).group, lone.conformal_depth("fact", 0.9).is_calibrated) == ("fact", True)
    assert (lone.conformal_depth("code", 0.9).group, lone.conformal_depth("code", 0.9).is_calibrated) == (ALL, False)


@pytest.mark.parametrize("recall", [0.8, 0.9, 0.95])
def test_coverage_of_exchangeable_queries_is_at_least_the_recall(recall):
    """Holds over many draws, in total and in each group, with rounded needed depths, within three standard errors."""
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
    """0 and 1 are excluded."""
    with pytest.raises(UsageError, match=r"recall=.*: expected a number between 0 and 1"):
        check_recall(recall)
