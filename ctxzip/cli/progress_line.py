"""How far a long command is, on one line of a terminal."""

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
    """Give out a function that is told what is done, how much, of how much; its line is wiped at the end.

    Without a terminal, and when quiet, nothing is shown.
    """
    shown = not quiet and is_live(sys.stderr)
    next_at = 0.0

    def told(name: str, done: int, total: int) -> None:
        nonlocal next_at
        if shown and time.monotonic() >= next_at:
            next_at = time.monotonic() + _REFRESH_S
            print(f"{WIPE}{name}: {done}/{total}", end="", file=sys.stderr, flush=True)

    try:
        yield told
    finally:
        if shown:
            print(WIPE, end="", file=sys.stderr, flush=True)
