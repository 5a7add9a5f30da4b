"""A thread pool that survives a fork."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


class ThreadPool:
    """Runs a function over items on several threads, which start with the first call in each process.

    A forked child inherits the object and none of its threads: work given to them would wait forever. So every process
    has an executor of its own.

    Args:
        threads: 1 starts none: the caller does the work.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._executors: dict[int, ThreadPoolExecutor] = {}  # by process id

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield the result of every item, in order. An error of an item is raised in its place.

        >>> pool = ThreadPool(2)
        >>> list(pool.map(abs, [-1, 2]))
        [1, 2]
        >>> pool.close()
        """
        if self._threads == 1:
            return map(work, items)
        process = os.getpid()
        executor = self._executors.get(process)
        if executor is None:
            # No lock, which a fork might copy while it is held: an executor without work has no threads, so that
            # the one that loses the race costs nothing.
            executor = self._executors.setdefault(process, ThreadPoolExecutor(self._threads))
        return executor.map(work, items)

    def close(self) -> None:
        """End the threads of this process when they are done; a later call of `map` starts new ones."""
        executor = self._executors.pop(os.getpid(), None)
        if executor is not None:
            executor.shutdown()
