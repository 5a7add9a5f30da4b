"""Policy files: writing, loading, and errors in them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.errors import ModelError, UsageError
from ctxzip.model_store import models_folder
from ctxzip.selection.adaptive.guarantee import NeededDepths
from ctxzip.selection.adaptive.policy import Policy
from ctxzip.selection.adaptive.policy_file import load_policy, rounded_up
from tests.selection.adaptive.example_policies import policy, written


@given(st.floats(0, 40))
def test_rounding_never_lowers_a_needed_depth(depth):
    """It adds less than one unit of the last decimal place."""
    assert depth <= rounded_up(depth) < depth + 1.01e-4
    assert rounded_up(rounded_up(depth)) == rounded_up(depth)


def test_a_policy_is_the_same_after_it_was_written_and_loaded(tmp_path):
    """Including the number of queries whose evidence is in no unit."""
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
        ({"version": 1}, r"expected a policy of version 3 @ \$.version, got 1"),
        ({"depth": "width"}, r"expected one of certainty, .* @ \$.depth, got 'width'"),
        ({"scorer": None}, r"expected names @ \$.scorer"),
        ({"kinds": {}}, r"no questions @ \$.kinds"),
        ({"kinds": {"fact": FACT | {"needs": [0.2, 0.1]}}}, r"expected rising numbers .* @ \$.kinds.fact.needs"),
        ({"kinds": {"fact": FACT | {"n": 3}}}, r"@ \$.kinds.fact.n"),
        ({"kinds": {"fact": {"n": 2}}}, "required field missing @ .*needs"),
        ({"kinds": []}, "not a policy"),
        ({"best_probability": {}}, "required field missing"),
        ({"best_probability": {"0.01": 1.5}}, r"expected a number from 0 to 1 @ \$.best_probability, got 1.5"),
        ({"kinds": {"fact": FACT | {"needs": [0.1, 1e999]}}}, "not a finite number: Infinity"),
        ({"kinds": {"fact": FACT | {"needs": [0.1, "x"]}}}, "not a policy"),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 65}, "a forest of 120 trees with .* and 65 steps"),
        (
            {"trees": [{"feature": [0] * 3_000_000}, *[{"feature": []}] * 10]},
            "a forest of 11 trees with 3,000,000 nodes",
        ),
        ({"trees": []}, "not a policy"),
        ({"floor": -1}, r"expected a number from 0 to 1 @ \$.floor"),
    ],
)
def test_a_policy_costs_no_more_than_its_file(tmp_path, change, message):
    """A forest with endless steps, or a table much larger than the file, is refused."""
    content = json.loads((models_folder() / "ctxzip-nano" / "policy.json").read_text("utf-8"))
    for key, value in change.items():
        (content if key == "floor" else content["reach"])[key] = value
    (tmp_path / "p.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=message):
        load_policy(tmp_path / "p.json")
