"""Scored requests as JSON records and back: score once, select under many budgets (`ctxzip score`, `ctxzip select`)."""

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
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.rendering.record import as_read
from ctxzip.scoring.preparation import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY = "scored"  # inside the key `ctxzip` of a record
_KINDS = frozenset(get_args(Kind))


def record(scored: Scored) -> bytes:
    """Return the record as it came, with the units and their scores under the key `ctxzip`.

    A unit is `[passage, start, end, tokens, kind, parent, probability]`, offsets as half-open code
    points; probabilities have all the digits of a float32, so that nothing is decided otherwise.
    """
    prepared = scored.prepared
    about = {
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
    return encode({**as_read(scored.request), OWN_KEY: {"version": __version__, KEY: about}})


def read_scored(request: Request) -> Scored:
    """Return what `record` wrote.

    Args:
        request: read from such a record.

    Raises:
        InputError: there are no scores in it, or they are not those of its documents.
    """
    about = _about(origin_of(request).ctxzip_value)
    if about is None:
        raise InputError(f"no scores @ $.{OWN_KEY}.{KEY}: make them with `ctxzip score`")
    try:
        return _scored(request, without_surrogates(request), about)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"the scores @ $.{OWN_KEY}.{KEY} are not those of the documents beside them: {what}: "
            "run `ctxzip score` again"
        ) from error


def holds_scores(request: Request) -> bool:
    """Tell whether a request was read from what `record` wrote."""
    return _about(origin_of(request).ctxzip_value) is not None


def earlier_error(bad: BadRecord) -> BadRecord:
    """Return a record that `ctxzip score` could not use with the error and the input of that time."""
    own = bad.content.get(OWN_KEY) if isinstance(bad.content, dict) else None
    try:
        about = json.loads(encode(own))
        message, line_no = about["error"], about["line"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return bad
    if not isinstance(message, str) or not isinstance(line_no, int):
        return bad
    return replace(bad, message=message, line_no=line_no, content=about.get("input", bad.content), options=())


def query_of(record: Mapping[str, Any]) -> str | None:
    """Return the query that a record was scored for; None where it holds no scores."""
    about = _about(record.get(OWN_KEY))
    query = None if about is None else about.get("query")
    return query if isinstance(query, str) and query.strip() else None


def _about(own: Any) -> dict[str, Any] | None:
    """Return what `record` wrote under the key `ctxzip`."""
    try:
        about = json.loads(encode(own))[KEY]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return about if isinstance(about, dict) else None


def _scored(request: Request, plain: Request, about: dict[str, Any]) -> Scored:
    units: list[Unit] = []
    probability: list[float] = []
    for index, (passage, start, end, n_tokens, kind, parent, chance) in enumerate(about["units"]):
        if not all(type(number) is int for number in (passage, start, end, n_tokens, 0 if parent is None else parent)):
            raise ValueError(f"unit {index} has numbers that are not whole")
        before = units[-1] if units else None
        text = plain.passages[passage].text
        begins = before.end if before is not None and before.passage == passage else 0
        in_order = before is None or before.passage <= passage
        if not (in_order and passage >= 0 and begins <= start < end <= len(text) and kind in _KINDS and n_tokens >= 0):
            raise ValueError(f"unit {index} does not fit")
        if parent is not None and not 0 <= parent < index:
            raise ValueError(f"unit {index} stands under a unit that is not there")
        units.append(Unit(passage, start, end, n_tokens, kind, parent))
        probability.append(chance)
    languages = tuple(map(str, about["languages"]))
    if len(languages) != len(plain.passages):
        raise ValueError(f"{len(languages)} documents were scored, and there are {len(plain.passages)}")
    model_sha256 = about["model_sha256"]
    warnings = tuple(RecordWarning(one["code"], str(one["text"])) for one in about["warnings"])
    return Scored(
        prepared=PreparedRequest(
            request=request,
            normalized=plain,
            query=parse_query(plain.query),
            languages=languages,
            units=tuple(units),
            passage_tokens=int(about["passage_tokens"]),
            warnings=(),
            splitter=str(about["splitter"]),
            tokenizer=str(about["tokenizer"]),
        ),
        warnings=warnings,
        scores=Scores(
            _chances(probability, len(units)),
            _chances(about["relevance"], len(plain.passages)),
            not_scored=_not_scored(about.get("not_scored_by_model", []), len(units)),
        ),
        scorer=str(about["scorer"]),
        device=str(about["device"]),
        model_sha256=None if model_sha256 is None else str(model_sha256),
    )


def _chances(values: Sequence[Any], n: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    found = np.array(values, dtype=np.float32).reshape(n)
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")
    return found


def _not_scored(values: Sequence[Any], n: int) -> tuple[str | None, ...]:
    if len(values) not in {0, n} or not {*values} <= {None, PREFILTER, DEADLINE, SECOND_PASS}:
        raise ValueError(f"{len(values)} reasons why units were not scored")
    return tuple(values)


def _digits(value: np.float32) -> float:
    """Return the shortest number that is this float32 again."""
    return float(str(value))
