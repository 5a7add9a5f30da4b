"""Options that several commands share, each described once."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import typer

from ctxzip.settings import To as Target

Query = Annotated[
    str | None,
    typer.Option("--query", "-q", metavar="TEXT", help="The question: all input is then documents of one request."),
]
Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILES]...",
        help="JSON lines, JSON arrays, CSV, Parquet, or with --query also text and markdown; gzip is read; "
        "- or none is stdin.",
        show_default=False,
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", "-m", metavar="N", help="Hard ceiling on the tokens of the final text."),
]
Ratio = Annotated[
    float | None,
    typer.Option(
        "--ratio",
        "-r",
        metavar="R",
        help="Keep at most this fraction of the tokens, and never less than the best unit.",
    ),
]
MaxSentences = Annotated[
    int | None,
    typer.Option("--max-sentences", "-n", metavar="N", help="Keep at most N units, headings not counted."),
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", metavar="P", help="Keep units of at least this probability, and the best unit."),
]
Recall = Annotated[
    float | None,
    typer.Option(
        "--recall",
        metavar="R",
        help="Keep as much as it takes for this share of questions to keep all evidence, 0 to 1, as calibrated.",
    ),
]
PolicyFile = Annotated[
    str | None,
    typer.Option("--policy", metavar="FILE", help="What ctxzip calibrate wrote.  [default: the model's own]"),
]
Profile = Annotated[
    Literal["light", "balanced", "aggressive"] | None,
    typer.Option("--profile", help="auto, but more or less of it: about 2 to 3, 5 to 7, or 10 and more times shorter."),
]
MinSaving = Annotated[
    float | None,
    typer.Option(
        "--min-saving", metavar="F", help="Leave a record as it was where less than this fraction would be saved."
    ),
]
Empty = Annotated[
    Literal["nothing", "keep-best", "passthrough"],
    typer.Option("--empty", help="What auto keeps where no document seems to answer the question."),
]
Budget = Annotated[
    Literal["auto", "limits"] | None,
    typer.Option(
        "--budget",
        help="auto: the scores decide how much, within the limits above; limits: fill them.  "
        "[default: auto without a limit, else limits]",
    ),
]
To = Annotated[
    Target | None,
    typer.Option(
        "--to",
        help="The records as JSON lines, one prompt-ready context, or records of another library.  "
        "[default: as they came: jsonl, or the table that it was]",
    ),
]
Output = Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write here, whole or not at all.")]
Scorer = Annotated[
    Literal["auto", "model", "bm25", "hybrid"],
    typer.Option(
        "--scorer", help="What scores the units: the model, matching words, or both (hybrid, which auto takes)."
    ),
]
Model = Annotated[
    str, typer.Option("--model", metavar="NAME", help="mini, nano, an imported model, or a model folder.")
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="Where the model runs: auto, cpu, cuda or cuda:N."),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, help="Threads of the model.  [default: one a core]"),
]
BatchTokens = Annotated[
    int | None,
    typer.Option(
        "--batch-tokens", metavar="N", min=1, help="Tokens of a batch where windows run together, as on CUDA."
    ),
]
Cache = Annotated[
    str | None, typer.Option("--cache", metavar="DIR", help="Keep what the model said here; it reads nothing twice.")
]
CacheSize = Annotated[
    float | None,
    typer.Option("--cache-size", metavar="MB", help="Of the cache at most; the oldest go first.  [default: 512]"),
]
DeadlineMs = Annotated[
    float | None,
    typer.Option(
        "--deadline-ms",
        metavar="N",
        help="Time from reading a record; what the model has not read by then is scored by bm25.",
    ),
]
Prefilter = Annotated[
    str,
    typer.Option(
        "--prefilter",
        metavar="auto|off|N",
        help="Tokens of a record that the model reads at most, the best by bm25, and one part at least; auto limits records of "
        "some 10,000 and more.",
    ),
]
Tokenizer = Annotated[
    str,
    typer.Option("--tokenizer", metavar="NAME", help="What counts: model, words, tiktoken:NAME, or a tokenizer.json."),
]
Splitter = Annotated[
    str,
    typer.Option("--splitter", metavar="NAME", help="What splits prose: auto, or spacy:NAME (language, pipeline)."),
]
Lang = Annotated[
    str | None, typer.Option("--lang", metavar="CODE", help="Language of the documents.  [default: detected]")
]
SegmentBudget = Annotated[
    list[str] | None,
    typer.Option(
        "--segment-budget",
        metavar="TYPE=R",
        help="Of prompts in segments, the share that is kept of a type; may be repeated.  "
        "[default: instruction=0.85, example=0.3]",
    ),
]
Order = Annotated[
    Literal["source", "relevance"],
    typer.Option("--order", help="Documents as they came, or the most relevant first."),
]
TopDocs = Annotated[
    int | None, typer.Option("--top-docs", metavar="N", help="Keep text of the N most relevant documents only.")
]
DropEmpty = Annotated[
    bool, typer.Option("--drop-empty", help="Leave documents of which nothing is kept out of the record.")
]
Neighbours = Annotated[
    bool,
    typer.Option("--neighbours", help="Keep with a sentence that begins with He, This, However, ... the one before."),
]
Explain = Annotated[bool, typer.Option("--explain", help="Say in the record of every dropped unit why.")]
KeepTitles = Annotated[
    bool, typer.Option("--keep-titles/--no-titles", help="Titles above the documents in text and markdown.")
]
MarkGaps = Annotated[
    bool, typer.Option("--mark-gaps", help="Put [...] where something between two kept units was left out.")
]
Null = Annotated[
    bool, typer.Option("--null", "-0", help="End each text or markdown context with NUL, not --- between them.")
]
InputFormat = Annotated[
    str,
    typer.Option(
        "--input-format",
        metavar="NAME",
        help="How the records are built: common, langchain, llamaindex, haystack, elasticsearch, hotpotqa, dpr, ragas, "
        "cohere, flashrag, recomp, langsmith, messages, segments, kilt, beir, csv, tsv, parquet; auto goes by their keys.",
    ),
]
ContextRole = Annotated[
    str | None,
    typer.Option(
        "--context-role", metavar="ROLE", help="Role of chat messages that are documents as a whole, such as tool."
    ),
]
Corpus = Annotated[
    str | None,
    typer.Option(
        "--corpus", metavar="FILE", help="Documents with _id, title and text, a line each; the input is questions."
    ),
]
RunFile = Annotated[
    str | None,
    typer.Option("--run", metavar="FILE", help="With --corpus: a TREC run or judgements, which documents to take."),
]
RunDepth = Annotated[
    int | None,
    typer.Option("--run-depth", metavar="N", min=1, help="Only the best N documents of --run a question."),
]
QueryField = Annotated[
    str | None, typer.Option("--query-field", metavar="PATH", help="Where the question stands: a key or a.b.c.")
]
DocsField = Annotated[str | None, typer.Option("--docs-field", metavar="PATH", help="Where the documents stand.")]
TextField = Annotated[
    str | None, typer.Option("--text-field", metavar="PATH", help="Where the text stands in a document.")
]
TitleField = Annotated[
    str | None, typer.Option("--title-field", metavar="PATH", help="Where the title stands in a document.")
]
OnError = Annotated[
    Literal["emit", "skip", "fail"],
    typer.Option(
        "--on-error", help="A record that cannot be used: put an error record in its place, skip it, or stop there."
    ),
]
LineBuffered = Annotated[
    bool,
    typer.Option("--line-buffered", help="One record in, one out: read a record when the one before it is written."),
]
Stats = Annotated[str | None, typer.Option("--stats", metavar="FILE", help="Write a summary of the run as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say errors only: no warnings, no summary.")]


def _price(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{value} is no price: expected a number of at least 0")
    return value


Cost = Annotated[
    float | None,
    typer.Option(
        "--cost", metavar="PRICE", callback=_price, help="Price of a million tokens: say how much money was saved."
    ),
]
