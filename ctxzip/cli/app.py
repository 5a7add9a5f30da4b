"""The typer app and its commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ctxzip import __version__
from ctxzip.cli.command import PLAIN, Command

# Where each command is, and its line in the list of commands, for which no command need be imported.
_COMMANDS = {
    "compress": ("compress.compress", "Keep the sentences with the evidence, drop the rest."),
    "score": ("score.score", "Score every sentence and keep all."),
    "select": ("select.select", "Apply a budget to scored records, without the model."),
    "inspect": ("inspect.inspect", "Show what is kept and dropped, with scores and reasons."),
    "eval": ("evaluate.evaluate", "Measure on labelled questions how much evidence is kept."),
    "calibrate": ("calibrate.calibrate", "Fit a budget that guarantees a recall."),
    "models": ("models.models_app", "List, show, verify and import models."),
    "config": ("config.config", "Show the value of every option, and its origin."),
    "doctor": ("print_diagnostics.doctor", "Check the installation, and compress one record."),
}


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported and built at its first use.

    typer builds all commands that are registered, with every option of each; a call needs one of them.
    """

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            module_name, attribute = _COMMANDS[name][0].split(".")
            module = import_module(f"ctxzip.cli.{module_name}")
            app = getattr(module, attribute)
            if not isinstance(app, typer.Typer):
                function, app = app, typer.Typer(add_completion=False, **PLAIN)
                app.command(name=name, cls=Command, epilog=getattr(module, "EXAMPLES", None))(function)
            self._built[name] = typer.main.get_command(app)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _Group(TyperGroup):
    """All commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": _Commands()})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # of the base class
        """Return their names in the order of the help."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # of the base class
        """Write a line for each command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


app = typer.Typer(name="ctxzip", cls=_Group, no_args_is_help=True, pretty_exceptions_enable=False, **PLAIN)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ctxzip {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Shorten retrieved context before a language model reads it.

    A filter: it reads questions with their documents and writes the same records with the evidence
    only. Every option is also an environment variable and a key of a config file: ctxzip config --help.
    """
