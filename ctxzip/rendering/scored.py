"""Scored requests -> JSON records, and back: score once, select under many budgets (`ctxzip score`, `ctxzip select`)."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ctxzip import __version__
from ctxzip._internal.raw_json import encode
from ctxzip.datamodels import (
    DEADLINE,
    OWN_KEY,
    PREFILTER,
    SECOND_PASS,
    Kind,
    PreparedRequest,
    RecordWarning,
    Request,
    Scored,
    Scores,
    Unit,
)
from ctxzip.errors import InputError
from ctxzip.query.parse import parse_query
from ctxzip.reading.origin import BadRecord, origin_of, original_record
from ctxzip.scoring.preparation import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY = "scored"  # inside the key `ctxzip` of a record
_KINDS = frozenset(get_args(Kind))


def scored_record(scored: Scored) -> bytes:
    """Return the input record, as JSON, with the units and their scores under the key `ctxzip`.

    A unit is `[passage, start, end, tokens, kind, parent, probability]`, offsets as half-open code points. Probabilities
    have all the digits of a float32, so that selecting from the record decides as without it.
    """
    prepared = scored.prepared
    values = {
        "query": scored.request.query,
        "scorer": scored.scorer,
        "device": scored.device,
        "model_sha256": scored.model_sha256,
        "splitter": prepared.splitter,
        "tokenizer": prepared.tokenizer,
        "languages": list(prepared.languages),
        "passage_tokens": prepared.passage_tokens,
        "relevance": [_digits(value) for value in scored.scores.relevance],
        "units": [
            [unit.passage, unit.start, unit.end, unit.n_tokens, unit.kind, unit.parent, _digits(probability)]
            for unit, probability in zip(scored.units, scored.scores.probability, strict=True)
        ],
        **({"not_scored_by_model": list(scored.scores.not_scored)} if scored.scores.not_scored else {}),
        "warnings": [asdict(warning) for warning in scored.warnings],
    }
    return encode({**original_record(scored.request), OWN_KEY: {"version": __version__, KEY: values}})


def read_scored(request: Request) -> Scored:
    """Return the scored request that `scored_record` wrote.

    Args:
        request: read from such a record.

    Raises:
        InputError: the record has no scores, or they do not fit its documents.
    """
    values = _scored_values(origin_of(request).ctxzip_value)
    if values is None:
        raise InputError(f"no scores @ $.{OWN_KEY}.{KEY}: make them with `ctxzip score`")
    try:
        return _scored(request, without_surrogates(request), values)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"the scores @ $.{OWN_KEY}.{KEY} do not fit the documents of the record: {what}: run `ctxzip score` again"
        ) from error


def has_scores(request: Request) -> bool:
    """Return whether a request was read from a record with scores."""
    return _scored_values(origin_of(request).ctxzip_value) is not None


def earlier_error(bad: BadRecord) -> BadRecord:
    """Return a bad record with the error, line and input of the time when `ctxzip score` could not use it.

    Any other bad record is returned as it is.
    """
    own = bad.content.get(OWN_KEY) if isinstance(bad.content, dict) else None
    try:
        values = json.loads(encode(own))
        message, line_no = values["error"], values["line"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return bad
    if not isinstance(message, str) or not isinstance(line_no, int):
        return bad
    return replace(bad, message=message, line_no=line_no, content=values.get("input", bad.content), options=())


def query_of(record: Mapping[str, Any]) -> str | None:
    """Return the query that a record was scored for; None where the record has no scores."""
    values = _scored_values(record.get(OWN_KEY))
    query = None if values is None else values.get("query")
    return query if isinstance(query, str) and query.strip() else None


def _scored_values(own: Any) -> dict[str, Any] | None:
    """Return the units and scores in the value of the key `ctxzip`; None where there are none."""
    try:
        values = json.loads(encode(own))[KEY]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _scored(request: Request, normalized: Request, values: dict[str, Any]) -> Scored:
    """Return the scored request.

    Raises:
        KeyError, TypeError, ValueError, IndexError, OverflowError: the values are damaged, or do not fit the documents.
    """
    units, probability = _units(normalized, values["units"])
    languages = tuple(map(str, values["languages"]))
    if len(languages) != len(normalized.passages):
        raise ValueError(f"{len(languages)} documents were scored, and there are {len(normalized.passages)}")
    model_sha256 = values["model_sha256"]
    warnings = tuple(RecordWarning(one["code"], str(one["text"])) for one in values["warnings"])
    return Scored(
        prepared=PreparedRequest(
            request=request,
            normalized=normalized,
            query=parse_query(normalized.query),
            languages=languages,
            units=units,
            passage_tokens=int(values["passage_tokens"]),
            warnings=(),
            splitter=str(values["splitter"]),
            tokenizer=str(values["tokenizer"]),
        ),
        warnings=warnings,
        scores=Scores(
            _probabilities(probability, len(units)),
            _probabilities(values["relevance"], len(normalized.passages)),
            not_scored=_not_scored(values.get("not_scored_by_model", []), len(units)),
        ),
        scorer=str(values["scorer"]),
        device=str(values["device"]),
        model_sha256=None if model_sha256 is None else str(model_sha256),
    )


def _units(normalized: Request, rows: Sequence[Any]) -> tuple[tuple[Unit, ...], list[float]]:
    """Return the units of a record, checked against the passages, and their probabilities, not checked yet."""
    units: list[Unit] = []
    probabilities: list[float] = []
    for index, (passage, start, end, n_tokens, kind, parent, probability) in enumerate(rows):
        if not all(type(number) is int for number in (passage, start, end, n_tokens, 0 if parent is None else parent)):
            raise ValueError(f"unit {index} has numbers that are not whole")
        before = units[-1] if units else None
        text = normalized.passages[passage].text
        earliest = before.end if before is not None and before.passage == passage else 0
        in_order = before is None or before.passage <= passage
        in_text = passage >= 0 and earliest <= start < end <= len(text)
        if not (in_order and in_text and kind in _KINDS and n_tokens >= 0):
            raise ValueError(f"unit {index} does not fit")
        if parent is not None and not 0 <= parent < index:
            raise ValueError(f"unit {index} has a parent that is no unit before it")
        units.append(Unit(passage, start, end, n_tokens, kind, parent))
        probabilities.append(probability)
    return tuple(units), probabilities


def _probabilities(values: Sequence[Any], n: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the values as `(n,)` float32, 0..1."""
    found = np.array(values, dtype=np.float32).reshape(n)
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")
    return found


def _not_scored(values: Sequence[Any], n: int) -> tuple[str | None, ...]:
    """Return the reasons why the model did not score units: one a unit, or none where it scored all."""
    if len(values) not in {0, n} or not {*values} <= {None, PREFILTER, DEADLINE, SECOND_PASS}:
        raise ValueError(f"{len(values)} reasons why units were not scored")
    return tuple(values)


def _digits(value: np.float32) -> float:
    """Return the shortest decimal number that is rounded to the same float32."""
    return float(str(value))
