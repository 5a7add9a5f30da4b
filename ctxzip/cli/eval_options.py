"""Options of the commands that measure and calibrate on labelled questions."""

# Annotations are evaluated here: `ctxzip.cli.option_groups` hands the fields of a group to typer as they are. Methods that
# nobody calls are not generated: --help would wait for them.

from dataclasses import dataclass
from typing import Annotated

import typer

from ctxzip.cli import options

Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Only N questions of each file, spread evenly over it."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors only, no warnings and no progress.")]


@dataclass(frozen=True, eq=False, repr=False)
class DataOptions:
    """The labelled questions."""

    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILES]...", help="The same as --data, for patterns of the shell.", show_default=False),
    ] = None
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="PATH",
            help="Labelled questions, a file or a folder: in the common form, as in HotpotQA, or records with answers.",
        ),
    ] = None
    limit: Limit = None
    threshold_data: Annotated[
        str | None,
        typer.Option(
            "--threshold-data",
            metavar="DIR",
            help="Choose the threshold of SF-F1 and SF-EM on the file of the same name in this folder.",
        ),
    ] = None
    threshold_limit: Annotated[
        int,
        typer.Option(
            "--threshold-limit", metavar="N", min=1, help="Only N questions of that file, spread evenly over it."
        ),
    ] = 300

    @property
    def paths(self) -> list[str]:
        """All files and folders that were named."""
        return [*(self.data or []), *(self.files or [])]


@dataclass(frozen=True, eq=False, repr=False)
class MethodOptions:
    """What is measured."""

    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="lead, random, bm25, model, hybrid, auto, biencoder or oracle; may be repeated.  [default: bm25, auto]",
        ),
    ] = None
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Name or folder of a model; model, hybrid and auto run with each; may be repeated.",
        ),
    ] = None
    threads: options.Threads = None


@dataclass(frozen=True, eq=False, repr=False)
class ReportOptions:
    """Where the numbers go, and what they are compared with."""

    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write all numbers as JSON, atomically to FILE.")
    ] = None
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="DIR", help="Write index.html, with plots and misses, and numbers.json to DIR."
        ),
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Compare with numbers of an earlier --json or --report; the exit code is 1 if this run is worse.",
        ),
    ] = None
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="T",
            min=0,
            max=1,
            help="How much lower than in --baseline a mean may be, 0 to 1.  [default: 0.01]",
        ),
    ] = None


@dataclass(frozen=True, eq=False, repr=False)
class ReaderOptions:
    """A language model that answers from full and from compressed context."""

    reader: Annotated[
        str | None,
        typer.Option(
            "--reader",
            metavar="URL",
            help="Get answers from full and compressed context from this endpoint (OpenAI's API, up to /v1); "
            "$CTXZIP_READER_TOKEN is its key.",
        ),
    ] = None
    reader_model: Annotated[str, typer.Option("--reader-model", metavar="NAME", help="The model of that endpoint.")] = (
        "default"
    )


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonOptions:
    """What is measured in place of methods: a comparison of budgets, or whether unanswerable questions are recognised."""

    compare_budgets: Annotated[
        bool,
        typer.Option(
            "--compare-budgets",
            help="Print instead what fixed limits and the adaptive budget keep at the same recall.",
        ),
    ] = False
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="FILE", help="With --compare-budgets: write a plot of it, PNG, SVG or PDF."),
    ] = None
    answerable: Annotated[
        bool,
        typer.Option(
            "--answerable",
            help="Print instead how well questions are recognised that the documents do not answer: the near misses "
            "of the data, and questions with the documents of others.",
        ),
    ] = False


@dataclass(frozen=True, eq=False, repr=False)
class PolicyOptions:
    """What a policy is fitted for."""

    recall: Annotated[
        list[float] | None,
        typer.Option(
            "--recall",
            metavar="R",
            help="A recall that the policy must guarantee; may be repeated.  [default: 0.8, 0.9, 0.95]",
        ),
    ] = None
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            metavar="NAME",
            help="Definition of the depth of a sentence; `ctxzip eval --compare-budgets` prints the names.  "
            "[default: reach if the model has it, otherwise mass]",
        ),
    ] = None
    limit: Limit = None


@dataclass(frozen=True, eq=False, repr=False)
class ScorerOptions:
    """What scores the labelled questions."""

    scorer: options.Scorer = "auto"
    model: options.Model = "mini"
    device: options.Device = "auto"
    threads: options.Threads = None
    splitter: options.Splitter = "auto"
    lang: options.Lang = None
