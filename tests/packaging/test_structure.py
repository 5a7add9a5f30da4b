"""Who may know whom."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "ctxzip"
STAGES = [
    "splitting", "scoring", "query", "policy", "budget", "selection", "wording", "rendering", "tokens", "reading", "bridge",
    "draft", "segments", "conversion", "scored",
]  # fmt: skip
# What stages are made of: no stage, and none knows one.
SHARED = ["records", "errors", "rawjson", "shipped", "odds", "cores", "nearest", "forest", "profile"]
# A stage may be built on another where it adds to it: a draft is measured as it will be written.
BUILT_ON = {
    "draft": {"rendering", "settings", "tokens"},
    "conversion": {"rendering"},
    "scored": {"rendering"},
}


def imported(path):
    """Return the modules of the package that a file imports, at its top or inside of a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("ctxzip.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "ctxzip":
            found |= {f"ctxzip.{alias.name}" for alias in node.names if alias.name != "__version__"}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ctxzip."):
            found.add(node.module)
    return {name.split(".")[1] for name in found}


def files_of(module):
    folder = PACKAGE / module
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_knows_records_and_errors_and_no_other_stage(stage):
    """Data flows one way, and pipeline alone calls the stages. (rawjson is how records are written, shipped where model files lie.)"""
    for path in files_of(stage):
        assert not imported(path) - {stage, *SHARED} - BUILT_ON.get(stage, set()), path


@pytest.mark.parametrize("module", SHARED)
def test_what_stages_share_knows_no_stage(module):
    """Nor the pipeline, nor the command line."""
    for path in files_of(module):
        assert not imported(path) - set(SHARED), path


def test_only_the_command_line_prints_and_exits():
    """The library returns and raises; evaluation and training have commands of their own."""
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in {"cli", "evaluation", "training"}:
            continue
        calls = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
        }
        assert not calls & {"print", "sys.exit", "exit"}, path
