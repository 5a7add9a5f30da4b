"""Options from the environment and from config files: flags > environment > project file > user file > default."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from ctxzip.cli.configfile import ConfigFile, check, config_files
from ctxzip.errors import BackendError, UsageError

PREFIX = "CTXZIP_"
_SHARED = "compress"  # whose options are meant for every command that has them


@dataclass(frozen=True, slots=True)
class Found:
    """A value that was not given with the call, and where it stands: a variable or a file."""

    value: Any
    origin: str


class Context(typer.Context):
    """Finds what was not given on the command line, when it is first asked for: never for `--help`."""

    def lookup_default(self, name: str, call: bool = True) -> Any:  # noqa: ARG002  # of the base class
        """Return what the environment or a file says about a parameter; None to leave it to its default."""
        # Help and completion tell what holds without them.
        found = None if self.resilient_parsing else self.found.get(name)
        return None if found is None else found.value

    @cached_property
    def found(self) -> dict[str, Found]:
        """What the environment and files say about options of this command, by their names in the code.

        Raises:
            UsageError: a config file cannot be read, or holds what it may not.
        """
        values = in_force(self.path, self.root, self.files)
        return {option.name or "": values[key] for key, option in options_of(self.command).items() if key in values}

    @property
    def root(self) -> TyperGroup:
        """The whole command line."""
        root = self.find_root().command
        assert isinstance(root, TyperGroup)
        return root

    @property
    def path(self) -> tuple[str, ...]:
        """The words of the command behind `ctxzip`."""
        names: list[str] = []
        context: Any = self
        while context.parent is not None:
            names.insert(0, context.info_name or "")
            context = context.parent
        return tuple(names)

    @cached_property
    def files(self) -> list[ConfigFile]:
        """The config files in force, checked."""
        files = config_files()
        for file in files:
            check(file, shared_options(self.root), commands_of(self.root))
        return files


class Command(TyperCommand):
    """A command whose options may also stand in the environment and in config files."""

    context_class = Context

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as typer does, and name the origin of a value that is refused."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            option = error.param
            if isinstance(option, TyperOption) and (found := _taken(ctx, option)):
                error.message = f"{error.message.rstrip('.')} (from {found.origin})"
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and name the origin of options that an error speaks of."""
        try:
            return super().invoke(ctx)
        except (UsageError, BackendError) as error:
            named = re.findall(r"--([a-z][a-z-]*)", str(error))
            origins = [
                f"--{key} is from {found.origin}"
                for key, option in options_of(self).items()
                if key in named and (found := _taken(ctx, option))
            ]
            if not origins:
                raise
            raise type(error)(f"{error} ({', '.join(origins)})") from error


def _taken(context: Context, option: TyperOption) -> Found | None:
    """Return where the value of an option came from, None where it was given with the call or is the default."""
    source = context.get_parameter_source(option.name or "")
    given = source is None or source.name != "DEFAULT_MAP"  # which is where `lookup_default` counts
    return None if given else context.found.get(option.name or "")


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
