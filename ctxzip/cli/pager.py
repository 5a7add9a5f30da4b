"""What is long goes through the pager of whoever sits at the terminal."""

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
    """Give out what to write to, and whether a person reads it there: the pager of a terminal, else stdout.

    The pager is $CTXZIP_PAGER, $PAGER or less. What is said on stderr meanwhile is said when it ends,
    and when the person leaves it early the rest is not written.
    """
    if sys.stdout is None:
        raise UsageError("stdout is closed: write a page with --html FILE")
    cast("TextIOWrapper", sys.stdout).reconfigure(encoding="utf-8")  # as all other output is
    command = _command() if sys.stdout.isatty() else []
    if not command:
        yield sys.stdout, sys.stdout.isatty()
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), _deaf():
            pager = subprocess.Popen(  # noqa: S603  # what the user names is what is run
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
        sys.stderr.write(said.getvalue())


def _command() -> list[str]:
    named = os.environ.get("CTXZIP_PAGER") or os.environ.get("PAGER") or "less"
    try:
        command = shlex.split(named)
    except ValueError as error:
        raise UsageError(f"$CTXZIP_PAGER or $PAGER, {named}: {error}") from error
    return command if command and shutil.which(command[0]) else []


@contextmanager
def _deaf() -> Iterator[None]:
    """Leave an interrupt to the pager, which asks for it, and let a pipe without a reader raise."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGPIPE") if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
