"""`ctxzip eval`."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxzip import __version__
from ctxzip.cli import options, terminal
from ctxzip.cli.progress_line import progress
from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.evaluation.baseline import Change
    from ctxzip.evaluation.measure import Measured
    from ctxzip.evaluation.reader import Reader
    from ctxzip.evaluation.sets import LabelledSet

EXAMPLES = """\b
Examples:
  ctxzip eval --data dev/
  ctxzip eval --method lead --method bm25 --method oracle --limit 100 dev/*.jsonl.gz
  ctxzip eval --data dev/hotpotqa.jsonl.gz --threshold-data train/ --method auto
  ctxzip eval --data dev/ --report report/ --baseline before.json --tolerance 0.02
  ctxzip eval --data dev/ --compare-budgets --plot recall.png
  ctxzip eval --data dev/ --method hybrid --model mini --model nano --json numbers.json
"""

_DEFAULT_METHODS = ("bm25", "auto")
_TOLERANCE = 0.01  # one point: what one question in a hundred does


def evaluate(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILES]...", help="The same as --data, so that a pattern works.", show_default=False),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="PATH",
            help="Labelled questions: a file in the common form, of HotpotQA, or of records with answers, or a folder.",
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="lead, random, bm25, model, hybrid, auto, biencoder or oracle; may be repeated.  [default: bm25, auto]",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME", help="Name or folder of the model; model, hybrid and auto run for each."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Only N questions of each file, spread over it.")
    ] = None,
    threshold_data: Annotated[
        str | None,
        typer.Option(
            "--threshold-data",
            metavar="DIR",
            help="Choose the threshold of SF-F1 and SF-EM on the file of the same name in this folder.",
        ),
    ] = None,
    threshold_limit: Annotated[
        int,
        typer.Option("--threshold-limit", metavar="N", min=1, help="Only N questions of that file, spread over it."),
    ] = 300,
    threads: options.Threads = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write all numbers as JSON, whole or not at all.")
    ] = None,
    report: Annotated[
        str | None,
        typer.Option("--report", metavar="DIR", help="Write index.html, with plots and misses, and numbers.json here."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Compare with what --json or --report wrote before; exit 1 where this run is worse.",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="T",
            min=0,
            max=1,
            help="How much worse a mean may be than that of --baseline, 0 to 1.  [default: 0.01]",
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(
            "--reader",
            metavar="URL",
            help="Ask this endpoint (as OpenAI's, up to /v1) for answers from full and compressed context; "
            "$CTXZIP_READER_TOKEN is its key.",
        ),
    ] = None,
    reader_model: Annotated[
        str, typer.Option("--reader-model", metavar="NAME", help="The model of that endpoint.")
    ] = "default",
    compare_budgets: Annotated[
        bool,
        typer.Option(
            "--compare-budgets",
            help="Print instead what fixed limits and the adaptive budget keep where they cover as many questions.",
        ),
    ] = False,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="With --compare-budgets: a picture of it, PNG or SVG.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say errors only: no warnings, no progress.")] = False,
) -> None:
    """Measure on labelled questions how much evidence survives, and how well it is ranked.

    One line a set, for each method: n answerable questions; the percentage of them that keep the
    evidence they need with 10, 20 and 30% of the words kept, and under the automatic budget with
    the percentage of words that it keeps; AP, average precision over sentences; AUC, ROC-AUC of
    passages; ECE, calibration error of the probabilities; and, for questions that need all of
    their evidence, F1 and exact match of what one threshold keeps (SF-F1, SF-EM).
    """
    named = [*(data or []), *(files or [])]
    if not named:
        raise UsageError("no data: name labelled files or folders of them", option="data")
    if json_file == "-":
        raise UsageError("name a file; stdout is for the table", option="json_file", value=json_file)
    if plot is not None and not compare_budgets:
        raise UsageError("a picture is drawn of a comparison of budgets only", option=("plot", "compare_budgets"))
    if compare_budgets and (method or threshold_data is not None or len(model or []) > 1):
        raise UsageError(
            "budgets are compared for hybrid and one model: leave the others out",
            option=("compare_budgets", "method", "threshold_data", "model"),
        )
    if compare_budgets and (report is not None or baseline is not None or reader is not None):
        raise UsageError(
            "these are for methods, not for a comparison of budgets: leave them out",
            option=("report", "baseline", "reader", "compare_budgets"),
        )
    if tolerance is not None and baseline is None:
        raise UsageError("needs a baseline", option=("tolerance", "baseline"), value=tolerance)
    from pathlib import Path

    from ctxzip.cli.compare_budgets import compare_budgets as compared
    from ctxzip.cli.eval_report import as_bytes, made, print_changes, read_baseline, write_report
    from ctxzip.cli.output import writing
    from ctxzip.evaluation.baseline import changes, gone
    from ctxzip.evaluation.reader import Reader

    folder = None if report is None else made(report)
    asked = None if reader is None else Reader(reader, reader_model, os.environ.get("CTXZIP_READER_TOKEN"))
    before = None if baseline is None else read_baseline(baseline)
    measured: dict[str, list[Measured]] = {}
    changed: list[Change] = []
    missing: list[str] = []
    with nullcontext() if json_file is None else writing(json_file) as stream:
        if compare_budgets:
            numbers = compared(
                [Path(name) for name in named],
                model=(model or ["mini"])[0],
                limit=limit,
                threads=threads,
                plot=None if plot is None else Path(plot),
                quiet=quiet,
            )
        else:
            numbers, measured = _run(
                named,
                method or _DEFAULT_METHODS,
                model or [],
                limit=limit,
                threshold_data=threshold_data,
                threshold_limit=threshold_limit,
                threads=threads,
                reader=asked,
                quiet=quiet,
            )
        arguments = {
            "data": named,
            "method": method or _DEFAULT_METHODS,
            "model": model or [],
            "limit": limit,
            "threshold_data": threshold_data,
            "threshold_limit": threshold_limit,
            "threads": threads,
            "reader": reader,
            "reader_model": reader and reader_model,
        }
        found = {
            "version": __version__,
            "arguments": arguments,
            "budgets" if compare_budgets else "methods": numbers,
        }
        if stream is not None:
            stream.write(as_bytes(found))
    if before is not None:
        tolerance = _TOLERANCE if tolerance is None else tolerance
        changed = changes(before, found, tolerance)
        missing = gone(before, found)
        print_changes(changed, missing, tolerance)
    if folder is not None:
        write_report(folder, found, measured, changed)
    if missing or any(change.worse for change in changed):
        raise typer.Exit(InputError.exit_code)


def _run(
    data: Sequence[str],
    names: Sequence[str],
    models: Sequence[str],
    *,
    limit: int | None,
    threshold_data: str | None,
    threshold_limit: int,
    threads: int | None,
    reader: Reader | None,
    quiet: bool,
) -> tuple[dict[str, Any], dict[str, list[Measured]]]:
    """Print the table line by line; return its numbers as JSON values and as they were measured, by method."""
    from pathlib import Path

    from ctxzip.evaluation.measure import measure, summarise
    from ctxzip.evaluation.methods import load_methods
    from ctxzip.evaluation.questions import read_questions
    from ctxzip.evaluation.summary_table import as_json, foot, head, row

    say = _nothing if quiet else terminal.print_line
    questions, n_weak = read_questions([Path(name) for name in data], limit)
    sets = _answerable(questions, say)
    if n_weak:
        say(f"{n_weak:,} questions have answers and no spans: where an answer stands is taken for evidence")
    if not sets:
        raise InputError(f"no answerable question in {', '.join(data)}: nothing to measure", option=("data", "limit"))
    tuning = {} if threshold_data is None else _tuning(sets, threshold_data, threshold_limit, say)
    asked = [question for labelled in (*sets, *tuning.values()) for question in labelled.questions]
    numbers = {}
    by_method = {}
    for number, method in enumerate(load_methods(names, models, threads=threads, questions=asked)):
        if method.scorer.notice is not None:
            say(f"{method.label}: {method.scorer.notice}")
        typer.echo("\n" * (number > 0) + head(method.label, supporting_facts=bool(tuning)))
        measured = []
        for labelled in sets:
            with progress(quiet=quiet) as show:
                done = partial(show, f"{method.label}: {labelled.name}")
                measured.append(measure(method, labelled, tuning.get(labelled.name), done, reader))
            typer.echo(row(measured[-1], supporting_facts=bool(tuning)))
        summary = summarise(measured)
        typer.echo(foot(summary, supporting_facts=bool(tuning)))
        numbers[method.label] = as_json(method, measured, summary)
        by_method[method.label] = measured
    return numbers, by_method


def _answerable(sets: Sequence[LabelledSet], say: Callable[[str], None]) -> list[LabelledSet]:
    for labelled in sets:
        if not labelled.answerable:
            say(f"{labelled.path}: left out: no answerable question")
    return [labelled for labelled in sets if labelled.answerable]


def _tuning(sets: Sequence[LabelledSet], folder: str, limit: int, say: Callable[[str], None]) -> dict[str, LabelledSet]:
    """Return, by the names of the sets that need all of their evidence, what their threshold is chosen on."""
    from pathlib import Path

    from ctxzip.evaluation.sets import read_namesake

    tuning = {}
    for labelled in sets:
        if labelled.needs_all:
            other = read_namesake(labelled, Path(folder), limit)
            if other is not None and other.needs_all:
                tuning[labelled.name] = other
            else:
                say(f"{labelled.name}: no questions of the same kind in {folder}: no SF-F1, no SF-EM")
    return tuning


def _nothing(_line: str) -> None:
    pass
