"""A text -> its lines with their offsets, and lines without the marks of a block quote."""

from __future__ import annotations

import re
from itertools import accumulate

_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_QUOTE_MARKS = re.compile(r"(?:^|(?<=\r))[ \t]{0,3}(?:>[ \t]?)+", re.MULTILINE)  # a lone \r ends a line, too


def lines_and_starts(text: str) -> tuple[list[str], list[int]]:
    r"""Return the lines of a text without line ends (`\n`, `\r\n` or `\r`), and the code-point offset of each.

    >>> lines_and_starts("Boil water.\r\n\r\nWait.")
    (['Boil water.', '', 'Wait.'], [0, 13, 15])
    """
    if "\r" in text:
        found = [match[0] for match in _LINE.finditer(text)]
        lines = [line.rstrip("\r\n") for line in found]
        lengths = [len(line) for line in found]
    else:
        lines = text.split("\n")
        lengths = [len(line) + 1 for line in lines]
    return lines, list(accumulate(lengths, initial=0))[: len(lines)]


def blank_quote_marks(text: str) -> str:
    r"""Replace the marks of a block quote by spaces, so that offsets stay valid.

    >>> blank_quote_marks("> Wait.\n> Go.")
    '  Wait.\n  Go.'
    """
    return _QUOTE_MARKS.sub(lambda marks: " " * len(marks[0]), text)
