"""Options that decide how much is kept."""

# Annotations are evaluated here: `ctxzip.cli.option_groups` hands the fields of a group to typer as they are. Methods that
# nobody calls are not generated: --help would wait for them.

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from ctxzip.cli.command import ADVANCED, BUDGET


@dataclass(frozen=True, eq=False, repr=False)
class BudgetOptions:
    """How much is kept, and of what."""

    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            "-m",
            metavar="N",
            help="Hard limit on the tokens of the output text.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    ratio: Annotated[
        str | None,
        typer.Option(
            "--ratio",
            "-r",
            metavar="R",
            help="Keep at most this fraction of the tokens (0.2 or 20%), but at least the best sentence.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    max_sentences: Annotated[
        int | None,
        typer.Option(
            "--max-sentences",
            "-n",
            metavar="N",
            help="Keep at most N sentences; headings and neighbours (-A, -B, -C) are not counted.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="P",
            help="Keep sentences of at least this probability, and the best one.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    after: Annotated[
        int | None,
        typer.Option(
            "--after",
            "-A",
            metavar="N",
            help="Keep also the N sentences after each kept one, as far as the tokens allow.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    before: Annotated[
        int | None,
        typer.Option(
            "--before",
            "-B",
            metavar="N",
            help="Keep also the N sentences before each kept one.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    around: Annotated[
        int | None,
        typer.Option(
            "--around",
            "-C",
            metavar="N",
            help="Keep also the N sentences on both sides; --after and --before count instead on theirs.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    recall: Annotated[
        float | None,
        typer.Option(
            "--recall",
            metavar="R",
            help="Keep enough that this share of questions (0 to 1) keeps all evidence, as calibrated.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    profile: Annotated[
        Literal["light", "balanced", "aggressive"] | None,
        typer.Option(
            "--profile",
            help="An automatic budget: about 2 to 3, 5 to 7, or 10 and more times shorter.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="The policy that ctxzip calibrate wrote.  [default: that of the model]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    budget: Annotated[
        Literal["auto", "limits"] | None,
        typer.Option(
            "--budget",
            help="auto: the scores decide how much is kept, within the limits; limits: fill the limits.  "
            "[default: auto without a limit, else limits]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    min_saving: Annotated[
        float | None,
        typer.Option(
            "--min-saving",
            metavar="F",
            help="Leave a record as it is where less than this fraction of its tokens would be saved.",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    empty: Annotated[
        Literal["nothing", "keep-best", "passthrough"],
        typer.Option(
            "--empty",
            help="What an automatic budget keeps where no document seems to answer the question.",
            rich_help_panel=ADVANCED,
        ),
    ] = "nothing"
    segment_budget: Annotated[
        list[str] | None,
        typer.Option(
            "--segment-budget",
            metavar="TYPE=R",
            help="In prompts of segments: the share that is kept of a type; may be repeated.  "
            "[default: instruction=0.85, example=0.3]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    top_docs: Annotated[
        int | None,
        typer.Option(
            "--top-docs",
            metavar="N",
            help="Keep text of the N most relevant documents only.",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    order: Annotated[
        Literal["source", "relevance"],
        typer.Option(
            "--order", help="Order of the documents: as in the input, or by relevance.", rich_help_panel=ADVANCED
        ),
    ] = "source"
