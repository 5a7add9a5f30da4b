"""The man page and the completions that ship."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ctxzip.cli.share import files
from tests.conftest import ROOT, ctxzip

SHARE = ROOT / "ctxzip" / "share"
MAN = SHARE / "man" / "man1" / "ctxzip.1"


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


def test_the_files_are_what_the_commands_say_now():
    """`make manual` writes them anew."""
    there = {str(path.relative_to(SHARE)): path.read_text("utf-8") for path in SHARE.rglob("*") if path.is_file()}
    assert there == files()


def test_the_man_page_has_every_option():
    """Of the longest command, as --help lists them."""
    page = re.sub(r"\\f[BR]", "", MAN.read_text("utf-8").replace("\\-", "-"))
    listed = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ctxzip("compress", "--help").out.decode())) - {"--help"}
    assert listed <= set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page))


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
