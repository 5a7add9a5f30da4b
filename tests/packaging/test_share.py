"""The man page and the completions that ship."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import typer

from ctxzip.cli.app import app
from ctxzip.cli.share import files
from ctxzip.query.kinds import KINDS
from ctxzip.reading.schemas import names
from ctxzip.settings import To
from tests.conftest import ROOT, ctxzip

PROSE = ROOT / "ctxzip" / "cli" / "man_page.md"
SHARE = ROOT / "ctxzip" / "share"
MAN = SHARE / "man" / "man1" / "ctxzip.1"


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


def test_the_files_are_what_the_commands_say_now():
    """`make manual` writes them anew."""
    there = {str(path.relative_to(SHARE)): path.read_text("utf-8") for path in SHARE.rglob("*") if path.is_file()}
    assert there == files()


def options_of(command):
    """Return the long names of the options of a command and of all below it."""
    below = getattr(command, "commands", {})
    found = {name for one in command.params for name in [*one.opts, *one.secondary_opts] if name.startswith("--")}
    return found.union(*(options_of(below[name]) for name in below))


def test_the_man_page_has_every_option_of_every_command():
    """And its prose and the README name none that there is not."""
    declared = options_of(typer.main.get_command(app))
    assert len(declared) > 50
    assert declared <= named_options(plain(MAN.read_text("utf-8")))
    for page in (ROOT / "README.md", PROSE):
        of_others = {"--pipe", "--keep-order", "--ijsonl", "--opprint", "--rounds", "--megabytes", "--model-records"}
        assert named_options(page.read_text("utf-8")) - of_others <= declared


def named_options(page):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page))


def plain(roff):
    """Return the text of a page without its fonts."""
    return re.sub(r"\\f[BIR]|\\%", "", roff.replace("\\-", "-"))


def test_the_prose_has_every_shape_format_and_kind_of_question():
    """Each as a code word."""
    words = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", PROSE.read_text("utf-8")))))
    assert set(names()) <= words
    assert set(get_args(To)) <= words
    assert set(KINDS) <= words


@pytest.mark.parametrize(
    "options", [["--explain"], ["--order", "relevance"], ["--recall", "0.9"], ["--max-tokens", "0"]]
)
def test_the_prose_has_every_key_of_the_record(options):
    """Of records of all kinds: other languages, nothing kept, a prefilter."""
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PROSE.read_text("utf-8")))))
    lines = (ROOT / "fixtures" / "requests.jsonl").read_bytes().splitlines(keepends=True)
    german = next(line for line in lines if b"german" in line)
    done = ctxzip("compress", *options, stdin=b"".join([lines[0], german, lines[-1]]))
    assert done.code == 0
    for line in done.out.splitlines():
        assert keys_of(json.loads(line)["ctxzip"]) <= words


def keys_of(value):
    """Return every key inside of a JSON value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


@needs("groff")
def test_roff_understands_the_man_page():
    """Without a warning."""
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", MAN], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    assert "ctxzip - shorten retrieved context" in done.stdout


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ctxzip", "comp"], ["compress"]),
        (["ctxzip", "compress", "--max-s"], ["--max-sentences"]),
        (["ctxzip", "compress", "--scorer", ""], ["auto", "model", "bm25", "hybrid"]),
        (["ctxzip", "compress", "fixtures/"], []),  # which leaves files to the shell
    ],
)
@needs("bash")
def test_bash_completes(words, found):
    """With the file that ships, as bash calls it."""
    script = SHARE / "bash-completion" / "completions" / "ctxzip"
    code = f"""source {script}
    COMP_WORDS=({" ".join(word or "''" for word in words)}); COMP_CWORD={len(words) - 1}
    _ctxzip_completion ctxzip; printf '%s\\n' "${{COMPREPLY[@]}}"; complete -p ctxzip"""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", code], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True, timeout=60
    )
    *completed, how = done.stdout.splitlines()
    assert list(filter(None, completed)) == found
    assert how == "complete -o default -F _ctxzip_completion ctxzip"


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        pytest.param("zsh", "zsh/site-functions/_ctxzip", marks=needs("zsh")),
        pytest.param("fish", "fish/vendor_completions.d/ctxzip.fish", marks=needs("fish")),
    ],
)
def test_other_shells_can_parse_their_file(shell, file):
    """Where they are installed."""
    subprocess.run([shell, "-n", SHARE / file], check=True, timeout=60)


def test_completion_can_be_installed(tmp_path):
    """For the shell that the command is called from, in the home of the user."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m ctxzip --install-completion; true"],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "bash completion installed" in done.stdout
    installed = (tmp_path / ".bash_completions" / "ctxzip.sh").read_text()
    assert installed.strip() == (SHARE / "bash-completion" / "completions" / "ctxzip").read_text().strip()
