"""The typer app and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from ctxzip import __version__
from ctxzip.cli import calibrate, compress, config, doctor, evaluate, inspect, models, score, select
from ctxzip.cli.command import Command

# Plain help: panels load rich, which --help would pay for, and do not pipe well.
app = typer.Typer(
    name="ctxzip",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


app.command(name="compress", epilog=compress.EXAMPLES)(compress.compress)
app.command(name="score", epilog=score.EXAMPLES)(score.score)
app.command(name="select", epilog=select.EXAMPLES)(select.select)
app.command(name="inspect", epilog=inspect.EXAMPLES)(inspect.inspect)
app.command(name="eval", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(name="calibrate", epilog=calibrate.EXAMPLES)(calibrate.calibrate)
app.add_typer(models.models_app, name="models")
app.command(name="config", epilog=config.EXAMPLES)(config.config)
app.command(name="doctor")(doctor.doctor)


def _settable(group: typer.Typer) -> None:
    """Let the environment and config files set the options of every command."""
    for command in group.registered_commands:
        command.cls = Command
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _settable(inner.typer_instance)


_settable(app)
