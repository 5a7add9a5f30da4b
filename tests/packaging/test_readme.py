"""Every command of the README and of the man page is run, and the README shows what it prints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FIXTURES, ROOT, ctxzip
from tests.packaging.readme_outputs import PATH, README, Printed, blocks, examples, run, without_time

PAGE = README.read_text("utf-8")
MAN_PAGE = (ROOT / "ctxzip" / "cli" / "man_page.md").read_text("utf-8")
SETUP, *SHELL = blocks(PAGE, "sh")
RECIPES = [recipe for block in [*SHELL, *blocks(MAN_PAGE, "sh")] for recipe in block.split("\n\n")]
CONSOLE = blocks(PAGE, "console")
TOOLS = ("jq", "llm", "mlr", "duckdb", "parallel")
N_REQUESTS = 8
REQUESTS = [json.loads(line) for line in (FIXTURES / "requests.jsonl").read_text("utf-8").splitlines()]
# What answers the questions of the examples, by the question.
ANSWERS = {
    "When does the ferry leave?": ["leaves at seven"],
    "When was the bottom bracket of the bike replaced, and what did it cost?": ["2023-04-01", "48.50"],
    **{request["query"]: request["answers"] for request in REQUESTS},
}

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


@pytest.fixture
def folder(tmp_path):
    """A folder with the fixtures in it, as a checkout has them."""
    shutil.copytree(FIXTURES, tmp_path / "fixtures")
    return tmp_path


@pytest.fixture
def small_folder(folder):
    """The same with fewer requests, for what only has to run."""
    requests = folder / "fixtures" / "requests.jsonl"
    requests.write_bytes(b"".join(requests.read_bytes().splitlines(keepends=True)[:N_REQUESTS]))
    return folder


def test_the_readme_is_short_and_its_blocks_are_found():
    """It is read in three minutes, and nothing below runs on an empty list."""
    assert len(PAGE.splitlines()) <= 180
    assert len(RECIPES) == 22
    assert len(CONSOLE) == 3
    assert len(blocks(PAGE, "make")) == 1
    assert len(blocks(PAGE, "python")) == 2
    assert not set(re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)) - {"sh", "console", "make", "python", "text"}


@pytest.mark.slow
@pytest.mark.parametrize("code", RECIPES)
def test_a_command_runs(code, small_folder):
    """Each succeeds, and prints on stdout or writes a file. (`llm` uses the model of llm-echo, which needs no network.)"""
    for tool in TOOLS:
        if re.search(rf"(^|\| *|\n *){tool} ", code) and shutil.which(tool, path=PATH) is None:
            pytest.skip(f"{tool} is not installed")
    if "llm " in code:
        pytest.importorskip("llm_echo")
    before = set(small_folder.iterdir())
    done = run(code, small_folder)
    assert done.stdout or set(small_folder.iterdir()) - before
    assert "Traceback" not in done.stderr


@needs_jq
@pytest.mark.parametrize("console", CONSOLE)
def test_an_example_prints_what_the_readme_shows(console, folder):
    """To the letter on stdout and on stderr, but for the seconds."""
    for example in examples(console):
        done = run(example.command, folder)
        assert Printed(done.stdout, without_time(done.stderr)) == example.printed


@pytest.mark.parametrize("console", CONSOLE)
def test_an_example_holds_the_answer_to_its_question(console):
    """The last output of each holds every answer to the one question that stands in the block."""
    (question,) = (query for query in ANSWERS if query in console)
    shown = examples(console)[-1].printed.stdout
    assert ANSWERS[question]
    assert [answer for answer in ANSWERS[question] if answer not in shown] == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_demo_keeps_the_answers():
    """Of every question that it shows, and it compresses all fixtures without an error."""
    done = subprocess.run(
        ["make", "--no-print-directory", "-o", ".venv/installed", f"BIN={Path(sys.executable).parent}", "demo"],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.count("question: ") == done.stdout.count("the answer is kept: ") == 3
    assert "NOT" not in done.stdout
    assert done.stderr.splitlines()[-1].startswith("ctxzip: 20 records, ")


def test_the_two_commands_are_targets():
    """They run this very test, so here they are only looked for."""
    targets = re.findall(r"^make (\w+)", SETUP, re.MULTILINE)
    assert targets == ["demo", "test"]
    subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_the_makefile_rule_makes_its_file_or_none(small_folder):
    """A good input makes a whole file, a broken one leaves nothing behind."""
    (small_folder / "Makefile").write_text(blocks(PAGE, "make")[0])
    for name in ("requests", "broken"):
        shutil.copy(small_folder / "fixtures" / f"{name}.jsonl", small_folder)
    run("make requests.short.jsonl", small_folder)
    assert len((small_folder / "requests.short.jsonl").read_bytes().splitlines()) == N_REQUESTS
    run("! make broken.short.jsonl", small_folder)
    assert not (small_folder / "broken.short.jsonl").exists()


@pytest.mark.parametrize("code", blocks(PAGE, "python"))
def test_a_python_example_runs(code):
    """Its assertions are its test."""
    if "langchain" in code:
        pytest.importorskip("langchain_core")
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


def test_the_python_of_the_man_page_runs():
    """Its assertions are its test."""
    (code,) = blocks(MAN_PAGE, "python")
    exec(compile(code, "man_page.md", "exec"), {})  # noqa: S102


def test_the_config_file_of_the_man_page_is_one(folder, monkeypatch):
    """It sets what it says."""
    monkeypatch.delenv("CTXZIP_CONFIG")
    (toml,) = blocks(MAN_PAGE, "toml")
    (folder / "ctxzip.toml").write_text(toml)
    options = json.loads(ctxzip("config", "--json", cwd=folder).out)["options"]
    path = str(folder / "ctxzip.toml")
    assert options["scorer"] == {"value": "bm25", "origin": path}
    assert options["max-tokens"] == {"value": 800, "origin": path}


def test_every_link_of_the_readme_is_a_file():
    """None points to what was moved."""
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_names_every_package():
    """Where things are, and no name of what is gone."""
    (named,) = (block for block in blocks(PAGE, "text") if block.startswith("reading"))
    packages = {path.parent.name for path in (ROOT / "ctxzip").glob("*/__init__.py")}
    assert {name for name in packages if not re.search(rf"\b{name}\b", named)} == set()


def test_every_make_target_is_in_make_help():
    """`make help` is the list of what can be made."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    assert {line.split()[0] for line in done.stdout.splitlines()} == targets
