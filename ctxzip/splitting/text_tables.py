"""Tables with bars, rules or tabs in plain text: their lines, captions, and the rows of grid tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Kind

GRID_RULE = re.compile(r"\s*\+[-=+]{3,}\+\s*$")
_CAPTION = re.compile(
    r"\W*(?:Tab|Fig|Abb|Table|Figure|Tabelle|Abbildung|Tableau|Tabla|Tabela|Tabella|Figura|Exhibit|Listing)\.? ?\d+\b"
)


def is_caption(text: str) -> bool:
    """Return whether a text begins like the caption of a table or a figure.

    >>> is_caption("Table 2. Mean weight"), is_caption("Tables are set for dinner.")
    (True, False)
    """
    return bool(_CAPTION.match(text))


def is_pipe_row(line: str) -> bool:
    """Return whether a line begins and ends with a bar."""
    line = line.strip()
    return len(line) > 1 and line[0] == line[-1] == "|"


def is_row(line: str) -> bool:
    """Return whether a line may begin a table: with bars, a rule, or a tab inside."""
    return is_pipe_row(line) or bool(GRID_RULE.match(line)) or "\t" in line.strip()


def is_delimiter_row(line: str) -> bool:
    """Return whether a line is the rule below the header of a table with bars."""
    return "|" in line and "-" in line and not line.strip("|:- \t")


def grid_rows(lines: Sequence[str], first: int) -> list[tuple[Kind, int, int]]:
    """Return the rows of a table whose rows are separated by rules (`+---+`).

    Args:
        lines: of the text.
        first: index of the rule above the table.

    Returns:
        For each row its kind and the indices of its first and last line; the last is the rule below the row.
    """
    end = first
    while end + 1 < len(lines) and (is_pipe_row(lines[end + 1]) or GRID_RULE.match(lines[end + 1])):
        end += 1
    rules = [at for at in range(first + 1, end + 1) if GRID_RULE.match(lines[at])]
    head = next((at for at in rules if "=" in lines[at]), rules[0] if len(rules) > 1 else None)
    rows: list[tuple[Kind, int, int]] = [] if head is None else [("table_header", first, head)]
    start = first if head is None else head + 1
    for rule in [*(at for at in rules if at >= start), end]:
        if start <= rule:
            rows.append(("table_row", start, rule))
            start = rule + 1
    return rows
