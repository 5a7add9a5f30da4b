"""The progress of a long command, on one line of a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ctxzip.cli.terminal import WIPE, is_live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REFRESH_S = 0.2


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that shows a name, how much is done, and of how much; its line is removed at the end.

    Nothing is shown without a terminal, or if quiet.
    """
    shown = not quiet and is_live(sys.stderr)
    next_at = 0.0

    def show(name: str, done: int, total: int) -> None:
        nonlocal next_at
        if shown and time.monotonic() >= next_at:
            next_at = time.monotonic() + _REFRESH_S
            print(f"{WIPE}{name}: {done}/{total}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if shown:
            print(WIPE, end="", file=sys.stderr, flush=True)
