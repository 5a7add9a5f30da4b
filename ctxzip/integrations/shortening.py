"""Shared by the adapters: shortens the documents of one question."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ctxzip._internal.suggestions import did_you_mean
from ctxzip.compressor import Compressor
from ctxzip.datamodels import Request
from ctxzip.errors import InputError, UsageError
from ctxzip.rendering.record import summary
from ctxzip.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Passage

_REQUEST_KEYS = ("version", "scorer", "device", "query_kind", "budget", "no_answer", "answerable")


@dataclass(frozen=True, slots=True)
class ShortenedDocument:
    """One shortened document.

    Attributes:
        index: of the document in the input, from 0.
        text: exact slices of its text.
        metadata: JSON values: `kept` with `[start, end, probability]` (half-open code-point offsets into the original
            text), `relevance` and `language` of the document, and scorer, device, budget, probability of an answer
            and warnings of the request. None for a document without text.
    """

    index: int
    text: str
    metadata: dict[str, Any] | None


def compressor_for(settings: dict[str, Any]) -> Compressor:
    """Return a compressor with these fields of `Settings`; `drop_empty` is True unless it is given.

    Raises:
        UsageError: a setting is unknown or out of range, or `to` names an output other than documents.
        BackendError: a scorer, splitter or tokenizer cannot run here.
    """
    known = [field.name for field in fields(Settings)]
    for name in settings:
        if name not in known:
            raise UsageError(f"no setting {name!r}{did_you_mean(name, known)}")
    chosen = Settings(**{"drop_empty": True, **settings})
    if chosen.to != "jsonl":
        raise UsageError("documents come out, not one context: leave it out", option="to", value=chosen.to)
    return Compressor(chosen)


def shorten(compressor: Compressor, query: str, passages: Sequence[Passage]) -> list[ShortenedDocument]:
    """Return the shortened documents of one question, in the order of the settings.

    Documents without text (an image, a table) are not scored, and are never dropped.

    Raises:
        InputError: the question is empty.
    """
    if not passages:
        return []
    if not query.strip():
        raise InputError("empty question")
    result = compressor.compress(Request(query=query, passages=tuple(passages)))
    found = summary(result)
    warning = [] if compressor.warning is None else [{"code": "scorer", "text": compressor.warning}]
    of_all = {**{key: found[key] for key in _REQUEST_KEYS if key in found}, "warnings": [*warning, *found["warnings"]]}
    kept = set(result.order)
    order = [*result.order, *(i for i, passage in enumerate(passages) if not passage.text and i not in kept)]
    if compressor.settings.order == "source":
        order.sort()
    return [
        ShortenedDocument(i, result.texts[i], {**found["docs"][i], **of_all} if passages[i].text else None)
        for i in order
    ]
