"""`ctxzip eval`."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from ctxzip import __version__
from ctxzip.cli import terminal
from ctxzip.cli.eval_options import ComparisonOptions, DataOptions, MethodOptions, Quiet, ReaderOptions, ReportOptions
from ctxzip.cli.option_groups import grouped
from ctxzip.cli.progress_line import progress
from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.evaluation.baseline import Change
    from ctxzip.evaluation.measure import Measured
    from ctxzip.evaluation.sets import LabelledSet

EXAMPLES = """\b
Examples:
  ctxzip eval --data dev/
  ctxzip eval --method lead --method bm25 --method oracle --limit 100 dev/*.jsonl.gz
  ctxzip eval --data dev/hotpotqa.jsonl.gz --threshold-data train/ --method auto
  ctxzip eval --data dev/ --report report/ --baseline before.json --tolerance 0.02
  ctxzip eval --data dev/ --compare-budgets --plot recall.png
  ctxzip eval --data dev/ --answerable
  ctxzip eval --data dev/ --method hybrid --model mini --model nano --json numbers.json
"""

_DEFAULT_METHODS = ("bm25", "auto")
_TOLERANCE = 0.01  # one point: one question in a hundred


@grouped
def evaluate(
    data: DataOptions,
    methods: MethodOptions,
    report: ReportOptions,
    reader: ReaderOptions,
    comparison: ComparisonOptions,
    quiet: Quiet = False,
) -> None:
    """Measure on labelled questions how much evidence survives, and how well it is ranked.

    One line a set, for each method: n answerable questions; the percentage of those that one unit
    answers whose best unit does (best); the percentage of all that keep the evidence they need with 10, 20 and 30% of the words kept, and under the automatic budget with
    the percentage of words that it keeps; AP, average precision over sentences; AUC, ROC-AUC of
    passages; ECE, calibration error of the probabilities; and, for questions that need all of
    their evidence, F1 and exact match of the sentences above one threshold (SF-F1, SF-EM).
    """
    _check(data, methods, report, reader, comparison)
    from ctxzip.cli.eval_report import as_bytes, made, print_changes, read_baseline, write_report
    from ctxzip.cli.output_file import writing
    from ctxzip.evaluation.baseline import changes, gone

    folder = None if report.report is None else made(report.report)
    before = None if report.baseline is None else read_baseline(report.baseline)
    run = _Run(data, methods, reader, quiet=quiet)
    measured: dict[str, list[Measured]] = {}
    changed: list[Change] = []
    missing: list[str] = []
    with nullcontext() if report.json_file is None else writing(report.json_file) as stream:
        what = "methods"
        if comparison.compare_budgets:
            what, numbers = "budgets", _compared(data, methods, comparison, quiet=quiet)
        elif comparison.answerable:
            what, numbers = "answerable", _answerability(data, methods, quiet=quiet)
        else:
            numbers, measured = run.measured()
        found = {
            "version": __version__,
            "arguments": run.arguments(),
            what: numbers,
        }
        if stream is not None:
            stream.write(as_bytes(found))
    if before is not None:
        tolerance = _TOLERANCE if report.tolerance is None else report.tolerance
        changed = changes(before, found, tolerance)
        missing = gone(before, found)
        print_changes(changed, missing, tolerance)
    if folder is not None:
        write_report(folder, found, measured, changed)
    if missing or any(change.worse for change in changed):
        raise typer.Exit(InputError.exit_code)


def _check(
    data: DataOptions,
    methods: MethodOptions,
    report: ReportOptions,
    reader: ReaderOptions,
    comparison: ComparisonOptions,
) -> None:
    """Raise UsageError where options do not go together."""
    from ctxzip.cli.inputs import check_output

    if not data.paths:
        raise UsageError("no data: name labelled files or folders of them", option="data")
    if report.json_file == "-":
        raise UsageError("name a file; stdout is for the table", option="json_file", value=report.json_file)
    check_output(report.json_file, data.paths, "json_file")
    if comparison.plot is not None and not comparison.compare_budgets:
        raise UsageError("a picture shows a comparison of budgets only", option=("plot", "compare_budgets"))
    if comparison.compare_budgets and comparison.answerable:
        raise UsageError("one at a time: leave one of the two out", option=("compare_budgets", "answerable"))
    instead = "compare_budgets" if comparison.compare_budgets else "answerable" if comparison.answerable else None
    if instead and (methods.method or data.threshold_data is not None or len(methods.model or []) > 1):
        raise UsageError(
            "this is measured for hybrid and one model: leave the others out",
            option=(instead, "method", "threshold_data", "model"),
        )
    if instead and (report.report, report.baseline, reader.reader) != (None, None, None):
        raise UsageError(
            "these are for methods, not for this measurement: leave them out",
            option=("report", "baseline", "reader", instead),
        )
    if report.tolerance is not None and report.baseline is None:
        raise UsageError("needs a baseline", option=("tolerance", "baseline"), value=f"{report.tolerance:g}")


def _compared(
    data: DataOptions, methods: MethodOptions, comparison: ComparisonOptions, *, quiet: bool
) -> dict[str, Any]:
    from pathlib import Path

    from ctxzip.cli.compare_budgets import compare_budgets

    return compare_budgets(
        [Path(name) for name in data.paths],
        model=(methods.model or ["mini"])[0],
        limit=data.limit,
        threads=methods.threads,
        plot=None if comparison.plot is None else Path(comparison.plot),
        quiet=quiet,
    )


def _answerability(data: DataOptions, methods: MethodOptions, *, quiet: bool) -> dict[str, Any]:
    from pathlib import Path

    from ctxzip.cli.eval_answerable import measure_answerability

    return measure_answerability(
        [Path(name) for name in data.paths],
        model=(methods.model or ["mini"])[0],
        limit=data.limit,
        threads=methods.threads,
        quiet=quiet,
    )


@dataclass(frozen=True)
class _Run:
    """Methods over labelled questions."""

    data: DataOptions
    methods: MethodOptions
    reader: ReaderOptions
    quiet: bool

    def arguments(self) -> dict[str, Any]:
        """Return how the run was called, as JSON values."""
        return {
            "data": self.data.paths,
            "method": self.methods.method or _DEFAULT_METHODS,
            "model": self.methods.model or [],
            "limit": self.data.limit,
            "threshold_data": self.data.threshold_data,
            "threshold_limit": self.data.threshold_limit,
            "threads": self.methods.threads,
            "reader": self.reader.reader,
            "reader_model": self.reader.reader and self.reader.reader_model,
        }

    def measured(self) -> tuple[dict[str, Any], dict[str, list[Measured]]]:
        """Print the table line by line; return its numbers as JSON values and as they were measured, by method."""
        from pathlib import Path

        from ctxzip.evaluation.measure import measure, summarise
        from ctxzip.evaluation.methods import load_methods
        from ctxzip.evaluation.questions import read_questions
        from ctxzip.evaluation.reader import Reader
        from ctxzip.evaluation.summary_table import as_json, foot, head, row

        data, methods = self.data, self.methods
        reader = None
        if self.reader.reader is not None:
            reader = Reader(self.reader.reader, self.reader.reader_model, os.environ.get("CTXZIP_READER_TOKEN"))
        report = _nothing if self.quiet else terminal.print_line
        questions, n_weak = read_questions([Path(name) for name in data.paths], data.limit)
        sets = _answerable(questions, report)
        if n_weak:
            report(f"{n_weak:,} questions have answers and no spans: every place of an answer counts as evidence")
        if not sets:
            raise InputError(
                f"no answerable question in {', '.join(data.paths)}: nothing to measure", option=("data", "limit")
            )
        tuning = {} if data.threshold_data is None else _tuning(sets, data.threshold_data, data.threshold_limit, report)
        all_questions = [question for labelled in (*sets, *tuning.values()) for question in labelled.questions]
        numbers = {}
        by_method = {}
        loaded = load_methods(
            methods.method or _DEFAULT_METHODS, methods.model or [], threads=methods.threads, questions=all_questions
        )
        for number, method in enumerate(loaded):
            if method.scorer.warning is not None:
                report(f"{method.label}: {method.scorer.warning}")
            typer.echo("\n" * (number > 0) + head(method.label, supporting_facts=bool(tuning)))
            measured = []
            for labelled in sets:
                with progress(quiet=self.quiet) as show:
                    done = partial(show, f"{method.label}: {labelled.name}")
                    measured.append(measure(method, labelled, tuning.get(labelled.name), done, reader))
                typer.echo(row(measured[-1], supporting_facts=bool(tuning)))
            summary = summarise(measured)
            typer.echo(foot(summary, supporting_facts=bool(tuning)))
            numbers[method.label] = as_json(method, measured, summary)
            by_method[method.label] = measured
        return numbers, by_method


def _answerable(sets: Sequence[LabelledSet], report: Callable[[str], None]) -> list[LabelledSet]:
    for labelled in sets:
        if not labelled.answerable:
            report(f"{labelled.path}: left out: no answerable question")
    return [labelled for labelled in sets if labelled.answerable]


def _tuning(
    sets: Sequence[LabelledSet], folder: str, limit: int, report: Callable[[str], None]
) -> dict[str, LabelledSet]:
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
                report(f"{labelled.name}: no questions of the same kind in {folder}: no SF-F1, no SF-EM")
    return tuning


def _nothing(_line: str) -> None:
    pass
