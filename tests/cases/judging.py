"""Whether the needles of a case are whole in what is kept, and why not.

A case is a record of `ctxzip compress` with its needles: texts that must all be whole in what is kept. A case without
needles is one that nothing in the record answers.
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

TORN = "torn over several units"
TOO_LARGE = "unit too large for the budget"
PARENT = "header or parent missing"
NOT_BEST = "not the best score"
BUDGET_RULE = "budget rule"
NOT_READ = "record not read"
NOT_THERE = "not in the text as read"
NOT_LITTLE = "nothing answers, and more than a little is kept"
NO_WARNING = "nothing answers, and no warning says so"

NEARLY_ALL = 2 / 3  # kept fraction from which whole needles are no success of the score
_LITTLE = 1 / 3  # most of a record that nothing answers, where it is more than one unit
_NO_ANSWER_CODES = frozenset({"no_answer", "no_match", "low_relevance"})
_SMALL_UNIT = 60  # tokens: two sentences; a unit of one line that is smaller cannot be split with profit


@dataclass(frozen=True, slots=True)
class Case:
    """One input, and the texts that must be whole in what is kept of it."""

    name: str
    record: dict[str, Any]
    needles: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of text: what stands before the slash of the name, `-` where there is none."""
        return self.name.partition("/")[0] if "/" in self.name else "-"

    def counts_under(self, settings: Settings) -> bool:
        """Tell whether a budget can hold the needles at all.

        It cannot where they stand in more different lines than it keeps units, since none of them may share a unit.
        A line that comes along as a header counts, too, so this errs towards leaving a case out.
        """
        return settings.max_sentences is None or len(self._lines()) <= settings.max_sentences

    def _lines(self) -> set[str]:
        lines = [line for text in strings(self.record) for line in text.splitlines()]
        return {next((line for line in lines if needle in line), needle) for needle in self.needles}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a needle, or the record as a whole, fails."""

    kind: str
    detail: str
    needle: str = ""

    def __str__(self) -> str:
        about = f"{self.needle!r}: " if self.needle else ""
        return f"{about}{self.kind} ({self.detail})" if self.detail else f"{about}{self.kind}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case under one budget.

    Attributes:
        counts: whether the budget can hold the needles.
        result: None where the record could not be read.
        causes: empty where all needles are whole, and, without needles, where little is kept and a warning says so.
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
        """0..1, of the tokens; 1 for a record that could not be read, which goes on as it came."""
        return 1.0 if self.result is None else self.result.kept_fraction

    @property
    def word(self) -> str:
        """`ok`, `lost`, `all` where the needles are whole because nearly all is kept, in brackets where it does not count."""
        word = "lost" if self.causes else "all" if self.kept_fraction >= NEARLY_ALL else "ok"
        return word if self.counts else f"({word})"


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file, one JSON object with `case`, `record` and `needles` a line."""
    with path.open(encoding="utf-8") as lines:
        values = [json.loads(line) for line in lines]
    return [Case(value["case"], value["record"], tuple(value["needles"])) for value in values]


def judge(cases: Sequence[Case], settings: Settings) -> Iterator[Outcome]:
    """Compress each case and yield what became of it, in order."""
    with Compressor(settings) as compressor:
        for case in cases:
            counts = case.counts_under(settings)
            try:
                result = compressor.compress(to_request(case.record, SHAPES))
            except InputError as error:
                yield Outcome(case, counts, None, (Cause(NOT_READ, error.message),))
                continue
            causes = [cause for needle in case.needles if (cause := why_lost(result, needle, case.needles))]
            yield Outcome(case, counts, result, tuple(causes if case.needles else _beside_nothing(result)))


def _beside_nothing(result: Result) -> list[Cause]:
    """Return what is wrong with what is kept where nothing answers.

    Right is at most one unit or a third of the tokens, headings included, with a warning that nothing seems to answer
    or that no word of the query occurs.
    """
    causes = []
    parents = {unit.parent for unit in result.scored.units}
    n_units = sum(i not in parents for i in result.selection.kept)
    if n_units > 1 and result.kept_fraction > _LITTLE:
        causes.append(Cause(NOT_LITTLE, f"{n_units} units, {result.kept_fraction:.0%} of the tokens"))
    if not _NO_ANSWER_CODES & {warning.code for warning in result.warnings}:
        causes.append(Cause(NO_WARNING, ""))
    return causes


def units_of(result: Result, needle: str) -> list[list[int]]:
    """Return the units that hold each place of a needle in the text, as lists of indices."""
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
    """Return why a needle is not whole in what is kept; None where it is.

    The first that holds: the needle lies in several units; what names or heads something else is missing; its unit is
    larger than the limit in tokens and could be split; a unit without any needle scores higher; the budget
    stops among the needles.

    Args:
        result: of the record.
        needle: the text that should be kept.
        needles: all of the case.
    """
    if any(needle in text for text in result.texts):
        return None
    places = units_of(result, needle)
    if not places:
        return Cause(NOT_THERE, "", needle)
    where = min(places, key=len)
    if len(where) > 1:
        return Cause(TORN, f"{len(where)} units", needle)
    others = {i for other in needles if other != needle for place in units_of(result, other) for i in place}
    return _why_dropped(result, where[0], others, needle)


def _why_dropped(result: Result, index: int, others: set[int], needle: str) -> Cause:
    """Return why a unit that holds a needle is dropped; `others` are the units that hold the other needles."""
    units, scores = result.scored.units, result.scored.scores
    unit = units[index]
    if index in {one.parent for one in units}:
        return Cause(PARENT, f"a {unit.kind}", needle)
    text = result.request.passages[unit.passage].text[unit.start : unit.end].strip()
    below = {i for i in others if i > index and units[i].passage == unit.passage}
    if below.intersection(result.selection.kept) and not text.endswith((".", "!", "?", "。")):
        return Cause(PARENT, "stands above a needle that is kept", needle)
    ranked = candidates(units, scores)
    rank = ranked.index(index) + 1
    detail = (
        f"rank {rank} of {len(ranked)}, probability {scores.probability[index]:.3f} beside "
        f"{scores.probability[ranked[0]]:.3f}, {unit.n_tokens} tokens"
    )
    limits = [limit for limit in (result.budget.max_tokens, result.budget.soft_tokens) if limit is not None]
    if limits and unit.n_tokens > min(limits) and ("\n" in text or unit.n_tokens > _SMALL_UNIT):
        return Cause(TOO_LARGE, f"{detail} of {min(limits)}", needle)
    if any(i not in others for i in ranked[: rank - 1]):
        return Cause(NOT_BEST, detail, needle)
    return Cause(BUDGET_RULE, f"{detail}; {result.selection.dropped_because[index]}; {result.budget.reason}", needle)


def largest_needle_unit(result: Result, needles: Sequence[str]) -> int:
    """Return the tokens of the largest unit that holds a needle."""
    held = {i for needle in needles for place in units_of(result, needle) for i in place}
    return max((result.scored.units[i].n_tokens for i in held), default=0)


def strings(node: Any) -> Iterator[str]:
    """Yield every string of a JSON value, in order."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from strings(value)
