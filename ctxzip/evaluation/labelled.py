"""Labelled questions in the common form: a question, documents, and the spans that are evidence.

One JSON object a line, gzipped or not:
`{"query", "docs": [{"title", "text", "evidence": [[start, end], ...]}], "dataset", "need"}`. The evidence spans
are half-open code-point ranges of `text`; `need` (`all`, `any`, `none`), `answers` (texts) and `also` (spans `[document, start, end]`
that answer in part) are optional.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from ctxzip.errors import InputError
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import Origin
from ctxzip.reading.schemas import SHAPES
from ctxzip.reading.sources import decompressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.datamodels import Request, Unit
    from ctxzip.rendering.result import Result

_Item = TypeVar("_Item")
# In these sets the answer needs every span (multi-hop); in all others each span answers by itself.
_MULTI_HOP = frozenset({"hotpotqa", "2wiki", "musique"})
_NEEDS = ("all", "any", "none")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled question.

    Attributes:
        evidence: `(passage, start, end)` each, half-open code-point offsets; empty for an unanswerable question.
        need: whether the answer needs all spans or any one; `none` for an unanswerable question.
        answers: texts, each a right answer; empty where the record has none.
        partial: spans, as in `evidence`, that answer in part: neither needed nor wrong.
    """

    request: Request
    evidence: tuple[tuple[int, int, int], ...]
    need: Literal["all", "any", "none"]
    answers: tuple[str, ...] = ()
    partial: tuple[tuple[int, int, int], ...] = ()

    @property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the question and its documents: the same in every run."""
        texts = (self.request.query, *(passage.text for passage in self.request.passages))
        return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def found(self, result: Result) -> bool:
        """Return whether the kept units cover the needed evidence; a unit covers the spans that it overlaps."""
        kept = [result.scored.units[i] for i in result.selection.kept]
        covered = [
            any(unit.passage == passage and unit.start < end and start < unit.end for unit in kept)
            for passage, start, end in self.evidence
        ]
        return all(covered) if self.need == "all" else any(covered)

    def overlaps(self, units: Sequence[Unit]) -> NDArray[np.bool_]:
        """Return which unit overlaps which span of the evidence, `(n_units, n_spans)` bool."""
        return overlaps(units, self.evidence)

    def are_evidence(self, units: Sequence[Unit]) -> NDArray[np.bool_]:
        """Return which units overlap evidence, `(n_units,)` bool."""
        evidence: NDArray[np.bool_] = np.logical_or.reduce(self.overlaps(units), axis=1)
        return evidence


def overlaps(units: Sequence[Unit], spans: Sequence[tuple[int, int, int]]) -> NDArray[np.bool_]:
    """Return which unit overlaps which span, `(n_units, n_spans)` bool.

    Args:
        units: of one request.
        spans: `(passage, start, end)` each, half-open code-point offsets.
    """
    where = np.array([(unit.passage, unit.start, unit.end) for unit in units], dtype=np.int64).reshape(-1, 3)
    others = np.array(spans, dtype=np.int64).reshape(-1, 3)
    overlap: NDArray[np.bool_] = (
        (where[:, None, 0] == others[:, 0]) & (where[:, None, 1] < others[:, 2]) & (others[:, 1] < where[:, None, 2])
    )
    return overlap


def spread(items: Iterable[_Item], limit: int | None) -> list[_Item]:
    """Return at most `limit` items, spread evenly: files are sorted, and their first questions are not typical.

    `models/README.md` has the measurement. None returns all items.

    >>> spread("abcdefg", 3), spread("ab", 3), spread("ab", None)
    (['a', 'c', 'e'], ['a', 'b'], ['a', 'b'])
    """
    found = list(items)
    if limit is None or len(found) <= limit:
        return found
    return [found[i * len(found) // limit] for i in range(limit)]


def read_labelled(path: Path) -> Iterator[Labelled]:
    """Yield the questions of one file, gzipped or not.

    Where a record has no `need`, it follows from its `dataset`.

    Raises:
        InputError: a record is not in the common form, or the file cannot be read.
    """
    try:
        with path.open("rb") as stream, decompressed(stream) as lines:
            for line_no, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield _labelled(line, line_no, f"{path}: line {line_no}")
                except InputError as error:
                    raise InputError(
                        f"{path}: line {line_no}: not in the common form: {error.message}", option=error.options
                    ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from error


def _labelled(line: bytes, line_no: int, place: str) -> Labelled:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"no JSON: {error} (expected one object a line)") from error
    request = to_request(record, SHAPES, origin=Origin(line_no=line_no, place=place))
    docs = record.get("docs")
    if not isinstance(docs, list):
        raise InputError("required field missing @ $.docs: expected an array of documents with their evidence")
    evidence = tuple(
        (index, start, end)
        for index, doc in enumerate(docs)
        for start, end in _spans(doc, len(request.passages[index].text), f"$.docs[{index}]")
    )
    need = record.get("need", "all" if record.get("dataset") in _MULTI_HOP else "any")
    if need not in _NEEDS:
        raise InputError(f"expected one of {', '.join(_NEEDS)} @ $.need, got {need!r}")
    answers = record.get("answers")
    texts = tuple(answer for answer in answers if isinstance(answer, str)) if isinstance(answers, list) else ()
    return Labelled(request, evidence, need if evidence else "none", texts, _partial(record, request))


def _partial(record: Any, request: Request) -> tuple[tuple[int, int, int], ...]:
    spans = record.get("also", [])
    if not isinstance(spans, list):
        raise InputError("expected an array of [document, start, end] @ $.also")
    for index, span in enumerate(spans):
        whole = isinstance(span, list) and len(span) == 3 and all(type(offset) is int for offset in span)
        if not (whole and 0 <= span[0] < len(request.passages)):
            raise InputError(f"expected [document, start, end] @ $.also[{index}], got {json.dumps(span)[:40]}")
        if not 0 <= span[1] < span[2] <= len(request.passages[span[0]].text):
            raise InputError(f"{span} @ $.also[{index}] is not inside the text of its document")
    return tuple((owner, start, end) for owner, start, end in spans)


def _spans(doc: Any, length: int, where: str) -> list[list[int]]:
    spans = doc.get("evidence") if isinstance(doc, dict) else None
    if not isinstance(spans, list):
        raise InputError(
            f"required field missing @ {where}.evidence: expected an array of [start, end], empty for none"
        )
    for index, span in enumerate(spans):
        if not (isinstance(span, list) and len(span) == 2 and all(type(offset) is int for offset in span)):
            raise InputError(f"expected [start, end] @ {where}.evidence[{index}], got {json.dumps(span)[:40]}")
        if not 0 <= span[0] < span[1] <= length:
            raise InputError(f"{span} @ {where}.evidence[{index}] is not inside the text of {length} characters")
    return spans
