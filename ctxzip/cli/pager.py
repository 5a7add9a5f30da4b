"""Long text goes through the pager of the user."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

from ctxzip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

# As git does: quit where all fits on one screen, pass colours through, leave the screen as it is.
_LESS = "FRX"


@contextmanager
def paged() -> Iterator[tuple[TextIO, bool]]:
    """Yield the stream to write to, and whether it is a terminal: its pager, else stdout.

    The pager is $CTXZIP_PAGER, $PAGER or less. Lines for stderr are held back until it ends. If the
    user leaves it early, the rest is not written.
    """
    if sys.stdout is None:
        raise UsageError("stdout is closed: write a page", option="html")
    cast("TextIOWrapper", sys.stdout).reconfigure(encoding="utf-8")  # as all other output is
    command = _command() if sys.stdout.isatty() else []
    if not command:
        yield sys.stdout, sys.stdout.isatty()
        return
    held_back = io.StringIO()
    try:
        with contextlib.redirect_stderr(held_back), _signals_ignored():
            pager = subprocess.Popen(  # noqa: S603  # the user names the program
                command,
                stdin=subprocess.PIPE,
                encoding="utf-8",
                env={"LESS": _LESS, "LESSCHARSET": "utf-8", **os.environ},
            )
            stream = cast("TextIO", pager.stdin)
            try:
                with contextlib.suppress(BrokenPipeError):
                    yield stream, True
            finally:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
                pager.wait()
    finally:
        sys.stderr.write(held_back.getvalue())


def _command() -> list[str]:
    named = os.environ.get("CTXZIP_PAGER") or os.environ.get("PAGER") or "less"
    try:
        command = shlex.split(named)
    except ValueError as error:
        raise UsageError(f"$CTXZIP_PAGER or $PAGER, {named}: {error}") from error
    return command if command and shutil.which(command[0]) else []


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Leave an interrupt to the pager, which handles it, and let a pipe without a reader raise."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGPIPE") if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
