"""Labelled questions in the common form: a question, documents, and the spans that are evidence."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ctxzip.errors import InputError
from ctxzip.reading import SHAPES, to_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctxzip.records import Request, Result

# In these sets every span is a step of the answer; in all others several spans say the same.
_EVERY_SPAN = frozenset({"hotpotqa", "2wiki", "musique"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled question.

    Attributes:
        evidence: `(passage, start, end)`, half-open code-point offsets; empty where nothing answers.
        need: whether all spans are needed, any one, or none exists.
    """

    request: Request
    evidence: tuple[tuple[int, int, int], ...]
    need: Literal["all", "any", "none"]

    def found(self, result: Result) -> bool:
        """Tell whether the kept units hold the evidence that is needed; an overlap holds a span."""
        kept = [result.units[i] for i in result.selection.kept]
        held = [
            any(unit.passage == passage and unit.start < end and start < unit.end for unit in kept)
            for passage, start, end in self.evidence
        ]
        return all(held) if self.need == "all" else any(held)


def read_labelled(path: Path) -> Iterator[Labelled]:
    """Yield the questions of one file, gzipped or not.

    A record says itself what it needs (`need`), or its data set does (`dataset`).

    Raises:
        InputError: a record is not in the common form.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line_no, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                evidence = tuple(
                    (index, start, end) for index, doc in enumerate(record["docs"]) for start, end in doc["evidence"]
                )
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{path}: line {line_no}: not in the common form: {error!r}") from error
            every = record.get("need", "all" if record.get("dataset") in _EVERY_SPAN else "any")
            yield Labelled(
                request=to_request(record, SHAPES, line_no=line_no, place=f"{path}: line {line_no}"),
                evidence=evidence,
                need=every if evidence else "none",
            )
