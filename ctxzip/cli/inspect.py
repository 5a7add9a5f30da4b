"""`ctxzip inspect`."""

from __future__ import annotations

import shutil
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxzip.cli import options
from ctxzip.cli.budget_options import BudgetOptions
from ctxzip.cli.command import OUTPUT
from ctxzip.cli.option_groups import grouped
from ctxzip.cli.run_filter import check_input, settings_of
from ctxzip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ctxzip.cli.run_summary import Report
    from ctxzip.reading.origin import BadRecord
    from ctxzip.rendering.result import Result
    from ctxzip.reports.inspection import Shown
    from ctxzip.settings import Settings

EXAMPLES = """\b
Examples:
  ctxzip inspect records.jsonl
  head -3 records.jsonl | ctxzip inspect --ratio 0.2
  ctxzip inspect --query "When is the bridge closed?" notes/*.md
  ctxzip inspect --html page.html records.jsonl
  ctxzip score records.jsonl > scored.jsonl; ctxzip inspect --threshold 0.3 scored.jsonl
"""

_MIDDLE = 0.5  # where the slider begins when nothing at all is kept


@grouped
def inspect(
    context: typer.Context,
    source: options.QueryOptions,
    budget: BudgetOptions,
    scoring: options.ScoringOptions,
    html: Annotated[
        str | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write one page for a browser instead, atomically to FILE.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Show what compress keeps and what it drops, sentence by sentence, with scores and reasons.

    On a terminal through $CTXZIP_PAGER, $PAGER or less, elsewhere as plain text: + is kept, - is
    dropped. Records that `ctxzip score` wrote are shown with their own scores, without the model.
    """
    check_input(context, source.files, source.query)
    from ctxzip.cli.inputs import check_output, files_of, limits_of, shapes_of, sources
    from ctxzip.cli.run_summary import Report
    from ctxzip.cli.stream_progress import Meter, Progress
    from ctxzip.reading.requests import read
    from ctxzip.rendering.scored import query_of

    files = files_of(source, quiet=quiet, outputs=(html,))
    check_output(html, files, "html")
    settings = settings_of(context)
    settings.limits()  # wrong settings end the call before anything is read
    settings.check()
    results, warning = _results(
        settings,
        read(
            sources(files, source.input_format),
            query=source.query,
            shapes=shapes_of(source),
            query_of=query_of,
            limits=limits_of(source),
        ),
    )
    report = Report(quiet=quiet, progress=Progress(Meter(files), quiet=True), scorer_warning=warning)
    if html is None:
        _write_text(results, report, budget.top_docs)
    else:
        _write_page(results, report, budget.top_docs, html)
    report.sum_up()
    if report.failed:
        raise typer.Exit(InputError.exit_code)


def _results(settings: Settings, items: Iterator[Any]) -> tuple[Iterable[Result | BadRecord], Callable[[], str | None]]:
    """Return an iterator over the results, and a function that returns a warning about the scorer."""
    from ctxzip.compressor import Compressor, Selector
    from ctxzip.datamodels import Request
    from ctxzip.rendering.scored import has_scores

    read_first: list[Any] = []  # bad records, and the first good one
    for item in items:
        read_first.append(item)
        if isinstance(item, Request):
            break
    rest = chain(read_first, items)
    if read_first and isinstance(read_first[-1], Request) and has_scores(read_first[-1]):
        return Selector(settings).select_all(rest), lambda: None
    compressor = Compressor(settings)
    return compressor.stream(rest), lambda: compressor.warning


def _write_text(results: Iterable[Result | BadRecord], report: Report, top_docs: int | None) -> None:
    from ctxzip.cli.inspect_text import Transcript
    from ctxzip.cli.option_names import with_options_spelled
    from ctxzip.cli.pager import paged
    from ctxzip.reading.origin import BadRecord
    from ctxzip.reports.inspection import inspected

    with paged() as (stream, on_terminal):
        transcript = Transcript(stream, shutil.get_terminal_size().columns if on_terminal else None)
        for found in results:
            item = with_options_spelled(found) if isinstance(found, BadRecord) else found
            report.add(item)
            if isinstance(item, BadRecord):
                transcript.add_error(item)
            else:
                transcript.add(inspected(item, top_docs))
        if report.records > 1:
            transcript.end(report.totals())


def _write_page(results: Iterable[Result | BadRecord], report: Report, top_docs: int | None, name: str) -> None:
    from statistics import median

    from ctxzip.cli.option_names import with_options_spelled
    from ctxzip.cli.output_file import writing
    from ctxzip.reading.origin import BadRecord
    from ctxzip.reports.inspection import inspected
    from ctxzip.reports.pages import page

    with writing(name) as stream:
        shown: list[Shown | str] = []
        for found in results:
            item = with_options_spelled(found) if isinstance(found, BadRecord) else found
            report.add(item)
            shown.append(item.message if isinstance(item, BadRecord) else inspected(item, top_docs))
        lowest = [one.lowest_kept for one in shown if not isinstance(one, str) and one.lowest_kept is not None]
        scorers = [f"scored by {report.scored_by()}"] if report.records else []
        content = page(
            "inspect",
            scripted=True,
            shown=shown,
            words=report.totals(),
            about=[*scorers, *([report.scorer_warning] if report.scorer_warning else [])],
            threshold=round(median(lowest), 3) if lowest else _MIDDLE,
        )
        stream.write(content.encode())
