"""Results -> records in the shapes of other libraries (`--to langchain`, ...).

The question goes over, and of each document what the shape has a place for: its text, title, id and relevance. A
library's own reader takes what is written here; `ctxzip` reads it, too.
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
    """What is left of one document; `number` counts from 1 in the input, `relevance` is 0..1."""

    number: int
    text: str
    title: str
    id: str | None
    relevance: float

    @property
    def metadata(self) -> dict[str, Any]:
        """The title, where it has one."""
        return {"title": self.title} if self.title else {}


def converted(result: Result, to: str) -> bytes:
    """Return one result as a record of that shape, with the key `ctxzip`, as JSON.

    Raises:
        KeyError: no such shape.
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
    about = summary(result)
    if order != list(range(len(result.texts))):
        about["order"] = order
    own_id = {} if result.request.id is None else {"id": result.request.id}
    return encode({**own_id, **_SHAPES[to](result.request.query, documents), OWN_KEY: about})


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
    """Put documents and question into one message, in the form of Anthropic's guide to long contexts."""
    parts = [
        f'<document index="{document.number}">\n'
        + (f"<source>{_one_line(document.title)}</source>\n" if document.title else "")
        + f"<document_content>\n{document.text}\n</document_content>\n</document>"
        for document in documents
    ]
    context = "\n".join(["<documents>", *parts, "</documents>"])
    return {"messages": [{"role": "user", "content": f"{context}\n\n{query}"}]}


def _one_line(title: str) -> str:
    return " ".join(title.split()).replace("<", "(").replace(">", ")")


MESSAGES = "messages"
_SHAPES: dict[str, Callable[[str, Sequence[_Document]], dict[str, Any]]] = {
    MESSAGES: _messages,
    "langchain": _langchain,
    "llamaindex": _llamaindex,
    "haystack": _haystack,
}
