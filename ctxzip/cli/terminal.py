"""What a terminal can do: colors, and a line that is written over."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from ctxzip._internal.terminal_text import visible

_RESET = "\x1b[0m"
WIPE = "\r\x1b[K"  # the line that is written over
RED, YELLOW = "\x1b[31m", "\x1b[33m"


def is_live(stream: TextIO) -> bool:
    """Return whether a stream is a terminal on which a line can be written over."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_color(stream: TextIO) -> bool:
    """Return whether to write colors: to terminals, unless NO_COLOR (https://no-color.org) or CTXZIP_NO_COLOR is set."""
    return is_live(stream) and not (os.environ.get("NO_COLOR") or os.environ.get("CTXZIP_NO_COLOR"))


def print_line(line: str, color: str = "") -> None:
    """Print one line to stderr, behind the name of the program in this color.

    Control characters, which a file or a record may hold, are shown and have no effect on the terminal.
    """
    name = f"{color}ctxzip:{_RESET}" if color and has_color(sys.stderr) else "ctxzip:"
    print(f"{name} {visible(line)}", file=sys.stderr)
