"""`ctxzip doctor`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def doctor(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "ctxzip", "doctor", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_whole_installation_is_well():
    """One record is compressed, and the exit code says so."""
    done = doctor()
    assert done.returncode == 0
    assert "ctxzip-mini+bm25 on cpu" in done.stdout or "on cuda:0" in done.stdout
    assert "model.int8.onnx" in done.stdout


def test_json_says_the_same_for_programs():
    """Every part a person sees has a key."""
    found = json.loads(doctor("--json").stdout)
    assert found["ok"] is True
    assert {state for model in found["models"] for state in model["files"].values()} == {"ok"}
    assert found["inference"]["record_ms"] > 0
    assert found["versions"]["python"].count(".") == 2


@pytest.fixture
def copy(tmp_path):
    for part in ("ctxzip", "models"):
        shutil.copytree(ROOT / part, tmp_path / part)
    return tmp_path


def test_a_damaged_model_exits_3_and_is_named(copy):
    """All else is still said."""
    with (copy / "models" / "ctxzip-mini" / "model.int8.onnx").open("ab") as damaged:
        damaged.write(b" ")
    done = doctor("--device", "cpu", cwd=copy)
    assert done.returncode == 3
    assert "damaged" in done.stdout
    assert "a record cannot be compressed" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_imported_model_with_a_broken_card_hides_nothing_else(tmp_path, monkeypatch):
    """It is named beside those that are whole, and the main job is done."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.json").write_text("{")
    monkeypatch.setenv("CTXZIP_MODELS", str(tmp_path))
    done = doctor("--json")
    assert done.returncode == 0
    errors = {model["name"]: model["error"] for model in json.loads(done.stdout)["models"]}
    assert "not a model card" in errors.pop("broken")
    assert errors == {"ctxzip-mini": None, "ctxzip-nano": None}


def test_a_device_that_is_none_is_a_wrong_call():
    """Not a machine that is broken."""
    done = doctor("--device", "foo")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_device_that_is_not_there_exits_3():
    """And says what is missing."""
    done = doctor("--device", "cuda:99")
    assert done.returncode == 3
    assert "cuda:99" in done.stdout
