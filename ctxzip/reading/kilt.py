"""The layout of KILT: provenance by page and paragraph ids, usually without the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import decoded
from ctxzip.errors import InputError
from ctxzip.reading import documents

if TYPE_CHECKING:
    from ctxzip.reading.documents import ParsedDocuments
    from ctxzip.reading.schemas import Shape


def matches(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # part of DocumentLayout
    """Return whether the first provenance has a `wikipedia_id`."""
    value = decoded(node)
    if not isinstance(value, list | tuple) or not value:
        return False
    first = decoded(value[0])
    return isinstance(first, dict) and "wikipedia_id" in first


def parse(node: Any, shape: Shape, json_path: str) -> ParsedDocuments:
    """Return the provenance as documents, where a retriever added the text.

    Raises:
        InputError: there is no text, as in the data that KILT publishes; or the path of what is wrong.
    """
    if documents.matches(node, shape):
        return documents.parse(node, shape, json_path)
    raise InputError(
        f"no text @ {json_path}: KILT has only the ids of pages and paragraphs there: "
        "add the paragraphs to the record as ctxs, a list of objects with title and text"
    )
