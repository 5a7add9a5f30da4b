"""`ctxzip doctor`."""

from __future__ import annotations

import json
import shutil
from subprocess import CompletedProcess

import pytest

from tests.conftest import ROOT, ctxzip, process


def doctor(*arguments, cwd=ROOT):
    """Run it in this process, or from another copy of the code in one of its own."""
    run = (
        ctxzip("doctor", *arguments) if cwd == ROOT else process("doctor", *arguments, cwd=cwd, env={"PYTHONPATH": ""})
    )
    return CompletedProcess(arguments, run.code, run.out.decode(), run.err)


def test_a_complete_installation_passes():
    """One record is compressed, and the exit code is 0."""
    done = doctor()
    assert done.returncode == 0
    assert "ctxzip-mini+bm25 on cpu" in done.stdout or "on cuda:0" in done.stdout
    assert "model.int8.onnx" in done.stdout


def test_json_has_the_same_for_programs():
    """Every part a person sees has a key."""
    found = json.loads(doctor("--json").stdout)
    assert found["ok"] is True
    assert {state for model in found["models"] for state in model["files"].values()} == {"ok"}
    assert found["inference"]["record_ms"] > 0
    assert found["versions"]["python"].count(".") == 2
    assert found["onnxruntime"] == {"error": None, "repair": None}


@pytest.mark.parametrize("error", ["it has no InferenceSession", "libonnxruntime.so: cannot open shared object file"])
def test_a_damaged_onnxruntime_is_named_with_the_commands_that_repair_it(damaged_onnxruntime, error):
    """In text and in JSON, without a traceback."""
    damaged_onnxruntime(error)
    done = doctor()
    assert done.returncode == 3
    assert f"onnxruntime is damaged ({error}" in done.stdout
    assert "pip uninstall -y onnxruntime onnxruntime-gpu, then pip install --force-reinstall onnxruntime" in done.stdout
    assert "Traceback" not in done.stderr
    found = json.loads(doctor("--json").stdout)
    assert f"damaged ({error}" in found["onnxruntime"]["error"]
    assert found["onnxruntime"]["repair"].startswith("pip uninstall -y onnxruntime onnxruntime-gpu, then pip install")
    assert found["cuda"] == {"providers_built_in": [], "usable": False, "missing": "onnxruntime cannot be used"}
    assert f"damaged ({error}" in found["inference"]["error"]


@pytest.fixture
def copy(tmp_path):
    for part in ("ctxzip", "models"):
        shutil.copytree(ROOT / part, tmp_path / part)
    return tmp_path


def test_a_damaged_model_exits_3_and_is_named(copy):
    """Everything else is still printed."""
    with (copy / "models" / "ctxzip-mini" / "model.int8.onnx").open("ab") as damaged:
        damaged.write(b" ")
    done = doctor("--device", "cpu", cwd=copy)
    assert done.returncode == 3
    assert "damaged" in done.stdout
    assert "a record cannot be compressed" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_imported_model_with_a_broken_model_card_hides_nothing_else(tmp_path, monkeypatch):
    """It is named beside those that are whole, and the main job is done."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.json").write_text("{")
    monkeypatch.setenv("CTXZIP_MODELS", str(tmp_path))
    done = doctor("--json")
    assert done.returncode == 0
    errors = {model["name"]: model["error"] for model in json.loads(done.stdout)["models"]}
    assert "not a model card" in errors.pop("broken")
    assert errors == {"ctxzip-mini": None, "ctxzip-nano": None}


def test_an_unknown_device_is_a_usage_error():
    """It is not reported as a broken installation."""
    done = doctor("--device", "foo")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_device_that_is_not_there_exits_3():
    """Both streams name it as it was typed."""
    done = doctor("--device", "cuda:99")
    assert done.returncode == 3
    for text in (done.stdout, done.stderr, doctor("--json", "--device", "cuda:99").stdout):
        assert "--device cuda:99: " in text
        assert "device=" not in text
