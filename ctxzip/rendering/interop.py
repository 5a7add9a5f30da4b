"""Results -> records in the formats of other libraries (`--to langchain`, ...).

A record has the query, and of each document what the format has a field for: text, title, id and relevance. The library can
load it, and `ctxzip` can read it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import encode
from ctxzip.datamodels import OWN_KEY
from ctxzip.rendering.record import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.rendering.result import Result


@dataclass(frozen=True, slots=True)
class _Document:
    """What is kept of one document; `number` is its position in the input, from 1; `relevance` is 0..1."""

    number: int
    text: str
    title: str
    id: str | None
    relevance: float

    @property
    def metadata(self) -> dict[str, Any]:
        """The title, where the document has one."""
        return {"title": self.title} if self.title else {}


def library_record(result: Result, to: str) -> bytes:
    """Return one result as a record of another library, with the key `ctxzip`, as JSON.

    Args:
        result: of one request.
        to: `messages`, `langchain`, `llamaindex` or `haystack`.

    Raises:
        KeyError: `to` is not one of these.
    """
    order = [index for index in result.order if to != MESSAGES or result.texts[index]]
    documents = [
        _Document(
            number=index + 1,
            text=result.texts[index],
            title=result.request.passages[index].title,
            id=result.request.passages[index].id,
            relevance=round(float(result.scored.scores.relevance[index]), 4),
        )
        for index in order
    ]
    own = summary(result)
    if order != list(range(len(result.texts))):
        own["order"] = order
    request_id = {} if result.request.id is None else {"id": result.request.id}
    return encode({**request_id, **_FORMATS[to](result.request.query, documents), OWN_KEY: own})


def _langchain(query: str, documents: Sequence[_Document]) -> dict[str, Any]:
    return {
        "query": query,
        "documents": [
            {
                "id": document.id,
                "metadata": {**document.metadata, "relevance_score": document.relevance},
                "page_content": document.text,
                "type": "Document",
            }
            for document in documents
        ],
    }


def _llamaindex(query: str, documents: Sequence[_Document]) -> dict[str, Any]:
    return {
        "query": query,
        "source_nodes": [
            {
                "node": {
                    "id_": document.id or str(document.number),
                    "metadata": document.metadata,
                    "text": document.text,
                    "class_name": "TextNode",
                },
                "score": document.relevance,
                "class_name": "NodeWithScore",
            }
            for document in documents
        ],
    }


def _haystack(query: str, documents: Sequence[_Document]) -> dict[str, Any]:
    return {
        "query": query,
        "documents": [
            {
                "id": document.id or str(document.number),
                "content": document.text,
                "meta": document.metadata,
                "score": document.relevance,
            }
            for document in documents
        ],
    }


def _messages(query: str, documents: Sequence[_Document]) -> dict[str, Any]:
    """Return one message with the documents and then the query, in the form of Anthropic's guide to long contexts."""
    parts = [
        f'<document index="{document.number}">\n'
        + (f"<source>{_one_line(document.title)}</source>\n" if document.title else "")
        + f"<document_content>\n{document.text}\n</document_content>\n</document>"
        for document in documents
    ]
    context = "\n".join(["<documents>", *parts, "</documents>"])
    return {"messages": [{"role": "user", "content": f"{context}\n\n{query}"}]}


def _one_line(title: str) -> str:
    """Return a title on one line, in which nothing can be taken for a tag."""
    return " ".join(title.split()).replace("<", "(").replace(">", ")")


MESSAGES = "messages"
_FORMATS: dict[str, Callable[[str, Sequence[_Document]], dict[str, Any]]] = {
    MESSAGES: _messages,
    "langchain": _langchain,
    "llamaindex": _llamaindex,
    "haystack": _haystack,
}
