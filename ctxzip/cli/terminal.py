"""What a stream that a person looks at can do: colors, and a line that is written over."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from ctxzip._internal.terminal_text import visible

_RESET = "\x1b[0m"
WIPE = "\r\x1b[K"  # the line that is written over
RED, YELLOW = "\x1b[31m", "\x1b[33m"


def is_live(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal on which a line can be written over."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_color(stream: TextIO) -> bool:
    """Tell whether to write colors: to terminals, unless NO_COLOR (https://no-color.org) or CTXZIP_NO_COLOR is set."""
    return is_live(stream) and not (os.environ.get("NO_COLOR") or os.environ.get("CTXZIP_NO_COLOR"))


def say(line: str, color: str = "") -> None:
    """Write one line to stderr, the name of the program in front of it in this color.

    What files and records say of themselves may stand in it: it is shown, and does nothing to the terminal.
    """
    name = f"{color}ctxzip:{_RESET}" if color and has_color(sys.stderr) else "ctxzip:"
    print(f"{name} {visible(line)}", file=sys.stderr)
