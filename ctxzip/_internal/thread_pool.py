"""A thread pool that works in forked child processes, too."""

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

    A forked child inherits the object but not its threads, and work for them would wait forever. So every process has
    its own executor.

    Args:
        threads: number of threads; with 1, no thread is started and the caller does the work.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._executors: dict[int, ThreadPoolExecutor] = {}  # by process id

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield the result of every item, in order. An error is raised in place of the result.

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
            # No lock: a fork may copy it while it is held. If two threads get here, the second executor is discarded;
            # without work it has no threads.
            executor = self._executors.setdefault(process, ThreadPoolExecutor(self._threads))
        return executor.map(work, items)

    def close(self) -> None:
        """End the threads of this process after their work; a later call of `map` starts new ones."""
        executor = self._executors.pop(os.getpid(), None)
        if executor is not None:
            executor.shutdown()
