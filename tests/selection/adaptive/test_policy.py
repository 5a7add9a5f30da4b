"""What a policy decides for one ranking, and for what it was calibrated."""

from __future__ import annotations

import numpy as np
import pytest

from ctxzip.errors import UsageError
from tests.selection.adaptive.example_policies import policy
from tests.strategies import ranking_with


def test_a_policy_for_another_scorer_model_or_splitter_is_refused():
    """The message names both."""
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
    """The threshold keeps every unit of at most the depth."""
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
    """The probability of its best unit decides. For a kind without labelled queries there is no guarantee."""
    some = policy({"fact": [0.5] * 100}, low_best_probability=0.3)
    decision = some.decide_guaranteed(some.conformal_depth("fact", 0.9), ranking_with([0.2, 0.1]), 0.9)
    assert [warning.code for warning in decision.warnings] == ["unlike_calibration"]
    unseen = some.decide_guaranteed(some.conformal_depth("code", 0.9), ranking_with([0.4]), 0.9)
    assert unseen.guarantee is None
    assert [warning.text for warning in unseen.warnings] == ["no guarantee: policy.json has no query of this kind"]
    assert "%" not in unseen.reason
    assert some.decide_guaranteed(some.conformal_depth("fact", 0.9), ranking_with([]), 0.9).threshold == 0
