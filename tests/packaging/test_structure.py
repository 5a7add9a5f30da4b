"""Layout of the package. Which package may import which is a contract of import-linter, in pyproject.toml."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "ctxzip"
FILES = sorted(PACKAGE.rglob("*.py"))


def test_no_file_name_occurs_twice():
    """A name leads to one file."""
    names = Counter(path.name for path in FILES)
    assert [name for name, count in names.items() if count > 1 and name not in {"__init__.py", "__main__.py"}] == []


def test_the_root_holds_these_modules_and_packages():
    """A new one belongs into a package, or into this list and into the import contract."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == {
        "__init__", "__main__", "compressor", "datamodels", "diagnostics", "errors", "model_store", "settings", "tokens",
    }  # fmt: skip
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == {
        "_internal", "cli", "evaluation", "integrations", "query", "reading", "rendering", "reports", "scoring",
        "selection", "splitting", "training",
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_longer_than_400_lines(path):
    """A longer one is two things."""
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_only_the_command_line_prints_and_exits():
    """The library returns and raises. Training has a command line of its own."""
    for path in FILES:
        if path.relative_to(PACKAGE).parts[0] in {"cli", "training"}:
            continue
        calls = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
        }
        assert not calls & {"print", "sys.exit", "exit", "os._exit"}, path
