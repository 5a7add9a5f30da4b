"""Reads items ahead and works on them in background threads, while the caller uses earlier results.

ctxzip reads and splits the next requests in this way while the model scores the current ones.
"""

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
    """Yield the result of `work` for every item of `source`, in order, each as soon as all before it are yielded.

    One thread reads the source. Each worker takes a batch of the items that are read and calls `work` on it. No worker
    waits for a batch to fill: if the source is slow, every batch has one item. An error of the source, or of `work`, is
    raised after the results of the batches before it. The threads end with the process; if the iterator is closed
    earlier, each ends after its current item or batch.

    Args:
        source: read by one thread.
        work: returns one result an item; called by several threads at the same time.
        weight: returns the weight of an item, 0 or more.
        workers: number of threads that call `work`.
        batch: largest total weight of a batch; a heavier item is a batch by itself.
        ahead: 1 or more; reading pauses while items of this total weight are read and not yet yielded. One more item
            is read during the pause.

    >>> list(prefetch("abc", lambda items: [item.upper() for item in items], len, workers=2, batch=2, ahead=4))
    ['A', 'B', 'C']
    """
    queue: _Queue[T, R] = _Queue(batch, ahead)
    # Daemons: a read that blocks forever must not keep the process alive.
    threading.Thread(target=queue.read, args=(source, weight), daemon=True, name="ctxzip-read").start()
    for number in range(workers):
        threading.Thread(target=queue.work, args=(work,), daemon=True, name=f"ctxzip-work-{number}").start()
    try:
        yield from queue.results()
    finally:
        queue.close()


@dataclass(slots=True)
class _Batch(Generic[T, R]):
    """The items that one worker took, their total weight, and their results or the error."""

    items: list[T]
    weight: int
    results: list[R] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False


class _Queue(Generic[T, R]):
    """Connects the thread that reads, the workers, and the thread that uses the results."""

    def __init__(self, batch: int, ahead: int) -> None:
        self._batch = batch
        self._ahead = ahead
        self._changed = threading.Condition()
        self._ready: deque[tuple[T, int]] = deque()
        self._batches: deque[_Batch[T, R]] = deque()  # taken by workers, in the order of the source
        self._weight = 0  # of all items that are read and not yet yielded
        self._source_ended = False
        self._closed = False
        self._error: BaseException | None = None

    def read(self, source: Iterable[T], weight: Callable[[T], int]) -> None:
        """Read the source to its end, no further ahead than allowed."""
        try:
            for item in source:
                item_weight = weight(item)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or self._weight < self._ahead)
                    if self._closed:
                        return
                    self._ready.append((item, item_weight))
                    self._weight += item_weight
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  # raised again where the results are used
            self._error = error
        finally:
            with self._changed:
                self._source_ended = True
                self._changed.notify_all()

    def work(self, work: Callable[[list[T]], list[R]]) -> None:
        """Call `work` on batches until the source has ended and nothing is left."""
        while (batch := self._take()) is not None:
            try:
                batch.results = work(batch.items)
            except BaseException as error:  # noqa: BLE001  # raised again where the results are used
                batch.error = error
            with self._changed:
                batch.done = True
                self._changed.notify_all()

    def _take(self) -> _Batch[T, R] | None:
        """Return the next batch, as soon as one item is read; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._source_ended or self._closed)
            if self._closed or not self._ready:
                return None
            batch: _Batch[T, R] = _Batch([], 0)
            while self._ready and (not batch.items or batch.weight + self._ready[0][1] <= self._batch):
                item, item_weight = self._ready.popleft()
                batch.items.append(item)
                batch.weight += item_weight
            self._batches.append(batch)
            return batch

    def results(self) -> Iterator[R]:
        """Yield the results in order."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._batches[0].done if self._batches else self._source_ended and not self._ready
                )
                if not self._batches:
                    break
                batch = self._batches.popleft()
                self._weight -= batch.weight
                self._changed.notify_all()
            if batch.error is not None:
                raise batch.error
            yield from batch.results
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the threads, each after its current item or batch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
