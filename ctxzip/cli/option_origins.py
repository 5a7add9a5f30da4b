"""What the environment and config files say about options, and where it stands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup, TyperOption

from ctxzip.cli.config_files import NAMED

if TYPE_CHECKING:
    from ctxzip.cli.config_files import ConfigFile

PREFIX = "CTXZIP_"
# Variables that set no option, and what they do.
NOT_OPTIONS = {
    NAMED: "the one config file to read, in place of all others",
    "CTXZIP_MODELS": "the folder of imported models",
    "CTXZIP_NO_COLOR": "no colors, as NO_COLOR",
    "CTXZIP_PAGER": "what ctxzip inspect shows its text in on a terminal, before PAGER",
    "CTXZIP_READER_TOKEN": "the key for the endpoint of ctxzip eval --reader",
}
_SHARED = "compress"  # whose options are meant for every command that has them


@dataclass(frozen=True, slots=True)
class Found:
    """A value that was not given with the call, and where it stands: a variable or a file."""

    value: Any
    origin: str


def in_force(command: tuple[str, ...], root: TyperGroup, files: list[ConfigFile]) -> dict[str, Found]:
    """Return by key what the environment, or else the first file that speaks of it, says about options of a command."""
    shared = shared_options(root)
    found = {}
    for key, option in options_of(command_at(command, root)).items():
        for name in variables(command, key, shared=key in shared):
            if key not in found and (value := os.environ.get(name)):
                found[key] = Found(value.split() if option.multiple else value, name)
        for file in files:
            value = file.value(command, key, shared=key in shared)
            if key not in found and value is not None:
                found[key] = Found(value if isinstance(value, list) or not option.multiple else [value], file.path)
    return found


def variables(command: tuple[str, ...], key: str, *, shared: bool) -> list[str]:
    """Return the names of the variables that set an option, those that go before others first.

    >>> variables(("compress",), "max-tokens", shared=True)
    ['CTXZIP_COMPRESS_MAX_TOKENS', 'CTXZIP_MAX_TOKENS']
    """
    names = ["_".join((*command, key)), *([key] if shared else [])]
    return [PREFIX + name.upper().replace("-", "_") for name in names]


def options_of(command: Any) -> dict[str, TyperOption]:
    """Return the options of a command by key: the first long name without its dashes."""
    return {
        next(name for name in option.opts if name.startswith("--"))[2:]: option
        for option in command.params
        if isinstance(option, TyperOption)
    }


def shared_options(root: TyperGroup) -> dict[str, TyperOption]:
    """Return the options that are meant for every command that has them."""
    return options_of(root.commands[_SHARED])


def commands_of(group: TyperGroup) -> dict[str, dict[str, Any]]:
    """Return by name the options of every command, and for a group the same of its commands."""
    return {
        name: commands_of(command) if isinstance(command, TyperGroup) else options_of(command)
        for name, command in group.commands.items()
    }


def command_at(path: tuple[str, ...], root: TyperGroup) -> Any:
    """Return the command of these words.

    Raises:
        KeyError: there is none; the key is the word.
    """
    command: Any = root
    for word in path:
        command = getattr(command, "commands", {})[word]
    return command
