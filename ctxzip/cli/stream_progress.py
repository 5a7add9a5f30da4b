"""How far a filter is: one line on a terminal, written over; elsewhere a line now and then."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ctxzip.cli.inputs import STDIO
from ctxzip.cli.terminal import WIPE, is_live, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

_FIRST_S = 1.0  # what is over by then needs no progress, and is often seen through a pipe into the same terminal
_REFRESH_S = 0.2
_PLAIN_S = 30.0  # a log of an hour's run stays readable


class Meter:
    """How much of the input was read when the record that came out last was read.

    Known where every input is a file: reading runs ahead, so each record remembers its place.

    Args:
        names: of the inputs; none is stdin.
    """

    def __init__(self, names: Sequence[str]) -> None:
        sizes = [_size(name) for name in names or [STDIO]]
        known = [size for size in sizes if size is not None]
        self._sizes = known if len(known) == len(sizes) else []
        self._begun = 0  # inputs that were opened
        self._stream: BinaryIO | None = None
        self._places: deque[float] = deque()
        self.fraction: float | None = None

    def opened(self, stream: BinaryIO) -> None:
        """Take note of the next input: the file itself, compressed or not."""
        self._begun += 1
        self._stream = stream

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """Pass on what is read."""
        for item in items:
            if self._sizes:
                self._places.append(self._place())
            yield item

    def passed(self) -> None:
        """Take note that one more record came out; `fraction`, 0..1, is where it stood, None where that is unknown."""
        if self._places:
            self.fraction = self._places.popleft()

    def _place(self) -> float:
        if self._stream is None:
            return 0.0
        here = self._sizes[self._begun - 1] if self._stream.closed else self._stream.tell()
        return min(1.0, (sum(self._sizes[: self._begun - 1]) + here) / max(sum(self._sizes), 1))


def _size(name: str) -> int | None:
    """Return the bytes of an input, None for a pipe."""
    try:
        found = os.fstat(sys.stdin.fileno()) if name == STDIO and sys.stdin is not None else os.stat(name)
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


class Pace:
    """Says how far a run is: records, what was saved, records a second, and time left where the input's size is known.

    On a terminal a line that is written over, unless the output goes to a terminal too; elsewhere one
    every 30 seconds.

    Args:
        meter: how far the input is.
        quiet: say nothing.
        clock: seconds.
    """

    def __init__(self, meter: Meter, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._meter = meter
        self._live = is_live(sys.stderr)
        self._silent = quiet or (self._live and sys.stdout is not None and sys.stdout.isatty())
        self._clock = clock
        self._started = clock()
        self._next = self._started + (_FIRST_S if self._live else _PLAIN_S)
        self._shown = False

    def show(self, records: int, what: str) -> None:
        """Take note that one more record came out, and say how far the run is if it is time to.

        Args:
            records: that are done.
            what: was reached with them, in words.
        """
        self._meter.passed()
        now = self._clock()
        if self._silent or now < self._next:
            return
        self._next = now + (_REFRESH_S if self._live else _PLAIN_S)
        line = self._line(records, what, max(now - self._started, 1e-9))
        if self._live:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80  # 0 where a terminal does not know
            print(f"{WIPE}{f'ctxzip: {line}'[: columns - 1]}", end="", file=sys.stderr, flush=True)
            self._shown = True
        else:
            say(line)

    def wipe(self) -> None:
        """Take the line away, so that something else can be said."""
        if self._shown:
            print(WIPE, end="", file=sys.stderr, flush=True)
            self._shown = False

    def _line(self, records: int, what: str, elapsed_s: float) -> str:
        parts = [
            f"{records:,} {'record' if records == 1 else 'records'}",
            what,
            f"{records / elapsed_s:,.1f} records/s",
        ]
        fraction = self._meter.fraction
        if fraction is not None and 0 < fraction < 1:
            parts.append(f"{_clock_time(elapsed_s * (1 - fraction) / fraction)} left")
        return ", ".join(parts)


def _clock_time(seconds: float) -> str:
    """Return minutes and seconds, or hours in front.

    >>> _clock_time(62), _clock_time(7322)
    ('1:02', '2:02:02')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
