"""The known record shapes: where a record keeps its query and its documents. Data, not code.

To read one more shape, add a row to `SHAPES` and a file to `fixtures/shapes/`. Documents that paths alone cannot
describe have a layout, a module of its own (`LAYOUTS` in `ctxzip.reading.detection`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ctxzip._internal.suggestions import did_you_mean
from ctxzip.errors import UsageError

AUTO = "auto"  # value of `input_format`: try all shapes
# Values of `input_format` that set the file format, whatever the file is called; records may have any shape.
TABLES = ("csv", "tsv", "parquet")
FILE_FORMATS = (*TABLES, "text", "html")


@dataclass(frozen=True, slots=True)
class Shape:
    """One record shape: dotted paths, tried in order (`ctxzip.reading.json_paths.find_path`).

    Attributes:
        name: the value of `input_format`; several shapes may have the same.
        query, docs, id: paths in the record to the query, the documents and the id.
        text, title, doc_id: paths in a document to its text, title and id.
        wrapper: key of an object in a document; the paths of a document are tried inside it first.
        required_keys: keys that a record must have to be of this shape.
        layout: how the documents are laid out: a key of `LAYOUTS` in `ctxzip.reading.detection`.
        text_is_optional: whether a document may have no text, such as an image, and is then left as it is.
        shorten_copies: whether a text that a document holds at several of the paths is shortened at each.
        context_role: role of the chat messages that are documents, for the layout `messages`.
    """

    name: str
    query: tuple[str, ...]
    docs: tuple[str, ...]
    text: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    doc_id: tuple[str, ...] = ()
    id: tuple[str, ...] = ("id", "_id", "qid", "query_id", "question_id")
    wrapper: str = ""
    required_keys: tuple[str, ...] = ()
    layout: str = "documents"
    text_is_optional: bool = False
    shorten_copies: bool = False
    context_role: str | None = None


_QUERY = ("query", "question", "input", "user_input", "query_text", "search_query", "q")
_DOCS = (
    "docs", "documents", "ctxs", "contexts", "passages", "context", "retrieved_contexts", "retrieved_documents",
    "retrieved_docs", "source_documents", "results", "chunks", "source_nodes", "nodes", "hits",
)  # fmt: skip
_TEXT = (
    "text",
    "content",
    "page_content",
    "contents",
    "passage",
    "body",
    "snippet",
    "chunk",
    "passage_text",
    "chunk_text",
)
_TITLE = ("title", "metadata.title", "meta.title")
_DOC_ID = ("id", "_id", "doc_id", "docid", "pid", "passage_id", "metadata.id", "meta.id")

# The first shape that fits is used. Those before `common` need keys that other records do not have. `common` comes next
# because most records fit it; shapes that it covers are listed for `input_format`, which tries only those of one name.
SHAPES = (
    # Collection.query() and Collection.get() of chromadb.
    Shape(
        "chroma",
        query=(*_QUERY, "query_texts"),
        docs=("documents",),
        title=("title",),
        required_keys=("ids", "documents", "metadatas"),
        layout="columns",
    ),
    # MS MARCO question answering, as the datasets of Hugging Face hold it; its own lines fit `common`.
    Shape("msmarco", query=("query",), docs=("passages.passage_text",), required_keys=("passages", "query"), layout="columns"),
    Shape("common", query=_QUERY, docs=_DOCS, text=_TEXT, title=_TITLE, doc_id=_DOC_ID),
    # langchain_core.documents.Document, from model_dump() and from langchain_core.load.dumps().
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
        wrapper="kwargs",
        text=("page_content",),
        title=("metadata.title",),
        doc_id=("id", "metadata.id"),
    ),
    # llama_index.core.schema.NodeWithScore.to_dict(); text_resource since 0.12.
    Shape(
        "llamaindex",
        query=_QUERY,
        docs=("source_nodes", "nodes", *_DOCS),
        wrapper="node",
        text=("text_resource.text", "text"),
        title=("metadata.title",),
        doc_id=("id_", "node_id"),
        shorten_copies=True,
    ),
    # haystack.Document.to_dict(), with its meta flattened or not.
    Shape(
        "haystack",
        query=("query", "question"),
        docs=("documents", "retriever.documents", "ranker.documents"),
        text=("content",),
        title=("title", "meta.title", "name", "meta.name"),
        doc_id=("id",),
    ),
    # The body of a response to _search; the names of the fields are those of the index.
    Shape(
        "elasticsearch",
        query=_QUERY,
        docs=("hits.hits", *_DOCS),
        wrapper="_source",
        text=_TEXT,
        title=_TITLE,
        doc_id=("_id",),
    ),
    # MS MARCO in its own lines.
    Shape("msmarco", query=("query",), docs=("passages",), text=("passage_text",)),
    # Index.query() of pinecone, where texts are metadata, and search() of an index with its own embeddings.
    Shape(
        "pinecone",
        query=_QUERY,
        docs=("matches", "result.hits"),
        wrapper="metadata",
        text=_TEXT,
        title=_TITLE,
        doc_id=("id",),
        text_is_optional=True,
    ),
    Shape(
        "pinecone",
        query=_QUERY,
        docs=("result.hits", "matches"),
        wrapper="fields",
        text=_TEXT,
        title=_TITLE,
        doc_id=("_id",),
        text_is_optional=True,
    ),
    # Points of qdrant, from /points/query and /points/search; LangChain nests the metadata.
    Shape(
        "qdrant",
        query=_QUERY,
        docs=("result.points", "result", "points"),
        wrapper="payload",
        text=(*_TEXT, "document"),
        title=_TITLE,
        doc_id=("id",),
        text_is_optional=True,
    ),
    # Responses of weaviate: GraphQL, where the class has a name of its own, and objects of the REST API.
    Shape(
        "weaviate",
        query=_QUERY,
        docs=("data.Get.*",),
        text=_TEXT,
        title=_TITLE,
        doc_id=("_additional.id",),
        text_is_optional=True,
    ),
    Shape(
        "weaviate",
        query=_QUERY,
        docs=("objects",),
        wrapper="properties",
        text=_TEXT,
        title=_TITLE,
        doc_id=("id", "uuid"),
        text_is_optional=True,
    ),
    # Documents › Search of Azure AI Search; the names of the fields are those of the index.
    Shape("azure-ai-search", query=(*_QUERY, "search"), docs=("value",), text=_TEXT, title=_TITLE, doc_id=_DOC_ID, text_is_optional=True),
    # Retrieve of Amazon Bedrock Knowledge Bases.
    Shape(
        "bedrock",
        query=(*_QUERY, "retrievalQuery.text"),
        docs=("retrievalResults",),
        text=("content.text",),
        title=("metadata.title",),
        doc_id=("documentId", "location.s3Location.uri"),
        text_is_optional=True,
    ),
    # Vertex AI Search, with chunks or with segments, answers and snippets of documents; and contexts of Vertex AI RAG Engine.
    Shape(
        "vertex",
        query=_QUERY,
        docs=("results",),
        text=(
            "chunk.content",
            *(
                f"document.derivedStructData.{name}"
                for name in ("extractive_segments", "extractive_answers", "extractiveSegments", "extractiveAnswers", "snippets")
            ),
        ),
        title=("chunk.documentMetadata.title", "document.derivedStructData.title"),
        doc_id=("chunk.id", "document.id", "id"),
        text_is_optional=True,
    ),
    Shape("vertex", query=_QUERY, docs=("contexts.contexts",), text=("text",), title=("sourceDisplayName",), doc_id=("sourceUri",), text_is_optional=True),
    # hotpotqa.github.io, 2WikiMultihopQA, and both on Hugging Face: texts are split into sentences.
    Shape("hotpotqa", query=("question",), docs=("context",), layout="sentence_lists"),
    # Request bodies of chat completions (OpenAI, Anthropic and others), and lines of a batch of them.
    Shape(
        "messages",
        query=(),
        docs=("messages", "body.messages", "input", "body.input"),
        id=("custom_id", "id"),
        layout="messages",
    ),
    # A prompt in segments, as in LLMLingua.
    Shape("segments", query=(), docs=("segments",), layout="prompt_segments"),
    # Output of the retrievers of facebookresearch/DPR, contriever, EXIT and CompAct; scores may be strings.
    Shape(
        "dpr",
        query=("question",),
        docs=("ctxs",),
        text=("text",),
        title=("title",),
        doc_id=("id", "passage_id", "docid"),
    ),
    # EvaluationDataset.to_jsonl() of ragas, and the input of its version 0.1.
    Shape("ragas", query=("user_input", "question"), docs=("retrieved_contexts", "contexts")),
    # Request bodies of Cohere: rerank, and chat with documents.
    Shape(
        "cohere",
        query=("query", "message"),
        docs=("documents",),
        wrapper="data",
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
        layout="title_in_text",
    ),
    # facebookresearch/KILT, and the output of its retrievers, which has the text.
    Shape(
        "kilt",
        query=("input",),
        docs=("output.0.provenance",),
        text=("text",),
        title=("title", "wikipedia_title"),
        doc_id=("wikipedia_id",),
        layout="kilt",
    ),
    # Input of run_extractive_compressor.py of carriex/recomp.
    Shape("recomp", query=("query",), docs=("retrieved_docs",), text=("text",), title=("title",), doc_id=("id",)),
    # A query of BEIR with the documents that `ctxzip.reading.trec_join` adds.
    Shape(
        "beir",
        query=("text",),
        docs=("docs",),
        required_keys=("_id", "text", "docs"),
        text=("text",),
        title=("title",),
        doc_id=("_id",),
    ),
    # langsmith.schemas.Run of a retriever or a chain.
    *(
        Shape(
            "langsmith",
            query=tuple(f"inputs.{name}" for name in _QUERY),
            docs=(
                "outputs.documents", "outputs.context", "outputs.source_documents", "outputs.output",
                "inputs.documents", "inputs.context",
            ),
            wrapper=wrapper,
            text=_TEXT,
            title=_TITLE,
            doc_id=_DOC_ID,
        )
        for wrapper in ("", "kwargs")
    ),
)  # fmt: skip


def names() -> list[str]:
    """Return the possible values of `input_format`."""
    return [
        AUTO,
        *dict.fromkeys(shape.name for shape in sorted(SHAPES, key=lambda shape: bool(shape.required_keys))),
        *FILE_FORMATS,
    ]


def with_fields(
    query: str | None,
    docs: str | None,
    text: str | None,
    title: str | None,
    input_format: str = AUTO,
    context_role: str | None = None,
) -> tuple[Shape, ...]:
    """Return the shapes that the options select, with the paths of the user in place of the known ones.

    Args:
        query: dotted path to the query in a record; None keeps the known paths.
        docs: the same to the documents.
        text: the same to the text in a document.
        title: the same to the title in a document.
        input_format: one of `names()`.
        context_role: role of the chat messages that are documents.

    Raises:
        UsageError: there is no such format.
    """
    if input_format not in names():
        known = ", ".join(names())
        raise UsageError(
            f"expected one of {known}{did_you_mean(input_format, names())}", option="input_format", value=input_format
        )
    paths = {"query": query, "docs": docs, "text": text, "title": title}
    changes: dict[str, Any] = {field: (path,) for field, path in paths.items() if path}
    if context_role:
        changes["context_role"] = context_role
    chosen = tuple(shape for shape in SHAPES if input_format in {AUTO, shape.name, *FILE_FORMATS})
    return tuple(dict.fromkeys(replace(shape, **changes) for shape in chosen)) if changes else chosen
