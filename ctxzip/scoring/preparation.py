"""One request -> its parsed query, and the units of its passages with their tokens counted."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.time_limit import NO_TIME_LIMIT, TimeLimit
from ctxzip.datamodels import Passage, PreparedRequest, RecordWarning, Request, Span, Unit
from ctxzip.query.parse import parse_query
from ctxzip.scoring.windows import units_of_tokens
from ctxzip.splitting.language import ENGLISH, UNKNOWN, detect_language, detect_languages
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.settings import Settings
    from ctxzip.tokens import Tokenizer

_SURROGATE = re.compile("[\ud800-\udfff]")


def prepare(
    request: Request, settings: Settings, tokenizer: Tokenizer, time_limit: TimeLimit = NO_TIME_LIMIT
) -> PreparedRequest:
    """Parse the query of one request, split its passages into units and count their tokens.

    Raises:
        InputError: the time is over.
    """
    normalized = without_surrogates(request)
    languages, warnings = _languages(normalized, settings)
    units = _units(normalized, languages, settings.splitter, time_limit)
    units, passage_tokens = counted(normalized, units, tokenizer)
    return PreparedRequest(
        request=request,
        normalized=normalized,
        query=parse_query(normalized.query),
        languages=languages,
        units=units,
        passage_tokens=passage_tokens,
        warnings=(*request.warnings, *warnings, *_language_mismatch(normalized.query, languages)),
        splitter=settings.splitter,
        tokenizer=tokenizer.identity,
    )


def recounted(prepared: PreparedRequest, tokenizer: Tokenizer) -> PreparedRequest:
    """Return the request with the tokens of its units and passages counted by another tokenizer."""
    if prepared.tokenizer == tokenizer.identity:
        return prepared
    units, passage_tokens = counted(prepared.normalized, prepared.units, tokenizer)
    return replace(prepared, units=units, passage_tokens=passage_tokens, tokenizer=tokenizer.identity)


def _languages(request: Request, settings: Settings) -> tuple[tuple[str, ...], list[RecordWarning]]:
    """Return the language of each passage, and a warning for each language without sentence rules of its own."""
    if settings.lang:
        languages = [settings.lang] * len(request.passages)
    else:
        languages = detect_languages([passage.text for passage in request.passages])
        if UNKNOWN in languages:
            # A passage may be too short for detection: it gets the language of all passages together.
            of_all = detect_language("\n".join(passage.text for passage in request.passages))
            languages = [of_all if language == UNKNOWN else language for language in languages]
    warnings = (splitter_for(language, settings.splitter)[1] for language in dict.fromkeys(languages))
    return tuple(languages), [RecordWarning("no_sentence_rules", text) for text in warnings if text]


def _language_mismatch(query: str, languages: Sequence[str]) -> list[RecordWarning]:
    """Return a warning if the query is in English and no passage is, or the reverse."""
    language = detect_language(query)
    known = dict.fromkeys(language for language in languages if language != UNKNOWN)
    if language == UNKNOWN or not known or language in known or ENGLISH not in {language, *known}:
        return []
    text = f"the query is in {language}, the documents in {', '.join(known)}: few words match across languages"
    return [RecordWarning("language_mismatch", text)]


def _units(request: Request, languages: Sequence[str], splitter: str, time_limit: TimeLimit) -> tuple[Unit, ...]:
    """Return the units of all passages in document order, their tokens not counted yet."""
    units: list[Unit] = []
    for index, (passage, language) in enumerate(zip(request.passages, languages, strict=True)):
        time_limit.check()
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
    """Return the sentences that the record gives for a passage; where it gives none, split the text."""
    if passage.sentences is not None:
        return [Span(start, end, "sentence") for start, end in passage.sentences]
    return split_into_spans(passage.text, splitter_for(language, splitter)[0])


def counted(request: Request, units: Sequence[Unit], tokenizer: Tokenizer) -> tuple[tuple[Unit, ...], int]:
    """Return the units with their number of tokens, and the number of tokens of all passages."""
    ends = tokenizer.ends([passage.text for passage in request.passages])
    counts: list[int] = []
    passages = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
    starts = np.fromiter((unit.start for unit in units), dtype=np.int64, count=len(units))
    borders = np.searchsorted(passages, np.arange(len(ends) + 1))
    for index, (first, last) in enumerate(pairwise(borders.tolist())):
        if first < last:
            counts += np.bincount(units_of_tokens(ends[index], starts[first:last]), minlength=last - first).tolist()
    return (
        tuple(
            Unit(unit.passage, unit.start, unit.end, n, unit.kind, unit.parent)  # three times as fast as `replace`
            for unit, n in zip(units, counts, strict=True)
        ),
        sum(map(len, ends)),
    )


def without_surrogates(request: Request) -> Request:
    """Return the request with U+FFFD for each lone surrogate, which tokenizers and UTF-8 refuse; offsets do not change."""
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
