"""Options that several commands share, each described once, and the groups in which the commands take them."""

# Annotations are evaluated here: `ctxzip.cli.option_groups` hands the fields of a group to typer as they are. Methods that
# nobody calls are not generated: --help would wait for them.

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from ctxzip.cli.command import ADVANCED, INPUT, OUTPUT, SCORING

Scorer = Annotated[
    Literal["auto", "model", "bm25", "hybrid"],
    typer.Option(
        "--scorer",
        help="Score with the model, BM25, or both (hybrid); auto is hybrid, or BM25 without onnxruntime.",
        rich_help_panel=SCORING,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="mini, nano, an imported model, or a model folder.",
        rich_help_panel=SCORING,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Where the model runs: auto, cpu, cuda or cuda:N.",
        rich_help_panel=SCORING,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        help="Threads of the model.  [default: one per core]",
        rich_help_panel=ADVANCED,
    ),
]
Splitter = Annotated[
    str,
    typer.Option(
        "--splitter",
        metavar="NAME",
        help="Sentence splitter: auto, or spacy:NAME (a language or a pipeline).",
        rich_help_panel=ADVANCED,
    ),
]
Lang = Annotated[
    str | None,
    typer.Option(
        "--lang", metavar="CODE", help="Language of the documents.  [default: detected]", rich_help_panel=ADVANCED
    ),
]
Tokenizer = Annotated[
    str,
    typer.Option(
        "--tokenizer",
        metavar="NAME",
        help="Tokenizer for token counts: model, words, tiktoken:NAME, or a tokenizer.json.",
        rich_help_panel=ADVANCED,
    ),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write atomically to FILE.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="Print errors only, no warnings and no summary.", rich_help_panel=OUTPUT)
]


@dataclass(frozen=True, eq=False, repr=False)
class RecordOptions:
    """The input, and how its records are built."""

    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILES]...",
            help="JSON Lines, JSON arrays, CSV, TSV or Parquet; with --query also text, Markdown and HTML. "
            "Also gzip, and folders of such files. - or no file is stdin.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None
    input_format: Annotated[
        str,
        typer.Option(
            "--input-format",
            metavar="NAME",
            help="Format of the records: common, langchain, llamaindex, haystack, elasticsearch, chroma, pinecone, "
            "qdrant, weaviate, azure-ai-search, bedrock, vertex, msmarco, hotpotqa, dpr, ragas, cohere, flashrag, recomp, "
            "langsmith, messages, segments, kilt, beir, csv, tsv, parquet, text or html; auto detects it by their keys.",
            rich_help_panel=ADVANCED,
        ),
    ] = "auto"
    query_field: Annotated[
        str | None,
        typer.Option(
            "--query-field", metavar="PATH", help="Path of the question: a key, or a.b.c.", rich_help_panel=ADVANCED
        ),
    ] = None
    docs_field: Annotated[
        str | None,
        typer.Option("--docs-field", metavar="PATH", help="Path of the documents.", rich_help_panel=ADVANCED),
    ] = None
    text_field: Annotated[
        str | None,
        typer.Option("--text-field", metavar="PATH", help="Path of the text in a document.", rich_help_panel=ADVANCED),
    ] = None
    title_field: Annotated[
        str | None,
        typer.Option(
            "--title-field", metavar="PATH", help="Path of the title in a document.", rich_help_panel=ADVANCED
        ),
    ] = None
    context_role: Annotated[
        str | None,
        typer.Option(
            "--context-role",
            metavar="ROLE",
            help="Role of chat messages whose whole text is a document, such as tool.",
            rich_help_panel=ADVANCED,
        ),
    ] = None

    max_line_bytes: Annotated[
        int,
        typer.Option(
            "--max-line-bytes",
            metavar="N",
            min=1,
            max=2**60,
            help="Longest line, or text file, in bytes; a longer one is an error record.",
            rich_help_panel=ADVANCED,
        ),
    ] = 256_000_000
    max_documents: Annotated[
        int,
        typer.Option(
            "--max-documents", metavar="N", min=1, help="Most documents of a record.", rich_help_panel=ADVANCED
        ),
    ] = 100_000
    max_nesting: Annotated[
        int,
        typer.Option(
            "--max-nesting",
            metavar="N",
            min=1,
            help="Most levels of JSON inside each other.",
            rich_help_panel=ADVANCED,
        ),
    ] = 200


@dataclass(frozen=True, eq=False, repr=False)
class QueryOptions(RecordOptions):
    """The input, where the question may be an option."""

    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            "-q",
            metavar="TEXT",
            help="The question; all input is then the documents of one record.",
            rich_help_panel=INPUT,
        ),
    ] = None
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Read only these files of a folder, such as *.md; repeatable.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="Leave out these files and folders of a folder; repeatable.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None


@dataclass(frozen=True, eq=False, repr=False)
class InputOptions(QueryOptions):
    """The input, where documents and questions may also lie in files of their own."""

    corpus: Annotated[
        str | None,
        typer.Option(
            "--corpus",
            metavar="FILE",
            help="With --run: the documents, one JSON object per line with _id, title and text; the input is questions.",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    run_file: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="FILE",
            help="With --corpus: a TREC run or relevance judgements, the documents of each question.",
            rich_help_panel=ADVANCED,
        ),
    ] = None


@dataclass(frozen=True, eq=False, repr=False)
class ModelOptions:
    """Whose policy decides, and what counts tokens."""

    model: Model = "mini"
    tokenizer: Tokenizer = "model"


@dataclass(frozen=True, eq=False, repr=False)
class ScoringOptions:
    """How sentences are found and scored."""

    scorer: Scorer = "auto"
    model: Model = "mini"
    device: Device = "auto"
    threads: Threads = None
    batch_tokens: Annotated[
        int | None,
        typer.Option(
            "--batch-tokens",
            metavar="N",
            min=1,
            help="Tokens of a batch where windows are scored together, as on CUDA.",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    cache: Annotated[
        str | None,
        typer.Option("--cache", metavar="DIR", help="Cache model scores in DIR.", rich_help_panel=ADVANCED),
    ] = None
    cache_size_mb: Annotated[
        float | None,
        typer.Option(
            "--cache-size",
            metavar="MB",
            help="Largest size of the cache; the least recently used scores are removed first.  [default: 512]",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    deadline_ms: Annotated[
        float | None,
        typer.Option(
            "--deadline-ms",
            metavar="N",
            help="Time limit of a record, from reading it; BM25 scores what the model has not scored by then.",
            rich_help_panel=ADVANCED,
        ),
    ] = None
    record_timeout: Annotated[
        float,
        typer.Option(
            "--record-timeout",
            metavar="SECONDS",
            help="Longest work on one record; one that takes longer is an error record.",
            rich_help_panel=ADVANCED,
        ),
    ] = 3600
    prefilter: Annotated[
        str,
        typer.Option(
            "--prefilter",
            metavar="auto|off|N",
            help="Most tokens of a record that the model scores, chosen by BM25; auto limits records of about "
            "10,000 tokens and more.",
            rich_help_panel=ADVANCED,
        ),
    ] = "auto"
    tokenizer: Tokenizer = "model"
    splitter: Splitter = "auto"
    lang: Lang = None


@dataclass(frozen=True, eq=False, repr=False)
class OutputOptions:
    """What results are written as, and where."""

    to: Annotated[
        Literal["jsonl", "text", "markdown", "messages", "langchain", "llamaindex", "haystack"] | None,
        typer.Option(
            "--to",
            help="JSON Lines, prompt-ready text, or records of another library.  "
            "[default: jsonl, or the format of an input table]",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    output: Output = None
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Write in each record why each sentence was dropped.", rich_help_panel=OUTPUT),
    ] = False
    drop_empty: Annotated[
        bool,
        typer.Option("--drop-empty", help="Leave out documents of which nothing is kept.", rich_help_panel=ADVANCED),
    ] = False
    titles: Annotated[
        bool,
        typer.Option(
            "--keep-titles/--no-titles",
            help="Titles above the documents in text and markdown.",
            rich_help_panel=ADVANCED,
        ),
    ] = True
    mark_gaps: Annotated[
        bool,
        typer.Option(
            "--mark-gaps",
            help="Write [...] between two kept sentences in place of dropped text.",
            rich_help_panel=ADVANCED,
        ),
    ] = False
    null: Annotated[
        bool,
        typer.Option(
            "--null",
            "-0",
            help="End each text or markdown context with NUL instead of separating them with ---.",
            rich_help_panel=ADVANCED,
        ),
    ] = False


@dataclass(frozen=True, eq=False, repr=False)
class RunOptions:
    """What happens to records that fail, and what is reported."""

    quiet: Quiet = False
    on_error: Annotated[
        Literal["emit", "skip", "fail"],
        typer.Option(
            "--on-error",
            help="For a record that cannot be used: write an error record in its place, skip it, or stop.",
            rich_help_panel=ADVANCED,
        ),
    ] = "emit"
    stats: Annotated[
        str | None,
        typer.Option("--stats", metavar="FILE", help="Write a summary of the run as JSON.", rich_help_panel=ADVANCED),
    ] = None
    errors: Annotated[
        str | None,
        typer.Option(
            "--errors",
            metavar="FILE",
            help="Write the records that cannot be used, as they came, with line and reason.",
            rich_help_panel=ADVANCED,
        ),
    ] = None


@dataclass(frozen=True, eq=False, repr=False)
class ResumableOptions(RunOptions):
    """The same, of a command that takes long."""

    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep what is finished when the run ends early, and go on after it next time; needs --output.",
            rich_help_panel=OUTPUT,
        ),
    ] = False


@dataclass(frozen=True, eq=False, repr=False)
class StreamOptions(ResumableOptions):
    """The same, of a command that may answer record by record."""

    line_buffered: Annotated[
        bool,
        typer.Option(
            "--line-buffered",
            help="Write the result of a record before the next is read.",
            rich_help_panel=ADVANCED,
        ),
    ] = False
