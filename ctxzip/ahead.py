"""Reading ahead: the next requests are read and split while the model works on the last ones."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


def read_ahead(source: Iterable[T], weight: Callable[[T], int], *, batch: int, ahead: int) -> Iterator[list[T]]:
    """Yield the items of `source` in order, in lists of what a thread has read by then.

    Nothing waits for a list to fill: where the source is slow, every list holds one item. An error
    of the source is raised when the items before it have been yielded. The thread ends with the
    process; when the iterator is closed earlier, it ends after the item that it is reading.

    Args:
        source: read by one thread.
        weight: of an item, 0 or more.
        batch: largest weight of a list; an item of more is a list by itself.
        ahead: largest weight of what is read and not yet yielded, one item of any weight excepted.

    >>> [item for items in read_ahead("abc", len, batch=2, ahead=4) for item in items]
    ['a', 'b', 'c']
    """
    ready: deque[tuple[T, int]] = deque()
    changed = threading.Condition()
    state = _State()

    def read() -> None:
        try:
            for item in source:
                weighs = weight(item)
                with changed:
                    changed.wait_for(lambda: state.closed or not ready or state.waiting + weighs <= ahead)  # noqa: B023
                    if state.closed:
                        return
                    ready.append((item, weighs))
                    state.waiting += weighs
                    changed.notify_all()
        except BaseException as error:  # noqa: BLE001  # raised again where the items are used
            state.error = error
        finally:
            with changed:
                state.done = True
                changed.notify_all()

    # A daemon: it may be blocked in a read that never returns, and must not keep the process alive.
    threading.Thread(target=read, daemon=True, name="ctxzip-read-ahead").start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: ready or state.done)
                items: list[T] = []
                weighs = 0
                while ready and (not items or weighs + ready[0][1] <= batch):
                    item, one = ready.popleft()
                    items.append(item)
                    weighs += one
                state.waiting -= weighs
                changed.notify_all()
            if not items:
                break
            yield items
        if state.error is not None:
            raise state.error
    finally:
        with changed:
            state.closed = True
            changed.notify_all()


class _State:
    """What the reading thread and the one that uses the items tell each other."""

    waiting = 0
    done = False
    closed = False
    error: BaseException | None = None
