"""The progress of a filter: one line on a terminal, written over; elsewhere a line now and then."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ctxzip.cli.inputs import STDIO
from ctxzip.cli.terminal import WIPE, is_live, print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

_FIRST_S = 1.0  # a shorter run shows no progress: it often ends in a pipe to the same terminal
_REFRESH_S = 0.2
_PLAIN_S = 30.0  # a log of an hour's run stays readable


class Meter:
    """How much of the input was read when the last finished record was read.

    Known where every input is a file. Reading runs ahead, so each record remembers its place.

    Args:
        names: of the inputs; none is stdin.
    """

    def __init__(self, names: Sequence[str]) -> None:
        sizes = [_size(name) for name in names or [STDIO]]
        known = [size for size in sizes if size is not None]
        self._sizes = known if len(known) == len(sizes) else []
        self._n_opened = 0
        self._stream: BinaryIO | None = None
        self._places: deque[float] = deque()
        self.fraction: float | None = None

    def opened(self, stream: BinaryIO) -> None:
        """Note that the next input was opened: the file itself, compressed or not."""
        self._n_opened += 1
        self._stream = stream

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """Pass on what is read."""
        for item in items:
            if self._sizes:
                self._places.append(self._place())
            yield item

    def passed(self) -> None:
        """Note that one more record is done; `fraction`, 0..1, is its place in the input, None where unknown."""
        if self._places:
            self.fraction = self._places.popleft()

    def _place(self) -> float:
        if self._stream is None:
            return 0.0
        here = self._sizes[self._n_opened - 1] if self._stream.closed else self._stream.tell()
        return min(1.0, (sum(self._sizes[: self._n_opened - 1]) + here) / max(sum(self._sizes), 1))


def _size(name: str) -> int | None:
    """Return the size of an input in bytes, None for a pipe."""
    try:
        found = os.fstat(sys.stdin.fileno()) if name == STDIO and sys.stdin is not None else os.stat(name)
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


class Progress:
    """Shows records, tokens saved, records per second, and the time left where the size of the input is known.

    On a terminal on a line that is written over, unless the output goes to a terminal too; elsewhere on
    a line every 30 seconds.

    Args:
        meter: the place in the input.
        quiet: show nothing.
        output: file that the output goes to; None and `-` are stdout.
        clock: returns seconds.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        quiet: bool,
        output: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter = meter
        self._live = is_live(sys.stderr)
        on_screen = output in {None, STDIO} and sys.stdout is not None and sys.stdout.isatty()
        self._silent = quiet or (self._live and on_screen)
        self._clock = clock
        self._started = clock()
        self._next = self._started + (_FIRST_S if self._live else _PLAIN_S)
        self._shown = False
        self._first_fraction: float | None = None

    def show(self, records: int, reached: str, n_earlier: int = 0) -> None:
        """Note that one more record is done, and show the progress if it is time to.

        Args:
            records: done so far.
            reached: with them, in words.
            n_earlier: of the records, those that an earlier run finished; no time went into them.
        """
        self._meter.passed()
        if self._first_fraction is None:
            self._first_fraction = self._meter.fraction if n_earlier else 0.0
        now = self._clock()
        if self._silent or now < self._next:
            return
        self._next = now + (_REFRESH_S if self._live else _PLAIN_S)
        line = self._line(records, n_earlier, reached, max(now - self._started, 1e-9))
        if self._live:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80  # 0 where a terminal does not know
            print(f"{WIPE}{f'ctxzip: {line}'[: columns - 1]}", end="", file=sys.stderr, flush=True)
            self._shown = True
        else:
            print_line(line)

    def wipe(self) -> None:
        """Remove the line, so that something else can be printed."""
        if self._shown:
            print(WIPE, end="", file=sys.stderr, flush=True)
            self._shown = False

    def _line(self, records: int, n_earlier: int, reached: str, elapsed_s: float) -> str:
        parts = [
            f"{records:,} {'record' if records == 1 else 'records'}",
            reached,
            f"{(records - n_earlier) / elapsed_s:,.1f} records/s",
        ]
        fraction = self._meter.fraction
        first = self._first_fraction or 0.0
        if fraction is not None and first < fraction < 1:
            parts.append(f"{_clock_time(elapsed_s * (1 - fraction) / (fraction - first))} left")
        return ", ".join(parts)


def _clock_time(seconds: float) -> str:
    """Return minutes and seconds, or hours in front.

    >>> _clock_time(62), _clock_time(7322)
    ('1:02', '2:02:02')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
