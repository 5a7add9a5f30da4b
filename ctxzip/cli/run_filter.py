"""What the commands that filter records share: checks of the call, its settings, and the run."""

from __future__ import annotations

import gc
import os
import sys
import threading
from concurrent.futures import Future
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ctxzip.cli.journal import Journal
    from ctxzip.cli.options import OutputOptions, RunOptions
    from ctxzip.cli.output import Writer
    from ctxzip.cli.run_summary import Report
    from ctxzip.datamodels import Scored
    from ctxzip.reading.origin import BadRecord
    from ctxzip.rendering.result import Result
    from ctxzip.scoring.pipeline import ScoringPipeline
    from ctxzip.scoring.protocol import Scorer
    from ctxzip.settings import Settings

# Seconds (Python's own are 0.005) after which a thread yields to those that feed the model; measured for mini on 2 threads.
_SWITCH_S = 0.0005
_NO_ANSWER = 4  # exit code
# Options that leave every record as it is.
_SAME_OUTPUT = frozenset(
    [
        "output",
        "stats",
        "errors",
        "quiet",
        "resume",
        "line_buffered",
        "threads",
        "batch_tokens",
        "cache",
        "cache_size_mb",
    ]
)
_FILES = frozenset(["policy", "tokenizer", "corpus", "run_file"])  # options that name a file
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


def check_side_files(context: typer.Context) -> None:
    """Raise UsageError where a file that is written is another that is written or read, or its partial file is one."""
    from ctxzip.cli.output_file import JOURNAL, PART

    given = context.params
    read = [*(given["files"] or []), *(given.get(option) for option in _FILES)]
    others = {os.path.realpath(name) for name in (given["output"], *read) if isinstance(name, str)}
    for option in ("stats", "errors"):
        name = given[option]
        if name is not None and (name == "-" or os.path.realpath(name) in others):
            raise UsageError("name a file of its own; stdout is for the records", option=option, value=name)
        if name is not None:
            others.add(os.path.realpath(name))
    for option in ("output", "stats", "errors"):
        name = given[option]
        if isinstance(name, str) and {os.path.realpath(name) + end for end in (PART, PART + JOURNAL)} & others:
            raise UsageError(f"its partial file {name}{PART} is another file of the call", option=option, value=name)


def journal_of(context: typer.Context, scoring: ScoringPipeline) -> Journal | None:
    """Return the journal of a run with --resume; None without.

    Args:
        context: of the call.
        scoring: the model and the device that decide the scores.

    Raises:
        UsageError: the output is no file, or an input too.
    """
    given = context.params
    if not given["resume"]:
        return None
    from ctxzip import __version__
    from ctxzip.cli.inputs import STDIO, is_input
    from ctxzip.cli.journal import Journal
    from ctxzip.model_store import CARD, open_model, sha256
    from ctxzip.settings import BM25

    if given["output"] in {None, STDIO}:
        raise UsageError("name the file that the output goes to", option=("resume", "output"))
    if is_input(given["output"], given["files"]):
        raise UsageError(f"{given['output']}: the input, too: name another file", option=("resume", "output"))
    options = {name: _with_sha256(name, value) for name, value in given.items() if name not in _SAME_OUTPUT}
    return Journal(
        {
            "version": __version__,
            "command": context.command.name,
            "model_card_sha256": None if given["scorer"] == BM25 else sha256(open_model(given["model"]).path / CARD),
            **options,
            "device": scoring.device,
        }
    )


def _with_sha256(option: str, value: Any) -> Any:
    """Return the value of an option; of a file that decides the output, with its SHA-256."""
    if option not in _FILES or not isinstance(value, str) or not os.path.isfile(value):
        return value
    from ctxzip.model_store import sha256

    return f"{value} ({sha256(Path(value))})"


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
    context: typer.Context,
    items: Iterable[Result | Scored | BadRecord],
    report: Report,
    output: OutputOptions,
    run_options: RunOptions,
    journal: Journal | None = None,
) -> None:
    """Write every item as it comes, sum up, and exit with 1 where a record could not be used, or 4 (`--min-answerable`).

    An output that is an input, too, is replaced only where all records could be used.

    Args:
        context: of the call.
        items: read while this runs.
        report: counts them.
        output: where to, and as what; without a format, rows of a table are written as rows.
        run_options: what to do with bad records, and where the summary goes.
        journal: of a run with --resume.

    Raises:
        InputError: an input was not replaced.
    """
    from ctxzip._internal.raw_json import encode
    from ctxzip.cli.inputs import is_input
    from ctxzip.cli.output import Writer
    from ctxzip.cli.output_file import writing

    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()  # what is loaded stays: the collector need not search it again
    in_place = is_input(output.output, context.params["files"])
    with (
        nullcontext() if run_options.stats is None else writing(run_options.stats) as stats_stream,
        nullcontext() if run_options.errors is None else writing(run_options.errors) as report.failed_records,
    ):
        if journal is not None:
            journal.count = report.add_earlier
        with closing(report), suppress(_StoppedError), writing(output.output, journal) as stream:
            emit_errors = run_options.on_error == "emit"
            writer = Writer(stream, to=output.to, null=output.null, emit_errors=emit_errors, journal=journal)
            _write_all(items, report, writer, stops=run_options.on_error == "fail")
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
    if context.params.get("min_answerable") is not None and report.records and report.unanswered == report.records:
        raise typer.Exit(_NO_ANSWER)


def _write_all(items: Iterable[Result | Scored | BadRecord], report: Report, writer: Writer, *, stops: bool) -> None:
    """Count and write every item.

    Args:
        items: read while this runs.
        report: counts them.
        writer: writes them.
        stops: whether a record that cannot be used ends the run.

    Raises:
        _StoppedError: such a record ends the run.
    """
    from ctxzip.cli.option_names import with_options_spelled
    from ctxzip.reading.origin import BadRecord

    for found in items:
        item = with_options_spelled(found) if isinstance(found, BadRecord) else found
        counted = report.add(item)
        if stops and isinstance(item, BadRecord):
            raise _StoppedError
        writer.write(item, counted)
    writer.close()


class _StoppedError(Exception):
    """A record could not be used, and there is to be no output; leaves through `writing`."""
