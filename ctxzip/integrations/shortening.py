"""What the adapters share: the documents of one question in, what is left of them out."""

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

_OF_ALL = ("version", "scorer", "device", "query_kind", "budget")


@dataclass(frozen=True, slots=True)
class Shortened:
    """What is left of one document.

    Attributes:
        index: of the document among those that came in.
        text: exact slices of its text.
        about: JSON values for its metadata: `kept` with `[start, end, probability]` (half-open code-point
            offsets into the text that came in), `relevance` and `lang` of the document, and scorer,
            device, budget and warnings of the request. None for a document that had no text.
    """

    index: int
    text: str
    about: dict[str, Any] | None


def compressor_for(settings: dict[str, Any]) -> Compressor:
    """Return a compressor with these fields of `Settings`; documents of which nothing is kept are left out.

    Raises:
        UsageError: there is no such setting, it is out of its range, or it asks for a context where documents come out.
        BackendError: something that scores, splits or counts cannot run here.
    """
    known = [field.name for field in fields(Settings)]
    for name in settings:
        if name not in known:
            raise UsageError(f"no setting {name!r}{did_you_mean(name, known)}")
    chosen = Settings(**{"drop_empty": True, **settings})
    if chosen.to != "jsonl":
        raise UsageError("documents come out, not one context: leave it out", option="to", value=chosen.to)
    return Compressor(chosen)


def shorten(compressor: Compressor, query: str, passages: Sequence[Passage]) -> list[Shortened]:
    """Return what is left of the documents of one question, in the order of the settings.

    Documents without a text (an image, a table) were not read, so they are never left out.

    Raises:
        InputError: an empty question.
    """
    if not passages:
        return []
    if not query.strip():
        raise InputError("empty question")
    result = compressor.compress(Request(query=query, passages=tuple(passages)))
    found = summary(result)
    warning = [] if compressor.warning is None else [{"code": "scorer", "text": compressor.warning}]
    of_all = {**{key: found[key] for key in _OF_ALL}, "warnings": [*warning, *found["warnings"]]}
    kept = set(result.order)
    order = [*result.order, *(i for i, passage in enumerate(passages) if not passage.text and i not in kept)]
    if compressor.settings.order == "source":
        order.sort()
    return [Shortened(i, result.texts[i], {**found["docs"][i], **of_all} if passages[i].text else None) for i in order]
