"""`ctxzip score`."""

from __future__ import annotations

import typer

from ctxzip.cli import options
from ctxzip.cli.run_filter import check_call, loading, run, settings_of

EXAMPLES = """\b
Examples:
  ctxzip score records.jsonl > scored.jsonl
  ctxzip select --ratio 0.3 scored.jsonl > shorter.jsonl
  ctxzip score records.jsonl | ctxzip select --max-tokens 500 --to text
"""


def score(
    context: typer.Context,
    files: options.Files = None,
    query: options.Query = None,
    output: options.Output = None,
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
    input_format: options.InputFormat = "auto",
    context_role: options.ContextRole = None,
    corpus: options.Corpus = None,
    run_file: options.RunFile = None,
    run_depth: options.RunDepth = None,
    query_field: options.QueryField = None,
    docs_field: options.DocsField = None,
    text_field: options.TextField = None,
    title_field: options.TitleField = None,
    on_error: options.OnError = "emit",
    stats: options.Stats = None,
    quiet: options.Quiet = False,
) -> None:
    """Score every sentence and keep all: score once, then try many budgets with `ctxzip select`.

    Writes every record as it came, with the units and their scores under the key `ctxzip`. Both
    together do what `ctxzip compress` does.
    """
    check_call(context, files, query, stats, output)
    from ctxzip.cli.inputs import join, sources
    from ctxzip.cli.stream_progress import Meter, Pace

    meter = Meter(files or [])
    inputs = sources(files or [], input_format, meter.opened)
    scored_by = loading(context)
    from ctxzip.cli.run_summary import Report
    from ctxzip.reading.requests import read
    from ctxzip.reading.schemas import with_fields
    from ctxzip.scoring.pipeline import ScoringPipeline

    scoring = ScoringPipeline(settings_of(context), loading=scored_by)
    run(
        scoring.score(
            meter.counted(
                read(
                    inputs,
                    query=query,
                    shapes=with_fields(query_field, docs_field, text_field, title_field, input_format, context_role),
                    join=join(corpus, run_file, run_depth, query),
                )
            )
        ),
        Report(quiet=quiet, in_records=True, pace=Pace(meter, quiet=quiet), notice=lambda: scoring.warning),
        output=output,
        stats=stats,
        on_error=on_error,
        to="jsonl",  # of a table, too: a row has no place for the scores
    )
