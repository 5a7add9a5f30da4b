"""Overlapping: the next requests are read and split, and the last ones written, while the model works on those between."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


def prefetch(
    source: Iterable[T],
    work: Callable[[list[T]], list[R]],
    weight: Callable[[T], int],
    *,
    workers: int,
    batch: int,
    ahead: int,
) -> Iterator[R]:
    """Yield what `work` makes of the items of `source`, in order, each as soon as it and those before it are there.

    One thread reads the source. Each worker takes what was read by then and works on it together;
    nothing waits for a list to fill: where the source is slow, every list holds one item. An error of
    the source, or of the work on a list, is raised when the results of the lists before it have been yielded. The threads end
    with the process; when the iterator is closed earlier, they end after what they are doing.

    Args:
        source: read by one thread.
        work: returns one result an item; called by several threads at the same time.
        weight: of an item, 0 or more.
        workers: threads that work.
        batch: largest weight of a list; an item of more is a list by itself.
        ahead: 1 or more; where this much is read and not yet yielded, one item more waits in the hand of the
            thread that reads.

    >>> list(prefetch("abc", lambda items: [item.upper() for item in items], len, workers=2, batch=2, ahead=4))
    ['A', 'B', 'C']
    """
    line: _Line[T, R] = _Line(batch, ahead)
    # Daemons: one may be blocked in a read that never returns, and must not keep the process alive.
    threading.Thread(target=line.read, args=(source, weight), daemon=True, name="ctxzip-read").start()
    for number in range(workers):
        threading.Thread(target=line.work, args=(work,), daemon=True, name=f"ctxzip-work-{number}").start()
    try:
        yield from line.results()
    finally:
        line.close()


@dataclass(slots=True)
class _Batch(Generic[T, R]):
    """Items that one worker took, and what came of them."""

    items: list[T]
    weighs: int
    results: list[R] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False


class _Line(Generic[T, R]):
    """What stands between the thread that reads, those that work, and the one that uses the results."""

    def __init__(self, batch: int, ahead: int) -> None:
        self._batch = batch
        self._ahead = ahead
        self._changed = threading.Condition()
        self._ready: deque[tuple[T, int]] = deque()
        self._taken: deque[_Batch[T, R]] = deque()  # in the order of the source
        self._weighs = 0  # all that is read and not yet yielded
        self._read_all = False
        self._closed = False
        self._error: BaseException | None = None

    def read(self, source: Iterable[T], weight: Callable[[T], int]) -> None:
        """Read the source to its end, as far ahead as is allowed."""
        try:
            for item in source:
                weighs = weight(item)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or self._weighs < self._ahead)
                    if self._closed:
                        return
                    self._ready.append((item, weighs))
                    self._weighs += weighs
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  # raised again where the results are used
            self._error = error
        finally:
            with self._changed:
                self._read_all = True
                self._changed.notify_all()

    def work(self, work: Callable[[list[T]], list[R]]) -> None:
        """Take what was read and work on it, until nothing is left."""
        while (batch := self._take()) is not None:
            try:
                batch.results = work(batch.items)
            except BaseException as error:  # noqa: BLE001  # raised again where the results are used
                batch.error = error
            with self._changed:
                batch.done = True
                self._changed.notify_all()

    def _take(self) -> _Batch[T, R] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._read_all or self._closed)
            if self._closed or not self._ready:
                return None
            batch: _Batch[T, R] = _Batch([], 0)
            while self._ready and (not batch.items or batch.weighs + self._ready[0][1] <= self._batch):
                item, weighs = self._ready.popleft()
                batch.items.append(item)
                batch.weighs += weighs
            self._taken.append(batch)
            return batch

    def results(self) -> Iterator[R]:
        """Yield the results in order."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._taken[0].done if self._taken else self._read_all and not self._ready
                )
                if not self._taken:
                    break
                batch = self._taken.popleft()
                self._weighs -= batch.weighs
                self._changed.notify_all()
            if batch.error is not None:
                raise batch.error
            yield from batch.results
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Let the threads end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
