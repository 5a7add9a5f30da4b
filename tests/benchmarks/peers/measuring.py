"""Timing of runs that take turns over the same records, and their ratios."""

from __future__ import annotations

import platform
import re
import time
from dataclasses import dataclass
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ctxzip._internal.cores import available_cores
from ctxzip.errors import InputError
from ctxzip.reading.sources import decompressed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.benchmarks.peers.peer_adapters import Run

    Clock = Callable[[], float]

_MODEL_NAME = re.compile(r"^model name\s*: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Paired:
    """The times of two runs that took turns over the same records.

    Attributes:
        n_records: number of records, the first of all.
        ours, theirs: seconds of each round.
    """

    n_records: int
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def times(self) -> float:
        """The ratio of the speeds, ours to theirs: the median over the rounds.

        >>> Paired(4, ours=(1.0, 1.0, 2.0), theirs=(3.0, 5.0, 2.0)).times
        3.0
        """
        return median(self._ratios)

    @property
    def span(self) -> tuple[float, float]:
        """The smallest and the largest of the ratios."""
        return min(self._ratios), max(self._ratios)

    @property
    def _ratios(self) -> list[float]:
        return [theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True)]


def in_turn(
    ours: Run, theirs: Run, lines: Sequence[bytes], *, seconds: float, rounds: int, clock: Clock = time.perf_counter
) -> Paired:
    """Return the times of both over the first records, as many as the slower handles in about `seconds`, at least one.

    Finding this number warms both up.

    Args:
        ours: a loaded peer.
        theirs: a loaded peer.
        lines: all records.
        seconds: approximate time of one run of the slower.
        rounds: each runs both once.
        clock: `time.process_time` counts the processor time of this process only.
    """
    n = _records_within(theirs, lines, seconds, clock)
    n = _records_within(ours, lines[:n], seconds, clock)
    taken = rotating({"ours": ours, "theirs": theirs}, lines[:n], rounds, clock)
    return Paired(n, taken["ours"], taken["theirs"])


def rotating(
    runs: Mapping[str, Run], lines: Sequence[bytes], rounds: int, clock: Clock = time.perf_counter
) -> dict[str, tuple[float, ...]]:
    """Return the seconds of each run in each round; a round runs each once, in the given order."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(_seconds(run, lines, clock))
    return {name: tuple(times) for name, times in taken.items()}


def _records_within(run: Run, lines: Sequence[bytes], seconds: float, clock: Clock) -> int:
    """Return the number of records that take about `seconds`: double it until a run takes a quarter of that."""
    if _seconds(run, lines[:1], clock) >= seconds:  # with the little that is loaded at the first use
        return 1
    n = 1
    while (took := _seconds(run, lines[:n], clock)) < seconds / 4 and n < len(lines):
        n *= 2
    return max(1, min(len(lines), int(n * seconds / took)))


def _seconds(run: Run, lines: Sequence[bytes], clock: Clock) -> float:
    started = clock()
    run(lines)
    return clock() - started


def first_lines(paths: Sequence[Path], count: int) -> list[bytes]:
    """Return `count` lines of all files in turn: the first of each, the second of each, ...; repeated where there are fewer.

    Raises:
        InputError: a file cannot be read, or there are no lines.
    """
    rows = zip_longest(*(islice(_lines(path), count) for path in paths))
    lines = list(islice((line for line in chain.from_iterable(rows) if line is not None), count))
    if not lines:
        raise InputError(f"{', '.join(map(str, paths))}: no records")
    return list(islice(cycle(lines), count))


def _lines(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as stream, decompressed(stream) as lines:
            return [line.rstrip(b"\r\n") + b"\n" for line in lines if line.strip()]
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from error


def positive(text: str) -> int:
    """Return the value of an option that is an integer of at least 1.

    Raises:
        ValueError: it is not a number of at least 1.
    """
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def machine(threads: int) -> str:
    """Return a line that describes the machine."""
    about = Path("/proc/cpuinfo")
    named = _MODEL_NAME.search(about.read_text("utf-8", "replace")) if about.exists() else None
    return (
        f"{named[1] if named else platform.processor() or platform.machine()}, {available_cores()} cores, "
        f"{threads} threads, {platform.system()}, Python {platform.python_version()}"
    )
