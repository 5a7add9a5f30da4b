"""`ctxzip select`."""

from __future__ import annotations

import typer

from ctxzip.cli import options
from ctxzip.cli.run_filter import check_call, run, settings_of
from ctxzip.errors import UsageError
from ctxzip.settings import CONTEXTS

EXAMPLES = """\b
Examples:
  ctxzip select --ratio 0.3 scored.jsonl > shorter.jsonl
  for r in 0.1 0.2 0.3; do ctxzip select --ratio $r --quiet scored.jsonl > kept-$r.jsonl; done
"""


def select(
    context: typer.Context,
    files: options.Files = None,
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
    to: options.To = None,
    output: options.Output = None,
    model: options.Model = "mini",
    tokenizer: options.Tokenizer = "model",
    segment_budget: options.SegmentBudget = None,
    order: options.Order = "source",
    top_docs: options.TopDocs = None,
    drop_empty: options.DropEmpty = False,
    neighbours: options.Neighbours = False,
    explain: options.Explain = False,
    keep_titles: options.KeepTitles = True,
    mark_gaps: options.MarkGaps = False,
    null: options.Null = False,
    input_format: options.InputFormat = "auto",
    context_role: options.ContextRole = None,
    query_field: options.QueryField = None,
    docs_field: options.DocsField = None,
    text_field: options.TextField = None,
    title_field: options.TitleField = None,
    on_error: options.OnError = "emit",
    stats: options.Stats = None,
    cost: options.Cost = None,
    quiet: options.Quiet = False,
) -> None:
    """Keep what a budget allows of records that `ctxzip score` wrote, without the model.

    What comes out is what `ctxzip compress` with the same options would have written. --model says
    whose policy decides, where none is named.
    """
    check_call(context, files, None, stats, output)
    if null and to not in CONTEXTS:
        raise UsageError("-0 ends contexts: it goes with --to text or --to markdown")
    from ctxzip.cli.inputs import sources
    from ctxzip.cli.run_summary import Report
    from ctxzip.cli.stream_progress import Meter, Pace
    from ctxzip.compressor import Selector
    from ctxzip.reading.requests import read
    from ctxzip.reading.schemas import with_fields
    from ctxzip.rendering.scored import query_of

    meter = Meter(files or [])
    inputs = sources(files or [], input_format, meter.opened)
    selector = Selector(settings_of(context))
    run(
        selector.select_all(
            meter.counted(
                read(
                    inputs,
                    shapes=with_fields(query_field, docs_field, text_field, title_field, input_format, context_role),
                    asked=query_of,
                )
            )
        ),
        Report(quiet=quiet, in_records=to not in CONTEXTS, pace=Pace(meter, quiet=quiet), cost=cost),
        output=output,
        stats=stats,
        on_error=on_error,
        to=to,
        null=null,
    )
