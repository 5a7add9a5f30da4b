"""`ctxzip compress`."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, suppress
from typing import Annotated, Literal

import typer

from ctxzip.errors import InputError, UsageError

EXAMPLES = """\b
Examples:
  ctxzip compress records.jsonl > shorter.jsonl
  cat records.jsonl | ctxzip compress --ratio 0.3 | jq -c .docs
  ctxzip compress --query "When is the bridge closed?" --to text notes/*.md
  ctxzip compress --max-tokens 800 --to markdown records.jsonl | llm
"""


def compress(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILES]...",
            help="JSON lines, JSON arrays, or with --query also text and markdown; gzip is read; - or none is stdin.",
            show_default=False,
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option("--query", "-q", metavar="TEXT", help="The question: all input is then documents of one request."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", "-m", metavar="N", help="Hard ceiling on the tokens of the final text."),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(
            "--ratio",
            "-r",
            metavar="R",
            help="Keep at most this fraction of the tokens, and never less than the best unit.",
        ),
    ] = None,
    max_sentences: Annotated[
        int | None,
        typer.Option("--max-sentences", "-n", metavar="N", help="Keep at most N units, headings not counted."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="P", help="Keep units of at least this probability, and the best unit."),
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(
            "--recall",
            metavar="R",
            help="Keep as much as it takes for this share of questions to keep all evidence, 0 to 1, as calibrated.",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="FILE", help="What ctxzip calibrate wrote.  [default: the model's own]"),
    ] = None,
    profile: Annotated[
        Literal["light", "balanced", "aggressive"] | None,
        typer.Option("--profile", help="auto, but more or less of it: about 2 to 3, 5 to 7, or 10 times shorter."),
    ] = None,
    min_saving: Annotated[
        float | None,
        typer.Option(
            "--min-saving", metavar="F", help="Leave a record as it was where less than this fraction would be saved."
        ),
    ] = None,
    empty: Annotated[
        Literal["nothing", "keep-best", "passthrough"],
        typer.Option("--empty", help="What auto keeps where no document seems to answer the question."),
    ] = "nothing",
    budget: Annotated[
        Literal["auto", "limits"] | None,
        typer.Option(
            "--budget",
            help="auto: the scores decide how much, within the limits above; limits: fill them.  "
            "[default: auto without a limit, else limits]",
        ),
    ] = None,
    to: Annotated[
        Literal["jsonl", "text", "markdown"], typer.Option("--to", help="The records, or one prompt-ready context.")
    ] = "jsonl",
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write here, whole or not at all.")
    ] = None,
    scorer: Annotated[
        Literal["auto", "model", "bm25", "hybrid"],
        typer.Option(
            "--scorer", help="What scores the units: the model, matching words, or both (hybrid, which auto takes)."
        ),
    ] = "auto",
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="mini, nano, an imported model, or a model folder.")
    ] = "mini",
    device: Annotated[
        str,
        typer.Option("--device", metavar="NAME", help="Where the model runs: auto, cpu, cuda or cuda:N."),
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, help="Threads of the model.  [default: one a core]"),
    ] = None,
    batch_tokens: Annotated[
        int | None,
        typer.Option(
            "--batch-tokens", metavar="N", min=1, help="Tokens of a batch where windows run together, as on CUDA."
        ),
    ] = None,
    tokenizer: Annotated[
        str,
        typer.Option(
            "--tokenizer", metavar="NAME", help="What counts: model, words, tiktoken:NAME, or a tokenizer.json."
        ),
    ] = "model",
    splitter: Annotated[
        str,
        typer.Option("--splitter", metavar="NAME", help="What splits prose: auto, or spacy:NAME (language, pipeline)."),
    ] = "auto",
    lang: Annotated[
        str | None, typer.Option("--lang", metavar="CODE", help="Language of the documents.  [default: detected]")
    ] = None,
    order: Annotated[
        Literal["source", "relevance"],
        typer.Option("--order", help="Documents as they came, or the most relevant first."),
    ] = "source",
    top_docs: Annotated[
        int | None, typer.Option("--top-docs", metavar="N", help="Keep text of the N most relevant documents only.")
    ] = None,
    drop_empty: Annotated[
        bool, typer.Option("--drop-empty", help="Leave documents of which nothing is kept out of the record.")
    ] = False,
    keep_titles: Annotated[
        bool, typer.Option("--keep-titles/--no-titles", help="Titles above the documents in text and markdown.")
    ] = True,
    mark_gaps: Annotated[
        bool, typer.Option("--mark-gaps", help="Put [...] where something between two kept units was left out.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="End each text or markdown context with NUL, not --- between them.")
    ] = False,
    query_field: Annotated[
        str | None, typer.Option("--query-field", metavar="PATH", help="Where the question stands: a key or a.b.c.")
    ] = None,
    docs_field: Annotated[
        str | None, typer.Option("--docs-field", metavar="PATH", help="Where the documents stand.")
    ] = None,
    text_field: Annotated[
        str | None, typer.Option("--text-field", metavar="PATH", help="Where the text stands in a document.")
    ] = None,
    title_field: Annotated[
        str | None, typer.Option("--title-field", metavar="PATH", help="Where the title stands in a document.")
    ] = None,
    on_error: Annotated[
        Literal["emit", "skip", "fail"],
        typer.Option(
            "--on-error", help="A record that cannot be used: put an error record in its place, skip it, or stop there."
        ),
    ] = "emit",
    stats: Annotated[
        str | None, typer.Option("--stats", metavar="FILE", help="Write a summary of the run as JSON.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say errors only: no warnings, no summary.")] = False,
) -> None:
    """Keep the sentences that carry the evidence, word for word, and leave the rest out.

    Reads one JSON object a line with a question and documents, and writes the same object with
    shortened documents and the key `ctxzip` that says what was kept and why.
    """
    if not files and sys.stdin is not None and sys.stdin.isatty():
        typer.echo(context.get_help(), err=True)
        raise UsageError("no input: name files, or pipe records in")
    if query and not files and os.path.isfile(query):
        raise UsageError(f"--query {query}: this is a file, not a question (-q is --query; to silence, say --quiet)")
    if null and to == "jsonl":
        raise UsageError("-0 ends contexts: it goes with --to text or --to markdown")
    if stats is not None and stats in {"-", output}:
        raise UsageError(f"--stats {stats}: name a file of its own; stdout is for the records")
    from ctxzip.cli.files import sources
    from ctxzip.cli.report import Report
    from ctxzip.cli.writing import Writer, writing
    from ctxzip.pipeline import Compressor, Settings
    from ctxzip.rawjson import encode
    from ctxzip.reading import read, with_fields
    from ctxzip.records import BadRecord

    inputs = sources(files or [])
    compressor = Compressor(
        Settings(
            max_tokens=max_tokens,
            ratio=ratio,
            max_sentences=max_sentences,
            threshold=threshold,
            recall=recall,
            policy=policy,
            profile=profile,
            min_saving=min_saving,
            empty=empty,
            budget=budget,
            scorer=scorer,
            model=model,
            device=device,
            threads=threads,
            **({} if batch_tokens is None else {"batch_tokens": batch_tokens}),
            splitter=splitter,
            lang=lang,
            tokenizer=tokenizer,
            to=to,
            titles=keep_titles,
            mark_gaps=mark_gaps,
            order=order,
            top_docs=top_docs,
            drop_empty=drop_empty,
        )
    )
    report = Report(quiet=quiet, in_records=to == "jsonl", notice=compressor.notice)
    shapes = with_fields(query_field, docs_field, text_field, title_field)
    with nullcontext() if stats is None else writing(stats) as stats_stream:
        with suppress(_StoppedError), writing(output) as stream:
            write = Writer(stream, as_context=to != "jsonl", null=null, emit_errors=on_error == "emit")
            for item in compressor.stream(read(inputs, query=query, shapes=shapes)):
                report.add(item)
                if isinstance(item, BadRecord) and on_error == "fail":
                    raise _StoppedError
                write(item)
        if stats_stream is not None:
            stats_stream.write(encode(report.statistics()) + b"\n")
    report.sum_up()
    if report.failed:
        raise typer.Exit(InputError.exit_code)


class _StoppedError(Exception):
    """A record could not be used and the run is to stop there; leaves through `writing`."""
