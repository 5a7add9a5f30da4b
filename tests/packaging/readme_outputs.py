"""The console examples of README.md and what they print: `python -m tests.packaging.readme_outputs --write` prints it anew.

An example is a line that begins with `$ `. Below it stands what the command writes to stdout, then what it writes to
stderr: the lines that begin with `ctxzip: `.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_OF_STDERR = "ctxzip: "
_TIMEOUT_S = 120


@dataclass(frozen=True)
class Printed:
    """What a command wrote, the seconds left out."""

    stdout: str
    stderr: str


@dataclass(frozen=True)
class Example:
    """A command and what a page shows below it."""

    command: str
    shown: str

    @property
    def printed(self) -> Printed:
        """What the page says that it writes."""
        lines = self.shown.splitlines(keepends=True)
        return Printed(
            "".join(line for line in lines if not line.startswith(_OF_STDERR)),
            without_time("".join(line for line in lines if line.startswith(_OF_STDERR))),
        )


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page that are in this language."""
    return [code for name, code in _BLOCK.findall(page) if name == language]


def examples(console: str) -> list[Example]:
    """Return the examples of one block of the language `console`."""
    parts = (part.partition("\n") for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:])
    return [Example(command, shown) for command, _, shown in parts]


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as a reader of the page would; fail with what it said where it fails."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={
            **os.environ,
            "PATH": PATH,
            "PYTHONPATH": str(ROOT),
            "CTXZIP_CONFIG": os.devnull,
            "LLM_MODEL": "echo",
            "LLM_USER_PATH": str(folder / ".llm"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def without_time(text: str) -> str:
    """Return what was said with N in place of its seconds."""
    return re.sub(r"\d+\.\d s\b", "N s", text)


def refreshed(page: str) -> str:
    """Return a page with what its examples print now; seconds alone are no reason to change a line."""

    def block(found: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(ROOT / "fixtures", folder / "fixtures")
            return "".join(f"$ {example.command}\n{_now(example, folder)}" for example in examples(found[0]))

    return _CONSOLE.sub(block, page)


def _now(example: Example, folder: Path) -> str:
    done = run(example.command, folder)
    same = Printed(done.stdout, without_time(done.stderr)) == example.printed
    return example.shown if same else done.stdout + done.stderr


def main() -> None:
    """Print the page with the outputs of now, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.packaging.readme_outputs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write README.md; without it the page is printed")
    page = refreshed(README.read_text("utf-8"))
    if parser.parse_args().write:
        README.write_text(page, "utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
