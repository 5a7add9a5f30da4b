"""Query text -> the names in it: quoted strings and runs of capitalized words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxzip.query.vocabulary import FUNCTION_WORDS, LEAD_IN_WORDS, MONTH, NAME_PARTICLES, NON_ENGLISH_WORDS, WORD

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTATION = re.compile(r"\"([^\"]{1,150})\"|“([^”]{1,150})”|(?<!\w)['‘]([^'’]{2,100})['’](?!\w)")
_INNER_GAPS = frozenset({" ", "-", "–", "/", "&", " & ", " (", ". ", "."})  # may separate the words of one name
_DATE = re.compile(rf"(?:{MONTH})(?:\W+\d[\d\W]*)?\Z", re.IGNORECASE)
_MAX_NAMES = 8
_NEVER_FIRST = FUNCTION_WORDS | NON_ENGLISH_WORDS | LEAD_IN_WORDS


def names_in(text: str) -> tuple[str, ...]:
    """Return the distinct names of a text, as written, in order of appearance; dates are excluded.

    >>> names_in('Did Ines Holm write "The Lamp" on the Isle of Marlow in May 1934?')
    ('Ines Holm', 'The Lamp', 'Isle of Marlow')
    """
    quoted = [match.span(match.lastindex or 0) for match in _QUOTATION.finditer(text)]
    runs = [run for run in _capitalized_runs(text) if not any(run[0] < end and start < run[1] for start, end in quoted)]
    names = (_trimmed(text[start:end]) for start, end in sorted(quoted + runs))
    return tuple(dict.fromkeys(name for name in names if len(name) > 1 and not _DATE.match(name)))[:_MAX_NAMES]


def _trimmed(name: str) -> str:
    """Return a name without outer punctuation, the possessive 's and an unclosed parenthesis."""
    opened = name.find(" (")
    name = name[:opened] if opened > 0 and ")" not in name else name
    return name.strip(" ,.").removesuffix("'s").removesuffix("’s")


def _capitalized_runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the half-open spans of consecutive capitalized words, with the particles between them."""
    start = end = last = 0
    initial = False
    for match in WORD.finditer(text):
        word, gap = match.group(), text[last : match.start()]
        follows = end > start and gap in _INNER_GAPS and (initial or not gap.startswith("."))
        if follows and (word[0].isupper() or word[0].isdigit()):
            end = match.end()
        elif not (follows and word.lower() in NAME_PARTICLES):
            if end > start:
                yield start, end
            begins = word[0].isupper() and word.lower() not in _NEVER_FIRST
            start, end = match.start(), match.end() if begins else match.start()
        last, initial = match.end(), len(word) <= 2
    if end > start:
        yield start, end
