"""The known record shapes: where a record keeps its question and documents. Data, not code.

To read one more shape, add a row to `SHAPES` and a file to `fixtures/shapes/`. What cannot be said in
paths has a form of its own (`FORMS` in `ctxzip.reading.detection`), one module each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ctxzip._internal.suggestions import did_you_mean
from ctxzip.errors import UsageError

AUTO = "auto"  # of `input_format`: the first row that fits
TABLES = ("csv", "tsv", "parquet")  # what the input is, whatever its name; its records are of any shape


@dataclass(frozen=True, slots=True)
class Shape:
    """Where things stand: dotted paths, tried in order.

    A path steps into objects by key and into arrays by index (`hits.0.body`); a key that holds
    the dots itself is found first.

    Attributes:
        name: for `input_format`; rows may share one.
        query, docs, id: inside the record.
        text, title, doc_id: inside a document.
        inside: object of a document that holds its fields; paths are looked for there first.
        keys: of the record, without which it is not of this shape.
        form: how the documents are kept; see `FORMS` in `ctxzip.reading.detection`.
        context_role: role of the chat messages that are documents, for the form `messages`.
        copies: whether a document that has its text at several of the paths has it shortened at each.
    """

    name: str
    query: tuple[str, ...]
    docs: tuple[str, ...]
    text: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    doc_id: tuple[str, ...] = ()
    id: tuple[str, ...] = ("id", "_id", "qid", "query_id", "question_id")
    inside: str = ""
    keys: tuple[str, ...] = ()
    form: str = "plain"
    copies: bool = False
    context_role: str | None = None


_QUERY = ("query", "question", "input", "user_input", "query_text", "search_query", "q")
_DOCS = (
    "docs", "documents", "ctxs", "contexts", "passages", "context", "retrieved_contexts", "retrieved_documents",
    "retrieved_docs", "source_documents", "results", "chunks", "source_nodes", "nodes", "hits",
)  # fmt: skip
_TEXT = ("text", "content", "page_content", "contents", "passage", "body", "snippet", "chunk")
_TITLE = ("title", "metadata.title", "meta.title")
_DOC_ID = ("id", "_id", "doc_id", "docid", "pid", "passage_id", "metadata.id", "meta.id")

# The first row that fits counts. `common` stands first because most records fit it; the rows below that it
# covers are there for --input-format, which looks for their names only.
SHAPES = (
    Shape("common", query=_QUERY, docs=_DOCS, text=_TEXT, title=_TITLE, doc_id=_DOC_ID),
    # langchain_core.documents.Document: model_dump(), and langchain_core.load.dumps().
    Shape(
        "langchain",
        query=("query", "question", "input"),
        docs=("source_documents", "context", "documents", "docs"),
        text=("page_content",),
        title=("metadata.title",),
        doc_id=("id", "metadata.id"),
    ),
    Shape(
        "langchain",
        query=_QUERY,
        docs=_DOCS,
        inside="kwargs",
        text=("page_content",),
        title=("metadata.title",),
        doc_id=("id", "metadata.id"),
    ),
    # llama_index.core.schema.NodeWithScore: to_dict(); text_resource since 0.12.
    Shape(
        "llamaindex",
        query=_QUERY,
        docs=("source_nodes", "nodes", *_DOCS),
        inside="node",
        text=("text_resource.text", "text"),
        title=("metadata.title",),
        doc_id=("id_", "node_id"),
        copies=True,
    ),
    # haystack.Document.to_dict(), its meta flat or not.
    Shape(
        "haystack",
        query=("query", "question"),
        docs=("documents", "retriever.documents", "ranker.documents"),
        text=("content",),
        title=("title", "meta.title", "name", "meta.name"),
        doc_id=("id",),
    ),
    # The body of an answer to _search; the fields stand under the names of the index.
    Shape(
        "elasticsearch",
        query=_QUERY,
        docs=("hits.hits", *_DOCS),
        inside="_source",
        text=_TEXT,
        title=_TITLE,
        doc_id=("_id",),
    ),
    # hotpotqa.github.io, 2WikiMultihopQA, and how Hugging Face keeps both: sentences that are split already.
    Shape("hotpotqa", query=("question",), docs=("context",), form="sentences"),
    # Bodies of chat completions as OpenAI, Anthropic and others take them, and lines of a batch.
    Shape(
        "messages",
        query=(),
        docs=("messages", "body.messages", "input", "body.input"),
        id=("custom_id", "id"),
        form="messages",
    ),
    # A prompt in its parts, as LLMLingua budgets them.
    Shape("segments", query=(), docs=("segments",), form="segments"),
    # facebookresearch/DPR, contriever, EXIT, CompAct: what their retrievers write; scores may be strings.
    Shape(
        "dpr",
        query=("question",),
        docs=("ctxs",),
        text=("text",),
        title=("title",),
        doc_id=("id", "passage_id", "docid"),
    ),
    # EvaluationDataset.to_jsonl() of ragas, and what version 0.1 read.
    Shape("ragas", query=("user_input", "question"), docs=("retrieved_contexts", "contexts")),
    # The body of a call of rerank, and the documents of a chat.
    Shape(
        "cohere",
        query=("query", "message"),
        docs=("documents",),
        inside="data",
        text=("text", "snippet"),
        title=("title",),
        doc_id=("id",),
    ),
    # Dataset.save() of RUC-NLPIR/FlashRAG.
    Shape(
        "flashrag",
        query=("question",),
        docs=("output.retrieval_result", "retrieval_result"),
        text=("contents",),
        title=("title",),
        doc_id=("id",),
        form="titled",
    ),
    # facebookresearch/KILT, and the output of its retrievers, which holds the text.
    Shape(
        "kilt",
        query=("input",),
        docs=("output.0.provenance",),
        text=("text",),
        title=("title", "wikipedia_title"),
        doc_id=("wikipedia_id",),
        form="kilt",
    ),
    # What run_extractive_compressor.py of carriex/recomp reads.
    Shape("recomp", query=("query",), docs=("retrieved_docs",), text=("text",), title=("title",), doc_id=("id",)),
    # A question of BEIR with the documents that --corpus and --run joined to it.
    Shape(
        "beir",
        query=("text",),
        docs=("docs",),
        keys=("_id", "text", "docs"),
        text=("text",),
        title=("title",),
        doc_id=("_id",),
    ),
    # langsmith.schemas.Run, of a retriever or a chain.
    *(
        Shape(
            "langsmith",
            query=tuple(f"inputs.{name}" for name in _QUERY),
            docs=(
                "outputs.documents", "outputs.context", "outputs.source_documents", "outputs.output",
                "inputs.documents", "inputs.context",
            ),
            inside=inside,
            text=_TEXT,
            title=_TITLE,
            doc_id=_DOC_ID,
        )
        for inside in ("", "kwargs")
    ),
)  # fmt: skip


def names() -> list[str]:
    """Return the values of `input_format`."""
    return [AUTO, *dict.fromkeys(shape.name for shape in SHAPES), *TABLES]


def with_fields(
    query: str | None,
    docs: str | None,
    text: str | None,
    title: str | None,
    input_format: str = AUTO,
    context_role: str | None = None,
) -> tuple[Shape, ...]:
    """Return the shapes of that name with the paths that the user named in place of the known ones.

    Raises:
        UsageError: no shape has that name.
    """
    named = {"query": query, "docs": docs, "text": text, "title": title, "context_role": context_role}
    changes: dict[str, Any] = {
        field: value if field == "context_role" else (value,) for field, value in named.items() if value
    }
    if input_format not in names():
        known = ", ".join(names())
        raise UsageError(
            f"expected one of {known}{did_you_mean(input_format, names())}", option="input_format", value=input_format
        )
    chosen = tuple(shape for shape in SHAPES if input_format in {AUTO, shape.name, *TABLES})
    return tuple(dict.fromkeys(replace(shape, **changes) for shape in chosen)) if changes else chosen
