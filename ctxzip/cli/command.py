"""Options from the environment and from config files: flags > environment > project file > user file > default."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from ctxzip.errors import BackendError, UsageError

if TYPE_CHECKING:
    from ctxzip.cli.config_files import ConfigFile
    from ctxzip.cli.option_origins import Found

# Of every app. Plain help: panels load rich, which --help would pay for, and do not pipe well.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "context_settings": {"help_option_names": ["-h", "--help"]}}


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
        from ctxzip.cli.option_origins import in_force, options_of

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
        from ctxzip.cli.config_files import check, config_files
        from ctxzip.cli.option_origins import commands_of, shared_options

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
            from ctxzip.cli.option_origins import options_of

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
