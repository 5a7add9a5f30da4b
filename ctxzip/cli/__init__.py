"""The command line: the only part that touches files, terminals and exit codes."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from ctxzip.errors import CtxzipError

INTERRUPTED = 130  # 128 + SIGINT, what a shell reports


def main() -> NoReturn:
    """Run the command line and exit.

    0 all well, 1 some records failed, 2 the call is wrong, 3 something that scores cannot run,
    130 interrupted, 141 when the reader of a pipe went away.
    """
    if hasattr(signal, "SIGPIPE"):
        # Python turns the signal into an exception; a filter under `| head` should just end.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # As an exception, so that a half-written -o FILE is cleaned away.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    from ctxzip.cli.app import app

    try:
        app()
    except CtxzipError as error:
        print(f"ctxzip: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0)
