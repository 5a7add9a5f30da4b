"""Passage text -> spans: blocks that must not be cut, and the sentences inside prose.

The promise, held by a property test: the spans are increasing and disjoint, and every character
that is not space lies in exactly one of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.datamodels import Span
from ctxzip.settings import AUTO
from ctxzip.splitting.blocks import blank_quote_marks, blocks
from ctxzip.splitting.language import UNKNOWN, detect
from ctxzip.splitting.sentences import sentence_spans, splitter_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.splitting.block import Block
    from ctxzip.splitting.sentences import SentenceSplitter

__all__ = ["AUTO", "UNKNOWN", "detect", "split", "splitter_for"]

_WHOLE = frozenset({"heading", "line", "table_header", "table_row", "code", "front_matter", "rule"})
_WORD = re.compile(r"\w")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_PIECES = re.compile(r"[^\W_]{1,4}|[^\w\s]|_")  # about the tokens of a text
_LONGEST = 800  # code points of a block that is never split
_MAX_PIECES = 300  # of a block of several lines: more than 400 tokens are no unit


def split(text: str, splitter: SentenceSplitter) -> list[Span]:
    r"""Split one text into spans.

    A span's parent is the heading it stands under (a heading's own parent is the heading one level
    up) or the header of its table. Indentation belongs to the span for code, list items and quotes,
    where it carries meaning; otherwise a span begins and ends on a character that is not space.

    >>> english, _ = splitter_for("en")
    >>> [span.kind for span in split("# Tea\nBoil water. Wait.\n- green: 70 degrees\n", english)]
    ['heading', 'sentence', 'sentence', 'list_item']
    """
    spans: list[Span] = []
    headings: list[tuple[int, int]] = []  # (level, index of span), outermost first
    last_spans: list[int] = []  # index of the last span of each block
    table = 0
    for block in blocks(text):
        if block.kind == "heading" and block.level:
            while headings and headings[-1][0] >= block.level:
                headings.pop()
        parent = headings[-1][1] if headings else None
        if block.under is not None:
            parent = last_spans[block.under]
        elif block.kind == "table_row" and not block.level:
            parent = table
        if block.kind == "heading" and block.level:
            headings.append((block.level, len(spans)))
        elif block.kind in {"table_header", "table_row"} and block.level:
            table = len(spans)
        for start, end in _offsets(text, block, splitter):
            kind = block.kind if _WORD.search(text, start, end) else "rule"
            spans.append(Span(start, end, kind, parent))
        last_spans.append(len(spans) - 1)
    return _covering(text, spans)


def _offsets(text: str, block: Block, splitter: SentenceSplitter) -> list[tuple[int, int]]:
    if block.kind in _WHOLE:
        return list(_limited(text, block.start, block.end))
    prose = text[block.body : block.end]
    if block.kind == "quote":
        # The marks at the head of a line must not look like the head of a sentence.
        prose = blank_quote_marks(prose)
    offsets = [(block.body + start, block.body + end) for start, end in sentence_spans(prose, splitter)]
    if not offsets:
        return [(block.start, block.end)]
    if block.kind != "sentence":
        offsets[0] = (block.start, offsets[0][1])
    return offsets


def _limited(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a block whole, or a long one in pieces of whole lines; after a blank line, if there is one, a piece ends first."""
    if end - start <= _LONGEST or "\n" not in text[start:end]:
        yield start, end
        return
    at = start
    size = 0
    last_blank = start
    for line in _LINES.finditer(text, start, end):
        words = len(_PIECES.findall(text, line.start(), line.end()))
        if size + words > _MAX_PIECES and line.start() > at:
            cut = last_blank if last_blank > at else line.start()
            yield at, _trimmed(text, at, cut)
            at, size = cut, len(_PIECES.findall(text, cut, line.start()))
        size += words
        if not line[0].strip():
            last_blank = line.end()
    if text[at:end].strip():
        yield at, end


def _trimmed(text: str, start: int, end: int) -> int:
    """Return where a piece ends without the white space behind it."""
    return start + len(text[start:end].rstrip())


def _covering(text: str, spans: list[Span]) -> list[Span]:
    """Give characters that no span holds (marks of a quote, say) to the span behind them."""
    covered: list[Span] = []
    at = 0
    for span in spans:
        gap = text[at : span.start]
        bare = len(gap) - len(gap.lstrip())
        covered.append(replace(span, start=at + bare) if bare < len(gap) else span)
        at = span.end
    rest = text[at:].rstrip()
    if rest.strip():
        if covered:
            covered[-1] = replace(covered[-1], end=at + len(rest))
        else:
            covered.append(Span(at + len(rest) - len(rest.lstrip()), at + len(rest), "rule"))
    return covered
