"""One request -> its units, with their tokens: reading is done, scoring has not begun."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import BadRecord, Passage, Request, Span, Unit
from ctxzip.scoring.windows import owners
from ctxzip.splitting.units import UNKNOWN, detect, split, splitter_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Scored
    from ctxzip.settings import Settings
    from ctxzip.tokens import Tokenizer

_PER_TOKEN = 4  # bytes, about, in any script
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Prepared:
    """One request, split.

    Attributes:
        request: as it came.
        plain: with every character one that a tokenizer takes.
        languages: one a passage.
        units: of all passages, in order.
        passage_tokens: of the passages together.
        warnings: what must be said of it.
        read_by: when the model stops reading, by the clock of deadlines; None for never.
    """

    request: Request
    plain: Request
    languages: tuple[str, ...]
    units: tuple[Unit, ...]
    passage_tokens: int
    warnings: tuple[str, ...]
    read_by: float | None


def prepare(request: Request, settings: Settings, tokenizer: Tokenizer, read_by: float | None = None) -> Prepared:
    """Split one request into units and count their tokens."""
    plain = well_formed(request)
    languages, remarks = _languages(plain, settings)
    units, passage_tokens = _counted(plain, _units(plain, languages, settings.splitter), tokenizer)
    return Prepared(request, plain, languages, units, passage_tokens, (*request.warnings, *remarks), read_by)


def recounted(scored: Scored, tokenizer: Tokenizer) -> Scored:
    """Return the request with its tokens counted by this tokenizer."""
    if scored.tokenizer == tokenizer.identity:
        return scored
    units, passage_tokens = _counted(scored.plain, scored.units, tokenizer)
    return replace(scored, units=units, passage_tokens=passage_tokens, tokenizer=tokenizer.identity)


def weight_of(item: Prepared | BadRecord) -> int:
    """Return what an item counts for in a batch, and among what is read ahead: its tokens, or all that it holds."""
    if isinstance(item, BadRecord):
        return 1 + item.n_bytes // _PER_TOKEN
    return 1 + max(item.passage_tokens, item.request.n_bytes // _PER_TOKEN)


def _languages(request: Request, settings: Settings) -> tuple[tuple[str, ...], list[str]]:
    """Return a language a passage, and warnings about those that are split second best."""
    if settings.lang:
        languages = [settings.lang] * len(request.passages)
    else:
        languages = [detect(passage.text) for passage in request.passages]
        if UNKNOWN in languages:
            # A passage too short to tell is in the language of those it was found with.
            usual = detect("\n".join(passage.text for passage in request.passages))
            languages = [usual if language == UNKNOWN else language for language in languages]
    remarks = (splitter_for(language, settings.splitter)[1] for language in dict.fromkeys(languages))
    return tuple(languages), [remark for remark in remarks if remark]


def _units(request: Request, languages: Sequence[str], splitter: str) -> tuple[Unit, ...]:
    """Return the units of all passages in order, their tokens not counted yet."""
    units: list[Unit] = []
    for index, (passage, language) in enumerate(zip(request.passages, languages, strict=True)):
        first = len(units)
        units.extend(
            Unit(
                passage=index,
                start=span.start,
                end=span.end,
                n_tokens=0,
                kind=span.kind,
                parent=None if span.parent is None else first + span.parent,
            )
            for span in _spans(passage, language, splitter)
        )
    return tuple(units)


def _spans(passage: Passage, language: str, splitter: str) -> list[Span]:
    """Return the split that a passage came with, or split it."""
    if passage.sentences is not None:
        return [Span(start, end, "sentence") for start, end in passage.sentences]
    return split(passage.text, splitter_for(language, splitter)[0])


def _counted(request: Request, units: Sequence[Unit], tokenizer: Tokenizer) -> tuple[tuple[Unit, ...], int]:
    """Return the units with their tokens, and the tokens of the passages together."""
    ends = tokenizer.ends([passage.text for passage in request.passages])
    counts: list[int] = []
    passages = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
    starts = np.fromiter((unit.start for unit in units), dtype=np.int64, count=len(units))
    borders = np.searchsorted(passages, np.arange(len(ends) + 1))
    for index, (first, last) in enumerate(pairwise(borders.tolist())):
        if first < last:
            counts += np.bincount(owners(ends[index], starts[first:last]), minlength=last - first).tolist()
    return (
        tuple(
            Unit(unit.passage, unit.start, unit.end, n, unit.kind, unit.parent)  # a third of the time of `replace`
            for unit, n in zip(units, counts, strict=True)
        ),
        sum(map(len, ends)),
    )


def well_formed(request: Request) -> Request:
    """Put U+FFFD where lone surrogates stand: tokenizers and UTF-8 refuse them. Offsets stay."""
    try:
        for text in (request.query, *(passage.text + passage.title for passage in request.passages)):
            text.encode()
    except UnicodeEncodeError:
        return replace(
            request,
            query=_SURROGATE.sub("\ufffd", request.query),
            passages=tuple(
                replace(
                    passage,
                    text=_SURROGATE.sub("\ufffd", passage.text),
                    title=_SURROGATE.sub("\ufffd", passage.title),
                )
                for passage in request.passages
            ),
        )
    return request
