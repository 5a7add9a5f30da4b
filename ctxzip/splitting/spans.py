"""Passage text -> spans: blocks that are kept whole, and the sentences of prose.

Invariant, checked by a property test: spans are increasing and disjoint, and every character that is not white space is in
exactly one of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.datamodels import Span
from ctxzip.splitting.blocks import parse_blocks
from ctxzip.splitting.sentences import sentence_spans
from ctxzip.splitting.text_lines import blank_quote_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.splitting.block import Block
    from ctxzip.splitting.sentences import SentenceSplitter

_UNSPLIT = frozenset({"heading", "line", "table_header", "table_row", "code", "front_matter", "rule"})
_WORD = re.compile(r"\w")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_TOKENS = re.compile(r"[A-Za-z]{1,3}|\S")  # an upper estimate of the tokens of a text
_MAX_TOKENS = 390  # estimated tokens of a span of several lines; no such span has more than 400 real ones


def split_into_spans(text: str, splitter: SentenceSplitter) -> list[Span]:
    r"""Split a text into spans, in document order; offsets are code points of `text`.

    The parent of a span is the index of its heading (for a heading: of the heading one level up), of its table header, or of the
    item, class or entry that it is nested in.
    The first span of a block includes the indentation of the block, except in prose. All other spans begin with a character
    that is not white space. All spans end with such a character.

    >>> from ctxzip.splitting.sentences import splitter_for
    >>> english, _ = splitter_for("en")
    >>> [span.kind for span in split_into_spans("# Tea\nBoil water. Wait.\n- green: 70 degrees\n", english)]
    ['heading', 'sentence', 'sentence', 'list_item']
    """
    spans: list[Span] = []
    headings: list[tuple[int, int]] = []  # (level, index of span), outermost first
    parent_spans: list[int] = []  # index of the span of each block that is a parent: the last, of a list item the first
    table_header = 0  # index of a span
    for block in parse_blocks(text):
        if block.kind == "heading" and block.level:
            while headings and headings[-1][0] >= block.level:
                headings.pop()
        parent = headings[-1][1] if headings else None
        if block.parent is not None:
            parent = parent_spans[block.parent]
        elif block.kind == "table_row" and not block.level:
            parent = table_header
        if block.level and block.kind == "heading":
            headings.append((block.level, len(spans)))
        elif block.level:
            table_header = len(spans)
        first = len(spans)
        for start, end in _block_offsets(text, block, splitter):
            kind = block.kind if _WORD.search(text, start, end) else "rule"
            spans.append(Span(start, end, kind, parent))
        parent_spans.append(first if block.kind == "list_item" else len(spans) - 1)
    return _cover_gaps(text, _with_introductions(text, spans))


def _block_offsets(text: str, block: Block, splitter: SentenceSplitter) -> list[tuple[int, int]]:
    """Return the half-open offsets of the spans of one block."""
    if block.kind in _UNSPLIT:
        return list(_split_long_block(text, block.start, block.end))
    prose = text[block.body : block.end]
    if block.kind == "quote":
        # The splitter would treat a `>` at the start of a line as the start of a sentence.
        prose = blank_quote_marks(prose)
    offsets = [(block.body + start, block.body + end) for start, end in sentence_spans(prose, splitter)]
    if not offsets:
        return [(block.start, block.end)]
    if block.kind != "sentence":
        offsets[0] = (block.start, offsets[0][1])
    if max(end - start for start, end in offsets) > _MAX_TOKENS:
        return [piece for start, end in offsets for piece in _split_long_block(text, start, end)]
    return offsets


def _split_long_block(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the offsets of a block or, if it is long, of groups of its lines, divided at blank lines where possible."""
    if end - start <= _MAX_TOKENS or "\n" not in text[start:end]:
        yield start, end
        return
    at = start
    size = 0
    last_blank = start
    for line in _LINES.finditer(text, start, end):
        tokens = len(_TOKENS.findall(text, line.start(), line.end()))
        if size + tokens > _MAX_TOKENS and line.start() > at:
            cut = last_blank if last_blank > at else line.start()
            yield at, at + len(text[at:cut].rstrip())
            at, size = cut, len(_TOKENS.findall(text, cut, line.start()))
        size += tokens
        if not line[0].strip():
            last_blank = line.end()
    if text[at:end].strip():
        yield at, end


def _with_introductions(text: str, spans: list[Span]) -> list[Span]:
    """Return the spans, sentences that end in a colon and introduce others as headings: they are kept with these only."""
    parents = {span.parent for span in spans}
    if parents == {None} or not parents:
        return spans
    return [
        replace(span, kind="heading")
        if span.kind == "sentence" and at in parents and text.endswith((":", "："), span.start, span.end)
        else span
        for at, span in enumerate(spans)
    ]


def _cover_gaps(text: str, spans: list[Span]) -> list[Span]:
    """Extend spans to cover the characters between them, such as quote marks.

    These characters go to the span after them, at the end of the text to the span before them.
    """
    covered: list[Span] = []
    at = 0
    for span in spans:
        gap = text[at : span.start]
        indent = len(gap) - len(gap.lstrip())
        covered.append(replace(span, start=at + indent) if indent < len(gap) else span)
        at = span.end
    rest = text[at:].rstrip()
    if rest.strip():
        if covered:
            covered[-1] = replace(covered[-1], end=at + len(rest))
        else:
            covered.append(Span(at + len(rest) - len(rest.lstrip()), at + len(rest), "rule"))
    return covered
