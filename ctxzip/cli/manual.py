"""The man page: the prose of `man_page.md`, with what the commands declare, as roff."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperGroup

from ctxzip import __version__
from ctxzip.cli.option_origins import NOT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "man_page.md"
_AS_IS = "\b"  # the line in front of a paragraph of a help text that is not to be filled
_FENCE = "```"
_GENERATED = re.compile(r"<!-- generated: (.+) -->")
_TERM = re.compile(r"- ((?:`[^`]+`(?:, )?)+): (.+)")
_INLINE = re.compile(r"`([^`]+)`|\*([^*\s][^*]*)\*")


def manual(root: TyperGroup) -> str:
    """Return the man page of the command line, in the man macros of roff."""
    context = typer.Context(root, info_name="ctxzip")
    generated = {
        "root options": _options(root, context),
        "commands": _commands(root, context),
        "variables": _entries({**NOT_OPTIONS, "NO_COLOR": "no colors, where it is not empty"}),
    }
    prose = files("ctxzip.cli").joinpath(SOURCE).read_text("utf-8")
    lines = [f'.TH CTXZIP 1 "" "ctxzip {__version__}" "User Commands"', ".ad l", *_rendered(prose, generated)]
    return "\n".join(lines) + "\n"


def _rendered(prose: str, generated: dict[str, Iterator[str]]) -> Iterator[str]:
    """Yield prose in the small part of markdown that `man_page.md` describes as lines of roff.

    Raises:
        KeyError: a comment names something to be generated that there is not.
    """
    for block in _blocks(prose):
        first, *rest = block
        if first.startswith(_FENCE):
            yield from (".PP", ".RS 4", ".nf", *map(_escaped, rest), ".fi", ".RE")
        elif found := _GENERATED.fullmatch(first):
            yield from generated[found[1]]
        elif first.startswith("### "):
            yield f'.SS "{_escaped(first[4:])}"'
        elif first.startswith("## "):
            yield f".SH {_escaped(first[3:])}"
        elif not first.startswith("<!--"):
            text = " ".join(line.strip() for line in block)
            if term := _TERM.fullmatch(text):
                yield from (".TP", _inline(term[1]), _inline(term[2]))
            else:
                yield from (".PP", _inline(text))


def _blocks(prose: str) -> Iterator[list[str]]:
    """Yield the lines of each heading, paragraph, item and comment; of a fenced block, the fence and what is inside."""
    block: list[str] = []
    for line in [*prose.splitlines(), ""]:
        fenced = bool(block) and block[0].startswith(_FENCE)
        if fenced and line != _FENCE:
            block.append(line)
        elif block and (fenced or not line or line.startswith("- ")):
            yield block
            block = [line] if line.startswith("- ") else []
        elif line:
            block.append(line)


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
    """Yield the options of a command in the groups that its help has."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for option in command.params:
        if record := option.get_help_record(context):
            groups.setdefault(getattr(option, "rich_help_panel", None) or "", []).append(record)
    for group, records in groups.items():
        if group:
            yield from (".PP", rf"\fI{_escaped(group)}\fR")
        for names, text in records:
            yield from (".TP", _bold(_escaped(names)), _escaped(text))


def _entries(entries: dict[str, str]) -> Iterator[str]:
    for name, text in entries.items():
        yield from (".TP", rf"\fB{_escaped(name)}\fR", _escaped(text))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield a help text paragraph by paragraph; lines below a backspace stay as they are, as in --help."""
    for paragraph in text.strip("\n").split("\n\n"):
        lines = paragraph.splitlines()
        if lines and lines[0].strip(" ") == _AS_IS:
            yield from (".PP", ".nf", *map(_escaped, lines[1:]), ".fi")
        elif lines:
            yield from (".PP", _escaped(" ".join(line.strip() for line in lines)))


def _inline(text: str) -> str:
    """Return text with code in bold, its words not hyphenated, and emphasis in italics."""

    def marked(found: re.Match[str]) -> str:
        code, emphasis = found.groups()
        return f"\0I{emphasis}\0R" if code is None else "\0B\1" + code.replace(" ", " \1") + "\0R"

    return _escaped(_INLINE.sub(marked, text)).replace("\0", r"\f").replace("\1", r"\%")


def _bold(names: str) -> str:
    return re.sub(r"(?<![\w-])((?:\\-){1,2}[a-z0-9](?:\w|\\-)*)", r"\\fB\1\\fR", names)


def _escaped(text: str) -> str:
    """Return text in which nothing is a command of roff, and hyphens can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text
