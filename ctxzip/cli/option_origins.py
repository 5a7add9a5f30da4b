"""Values of options from the environment and from config files, with their origins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup, TyperOption

from ctxzip._internal.suggestions import did_you_mean
from ctxzip.cli.config_files import NAMED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.cli.config_files import ConfigFile

PREFIX = "CTXZIP_"
# Variables that set no option, and what they do.
NOT_OPTIONS = {
    NAMED: "the one config file to read, in place of all others",
    "CTXZIP_MODELS": "the folder of imported models",
    "CTXZIP_NO_COLOR": "no colors, as NO_COLOR",
    "CTXZIP_PAGER": "the pager of ctxzip inspect, in place of PAGER",
    "CTXZIP_READER_TOKEN": "the key for the endpoint of ctxzip eval --reader",
}
_SHARED = "compress"  # whose options are meant for every command that has them


@dataclass(frozen=True, slots=True)
class Found:
    """A value that was not typed, and its origin: a variable or a file."""

    value: Any
    origin: str


def in_force(command: tuple[str, ...], root: TyperGroup, files: list[ConfigFile]) -> dict[str, Found]:
    """Return the values of options of a command by key: from the environment, else from the first file that has the key."""
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
    """Return the names of the variables that set an option, in the order of precedence.

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


def unknown_variables(command: tuple[str, ...], root: TyperGroup) -> Iterator[str]:
    """Yield a warning for each variable with our prefix that names no option of any command: a typo would be silent.

    Args:
        command: that runs; its options are looked up first, so that the others need not be loaded.
        root: the whole command line.
    """
    names = [name for name in sorted(os.environ) if name.startswith(PREFIX) and name not in NOT_OPTIONS]
    if not names:
        return
    shared = shared_options(root)
    known = {name for key in shared for name in variables((_SHARED,), key, shared=True)}
    known.update(
        name for key in options_of(command_at(command, root)) for name in variables(command, key, shared=key in shared)
    )
    if known.issuperset(names):
        return
    known.update(NOT_OPTIONS)
    stack: list[tuple[tuple[str, ...], dict[str, Any]]] = [((), commands_of(root))]
    while stack:
        path, inner = stack.pop()
        for key, value in inner.items():
            if isinstance(value, dict):
                stack.append(((*path, key), value))
            else:
                known.update(variables(path, key, shared=key in shared))
    for name in names:
        if name not in known:
            yield f"warning: {name} names no option{did_you_mean(name, known)}"


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
