"""Options from the environment and from config files: flags > environment > project file > user file > default."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from ctxzip.errors import CtxzipError

if TYPE_CHECKING:
    from ctxzip.cli.config_files import ConfigFile
    from ctxzip.cli.option_origins import Found

# Of every app. Plain help: rich takes time to load, and its boxes do not pipe well.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "context_settings": {"help_option_names": ["-h", "--help"]}}
# The groups of the help, in this order; an option names its own with `rich_help_panel`, which typer hands on.
_NAME_COLUMNS = 26  # of names of options in the help; a longer name has a line of its own
INPUT, BUDGET, SCORING, OUTPUT, ADVANCED = PANELS = ("Input", "Budget", "Scoring", "Output", "Advanced")


class Context(typer.Context):
    """Looks up what was not given on the command line, when it is needed: never for `--help`."""

    def lookup_default(self, name: str, call: bool = True) -> Any:  # noqa: ARG002  # of the base class
        """Return the value of a parameter in the environment or a file; None to leave it to its default."""
        # Help and completion show what holds without them.
        found = None if self.resilient_parsing else self.found.get(name)
        return None if found is None else found.value

    @cached_property
    def found(self) -> dict[str, Found]:
        """The values in the environment and in files of options of this command, by their names in the code.

        Raises:
            UsageError: a config file cannot be read, or has a key or a value that is not allowed.
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
    """A command whose options may also be set in the environment and in config files."""

    context_class = Context

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options in their groups; those without one come before the last group."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                own = getattr(param, "rich_help_panel", None)
                sections.setdefault(own or param.param_type_name.capitalize() + "s", []).append(record)
        first = [name for name in sections if name not in PANELS]
        if PANELS[0] in sections and "Options" in first:  # --help
            sections[ADVANCED] = sections.get(ADVANCED, []) + sections.pop("Options")
            first.remove("Options")
        for name in (*first, *(name for name in PANELS if name in sections)):
            with formatter.section(name):
                formatter.write_dl(sections[name], col_max=_NAME_COLUMNS)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as typer does, and name the origin of a value that is wrong."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            option = error.param
            if isinstance(option, TyperOption) and (found := _not_typed(ctx, option)):
                error.message = f"{error.message.rstrip('.')} (from {found.origin})"
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run the command; spell the options of an error as they are typed, and name the origin of their values."""
        if any(name.startswith("CTXZIP_") for name in os.environ) and not ctx.params.get("quiet"):
            from ctxzip.cli.option_origins import unknown_variables
            from ctxzip.cli.terminal import YELLOW, print_line

            for warning in unknown_variables(ctx.path, ctx.root):
                print_line(warning, YELLOW)
        try:
            return super().invoke(ctx)
        except CtxzipError as error:
            from ctxzip.cli.option_names import error_text, spelled
            from ctxzip.cli.option_origins import options_of

            options = options_of(self)
            origins = [
                f"{spelled(name)} is from {found.origin}"
                for name in error.options
                if (option := options.get(spelled(name)[2:])) and (found := _not_typed(ctx, option))
            ]
            text = error_text(error)
            raise type(error)(f"{text} ({', '.join(origins)})" if origins else text) from error


def _not_typed(context: Context, option: TyperOption) -> Found | None:
    """Return a value from the environment or a file with its origin; None for a typed value or the default."""
    source = context.get_parameter_source(option.name or "")
    typed = source is None or source.name != "DEFAULT_MAP"  # the source of what `lookup_default` returns
    return None if typed else context.found.get(option.name or "")
