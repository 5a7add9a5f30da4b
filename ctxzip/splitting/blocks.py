"""Plain text and markdown -> blocks: what may be split into sentences, and what must not be cut.

Follows CommonMark where that serves, and leaves it where retrieved chunks differ from documents:
fences that lost their other half, indented prose, wiki and reStructuredText headings, tables of tabs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.records import Kind

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})([^`]*)$")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_WIKI = re.compile(r"\s*(={2,6})[ \t]*[^=\s].*?\1\s*$")
_UNDERLINE = re.compile(r"([=\-~^\"*+#])\1{2,}\s*$")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*$")
_QUOTE = re.compile(r" {0,3}>")
_QUOTE_MARKS = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+", re.MULTILINE)
_ITEM = re.compile(r"\s*(?:[-*+•‣◦▪]|\(?\d{1,3}[.)]|\(?[a-z]\))[ \t]+(?=\S)")
_BULLET_OR_ONE = re.compile(r"\s*(?:[-*+•‣◦▪]|\(?1[.)])[ \t]+\S")
_PIPE_ROW = re.compile(r"\s*\|.*\|\s*$|\s*\+[-=+]{3,}\+\s*$")
_DELIMITER_ROW = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$|\s*\|\s*:?-+:?\s*\|\s*$")
_INDENTED = re.compile(r" {4}|\t")
_FRONT_MATTER_KEY = re.compile(r"[\w-]+\s*:")
_CODE_MARK = re.compile(r"[{}();=<>\[\]$|\\]|::|->|^\s*(?:>>>|#|//|--|def |class |import |from |return\b)")
_PROSE_WORDS_A_LINE = 5  # an indented line of prose holds more words than one of code or of a command

_HEADING_LINE_LIMIT = 120  # code points; a longer line above ---- is a paragraph above a rule


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a text.

    Attributes:
        start, end: half-open code-point offsets; `start` may hold the indentation of the block.
        body: where the words begin, behind the marker of a list item.
        level: 1..6 of a heading; 1 of the row that heads a table; else 0.
    """

    kind: Kind
    start: int
    end: int
    body: int
    level: int = 0


def blocks(text: str, *, quoted: bool = False) -> Iterator[Block]:
    """Yield the blocks of `text` in order; together they hold every character that is not space.

    With `quoted` the text is the inside of a block quote whose marks were blanked: nothing in it
    is indented code, since the blanks look like indentation.
    """
    return _Scanner(text, quoted=quoted).scan()


def blank_quote_marks(text: str) -> str:
    r"""Put spaces where the marks of a block quote stand, so that offsets stay.

    >>> blank_quote_marks("> Wait.\n> Go.")
    '  Wait.\n  Go.'
    """
    return _QUOTE_MARKS.sub(lambda marks: " " * len(marks[0]), text)


class _Scanner:
    """Walks the lines of one text once; each `_take_*` consumes lines or returns None."""

    def __init__(self, text: str, *, quoted: bool) -> None:
        self.text = text
        self.quoted = quoted
        self.bounds = [match.span() for match in _LINE.finditer(text)]
        self.lines = [text[start:end].rstrip("\r\n") for start, end in self.bounds]
        self.at = 0
        self.in_list = False
        self.after_blank = True

    def scan(self) -> Iterator[Block]:
        takers = (
            self._take_front_matter,
            self._take_fence,
            self._take_indented_code,
            self._take_heading,
            self._take_table,
            self._take_quote,
            self._take_rule,
            self._take_item,
            self._take_paragraph,
        )
        while self.at < len(self.lines):
            if not self.lines[self.at].strip():
                self.at += 1
                self.after_blank = True
                continue
            for take in takers:
                found = take()
                if found:
                    yield from found
                    break
            self.after_blank = False

    def _block(self, kind: Kind, first: int, last: int, *, body: int = 0, level: int = 0) -> Block:
        start = self.bounds[first][0]
        end = self.bounds[last][0] + len(self.lines[last].rstrip())
        return Block(kind, start, end, start + body, level)

    def _one(self, kind: Kind, last: int, *, body: int = 0, level: int = 0) -> list[Block]:
        block = self._block(kind, self.at, last, body=body, level=level)
        self.at = last + 1
        return [block]

    def _line(self, index: int) -> str:
        return self.lines[index] if index < len(self.lines) else ""

    def _take_front_matter(self) -> list[Block] | None:
        if self.bounds[self.at][0] or self.lines[self.at].rstrip() != "---":
            return None
        if not _FRONT_MATTER_KEY.match(self._line(1)):
            return None
        for last in range(2, len(self.lines)):
            if self.lines[last].rstrip() in {"---", "..."}:
                return self._one("front_matter", last)
        return None

    def _take_fence(self) -> list[Block] | None:
        opening = _FENCE.match(self.lines[self.at])
        if not opening:
            return None
        self.in_list = self.in_list and self.lines[self.at][0].isspace()
        mark = opening[1]
        for last in range(self.at + 1, len(self.lines)):
            line = self.lines[last].strip()
            if len(line) >= len(mark) and not line.strip(mark[0]):
                return self._one("code", last)
        # Without its other half a fence with a language opens code that was cut off at the end;
        # a bare one closes code that was cut off at the start, and must not swallow what follows.
        return self._one("code", len(self.lines) - 1 if opening[2].strip() else self.at)

    def _take_indented_code(self) -> list[Block] | None:
        if self.quoted or self.in_list or not self.after_blank or not _INDENTED.match(self.lines[self.at]):
            return None
        last = self.at
        for index in range(self.at + 1, len(self.lines)):
            if _INDENTED.match(self.lines[index]) and self.lines[index].strip():
                last = index
            elif self.lines[index].strip():
                break
        lines = [line for line in self.lines[self.at : last + 1] if line.strip()]
        words = sum(len(line.split()) for line in lines)
        marked = sum(bool(_CODE_MARK.search(line)) for line in lines)
        if 2 * marked < len(lines) and words >= _PROSE_WORDS_A_LINE * len(lines):
            return None
        return self._one("code", last)

    def _take_heading(self) -> list[Block] | None:
        line = self.lines[self.at]
        if match := _ATX.match(line) or _WIKI.match(line):
            self.in_list = False
            return self._one("heading", self.at, level=len(match[1]))
        underline = _UNDERLINE.match(self._line(self.at + 1))
        if underline and self._may_be_underlined(line):
            self.in_list = False
            return self._one("heading", self.at + 1, level={"=": 1, "-": 2}.get(underline[1], 3))
        return None

    def _may_be_underlined(self, line: str) -> bool:
        return (
            self.after_blank
            and len(line) <= _HEADING_LINE_LIMIT
            and not line[:1].isspace()
            and not _ITEM.match(line)
            and not _QUOTE.match(line)
            and not _UNDERLINE.match(line)
        )

    def _take_table(self) -> list[Block] | None:
        tabs = self.lines[self.at].strip().count("\t")
        if "|" in self.lines[self.at] or _PIPE_ROW.match(self.lines[self.at]):
            is_row = self._is_pipe_row
        elif tabs and self._line(self.at + 1).strip().count("\t") == tabs:

            def is_row(index: int) -> bool:
                return self._line(index).strip().count("\t") == tabs
        else:
            return None
        delimited = _DELIMITER_ROW.match(self._line(self.at + 1)) and "|" in self.lines[self.at]
        if not (delimited or tabs or _PIPE_ROW.match(self.lines[self.at])):
            return None
        rows = []
        first = self.at
        if delimited:
            rows.append(self._block("table_header", first, first + 1, level=1))
            first += 2
        last = first
        while last < len(self.lines) and is_row(last):
            rows.append(self._block("table_row", last, last, level=0 if rows else 1))
            last += 1
        if not rows:
            return None
        self.at = last
        return rows

    def _is_pipe_row(self, index: int) -> bool:
        line = self._line(index)
        return bool(line.strip()) and ("|" in line or bool(_PIPE_ROW.match(line)))

    def _take_quote(self) -> list[Block] | None:
        last = self.at
        while last < len(self.lines) and _QUOTE.match(self.lines[last]):
            last += 1
        if last == self.at:
            return None
        start = self.bounds[self.at][0]
        end = self.bounds[last - 1][1]
        inside = blank_quote_marks(self.text[start:end])
        self.at = last
        found = [
            Block(
                "quote" if block.kind == "sentence" else block.kind,
                block.start + start,
                block.end + start,
                block.body + start,
                block.level,
            )
            for block in blocks(inside, quoted=True)
        ]
        # A quote of marks alone still has characters that belong to a unit.
        return found or [Block("rule", start, start + len(self.text[start:end].rstrip()), start)]

    def _take_rule(self) -> list[Block] | None:
        return self._one("rule", self.at) if _RULE.match(self.lines[self.at]) else None

    def _take_item(self) -> list[Block] | None:
        marker = _ITEM.match(self.lines[self.at])
        continues = not marker and self.in_list and self.lines[self.at][0].isspace()
        if not marker and not continues:
            return None
        self.in_list = True
        last = self.at
        while last + 1 < len(self.lines) and not self._begins_block(last + 1) and not _ITEM.match(self.lines[last + 1]):
            last += 1
        return self._one("list_item", last, body=marker.end() if marker else 0)

    def _take_paragraph(self) -> list[Block]:
        self.in_list = False
        last = self.at
        while last + 1 < len(self.lines) and not self._begins_block(last + 1):
            if _BULLET_OR_ONE.match(self.lines[last + 1]):
                break
            last += 1
        return self._one("sentence", last)

    def _begins_block(self, index: int) -> bool:
        line = self.lines[index]
        return (
            not line.strip()
            or bool(_FENCE.match(line) or _ATX.match(line) or _WIKI.match(line))
            or bool(_QUOTE.match(line) or _PIPE_ROW.match(line) or _RULE.match(line))
            or ("|" in line and bool(_DELIMITER_ROW.match(self._line(index + 1))))
            or (line.strip().count("\t") > 0 and line.strip().count("\t") == self._line(index + 1).strip().count("\t"))
        )
