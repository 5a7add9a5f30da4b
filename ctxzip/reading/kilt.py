"""KILT: where an answer stands, and mostly not what stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import opened
from ctxzip.errors import InputError
from ctxzip.reading import documents

if TYPE_CHECKING:
    from ctxzip.reading.documents import Found
    from ctxzip.reading.schemas import Shape


def fits(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # every form takes both
    """Tell whether the first place is one of a knowledge source."""
    value = opened(node)
    if not isinstance(value, list | tuple) or not value:
        return False
    first = opened(value[0])
    return isinstance(first, dict) and "wikipedia_id" in first


def read(node: Any, shape: Shape, where: str) -> Found:
    """Read provenance whose retriever put the text beside the place.

    Raises:
        InputError: there is none, which is what KILT publishes.
    """
    if documents.fits(node, shape):
        return documents.read(node, shape, where)
    raise InputError(
        f"no text @ {where}: KILT names pages and paragraphs of its knowledge source, which hold it: "
        "add the paragraphs to the record as ctxs, a list of objects with title and text"
    )
