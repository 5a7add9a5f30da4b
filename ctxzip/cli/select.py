"""`ctxzip select`."""

from __future__ import annotations

import typer

from ctxzip.cli import options
from ctxzip.cli.budget_options import BudgetOptions
from ctxzip.cli.option_groups import grouped
from ctxzip.cli.run_filter import check_input, check_null, check_side_files, run, settings_of

EXAMPLES = """\b
Examples:
  ctxzip select --ratio 0.3 scored.jsonl > shorter.jsonl
  for r in 0.1 0.2 0.3; do ctxzip select --ratio $r --quiet scored.jsonl > kept-$r.jsonl; done
"""


@grouped
def select(
    context: typer.Context,
    source: options.RecordOptions,
    budget: BudgetOptions,
    scoring: options.ModelOptions,
    output: options.OutputOptions,
    run_options: options.RunOptions,
) -> None:
    """Apply a budget to records that `ctxzip score` wrote, without the model.

    Writes what `ctxzip compress` writes with the same options. --model names the model whose policy
    decides, where no policy is named.
    """
    check_input(context, source.files)
    check_side_files(context)
    check_null(output)
    from ctxzip.cli.inputs import checked, limits_of, shapes_of, sources
    from ctxzip.cli.run_summary import Report
    from ctxzip.cli.stream_progress import Meter, Progress
    from ctxzip.compressor import Selector
    from ctxzip.reading.requests import read
    from ctxzip.rendering.scored import query_of

    meter = Meter(source.files or [])
    inputs = sources(checked(source.files or []), source.input_format, meter.opened)
    selector = Selector(settings_of(context))
    run(
        context,
        selector.select_all(
            meter.counted(
                read(
                    inputs,
                    shapes=shapes_of(source),
                    limits=limits_of(source),
                    query_of=query_of,
                )
            )
        ),
        Report(
            quiet=run_options.quiet,
            progress=Progress(meter, quiet=run_options.quiet, output=output.output),
        ),
        output,
        run_options,
    )
