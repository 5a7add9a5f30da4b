"""`ctxzip compress`."""

from __future__ import annotations

import typer

from ctxzip.cli import options
from ctxzip.cli.run_filter import check_call, loading, run, settings_of
from ctxzip.errors import UsageError
from ctxzip.settings import CONTEXTS

EXAMPLES = """\b
Examples:
  ctxzip compress records.jsonl > shorter.jsonl
  cat records.jsonl | ctxzip compress --ratio 0.3 | jq -c .docs
  ctxzip compress --query "When is the bridge closed?" --to text notes/*.md
  ctxzip compress --max-tokens 800 --to markdown records.jsonl | llm
"""


def compress(
    context: typer.Context,
    files: options.Files = None,
    query: options.Query = None,
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
    drop_empty: options.DropEmpty = False,
    neighbours: options.Neighbours = False,
    explain: options.Explain = False,
    keep_titles: options.KeepTitles = True,
    mark_gaps: options.MarkGaps = False,
    null: options.Null = False,
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
    line_buffered: options.LineBuffered = False,
    stats: options.Stats = None,
    cost: options.Cost = None,
    quiet: options.Quiet = False,
) -> None:
    """Keep the sentences that carry the evidence, word for word, and leave the rest out.

    Reads one JSON object a line with a question and documents, and writes the same object with
    shortened documents and the key `ctxzip` that says what was kept and why.
    """
    check_call(context, files, query, stats, output)
    if null and to not in CONTEXTS:
        raise UsageError("-0 ends contexts: it goes with --to text or --to markdown")
    from ctxzip.cli.inputs import join, sources
    from ctxzip.cli.stream_progress import Meter, Pace

    meter = Meter(files or [])
    inputs = sources(files or [], input_format, meter.opened)
    scored_by = loading(context)
    from ctxzip.cli.run_summary import Report
    from ctxzip.compressor import Compressor
    from ctxzip.reading.requests import read
    from ctxzip.reading.schemas import with_fields

    compressor = Compressor(
        settings_of(context),
        loading=scored_by,
    )
    run(
        compressor.stream(
            meter.counted(
                read(
                    inputs,
                    query=query,
                    shapes=with_fields(query_field, docs_field, text_field, title_field, input_format, context_role),
                    join=join(corpus, run_file, run_depth, query),
                )
            ),
            one_by_one=line_buffered,
        ),
        Report(
            quiet=quiet,
            in_records=to not in CONTEXTS,
            pace=Pace(meter, quiet=quiet),
            cost=cost,
            notice=lambda: compressor.warning,
        ),
        output=output,
        stats=stats,
        on_error=on_error,
        to=to,
        null=null,
    )
