"""Source code without a code fence -> ranges of lines: one for each definition with its body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODE_LINE = re.compile(r"[{}();=<>\[\]$|\\]|::|->|^\s*(?:>>>|#|//|--|def |class |import |from |return\b)")
_STATEMENT = re.compile(
    r"^\s*(?:def |class |import |from \S+ import |return\b|if .*:$|for .*:$|const |let |var |function |public |private "
    r"|#include|export )"
    r"|[;{]\s*$|^\s*[\w.\[\]\"']+\s*[-+*/]?=\s*\S|^\s*[\w.]+\(.*\)\s*;?$|^\s*[$>] \S"
    r"|^\s*(?:sudo|pip|git|docker|npm|apt|curl) "
)
_MIN_SHARE = 0.5  # 0..1, of the lines of a paragraph that must be statements for the paragraph to be code
_CLOSING = frozenset({"}", "});", "};", ")", "]"})


def count_code_lines(lines: Sequence[str]) -> int:
    """Return the number of lines that contain a sign of code, such as a bracket or an operator."""
    return sum(bool(_CODE_LINE.search(line)) for line in lines)


def is_code_comment(line: str, following: str) -> bool:
    """Return whether a line that begins with one `#` is a comment on the code in the next line, not a heading.

    >>> is_code_comment("# Retry twice.", "retries = 2"), is_code_comment("# Retries", "Two are enough.")
    (True, False)
    """
    return line.lstrip().startswith("# ") and bool(following.strip()) and bool(_STATEMENT.search(following))


def code_ranges(lines: Sequence[str], first: int, last: int) -> list[tuple[int, int]]:
    """Return the line ranges of the code that begins with a paragraph, both ends of a range included.

    Args:
        lines: of the text.
        first: index of the first line of the paragraph.
        last: index of its last line. The code may continue after it, with a body after a blank line or the next definition.

    Returns:
        One range for each definition or group of statements; none if the paragraph is not code.
    """
    paragraph = lines[first : last + 1]
    if len(paragraph) < 2 or sum(bool(_STATEMENT.search(line)) for line in paragraph) < _MIN_SHARE * len(paragraph):
        return []
    ranges = []
    end = len(lines)
    while True:
        until = first + 1
        while until < end and (_is_in_definition(lines, until) or (lines[until].strip() and lines[until - 1].strip())):
            until += 1
        while until - 1 > first and not lines[until - 1].strip():
            until -= 1
        ranges.append((first, until - 1))
        first = next((at for at in range(until, end) if lines[at].strip()), end)
        following = lines[first + 1] if first + 1 < end else ""
        if first == end or not (_STATEMENT.search(lines[first]) or is_code_comment(lines[first], following)):
            return ranges


def _is_in_definition(lines: Sequence[str], at: int) -> bool:
    """Return whether a line, or the next one that is not blank, is indented or closes a bracket."""
    following = next((line for line in lines[at : at + 4] if line.strip()), "")
    return following[:1].isspace() or following.strip() in _CLOSING
