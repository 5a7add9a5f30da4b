"""Who may know whom."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "ctxzip"
STAGES = ["splitting", "scoring", "query", "budget", "selection", "wording", "rendering", "tokens", "reading", "bridge"]
SHARED = {
    "ctxzip",
    "ctxzip.records",
    "ctxzip.errors",
    "ctxzip.rawjson",
    "ctxzip.shipped",
    "ctxzip.odds",
    "ctxzip.cores",
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_knows_records_and_errors_and_no_other_stage(stage):
    """Data flows one way, and pipeline alone calls the stages. (rawjson is how records are written, shipped where model files lie.)"""
    folder = PACKAGE / stage
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]:
        imported = {
            node.module
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ctxzip")
        }
        assert not {name for name in imported - SHARED if not name.startswith(f"ctxzip.{stage}")}, path


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
