"""Splits a span that is larger than the whole budget into its lines or, if it is one line, into its clauses."""

from __future__ import annotations

import re

from ctxzip.splitting.protected import with_whole_tokens

_LINE = re.compile(r"\S[^\n]*")  # without its indentation
_CLAUSE_END = re.compile(r"[,;:.!?—–](?=\s)|[，；：。！？、]")


def split_oversized(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the lines of a span, or the clauses of a single line, as trimmed half-open offsets into the text.

    >>> text = "The ferry leaves at 7, returns at noon; it takes no cars."
    >>> [text[start:end] for start, end in split_oversized(text, 0, len(text))]
    ['The ferry leaves at 7,', 'returns at noon;', 'it takes no cars.']
    """
    lines = [(match.start(), match.end()) for match in _LINE.finditer(text, start, end)]
    if len(lines) > 1:
        return [_trimmed(text, *line) for line in lines]
    boundaries = [match.end() for match in _CLAUSE_END.finditer(text, start, end) if match.end() < end]
    clauses = [
        _trimmed(text, first, last)
        for first, last in zip([start, *boundaries], [*boundaries, end], strict=True)
        if text[first:last].strip()
    ]
    return with_whole_tokens(text, clauses)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the offsets without leading and trailing white space; the text between them is not only white space."""
    piece = text[start:end]
    return end - len(piece.lstrip()), start + len(piece.rstrip())
