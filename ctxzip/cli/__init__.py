"""The command line: the only part that touches files, terminals and exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from typing import NoReturn

from ctxzip.errors import CtxzipError

# Records make no cycles: a collection after so many new objects in place of Python's 700 saves time with bm25.
_GC_OBJECTS = 20_000


def main() -> NoReturn:
    """Run the command line and exit.

    Exit codes: 0 success; 1 some records failed; 2 the call is wrong; 3 a model or a package is missing or
    damaged; 4 no record reaches `--min-answerable`; 130, 129 and 143 interrupted, hung up and terminated; 141 the
    reader of the pipe went away.
    """
    if sys.stderr is None:  # closed by the caller; print() would write to stdout instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    _handle_signals()
    gc.set_threshold(_GC_OBJECTS)
    try:
        _run()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    else:
        code = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            code = code or 1
            if stream is not sys.stderr:
                print(f"ctxzip: cannot write the output: {error.strerror}", file=sys.stderr)
    # The thread that reads ahead may hold stdin, which the interpreter would close at its end.
    atexit._run_exitfuncs()  # noqa: SLF001  # `os._exit` leaves them out
    os._exit(code)


def _handle_signals() -> None:
    if hasattr(signal, "SIGPIPE"):
        # Python turns the signal into an exception; a filter under `| head` should just end.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # As SystemExit, so that a half-written output is removed; the interpreter turns a KeyboardInterrupt into
        # other exit codes while it imports.
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _run() -> None:
    gc.disable()  # nothing that is imported is garbage, and the search takes time
    from typer.main import get_command

    from ctxzip.cli.app import app
    from ctxzip.cli.option_names import error_text
    from ctxzip.cli.terminal import RED, print_line

    command = get_command(app)
    gc.enable()
    try:
        # The name is that of the script under `python -m ctxzip` too: completion is installed for it.
        command(prog_name="ctxzip")
    except CtxzipError as error:
        print_line(error_text(error), RED)
        sys.exit(error.exit_code)
    except OSError as error:
        print_line(error.strerror or str(error), RED)
        sys.exit(1)
