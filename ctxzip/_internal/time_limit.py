"""The time that the work on one record may take. It is checked between steps, never inside one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ctxzip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class TimeLimit:
    """Counts the time that passes in `running`, so that a record may wait for others, or for who reads the output.

    Args:
        seconds: of work; None for no limit.
        clock: in seconds.

    >>> ticks = iter([0.0, 1.0, 3.0])
    >>> limit = TimeLimit(2, lambda: next(ticks))
    >>> with limit.running():
    ...     limit.check()
    ...     limit.check()
    Traceback (most recent call last):
        ...
    ctxzip.errors.InputError: not finished in 2 seconds (record_timeout)
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._spent = 0.0  # by earlier work
        self._began: float | None = None  # of the work of now

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time until the end of the block; one block at a time.

        A block that ends with an exception does not count: in a batch, the time that is over may be that of another record.
        """
        if self._seconds is None:
            yield
            return
        self._began = self._clock()
        yield
        self._spent += self._clock() - self._began
        self._began = None

    def check(self) -> None:
        """Raise InputError if the time is over; does nothing outside `running`."""
        began = self._began  # another thread may end the block
        if self._seconds is None or began is None:
            return
        if self._spent + self._clock() - began > self._seconds:
            raise InputError(f"not finished in {self._seconds:g} seconds", option="record_timeout")


NO_TIME_LIMIT = TimeLimit(None, lambda: 0.0)


def check_all(limits: Iterable[TimeLimit]) -> None:
    """Raise InputError if the time of one of them is over."""
    for limit in limits:
        limit.check()
