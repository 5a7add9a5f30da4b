"""Judges whether the needles of a case are kept, and why not.

A case is a record of `ctxzip compress` with its needles: texts that must all be kept as a whole. In a case without needles,
nothing in the record answers the question.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip.compressor import Compressor
from ctxzip.errors import InputError
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.selection.candidates import candidates
from ctxzip.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctxzip.rendering.result import Result

BUDGETS = {"default": Settings(), "-n 2": Settings(max_sentences=2), "-r 0.2": Settings(ratio=0.2)}

SPLIT = "split over several units"
TOO_LARGE = "unit too large for the budget"
PARENT = "header or parent missing"
NOT_BEST = "not the best score"
BUDGET_RULE = "budget rule"
NOT_READ = "record not read"
NOT_IN_TEXT = "not in the text that was read"
TOO_MUCH = "nothing answers the question, and too much is kept"
NO_WARNING = "nothing answers the question, and there is no warning"

NEARLY_ALL = 2 / 3  # kept fraction, 0..1, from which kept needles do not show that the scores are good
_LITTLE = 1 / 3  # kept fraction, 0..1, up to which several units may be kept of a record without an answer
_NO_ANSWER_CODES = frozenset({"no_answer", "no_match", "low_relevance"})
_SMALL_UNIT = 60  # tokens, about two sentences; splitting a smaller unit of one line gains nothing


@dataclass(frozen=True, slots=True)
class Case:
    """One input, and the texts of it that must be kept as a whole."""

    name: str
    record: dict[str, Any]
    needles: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of text: the part of the name before the slash; `-` if there is none."""
        return self.name.partition("/")[0] if "/" in self.name else "-"

    def counts_under(self, settings: Settings) -> bool:
        """Return whether a budget can keep all needles.

        It cannot if they are in more lines than the budget keeps units, because a unit may be only one line. Headers are
        counted as well, although they are kept in addition, so some cases are not counted that could be.
        """
        return settings.max_sentences is None or len(self._lines()) <= settings.max_sentences

    def _lines(self) -> set[str]:
        lines = [line for text in strings(self.record) for line in text.splitlines()]
        return {next((line for line in lines if needle in line), needle) for needle in self.needles}


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause why a needle is lost, or why the record as a whole fails."""

    kind: str
    detail: str
    needle: str = ""

    def __str__(self) -> str:
        about = f"{self.needle!r}: " if self.needle else ""
        return f"{about}{self.kind} ({self.detail})" if self.detail else f"{about}{self.kind}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one case under one budget.

    Attributes:
        counts: whether the budget can keep all needles; if not, the case is not counted.
        result: None if the record could not be read.
        causes: of the failure; empty if all needles are kept or, without needles, if little is kept and there is a warning.
    """

    case: Case
    counts: bool
    result: Result | None
    causes: tuple[Cause, ...]

    @property
    def ok(self) -> bool:
        return not self.causes

    @property
    def kept_fraction(self) -> float:
        """0..1, of the tokens; 1 for a record that could not be read, because it is output unchanged."""
        return 1.0 if self.result is None else self.result.kept_fraction

    @property
    def word(self) -> str:
        """`ok`, `lost`, or `all` if nearly all tokens are kept; in parentheses if the case is not counted."""
        word = "lost" if self.causes else "all" if self.kept_fraction >= NEARLY_ALL else "ok"
        return word if self.counts else f"({word})"


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file with one JSON object with `case`, `record` and `needles` per line."""
    with path.open(encoding="utf-8") as lines:
        values = [json.loads(line) for line in lines]
    return [Case(value["case"], value["record"], tuple(value["needles"])) for value in values]


def judge(cases: Sequence[Case], settings: Settings) -> Iterator[Outcome]:
    """Compress each case and yield its outcome, in order."""
    with Compressor(settings) as compressor:
        for case in cases:
            counts = case.counts_under(settings)
            try:
                result = compressor.compress(to_request(case.record, SHAPES))
            except InputError as error:
                yield Outcome(case, counts, None, (Cause(NOT_READ, error.message),))
                continue
            causes = [cause for needle in case.needles if (cause := why_lost(result, needle, case.needles))]
            yield Outcome(case, counts, result, tuple(causes if case.needles else _without_answer(result)))


def _without_answer(result: Result) -> list[Cause]:
    """Return the causes why the result of a case without needles is wrong.

    Correct is at most one unit or a third of the tokens, headings included, with a warning that nothing seems to answer the
    question or that no word of it occurs.
    """
    causes = []
    parents = {unit.parent for unit in result.scored.units}
    n_units = sum(i not in parents for i in result.selection.kept)
    if n_units > 1 and result.kept_fraction > _LITTLE:
        causes.append(Cause(TOO_MUCH, f"{n_units} units, {result.kept_fraction:.0%} of the tokens"))
    if not _NO_ANSWER_CODES & {warning.code for warning in result.warnings}:
        causes.append(Cause(NO_WARNING, ""))
    return causes


def units_of(result: Result, needle: str) -> list[list[int]]:
    """Return for each occurrence of a needle the indices of the units that contain a part of it."""
    found = []
    for number, passage in enumerate(result.request.passages):
        at = passage.text.find(needle)
        while at >= 0:
            end = at + len(needle)
            units = [
                i
                for i, unit in enumerate(result.scored.units)
                if unit.passage == number and unit.start < end and unit.end > at
            ]
            found.append(units)
            at = passage.text.find(needle, at + 1)
    return found


def why_lost(result: Result, needle: str, needles: Sequence[str] = ()) -> Cause | None:
    """Return the cause why a needle is not kept as a whole; None if it is.

    It is the first of these that applies: the needle is split over several units; it is a heading or header of kept text;
    its unit is larger than the token limit and could be split; a unit without a needle has a higher score; the budget ends
    between units with needles.

    Args:
        result: of the record.
        needle: the text that should be kept.
        needles: all needles of the case.
    """
    if any(needle in text for text in result.texts):
        return None
    places = units_of(result, needle)
    if not places:
        return Cause(NOT_IN_TEXT, "", needle)
    where = min(places, key=len)
    if len(where) > 1:
        return Cause(SPLIT, f"{len(where)} units", needle)
    others = {i for other in needles if other != needle for place in units_of(result, other) for i in place}
    return _why_dropped(result, where[0], others, needle)


def _why_dropped(result: Result, index: int, others: set[int], needle: str) -> Cause:
    """Return the cause why a unit with a needle is dropped; `others` are the units with the other needles."""
    units, scores = result.scored.units, result.scored.scores
    unit = units[index]
    if index in {one.parent for one in units}:
        return Cause(PARENT, f"a {unit.kind}", needle)
    text = result.request.passages[unit.passage].text[unit.start : unit.end].strip()
    below = {i for i in others if i > index and units[i].passage == unit.passage}
    if below.intersection(result.selection.kept) and not text.endswith((".", "!", "?", "。")):
        return Cause(PARENT, "above a needle that is kept", needle)
    ranked = candidates(units, scores)
    rank = ranked.index(index) + 1
    detail = (
        f"rank {rank} of {len(ranked)}, probability {scores.probability[index]:.3f}, best "
        f"{scores.probability[ranked[0]]:.3f}, {unit.n_tokens} tokens"
    )
    limits = [limit for limit in (result.budget.max_tokens, result.budget.soft_tokens) if limit is not None]
    if limits and unit.n_tokens > min(limits) and ("\n" in text or unit.n_tokens > _SMALL_UNIT):
        return Cause(TOO_LARGE, f"{detail} of {min(limits)}", needle)
    if any(i not in others for i in ranked[: rank - 1]):
        return Cause(NOT_BEST, detail, needle)
    return Cause(BUDGET_RULE, f"{detail}; {result.selection.dropped_because[index]}; {result.budget.reason}", needle)


def largest_needle_unit(result: Result, needles: Sequence[str]) -> int:
    """Return the tokens of the largest unit with a needle or a part of one; 0 if there is none."""
    indices = {i for needle in needles for place in units_of(result, needle) for i in place}
    return max((result.scored.units[i].n_tokens for i in indices), default=0)


def strings(node: Any) -> Iterator[str]:
    """Yield every string of a JSON value, in order."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from strings(value)
