"""What the filters share: how they begin, what goes through them, how they end."""

from __future__ import annotations

import gc
import os
import sys
import threading
from concurrent.futures import Future
from contextlib import closing, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import typer

from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ctxzip.cli.run_summary import Report
    from ctxzip.datamodels import Scored
    from ctxzip.reading.origin import BadRecord
    from ctxzip.rendering.result import Result
    from ctxzip.scoring.protocol import Scorer
    from ctxzip.settings import Settings

# Threads that read, work and write hand the interpreter to those that wait for the next batch of the model after
# this long; with the 5 ms that Python takes the model waited 6% of the time, with this 3.5% (mini, 15 records of
# hotpotqa, bioasq and doc2dial, 2 threads).
_SWITCH_S = 0.0005


_SETTINGS = {"keep_titles": "titles", "cache_size": "cache_size_mb"}  # of options that are named otherwise


def check_call(
    context: typer.Context, files: list[str] | None, query: str | None, stats: str | None, output: str | None
) -> None:
    """Raise UsageError where a filter would wait for a person to type, or write two things to one place."""
    if not files and sys.stdin is not None and sys.stdin.isatty():
        typer.echo(context.get_help(), err=True)
        raise UsageError("no input: name files, or pipe records in")
    if query and not files and os.path.isfile(query):
        raise UsageError(f"--query {query}: this is a file, not a question (-q is --query; to silence, say --quiet)")
    others = {os.path.realpath(name) for name in (output, *(files or [])) if name is not None}
    if stats is not None and (stats == "-" or os.path.realpath(stats) in others):
        raise UsageError(f"--stats {stats}: name a file of its own; stdout is for the records")


def settings_of(context: typer.Context, **fixed: Any) -> Settings:
    """Return the settings that a call gives: each option that has a value under the name of its setting.

    Args:
        context: of the call.
        fixed: settings that this command has whatever the call says.

    Raises:
        UsageError: a budget of a segment that is none.
    """
    from dataclasses import fields

    from ctxzip.selection.segments import budgets
    from ctxzip.settings import Settings

    given = {_SETTINGS.get(name, name): value for name, value in context.params.items() if value is not None}
    if "prefilter" in given:
        given["prefilter"] = _number_or_word(given["prefilter"])
    if "segment_budget" in given:
        given["segment_budget"] = budgets(given["segment_budget"])
    names = {field.name for field in fields(Settings)}
    settings = Settings(**{name: value for name, value in {**given, **fixed}.items() if name in names})
    # In the user's defaults it may wait for a call that asks it.
    source = context.get_parameter_source("policy")
    if source is not None and source.name == "COMMANDLINE" and not settings.under_policy:
        raise UsageError(
            f"--policy {settings.policy}: no policy decides under these limits: add --recall, --profile or --budget auto"
        )
    return settings


def _number_or_word(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


def loading(context: typer.Context) -> Callable[[], Scorer] | None:
    """Load what scores in a thread of its own, and return what waits for it; None where there is nothing to load.

    Most of the time goes into a hash and into a graph, and needs no interpreter: the rest of the program is
    imported meanwhile.
    """
    if context.params["scorer"] == "bm25":
        return None
    future: Future[Scorer] = Future()

    def load() -> None:
        try:
            from ctxzip.scoring.loading import load_scorer

            settings = settings_of(context)
            future.set_result(load_scorer(settings))
        except BaseException as error:  # noqa: BLE001  # raised again where the scorer is used
            future.set_exception(error)

    # A daemon: where the call turns out to be wrong, nobody waits for it.
    threading.Thread(target=load, daemon=True, name="ctxzip-load").start()
    return future.result


def run(
    items: Iterable[Result | Scored | BadRecord],
    report: Report,
    *,
    output: str | None,
    stats: str | None,
    on_error: str,
    to: str | None = None,
    null: bool = False,
) -> None:
    """Write every item as it comes, sum up, and exit with 1 where one could not be used.

    Args:
        items: read while this runs.
        report: counts them.
        output: file, or stdout for None and `-`.
        stats: file for the summary, or None.
        on_error: `emit`, `skip` or `fail`.
        to: what results are written as; None is as they came, a row of a table as a row.
        null: end each context with NUL.
    """
    from ctxzip._internal.raw_json import encode
    from ctxzip.cli.output import Writer, writing
    from ctxzip.reading.origin import BadRecord

    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()  # what is loaded stays: it need not be looked through again and again
    with nullcontext() if stats is None else writing(stats) as stats_stream:
        with closing(report), suppress(_StoppedError), writing(output) as stream:
            write = Writer(stream, to=to or "jsonl", null=null, emit_errors=on_error == "emit", as_rows=to is None)
            for item in items:
                report.add(item)
                if isinstance(item, BadRecord) and on_error == "fail":
                    raise _StoppedError
                write(item)
            write.close()
        if stats_stream is not None:
            stats_stream.write(encode(report.statistics()) + b"\n")
    report.sum_up()
    if report.failed:
        raise typer.Exit(InputError.exit_code)


class _StoppedError(Exception):
    """A record could not be used and the run is to stop there; leaves through `writing`."""
