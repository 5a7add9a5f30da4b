"""The files for share/ beside bin/: the man page and completions. `python -m ctxzip.cli.share FOLDER` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from typer._completion_shared import get_completion_script  # what --show-completion prints; it has no public name
from typer.core import TyperGroup

from ctxzip.cli.app import app
from ctxzip.cli.manual import manual

_COMPLETIONS = {
    "bash": "bash-completion/completions/ctxzip",
    "zsh": "zsh/site-functions/_ctxzip",
    "fish": "fish/vendor_completions.d/ctxzip.fish",
}


def files() -> dict[str, str]:
    """Return the content of every file by its path below share/."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    scripts = {
        path: get_completion_script(prog_name="ctxzip", complete_var="_CTXZIP_COMPLETE", shell=shell) + "\n"
        for shell, path in _COMPLETIONS.items()
    }
    return {"man/man1/ctxzip.1": manual(root), **scripts}


def main() -> None:
    """Write the files below the folder that is named."""
    for path, content in files().items():
        target = Path(sys.argv[1], path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, "utf-8")


if __name__ == "__main__":
    main()
