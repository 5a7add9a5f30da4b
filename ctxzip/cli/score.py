"""`ctxzip score`."""

from __future__ import annotations

import typer

from ctxzip.cli import options
from ctxzip.cli.option_groups import grouped
from ctxzip.cli.run_filter import check_input, check_side_files, journal_of, loading, run, settings_of

EXAMPLES = """\b
Examples:
  ctxzip score records.jsonl > scored.jsonl
  ctxzip select --ratio 0.3 scored.jsonl > shorter.jsonl
  ctxzip score records.jsonl | ctxzip select --max-tokens 500 --to text
"""


@grouped
def score(
    context: typer.Context,
    source: options.InputOptions,
    scoring: options.ScoringOptions,
    output: options.Output = None,
    *,
    run_options: options.ResumableOptions,
) -> None:
    """Score every sentence and keep all: score once, then try many budgets with `ctxzip select`.

    Writes every record as it came, with its sentences and their scores under the key `ctxzip`.
    `ctxzip score` and `ctxzip select` together do what `ctxzip compress` does.
    """
    check_input(context, source.files, source.query)
    check_side_files(context)
    from ctxzip.cli.inputs import check_output, files_of, requests_of, sources
    from ctxzip.cli.stream_progress import Meter, Progress

    check_output(output, [source.corpus, source.run_file])
    files = files_of(source, quiet=run_options.quiet, outputs=(output, run_options.stats, run_options.errors))
    meter = Meter(files)
    inputs = sources(files, source.input_format, meter.opened)
    scored_by = loading(context)
    from ctxzip.cli.run_summary import Report
    from ctxzip.scoring.pipeline import ScoringPipeline

    pipeline = ScoringPipeline(settings_of(context), loading=scored_by)
    journal = journal_of(context, pipeline)
    items = requests_of(source, inputs)
    run(
        context,
        pipeline.score(meter.counted(items if journal is None else journal.unfinished(items))),
        Report(
            quiet=run_options.quiet,
            progress=Progress(meter, quiet=run_options.quiet, output=output),
            scorer_warning=lambda: pipeline.warning,
        ),
        options.OutputOptions(to="jsonl", output=output),  # of a table too: a row has no place for the scores
        run_options,
        journal,
    )
