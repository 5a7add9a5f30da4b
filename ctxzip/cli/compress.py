"""`ctxzip compress`."""

from __future__ import annotations

import typer

from ctxzip.cli import options
from ctxzip.cli.budget_options import BudgetOptions
from ctxzip.cli.option_groups import grouped
from ctxzip.cli.run_filter import check_input, check_null, check_side_files, journal_of, loading, run, settings_of

EXAMPLES = """\b
Examples:
  ctxzip compress records.jsonl > shorter.jsonl
  cat records.jsonl | ctxzip compress --ratio 0.3 | jq -c .docs
  ctxzip compress --query "When is the bridge closed?" --to text notes/*.md
  ctxzip compress --query "When is the bridge closed?" --to text --include "*.md" notes/
  ctxzip compress --max-tokens 800 --to markdown records.jsonl | llm
"""


@grouped
def compress(
    context: typer.Context,
    source: options.InputOptions,
    budget: BudgetOptions,
    scoring: options.ScoringOptions,
    output: options.OutputOptions,
    run_options: options.StreamOptions,
) -> None:
    """Keep the sentences that carry the evidence, word for word, and leave the rest out.

    Reads one JSON object a line with a question and documents. Writes the same object with shortened
    documents and a key `ctxzip`: what was kept, and why.
    """
    check_input(context, source.files, source.query)
    check_side_files(context)
    check_null(output)
    from ctxzip.cli.inputs import check_output, files_of, requests_of, sources
    from ctxzip.cli.stream_progress import Meter, Progress

    check_output(output.output, [source.corpus, source.run_file])
    files = files_of(source, quiet=run_options.quiet, outputs=(output.output, run_options.stats, run_options.errors))
    meter = Meter(files)
    inputs = sources(files, source.input_format, meter.opened)
    scored_by = loading(context)
    from ctxzip.cli.run_summary import Report
    from ctxzip.compressor import Compressor

    compressor = Compressor(
        settings_of(context),
        loading=scored_by,
    )
    journal = journal_of(context, compressor.scoring)
    items = requests_of(source, inputs)
    run(
        context,
        compressor.stream(
            meter.counted(items if journal is None else journal.unfinished(items)),
            one_by_one=run_options.line_buffered,
        ),
        Report(
            quiet=run_options.quiet,
            progress=Progress(meter, quiet=run_options.quiet, output=output.output),
            scorer_warning=lambda: compressor.warning,
        ),
        output,
        run_options,
        journal,
    )
