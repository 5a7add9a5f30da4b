"""What the filters share: how they begin, what goes through them, how they end."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import typer

from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctxzip.cli.report import Report
    from ctxzip.records import BadRecord, Result, Scored


def check_call(
    context: typer.Context, files: list[str] | None, query: str | None, stats: str | None, output: str | None
) -> None:
    """Raise UsageError where a filter would wait for a person to type, or write two things to one place."""
    if not files and sys.stdin is not None and sys.stdin.isatty():
        typer.echo(context.get_help(), err=True)
        raise UsageError("no input: name files, or pipe records in")
    if query and not files and os.path.isfile(query):
        raise UsageError(f"--query {query}: this is a file, not a question (-q is --query; to silence, say --quiet)")
    if stats is not None and stats in {"-", output}:
        raise UsageError(f"--stats {stats}: name a file of its own; stdout is for the records")


def prefilter_of(text: str) -> str | int:
    """Return what --prefilter says: a number of tokens, or a word."""
    return int(text) if text.isascii() and text.isdigit() else text


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
    from ctxzip.cli.writing import Writer, writing
    from ctxzip.rawjson import encode
    from ctxzip.records import BadRecord

    with nullcontext() if stats is None else writing(stats) as stats_stream:
        with suppress(_StoppedError), writing(output) as stream:
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
