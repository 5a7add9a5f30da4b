"""The typer app and its commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ctxzip import __version__
from ctxzip.cli.command import PLAIN, Command

_PLACES = {
    "compress": "compress.compress",
    "score": "score.score",
    "select": "select.select",
    "inspect": "inspect.inspect",
    "eval": "evaluate.evaluate",
    "calibrate": "calibrate.calibrate",
    "models": "models.models_app",
    "config": "config.config",
    "doctor": "doctor.doctor",
}


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported and built when it is first asked for: a call needs one of them.

    typer builds all that are registered, with every option of each: a tenth of the time of one record by BM25.
    """

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            module_name, attribute = _PLACES[name].split(".")
            module = import_module(f"ctxzip.cli.{module_name}")
            app = getattr(module, attribute)
            if not isinstance(app, typer.Typer):
                function, app = app, typer.Typer(add_completion=False, **PLAIN)
                app.command(name=name, cls=Command, epilog=getattr(module, "EXAMPLES", None))(function)
            self._built[name] = typer.main.get_command(app)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


class _Group(TyperGroup):
    """All commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": _Commands()})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # of the base class
        """Return their names in the order of the help."""
        return list(self.commands)


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

    A filter: questions with their documents in, the same records with the evidence out. Every
    option is also a variable, and a key of a config file: ctxzip config --help.
    """
