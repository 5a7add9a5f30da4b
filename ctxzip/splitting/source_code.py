"""Source code without a code fence -> blocks: definitions with their bodies, statements with the comments above them."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.splitting.block import Block
from ctxzip.splitting.text_lines import lines_and_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODE_LINE = re.compile(r"[{}();=<>\[\]$|\\]|::|->|^\s*(?:>>>|#|//|--|def |class |import |from |return\b)")
_SQL = (
    r"(?:SELECT|INSERT INTO|UPDATE \S+ SET|DELETE FROM|CREATE|ALTER TABLE|DROP|FROM|(?:LEFT |RIGHT |INNER |FULL |CROSS )?(?:OUTER )?"
    r"JOIN|WHERE|GROUP BY|ORDER BY|HAVING|GRANT|WITH \S+ AS|UNION|LIMIT|BEGIN|COMMIT|ROLLBACK|VALUES)\b"
)
_STATEMENT = re.compile(
    r"^\s*(?:def |class |import |from \S+ import|return\b|if .*:$|for .*:$|const |let |var |function |public |private "
    r"|#include|export |package \w+$|func |fn |impl |use \w+::|@\w+)"
    r"|[;{]\s*$|^\s*[\w.\[\]\"']+\s*[-+*/]?=\s*\S|^\s*[\w.]+\(.*\)\s*;?$|^\s*[$>] \S"
    r"|^\s*(?:sudo|pip|git|docker|npm|apt|curl) "
)
_SHELL = re.compile(
    r"\s*(?:set -\w|cd \S+$|echo |export |source |fi$|done$|esac$|then$|else$|do$|exit \d|if \[|for \w+ in |while )"
    r"|\s*[a-z][\w-]*(?= ).*(?:\s-{1,2}\w|[|<>&]\s*\S|\"\$|\$\w)"
)
_TARGET = re.compile(r"[\w.%/-]++(?: [\w.%/-]++)*+\s*+:(?!:)(?: ?[\w.%/$()-]++)*+\s*$")  # of a Makefile
_SQL_LINE = re.compile(rf"\s*{_SQL}")
_SQL_START = re.compile(r"(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|GRANT|WITH|BEGIN|COMMIT)\b")
_ROW = re.compile(r"\s*\(.*\)[,;]?\s*$")  # of an INSERT
_COMMENT = re.compile(r"\s*(?:#(?!#)|//|--(?=\s)|/\*|\*/|\*(?=\s|$))")
_METHOD = re.compile(r"\s+(?:async )?def ")
_LONG_STRING = re.compile(r'"""|\'\'\'')
# Most texts have no such line among the first ones, and need no closer examination.
_MAY_BE_CODE = re.compile(
    rf"#!|#include|import |from \S+ import|def |class |func |fn |function |const |let |var |export |package |{_SQL}"
    r"|[\w.]+ ?= ?\S|[\w.-]+:(?: [\w.-]+)*$|.*[;{]\s*$"
)
_FIRST_LINES = 20
_MIN_SHARE = 0.5  # 0..1, of the lines of a paragraph that must be statements for the paragraph to be code
_MIN_TEXT_SHARE = 0.9  # 0..1, of the lines of a text that must be code for all of it to be code
_MOST_WORDS = 9  # of the first or second line of a paragraph of code
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


def source_blocks(text: str) -> list[Block] | None:
    """Return the blocks of a text that is source code as a whole; None for any other text.

    A block is a definition, a group of statements, or a statement of SQL, each with the comment above it; or the docstring
    of the module.
    """
    if not any(map(_MAY_BE_CODE.match, text.split("\n", _FIRST_LINES)[:_FIRST_LINES])):
        return None
    lines, starts = lines_and_starts(text)
    is_inside = _inside_long_strings(lines)
    # A long text that begins with prose is no code.
    if not _is_source(lines[: 2 * _FIRST_LINES], is_inside) or not _is_source(lines, is_inside):
        return None
    blocks: list[Block] = []
    header: int | None = None  # of the rows of an INSERT
    for first, last in _groups(lines, is_inside):
        start, end = starts[first], starts[last] + len(lines[last].rstrip())
        if last > first and lines[first].startswith("INSERT INTO ") and lines[first].rstrip().endswith("VALUES"):
            header = len(blocks)
            blocks.append(Block("table_header", start, start + len(lines[first].rstrip()), start))
            blocks += [
                Block("table_row", starts[at], starts[at] + len(lines[at].rstrip()), starts[at], parent=header)
                for at in range(first + 1, last + 1)
            ]
            continue
        blocks.append(Block("code", start, end, start))
        if methods := _methods(lines, first, last):
            of_class = len(blocks) - 1
            blocks[-1] = Block("code", start, starts[methods[0] - 1] + len(lines[methods[0] - 1].rstrip()), start)
            for method, until in itertools.pairwise([*methods, last + 1]):
                at, end = starts[method], starts[until - 1] + len(lines[until - 1].rstrip())
                blocks.append(Block("code", at, end, at, parent=of_class))
    return [replace(block, end=block.start + len(text[block.start : block.end].rstrip())) for block in blocks]


def _methods(lines: Sequence[str], first: int, last: int) -> list[int]:
    """Return the indices of the lines that begin the methods of a class of Python, decorators and comments included."""
    head = next((at for at in range(first, last + 1) if not re.match(r"#|@", lines[at])), last)
    starts = [at for at in range(head, last + 1) if _METHOD.match(lines[at])]
    if not lines[head].startswith("class ") or len(starts) < 2:
        return []
    indentation = min(len(lines[at]) - len(lines[at].lstrip()) for at in starts)
    found = []
    for at in starts:
        if len(lines[at]) - len(lines[at].lstrip()) == indentation:
            above = itertools.takewhile(lambda before: re.match(r"\s+[#@]", lines[before]), range(at - 1, head, -1))
            found.append(min(above, default=at))
    return found


def _inside_long_strings(lines: Sequence[str]) -> list[bool]:
    """Return for each line whether it begins inside a string of three quotes or a comment of several lines."""
    found = []
    is_inside = is_comment = False
    for line in lines:
        found.append(is_inside or is_comment)
        if not is_comment and len(_LONG_STRING.findall(line)) % 2:
            is_inside = not is_inside
        if not is_inside and (line.rfind("/*") > line.rfind("*/") or "*/" in line):
            is_comment = line.rfind("/*") > line.rfind("*/")
    return found


def _is_source(lines: Sequence[str], is_inside: Sequence[bool]) -> bool:
    """Return whether nearly all lines are code: statements, comments, what is indented below them, or in a long string."""
    is_script = lines[0].startswith("#!")
    has_rows = any(line.startswith("INSERT INTO ") for line in lines)
    has_recipe = any(line.startswith("\t") for line in lines)
    n_lines = n_code = n_statements = 0
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        n_lines += 1
        is_statement = bool(
            _STATEMENT.search(line)
            or _SQL_LINE.match(line)
            or (is_script and _SHELL.match(line))
            or (has_recipe and _TARGET.match(line))
            or (has_rows and _ROW.match(line))
            or lines[at + 1 : at + 2] == ["{"]
        )
        n_statements += is_statement and not is_inside[at]
        is_below = n_statements > 0 and line[0].isspace()
        n_code += is_statement or is_inside[at] or is_below or line.strip() in _CLOSING or bool(_COMMENT.match(line))
        n_code += bool(_LONG_STRING.match(line))
    return n_statements > 1 and n_statements >= n_lines // 4 and n_code >= _MIN_TEXT_SHARE * n_lines


def _groups(lines: Sequence[str], is_inside: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the ranges of lines of each block, both ends included."""
    groups: list[tuple[int, int]] = []
    first: int | None = None
    last = 0
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        if first is None:
            first = at
        elif not is_inside[at] and not _goes_on(lines, last, at):
            groups.append((first, last))
            first = at
        last = at
    return groups if first is None else [*groups, (first, last)]


def _goes_on(lines: Sequence[str], before: int, at: int) -> bool:
    """Return whether a line belongs to the block of the line that is not blank before it; it is not in a long string."""
    line = lines[at]
    if (
        line[:1].isspace()
        or line.strip() in _CLOSING
        or line.lstrip().startswith(("} else", "else:", "except", "finally:"))
    ):
        return True
    if _COMMENT.match(lines[before]) and not lines[before].startswith("#!"):
        return at == before + 1
    if at > before + 1 or _COMMENT.match(line):
        return line == "{"
    is_sql_end = lines[before].rstrip().endswith(";") and bool(_SQL_START.match(line))
    is_below_definition = lines[before][:1].isspace() and not _SQL_LINE.match(line)
    return not is_sql_end and not is_below_definition


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
    if len(paragraph) < 2 or len(paragraph[0].split()) > _MOST_WORDS < len(paragraph[1].split()):
        return []
    if sum(bool(_STATEMENT.search(line)) for line in paragraph) < _MIN_SHARE * len(paragraph):
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
