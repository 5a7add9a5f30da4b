"""Every command of the README is run, and what it shows is what comes out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, ctxzip

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL = [code for language, code in BLOCKS if language == "sh"]
CONSOLE = [code for language, code in BLOCKS if language == "console"]
MAKE = [code for language, code in BLOCKS if language == "make"]
PYTHON = [code for language, code in BLOCKS if language == "python"]

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
TOOLS = ("jq", "llm", "mlr", "duckdb", "parallel")

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


@pytest.fixture
def folder(tmp_path):
    """A folder with the fixtures in it, as a checkout has them."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    return tmp_path


def shell(code: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": PATH, "LLM_MODEL": "echo", "LLM_USER_PATH": str(folder / ".llm")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def without_time(text: str) -> str:
    return re.sub(r"\d+\.\d s\b", "N s", text)


def test_there_are_commands_to_run():
    """The blocks are found."""
    assert len(SHELL) >= 6
    assert len(CONSOLE) == 3
    assert len(MAKE) == 1
    assert len(PYTHON) == 2


@pytest.mark.parametrize("code", [code for code in SHELL if not code.startswith("make ")])
def test_a_command_runs(code, folder):
    """Each ends well and says or writes something. (`llm` asks the model of llm-echo, which needs no network.)"""
    for tool in TOOLS:
        if re.search(rf"(^|\| *|\n *){tool} ", code) and shutil.which(tool, path=PATH) is None:
            pytest.skip(f"{tool} is not installed")
    if "llm " in code:
        pytest.importorskip("llm_echo")
    before = set(folder.iterdir())
    assert shell(code, folder) or set(folder.iterdir()) - before


@needs_jq
@pytest.mark.parametrize("code", CONSOLE)
def test_a_command_prints_what_the_readme_shows(code, folder):
    """To the letter, but for the seconds."""
    for example in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, shown = example.partition("\n")
        assert without_time(shell(command, folder)) == without_time(shown)


def test_the_makefile_rule_makes_its_file_or_none(folder):
    """A good input makes a whole file, a broken one leaves nothing behind."""
    (folder / "Makefile").write_text(MAKE[0])
    for name in ("requests", "broken"):
        shutil.copy(folder / "fixtures" / f"{name}.jsonl", folder)
    shell("make requests.short.jsonl", folder)
    assert len((folder / "requests.short.jsonl").read_bytes().splitlines()) == 20
    shell("! make broken.short.jsonl", folder)
    assert not (folder / "broken.short.jsonl").exists()


def test_the_two_commands_are_targets():
    """They run this very test, so here they are only asked for."""
    targets = re.findall(r"^make (\w+)", SHELL[0], re.MULTILINE)
    assert targets == ["demo", "test"]
    subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("code", PYTHON)
def test_a_python_example_runs(code):
    """Its assertions are its test."""
    if "langchain" in code:
        pytest.importorskip("langchain_core")
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


def test_the_config_file_of_the_readme_is_one(folder, monkeypatch):
    """And sets what it says."""
    monkeypatch.delenv("CTXZIP_CONFIG")
    (toml,) = (code for language, code in BLOCKS if language == "toml")
    (folder / "ctxzip.toml").write_text(toml)
    options = json.loads(ctxzip("config", "--json", cwd=folder).out)["options"]
    path = str(folder / "ctxzip.toml")
    assert options["scorer"] == {"value": "bm25", "origin": path}
    assert options["max-tokens"] == {"value": 800, "origin": path}


def test_the_options_of_the_readme_are_options():
    """Its table is a choice of what --help lists, under the same names."""
    listed = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ctxzip("compress", "--help").out.decode()))
    table = README.partition("## Options you will use")[2].partition("\n\n`ctxzip compress --help`")[0]
    documented = set(re.findall(r"^\| .*?(--[a-z][a-z-]+)", table, re.MULTILINE))
    assert len(documented) > 15
    assert documented <= listed


def test_every_make_target_is_in_make_help():
    """`make help` is the list of what can be made."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    assert {line.split()[0] for line in done.stdout.splitlines()} == targets
