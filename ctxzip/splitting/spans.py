"""Passage text -> spans: blocks that are never cut, and the sentences of prose.

Invariant, checked by a property test: the spans are increasing and disjoint, and every character
that is not white space lies in exactly one of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.datamodels import Span
from ctxzip.splitting.blocks import Block, blank_quote_marks, parse_blocks
from ctxzip.splitting.sentences import sentence_spans

if TYPE_CHECKING:
    from ctxzip.splitting.sentences import SentenceSplitter

_UNSPLIT = frozenset({"heading", "table_header", "table_row", "code", "front_matter", "rule"})
_WORD = re.compile(r"\w")


def split_into_spans(text: str, splitter: SentenceSplitter) -> list[Span]:
    r"""Split a text into spans, in document order; offsets are code points of `text`.

    The parent of a span is the index of its heading (for a heading: of the heading one level up) or of its table header.
    The first span of a block includes the indentation of the block, except for prose. All other spans begin with a character
    that is not white space, and all spans end with one.

    >>> from ctxzip.splitting.sentences import splitter_for
    >>> english, _ = splitter_for("en")
    >>> [span.kind for span in split_into_spans("# Tea\nBoil water. Wait.\n- green: 70 degrees\n", english)]
    ['heading', 'sentence', 'sentence', 'list_item']
    """
    spans: list[Span] = []
    headings: list[tuple[int, int]] = []  # (level, index of span), outermost first
    table_header = 0  # index of span
    for block in parse_blocks(text):
        if block.kind == "heading":
            while headings and headings[-1][0] >= block.level:
                headings.pop()
        parent = headings[-1][1] if headings else None
        if block.kind == "heading":
            headings.append((block.level, len(spans)))
        elif block.level:
            table_header = len(spans)
        elif block.kind == "table_row":
            parent = table_header
        for start, end in _block_offsets(text, block, splitter):
            kind = block.kind if _WORD.search(text, start, end) else "rule"
            spans.append(Span(start, end, kind, parent))
    return _cover_gaps(text, spans)


def _block_offsets(text: str, block: Block, splitter: SentenceSplitter) -> list[tuple[int, int]]:
    """Return the half-open offsets of the spans of one block."""
    if block.kind in _UNSPLIT:
        return [(block.start, block.end)]
    prose = text[block.body : block.end]
    if block.kind == "quote":
        # Otherwise the splitter takes a `>` at the start of a line for the start of a sentence.
        prose = blank_quote_marks(prose)
    offsets = [(block.body + start, block.body + end) for start, end in sentence_spans(prose, splitter)]
    if not offsets:
        return [(block.start, block.end)]
    if block.kind != "sentence":
        offsets[0] = (block.start, offsets[0][1])
    return offsets


def _cover_gaps(text: str, spans: list[Span]) -> list[Span]:
    """Extend spans to characters between them (quote marks, for example): to the next span, at the end to the last."""
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
