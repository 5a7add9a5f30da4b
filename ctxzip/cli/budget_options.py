"""Options that decide how much is kept."""

# No `from __future__ import annotations`: `ctxzip.cli.option_groups` passes the annotations to typer. `eq` and `repr` are
# off, because generating unused methods would slow down `--help`.

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
            help="Keep at most N sentences, not counting headings and neighbours (-A, -B, -C).",
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
            help="Also keep the N sentences after each kept one, as far as the token limits allow.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    before: Annotated[
        int | None,
        typer.Option(
            "--before",
            "-B",
            metavar="N",
            help="Also keep the N sentences before each kept one.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    around: Annotated[
        int | None,
        typer.Option(
            "--around",
            "-C",
            metavar="N",
            help="Also keep the N sentences on both sides; --after and --before override this for their side.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    recall: Annotated[
        float | None,
        typer.Option(
            "--recall",
            metavar="R",
            help="Keep enough that this fraction of questions (0 to 1) keep all their evidence (calibrated).",
            rich_help_panel=BUDGET,
        ),
    ] = None
    profile: Annotated[
        Literal["light", "balanced", "aggressive"] | None,
        typer.Option(
            "--profile",
            help="Adaptive budget: output about 2 to 3, 5 to 7, or at least 10 times shorter.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="Policy file from ctxzip calibrate.  [default: the policy of the model]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    budget: Annotated[
        Literal["auto", "limits"] | None,
        typer.Option(
            "--budget",
            help="auto: choose the amount by the scores, within the limits; limits: fill the limits.  "
            "[default: auto without a limit, otherwise limits]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    min_saving: Annotated[
        float | None,
        typer.Option(
            "--min-saving",
            metavar="F",
            help="Leave a record unchanged if less than this fraction of its tokens would be saved.",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    min_answerable: Annotated[
        float | None,
        typer.Option(
            "--min-answerable",
            metavar="P",
            help="Treat a record as unanswerable (--empty) if the probability that its documents answer the question is "
            "below P; compress and select exit with 4 if all are.  [default: chosen by the adaptive budget]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    empty: Annotated[
        Literal["nothing", "keep-best", "passthrough"],
        typer.Option(
            "--empty",
            help="What is kept of a record whose documents do not seem to answer the question.",
            rich_help_panel=ADVANCED,
        ),
    ] = "nothing"
    segment_budget: Annotated[
        list[str] | None,
        typer.Option(
            "--segment-budget",
            metavar="TYPE=R",
            help="Fraction to keep of one type of prompt segment; may be repeated.  "
            "[default: instruction=0.85, example=0.3]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    top_docs: Annotated[
        int | None,
        typer.Option(
            "--top-docs",
            metavar="N",
            help="Keep only text of the N most relevant documents.",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    order: Annotated[
        Literal["source", "relevance"],
        typer.Option(
            "--order", help="Order of the documents: as in the input, or by relevance.", rich_help_panel=ADVANCED
        ),
    ] = "source"
