"""`ctxzip inspect`."""

from __future__ import annotations

import shutil
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxzip.cli import options
from ctxzip.cli.run_filter import check_call, settings_of
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


def inspect(
    context: typer.Context,
    files: options.Files = None,
    query: options.Query = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write one page for a browser instead, whole or not at all."),
    ] = None,
    max_tokens: options.MaxTokens = None,
    ratio: options.Ratio = None,
    max_sentences: options.MaxSentences = None,
    threshold: options.Threshold = None,
    recall: options.Recall = None,
    policy: options.PolicyFile = None,
    profile: options.Profile = None,
    min_saving: options.MinSaving = None,
    empty: options.Empty = "nothing",
    budget: options.Budget = None,
    scorer: options.Scorer = "auto",
    model: options.Model = "mini",
    device: options.Device = "auto",
    threads: options.Threads = None,
    batch_tokens: options.BatchTokens = None,
    cache: options.Cache = None,
    cache_size: options.CacheSize = None,
    deadline_ms: options.DeadlineMs = None,
    prefilter: options.Prefilter = "auto",
    tokenizer: options.Tokenizer = "model",
    splitter: options.Splitter = "auto",
    lang: options.Lang = None,
    segment_budget: options.SegmentBudget = None,
    order: options.Order = "source",
    top_docs: options.TopDocs = None,
    neighbours: options.Neighbours = False,
    input_format: options.InputFormat = "auto",
    context_role: options.ContextRole = None,
    query_field: options.QueryField = None,
    docs_field: options.DocsField = None,
    text_field: options.TextField = None,
    title_field: options.TitleField = None,
    quiet: options.Quiet = False,
) -> None:
    """Show what compress keeps and what it drops, sentence by sentence, with scores and reasons.

    Through $CTXZIP_PAGER, $PAGER or less on a terminal, as plain text elsewhere: + is kept, - is
    dropped. Records that `ctxzip score` wrote are shown by the scores in them, without the model.
    """
    check_call(context, files, query, None, None)
    from ctxzip.cli.inputs import sources
    from ctxzip.cli.run_summary import Report
    from ctxzip.cli.stream_progress import Meter, Pace
    from ctxzip.reading.requests import read
    from ctxzip.reading.schemas import with_fields
    from ctxzip.rendering.scored import query_of

    settings = settings_of(context)
    settings.limits()  # refused before anything is read
    settings.check()
    results, notice = _results(
        settings,
        read(
            sources(files or [], input_format),
            query=query,
            shapes=with_fields(query_field, docs_field, text_field, title_field, input_format, context_role),
            asked=query_of,
        ),
    )
    report = Report(quiet=quiet, in_records=True, pace=Pace(Meter(files or []), quiet=True), notice=notice)
    if html is None:
        _write_text(results, report, top_docs)
    else:
        _write_page(results, report, top_docs, html)
    report.sum_up()
    if report.failed:
        raise typer.Exit(InputError.exit_code)


def _results(settings: Settings, items: Iterator[Any]) -> tuple[Iterable[Result | BadRecord], Callable[[], str | None]]:
    """Return what is read, scored and selected as it is asked for, and what says what a person must know."""
    from ctxzip.compressor import Compressor, Selector
    from ctxzip.datamodels import Request
    from ctxzip.rendering.scored import holds_scores

    read_first: list[Any] = []  # up to the first that could be scored: before it, records that could not be used
    for item in items:
        read_first.append(item)
        if isinstance(item, Request):
            break
    rest = chain(read_first, items)
    if read_first and isinstance(read_first[-1], Request) and holds_scores(read_first[-1]):
        return Selector(settings).select_all(rest), lambda: None
    compressor = Compressor(settings)
    return compressor.stream(rest), lambda: compressor.warning


def _write_text(results: Iterable[Result | BadRecord], report: Report, top_docs: int | None) -> None:
    from ctxzip.cli.inspect_text import Transcript
    from ctxzip.cli.pager import paged
    from ctxzip.reading.origin import BadRecord
    from ctxzip.reports.inspection import inspected

    with paged() as (stream, on_terminal):
        transcript = Transcript(stream, shutil.get_terminal_size().columns if on_terminal else None)
        for item in results:
            report.add(item)
            if isinstance(item, BadRecord):
                transcript.refuse(item)
            else:
                transcript.add(inspected(item, top_docs))
        if report.records > 1:
            transcript.end(report.words())


def _write_page(results: Iterable[Result | BadRecord], report: Report, top_docs: int | None, name: str) -> None:
    from statistics import median

    from ctxzip.cli.output import writing
    from ctxzip.reading.origin import BadRecord
    from ctxzip.reports.inspection import inspected
    from ctxzip.reports.pages import page

    with writing(name) as stream:
        shown: list[Shown | str] = []
        for item in results:
            report.add(item)
            shown.append(item.message if isinstance(item, BadRecord) else inspected(item, top_docs))
        lowest = [one.lowest_kept for one in shown if not isinstance(one, str) and one.lowest_kept is not None]
        backend = [f"scored by {report.backend['scorer']} on {report.backend['device']}"] if report.backend else []
        content = page(
            "inspect",
            scripted=True,
            shown=shown,
            words=report.words(),
            about=[*backend, *([report.notice] if report.notice else [])],
            threshold=round(median(lowest), 3) if lowest else _MIDDLE,
        )
        stream.write(content.encode())
