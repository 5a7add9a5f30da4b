"""What the commands that filter records share: checks of the call, its settings, and the run."""

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

    from ctxzip.cli.options import OutputOptions, RunOptions
    from ctxzip.cli.run_summary import Report
    from ctxzip.datamodels import Scored
    from ctxzip.reading.origin import BadRecord
    from ctxzip.rendering.result import Result
    from ctxzip.scoring.protocol import Scorer
    from ctxzip.settings import Settings

# Seconds (Python's own are 0.005) after which a thread yields to those that feed the model; measured for mini on 2 threads.
_SWITCH_S = 0.0005
_NO_ANSWER = 4  # exit code
_SHORT = 120  # code points; longest one-line summary of a command


def check_input(context: typer.Context, files: list[str] | None, query: str | None = None) -> None:
    """Raise UsageError where a filter would wait for a person to type, or where a question is the name of a file."""
    if not files and sys.stdin is not None and sys.stdin.isatty():
        path = context.command_path
        typer.echo(context.get_usage(), err=True)
        typer.echo(context.command.get_short_help_str(_SHORT), err=True)
        typer.echo(f"Example: {path} records.jsonl > result.jsonl", err=True)
        typer.echo(f"All options: {path} --help", err=True)
        raise UsageError("no input: name files, or pipe records in")
    if query and not files and os.path.isfile(query):
        raise UsageError("a file, not a question; there is no short form of --quiet", option="query", value=query)


def check_stats(stats: str | None, output: str | None, files: list[str] | None) -> None:
    """Raise UsageError where the summary would be written to where records are read or written."""
    others = {os.path.realpath(name) for name in (output, *(files or [])) if name is not None}
    if stats is not None and (stats == "-" or os.path.realpath(stats) in others):
        raise UsageError("name a file of its own; stdout is for the records", option="stats", value=stats)


def check_null(output: OutputOptions) -> None:
    """Raise UsageError where records would end with NUL."""
    from ctxzip.settings import CONTEXTS

    if output.null and output.to not in CONTEXTS:
        raise UsageError(
            "NUL ends contexts only: expected text or markdown", option=("to", "null"), value=output.to or "jsonl"
        )


def settings_of(context: typer.Context, **fixed: Any) -> Settings:
    """Return the settings of a call: each option has the name of its setting.

    Args:
        context: of the call.
        fixed: settings that the command sets itself.

    Raises:
        UsageError: a malformed ratio or budget of a segment, or a policy that no budget uses.
    """
    from dataclasses import fields

    from ctxzip.selection.segments import parse_shares
    from ctxzip.settings import Settings

    given = {name: value for name, value in context.params.items() if value is not None}
    if "prefilter" in given:
        given["prefilter"] = _number_or_word(given["prefilter"])
    if "ratio" in given:
        given["ratio"] = _ratio(given["ratio"])
    if "segment_budget" in given:
        given["segment_budget"] = parse_shares(given["segment_budget"])
    names = {field.name for field in fields(Settings)}
    settings = Settings(**{name: value for name, value in {**given, **fixed}.items() if name in names})
    # In a config file it may wait for a call that uses it.
    source = context.get_parameter_source("policy")
    if source is not None and source.name == "COMMANDLINE" and not settings.under_policy:
        raise UsageError(
            "no policy decides under these limits: add a recall, a profile, an automatic budget or min_answerable",
            option=("policy", "recall", "profile", "budget", "min_answerable"),
            value=settings.policy,
        )
    return settings


def _number_or_word(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


def _ratio(text: str) -> float:
    """Return a number or a percentage as a fraction.

    >>> _ratio("0.2"), _ratio("20%")
    (0.2, 0.2)

    Raises:
        UsageError: it is neither, or not above 0 and at most 1.
    """
    from ctxzip.settings import RATIO_EXPECTED, is_ratio

    number = text.removesuffix("%")
    with suppress(ValueError):
        ratio = float(number) if number == text else float(number) / 100
        if is_ratio(ratio):
            return ratio
    raise UsageError(f"{RATIO_EXPECTED}, or a percentage such as 20%", option="ratio", value=text)


def loading(context: typer.Context) -> Callable[[], Scorer] | None:
    """Load the scorer in a thread of its own, and return what waits for it; None where there is nothing to load.

    Loading mostly hashes and builds a graph, without the interpreter: the rest of the program is imported meanwhile.
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

    # A daemon: a call that turns out to be wrong does not wait for it.
    threading.Thread(target=load, daemon=True, name="ctxzip-load").start()
    return future.result


def run(
    items: Iterable[Result | Scored | BadRecord],
    report: Report,
    output: OutputOptions,
    run_options: RunOptions,
    files: list[str] | None,
    *,
    needs_answer: bool = False,
) -> None:
    """Write every item as it comes, sum up, and exit with 1 where a record could not be used, or 4 (`needs_answer`).

    An output that is an input, too, is replaced only where all records could be used.

    Args:
        items: read while this runs.
        report: counts them.
        output: where to, and as what; without a format, rows of a table are written as rows.
        run_options: what to do with bad records, and where the summary goes.
        files: names of the inputs.
        needs_answer: exit with 4 where no record is answered by its documents.

    Raises:
        InputError: an input was not replaced.
    """
    from ctxzip._internal.raw_json import encode
    from ctxzip.cli.inputs import is_input
    from ctxzip.cli.option_names import with_options_spelled
    from ctxzip.cli.output import Writer, writing
    from ctxzip.reading.origin import BadRecord

    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()  # what is loaded stays: the collector need not search it again
    in_place = is_input(output.output, files)
    stats, on_error, to = run_options.stats, run_options.on_error, output.to
    with nullcontext() if stats is None else writing(stats) as stats_stream:
        with closing(report), suppress(_StoppedError), writing(output.output) as stream:
            write = Writer(
                stream, to=to or "jsonl", null=output.null, emit_errors=on_error == "emit", as_rows=to is None
            )
            for found in items:
                item = with_options_spelled(found) if isinstance(found, BadRecord) else found
                report.add(item)
                if isinstance(item, BadRecord) and on_error == "fail":
                    raise _StoppedError
                write(item)
            write.close()
            if in_place and report.failed:
                raise _StoppedError
        if stats_stream is not None:
            stats_stream.write(encode(report.statistics()) + b"\n")
    report.sum_up()
    if in_place and report.failed:
        raise InputError(
            f"{output.output}: left as it is, since it is the input too and not every record could be used: "
            "mend the records above, or name another file",
            option="output",
        )
    if report.failed:
        raise typer.Exit(InputError.exit_code)
    if needs_answer and report.records and report.unanswered == report.records:
        raise typer.Exit(_NO_ANSWER)


class _StoppedError(Exception):
    """A record could not be used, and there is to be no output; leaves through `writing`."""
