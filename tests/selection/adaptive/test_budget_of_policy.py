"""Budgets of the compressor that a policy decides: adaptive, and with a guaranteed recall."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctxzip.compressor import Compressor
from ctxzip.datamodels import DEADLINE, Scored
from ctxzip.errors import ModelError, UsageError
from ctxzip.model_store import models_folder
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.settings import Settings
from tests.selection.adaptive.example_policies import policy, written

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
    """The largest depth keeps everything, depth 0 the best unit."""
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
    """There is a warning. A limit that keeps as much does not remove it."""
    result = compressed(tmp_path, needed_depth=1.0, recall=0.9, **limit)
    assert result.budget.guarantee is None
    assert [warning.code for warning in result.warnings if warning.text.startswith("no guarantee: another limit")] == [
        "no_guarantee"
    ]
    assert "no guarantee" in result.budget.reason
    assert compressed(tmp_path, needed_depth=0.0, recall=0.9, **limit).budget.guarantee is not None


def test_units_not_scored_by_the_model_remove_the_guarantee(tmp_path):
    """The policy was calibrated on scores of all units."""
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
    """An adaptive budget and a recall exclude each other; a recall needs enough labelled questions."""
    with pytest.raises(UsageError, match=r"recall=.*: the recall decides how much is kept"):
        compressed(tmp_path, recall=0.9, budget="auto")
    with pytest.raises(UsageError, match=r"recall=0.999: needs at least"):
        compressed(tmp_path, recall=0.999)


def test_without_a_policy_the_message_for_a_recall_names_the_command_that_makes_one():
    """No policy for bm25 is shipped."""
    with pytest.raises(UsageError, match=r"recall=0.9: no policy for bm25: .*`ctxzip calibrate`"):
        Compressor(Settings(scorer="bm25", recall=0.9))


def test_an_automatic_budget_uses_a_policy_without_a_guarantee(tmp_path):
    """Its depth is the one that most labelled queries need at most."""
    result = compressed(tmp_path, needed_depth=0.0)
    assert result.texts == ("The ferry to Orrin leaves at seven.", "")
    assert result.budget.mode == "auto"
    assert result.budget.guarantee is None
    assert "of 100 labelled queries needed (all kinds)" in result.budget.reason


def test_a_record_that_saves_too_little_is_kept_whole(tmp_path):
    """Except if it exceeds the token limit."""
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


def test_the_shipped_policy_decides_without_a_limit_and_with_a_recall():
    """The policy matches the shipped graph."""
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
    """There is no guarantee then."""
    (mini / "policy.json").unlink()
    result = Compressor(Settings(model=str(mini), device="cpu", scorer="hybrid")).compress(
        to_request({"query": "When does the ferry leave?", "docs": ["Bread. The ferry leaves at seven."]}, SHAPES)
    )
    assert "labelled queries" not in result.budget.reason
    with pytest.raises(UsageError, match="no policy for ctxzip-mini"):
        Compressor(Settings(model=str(mini), device="cpu", recall=0.9))
