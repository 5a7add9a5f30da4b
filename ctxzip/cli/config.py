"""`ctxzip config`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ctxzip.cli.command import Context
from ctxzip.errors import UsageError

EXAMPLES = """\b
Examples:
  ctxzip config
  ctxzip config eval
  CTXZIP_RATIO=0.3 ctxzip config --json | jq .options.ratio
"""


def config(
    context: Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]...", help="The command.  [default: compress]", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the value of every option of a command, and its origin.

    The order of precedence: the command line; the environment (CTXZIP_MAX_TOKENS, or
    CTXZIP_COMPRESS_MAX_TOKENS for one command); the nearest ctxzip.toml, or pyproject.toml with
    [tool.ctxzip]; config.toml in your config folder. In a file an option is a key (max-tokens = 500)
    for every command that has it, or in a table ([eval], [tool.ctxzip.eval]) for one. CTXZIP_CONFIG
    names one file to read in place of both; /dev/null is none.

    A project file (ctxzip.toml, pyproject.toml) may come with a stranger's folder: its model, tokenizer and
    splitter must be the name of something installed, and it may name no policy and no path. Your own
    config.toml and CTXZIP_CONFIG may name paths.
    """
    import json

    from ctxzip.cli.config_files import NAMED, user_path

    path = tuple(command or ["compress"])
    rows = _rows(context, path)
    files = [file.path for file in context.files]
    if as_json:
        options = {key: {"value": value, "origin": origin} for key, value, origin in rows}
        print(json.dumps({"command": " ".join(path), "files": files, "options": options}))
    else:
        for file in files:
            print(f"file  {file}")
        if not files and not os.environ.get(NAMED):
            print(f"file  none: no ctxzip.toml from here upwards, no {user_path()}")
        widths = [max(len(key) for key, _, _ in rows), max(len(_shown(value)) for _, value, _ in rows)]
        for key, value, origin in rows:
            print(f"{key:{widths[0]}}  {_shown(value):{widths[1]}}  {origin}")


def _rows(context: Context, path: tuple[str, ...]) -> list[tuple[str, Any, str]]:
    from ctxzip._internal.suggestions import did_you_mean
    from ctxzip.cli.option_origins import command_at, in_force, options_of

    try:
        named = command_at(path, context.root)
    except KeyError as error:
        word = error.args[0]
        raise UsageError(f"no command {' '.join(path)!r}{did_you_mean(word, context.root.commands)}") from error
    if isinstance(named, TyperGroup):
        raise UsageError(f"{' '.join(path)}: name one of its commands: {', '.join(named.commands)}")
    found = in_force(path, context.root, context.files)
    return [
        (key, found[key].value, found[key].origin) if key in found else (key, option.default, "default")
        for key, option in options_of(named).items()
    ]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "-" if value is None else str(value)
