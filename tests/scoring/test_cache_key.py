"""The identity of a model and of the code that scores: part of the key of every cached score."""

from __future__ import annotations

import ast
import compileall
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ctxzip.model_store import open_model
from ctxzip.scoring.cache_key import SCORING_CODE, code_digest, scoring_identity
from tests.conftest import ROOT


def test_models_graphs_and_kinds_of_device_have_different_identities():
    """Two GPUs have the same."""
    mini, nano = open_model("mini"), open_model("nano")
    identities = [scoring_identity(mini, "cpu"), scoring_identity(mini, "cuda:0"), scoring_identity(nano, "cpu")]
    identities.append(scoring_identity(replace(mini, graph="model.fp16.onnx"), "cpu"))
    assert len(set(identities)) == 4
    assert scoring_identity(mini, "cuda:0") == scoring_identity(mini, "cuda:1")


_PRINT_IDENTITY = (
    "from ctxzip.model_store import open_model; from ctxzip.scoring.cache_key import scoring_identity; "
    "print(scoring_identity(open_model('nano'), 'cpu'))"
)


def identity_of(folder):
    """Return the identity of a model as the copy of ctxzip in a folder computes it."""
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_IDENTITY],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def package(tmp_path):
    """A copy of ctxzip whose code may be changed."""
    shutil.copytree(ROOT / "ctxzip", tmp_path / "ctxzip", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models").symlink_to(ROOT / "models")
    return tmp_path


def test_a_change_of_the_code_that_scores_changes_the_identity(package):
    """So that no stale score is used; other code does not count."""
    before = identity_of(package)
    assert identity_of(package) == before
    with (package / "ctxzip" / "rendering" / "context.py").open("a") as other:
        other.write("\nCHANGED = 1\n")
    assert identity_of(package) == before
    windows = package / "ctxzip" / "scoring" / "windows.py"
    windows.write_text(windows.read_text("utf-8").replace("TITLE_SHARE = 0.2", "TITLE_SHARE = 0.3"), "utf-8")
    assert identity_of(package) != before


def test_the_identity_of_an_installation_without_sources_changes_with_its_code(package):
    """Some builds ship only compiled modules; the identity is the same in every process."""
    windows = package / "ctxzip" / "scoring" / "windows.py"
    changed = windows.read_text("utf-8").replace("TITLE_SHARE = 0.2", "TITLE_SHARE = 0.3")
    identities: list[str] = []
    for source in (windows.read_text("utf-8"), changed):
        windows.write_text(source, "utf-8")
        folder = package / f"compiled-{len(identities)}"
        shutil.copytree(package / "ctxzip", folder / "ctxzip", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "models").symlink_to(ROOT / "models")
        assert compileall.compile_dir(folder, quiet=1, legacy=True, force=True)
        for path in folder.rglob("*.py"):
            path.unlink()
        identities.append(identity_of(folder))
        assert identity_of(folder) == identities[-1]
    assert identities[0] != identities[1]


def test_an_installation_in_a_zip_file_has_the_digest_of_its_sources(package):
    """The loader returns the sources; no file is opened by its path."""
    archive = package / "archive" / "packed.zip"
    archive.parent.mkdir()
    shutil.make_archive(str(archive.with_suffix("")), "zip", package, "ctxzip")
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import ctxzip
from ctxzip.scoring.cache_key import SCORING_CODE, code_digest
assert ".zip" in ctxzip.__file__
print(code_digest(SCORING_CODE))"""
    done = subprocess.run(
        [sys.executable, "-c", code, archive],
        cwd=archive.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == code_digest(SCORING_CODE)


def test_all_code_that_may_change_a_score_is_part_of_the_identity():
    """Modules of ctxzip that it imports are listed, too, or are known to change no score."""
    harmless = {
        "ctxzip",  # its version is part of the identity
        "ctxzip.errors",
        "ctxzip._internal.cores",  # the number of threads changes no score
        "ctxzip._internal.suggestions",
        "ctxzip._internal.thread_pool",
        "ctxzip._internal.time_limit",  # ends the work on a record, and changes no score
        "ctxzip._internal.untrusted_files",
        "ctxzip.scoring.protocol",  # types only
        "ctxzip.scoring.score_cache",  # its schema has a version of its own
        "ctxzip.settings",  # names and defaults; the values that are used come as arguments
    }
    imported = set()
    for name in SCORING_CODE:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ctxzip":
                imported.add(str(node.module))
    assert imported - harmless <= set(SCORING_CODE)
    assert not harmless & set(SCORING_CODE)
