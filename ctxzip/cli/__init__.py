"""The command line: the only part that touches files, terminals and exit codes."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from ctxzip.errors import CtxzipError


def main() -> NoReturn:
    """Run the command line and exit.

    0 all well, 1 some records failed, 2 the call is wrong, 3 something that scores cannot run,
    130 interrupted, 143 terminated, 141 when the reader of a pipe went away.
    """
    if hasattr(signal, "SIGPIPE"):
        # Python turns the signal into an exception; a filter under `| head` should just end.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM):
        # As an exception, so that a half-written -o FILE is cleaned away; not as KeyboardInterrupt,
        # which the interpreter turns into other exit codes when it meets it while importing.
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    from ctxzip.cli.app import app

    try:
        app()
    except CtxzipError as error:
        print(f"ctxzip: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)
