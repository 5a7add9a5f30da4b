"""The man page, made of what the commands say about themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperGroup

from ctxzip import __version__
from ctxzip.cli.config_files import PROJECT, PYPROJECT, USER
from ctxzip.cli.option_origins import NOT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = "shorten retrieved context before a language model reads it"
_AS_IS = "\b"  # the line in front of a paragraph that is not to be filled
_ENVIRONMENT = """\
Every option of a command is a variable: CTXZIP_COMPRESS_MAX_TOKENS=500 is --max-tokens 500 of ctxzip compress. An
option of ctxzip compress may do without the name of the command and is then meant for every command that has it:
CTXZIP_MAX_TOKENS. Flags are true or false; of what may be repeated the values are set apart by spaces. A flag of the
call goes before a variable, a variable before a file."""
_FILES = {
    f"{PROJECT}, or {PYPROJECT} with [tool.ctxzip]": "The nearest from the working folder upwards. max-tokens = 500 is "
    "meant for every command that has the option, a table [eval] (or [tool.ctxzip.eval]) for one. Options that name a "
    "file or folder of one call, such as --output and --cache, cannot stand there. A path of policy, model or tokenizer starts at the file.",
    f"ctxzip/{USER} in the config folder of the user": "The same, for what no project file says. The folder is "
    "$XDG_CONFIG_HOME or ~/.config on Linux; ctxzip config names it.",
}
_EXIT_STATUS = {
    "0": "All went well.",
    "1": "Some records could not be used.",
    "2": "The call is wrong: an option, a file name, a config file.",
    "3": "Something that scores, splits or counts cannot run, or a model is missing or damaged.",
    "130, 129, 143, 141": "Interrupted, hung up on, terminated, and the reader of the pipe went away.",
}


def manual(root: TyperGroup) -> str:
    """Return the man page of the command line, in the man macros of roff."""
    context = typer.Context(root, info_name="ctxzip")
    lines = [
        f'.TH CTXZIP 1 "" "ctxzip {__version__}" "User Commands"',
        ".SH NAME",
        f"ctxzip {_escaped('-')} {_escaped(_NAME)}",
        ".SH SYNOPSIS",
        r"\fBctxzip\fR \fICOMMAND\fR [\fIOPTIONS\fR] [\fIARGUMENTS\fR]...",
        ".SH DESCRIPTION",
        *_paragraphs(root.help or ""),
        *_options(root, context),
        ".SH COMMANDS",
        *_commands(root, context),
        ".SH ENVIRONMENT",
        *_paragraphs(_ENVIRONMENT),
        *_entries({**NOT_OPTIONS, "NO_COLOR": "no colors, where it is not empty"}),
        ".SH FILES",
        *_entries(_FILES),
        ".SH EXIT STATUS",
        *_entries(_EXIT_STATUS),
    ]
    return "\n".join(lines) + "\n"


def _commands(group: TyperGroup, context: typer.Context) -> Iterator[str]:
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context)
        if isinstance(command, TyperGroup):
            yield from _commands(command, inner)
            continue
        arguments = [one.make_metavar(inner) for one in command.params if isinstance(one, TyperArgument)]
        yield f'.SS "{_escaped(" ".join([inner.command_path.split("[")[0].strip(), "[OPTIONS]", *arguments]))}"'
        yield from _paragraphs(command.help or "")
        yield from _options(command, inner)
        yield from _paragraphs(command.epilog or "")


def _options(command: Any, context: typer.Context) -> Iterator[str]:
    records = (one.get_help_record(context) for one in command.params)
    for names, text in filter(None, records):
        yield from (".TP", _bold(_escaped(names)), _escaped(text))


def _entries(entries: dict[str, str]) -> Iterator[str]:
    for name, text in entries.items():
        yield from (".TP", rf"\fB{_escaped(name)}\fR", _escaped(text))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield a text paragraph by paragraph; lines below a backspace stay as they are, as in --help."""
    for paragraph in text.strip("\n").split("\n\n"):
        lines = paragraph.splitlines()
        if lines and lines[0].strip(" ") == _AS_IS:
            yield from (".PP", ".nf", *map(_escaped, lines[1:]), ".fi")
        elif lines:
            yield from (".PP", _escaped(" ".join(line.strip() for line in lines)))


def _bold(names: str) -> str:
    return re.sub(r"(?<![\w-])((?:\\-){1,2}[a-z0-9](?:\w|\\-)*)", r"\\fB\1\\fR", names)


def _escaped(text: str) -> str:
    """Return text in which nothing is a command of roff, and hyphens can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text
