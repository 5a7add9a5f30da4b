"""Plain text and Markdown -> blocks: headings, code, lists, tables, quotes and prose.

Follows CommonMark, with exceptions for retrieved chunks: unpaired code fences, indented prose, headings of wikis and
reStructuredText, tab-separated tables, logs and chats are recognised.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.splitting.block import Block
from ctxzip.splitting.lines import is_title, is_wrapped_prose, line_blocks
from ctxzip.splitting.list_nesting import BULLETS, LIST_MARKER, OuterItems, is_label_of, read_item
from ctxzip.splitting.source_code import code_ranges, count_code_lines, is_code_comment
from ctxzip.splitting.structured import structured_blocks
from ctxzip.splitting.text_lines import blank_quote_marks, lines_and_starts
from ctxzip.splitting.text_tables import GRID_RULE, grid_rows, is_caption, is_delimiter_row, is_pipe_row, is_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxzip.datamodels import Kind

_FENCE = re.compile(r"\s*+(`{3,}+|~{3,}+)([^`]*)$")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_WIKI = re.compile(r"(={2,6})[^=].*[^=]\1|(={1,6}) \S.*")  # headings of MediaWiki and AsciiDoc
_UNDERLINE = re.compile(r"([=\-~^\"*+#])\1{2,}\s*$")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*$")
_QUOTE = re.compile(r" {0,3}>")
# Markers that start a list directly after a paragraph. Other markers there may be prose.
_FIRST_ITEM = re.compile(rf"\s*(?:[-*+{BULLETS}]|\(?1[.)])[ \t]+\S")
_INDENTED = re.compile(r" {4}|\t")
_FRONT_MATTER_KEY = re.compile(r"[\w-]+\s*:")
_INNER_SENTENCE = re.compile(r"[.!?]\s+[^\W\d_a-z]")
_INTRODUCED = frozenset({"list_item", "table_header", "table_row", "code", "line", "quote"})
_NUMBERED = re.compile(r"\s{0,3}(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+\S")
_NUMBERED_LEVEL = 6  # below the headings of Markdown; each number of "4.2.1" is one level more
_TITLE_LEVEL = 12
_MIN_PROSE_WORDS_PER_LINE = 5  # prose of 40 columns has at least 6 words per line, commands have 2 to 4
_MAX_HEADING_LENGTH = 120  # code points; a longer line above ---- is a paragraph above a horizontal rule


def parse_blocks(text: str, *, quoted: bool = False) -> Iterator[Block]:
    """Yield the blocks of a text in order; together they cover every character that is not white space.

    Args:
        text: of one passage.
        quoted: whether the text is the inside of a block quote, after `blank_quote_marks`. Such a text has no indented
            code, because the blanks cannot be distinguished from indentation.
    """
    if text[:1].isalpha() and "\r" not in text and not LIST_MARKER.match(text):
        lines = text.rstrip().split("\n")
        if len(lines) == 1 or (all(line[:1].isalpha() for line in lines) and _is_plain_prose(lines)):
            return iter((Block("sentence", 0, len(text.rstrip()), 0),))  # as most retrieved passages are
    if not quoted and (structured := structured_blocks(text)):
        return iter(structured)
    return _Parser(text, quoted=quoted).parse()


def _is_plain_prose(lines: Sequence[str]) -> bool:
    """Return whether at least two lines are certainly prose, and neither a table, a title nor code."""
    if any("|" in line for line in lines) or not is_wrapped_prose(lines) or _UNDERLINE.match(lines[1]):
        return False
    return not code_ranges(lines, 0, len(lines) - 1)


class _Parser:
    """Parses a text in one pass over its lines. Each `_parse_*` method consumes the lines of its blocks or returns None."""

    def __init__(self, text: str, *, quoted: bool) -> None:
        self.text = text
        self.quoted = quoted
        self.lines, self.starts = lines_and_starts(text)
        self.at = 0  # index of the current line
        self.in_list = False
        self.outer_items = OuterItems()
        self.after_blank = True
        self.prose_until = 0  # index of the line after indented lines that are not code
        self.count = 0  # blocks so far
        # Index of the caption, or of the block that ends in a colon, directly above the current line.
        self.introduction: int | None = None

    def parse(self) -> Iterator[Block]:
        parsers = (
            self._parse_plain_paragraph,
            self._parse_front_matter,
            self._parse_fence,
            self._parse_indented_code,
            self._parse_heading,
            self._parse_table,
            self._parse_quote,
            self._parse_rule,
            self._parse_item,
            self._parse_paragraph,
        )
        while self.at < len(self.lines):
            if not self.lines[self.at].strip():
                self.at += 1
                self.after_blank = True
                continue
            yield from self._with_introduction(next(parsed for parse_block in parsers if (parsed := parse_block())))
            self.after_blank = False

    def _parse_plain_paragraph(self) -> list[Block] | None:
        """Parse a paragraph that is certainly prose and introduces nothing, as most are, without any other check."""
        line = self.lines[self.at]
        if not line[0].isalpha() or LIST_MARKER.match(line) or is_caption(line):
            return None
        last = self._end_of_paragraph()
        if self.lines[last].rstrip()[-1] == ":":
            return None
        if last > self.at:
            is_plain = _is_plain_prose(self.lines[self.at : last + 1])
        else:
            is_plain = len(line) > _MAX_HEADING_LENGTH and not self._line(last + 1).strip()
            is_plain = is_plain and "|" not in line and "\t" not in line
        self.in_list = self.in_list and not is_plain
        return self._single("sentence", last) if is_plain else None

    def _end_of_paragraph(self) -> int:
        """Return the last line of the paragraph that begins at the current line."""
        last = self.at
        while (
            last + 1 < len(self.lines)
            and not self._begins_block(last + 1)
            and not _FIRST_ITEM.match(self.lines[last + 1])
        ):
            last += 1
        return last

    def _with_introduction(self, blocks: list[Block]) -> list[Block]:
        """Make a caption, or a line that ends in a colon, the parent of the list, table, code or lines below it."""
        if blocks[0].kind in _INTRODUCED and self.introduction is not None:
            blocks = [
                replace(block, parent=self.introduction)
                if block.parent is None and block.kind != "table_row"
                else block
                for block in blocks
            ]
        else:
            self.introduction = None
        last = blocks[-1]
        if last.kind in {"sentence", "line", "heading"} and not last.level and self._introduces(last):
            self.introduction = self.count + len(blocks) - 1
            is_single_line = "\n" not in self.text[last.body : last.end]
            is_short_caption = last.end - last.body <= _MAX_HEADING_LENGTH and is_caption(
                self.text[last.body : last.end]
            )
            if is_single_line and (is_short_caption or not _INNER_SENTENCE.search(self.text, last.body, last.end)):
                blocks = [*blocks[:-1], replace(last, kind="heading")]
        self.count += len(blocks)
        return blocks

    def _introduces(self, block: Block) -> bool:
        """Return whether a block ends in a colon or is a caption, directly above a list, a table, code or lines."""
        line = self._next_line(self.at)
        if not line:
            return False
        if self.text.endswith(":", block.start, block.end):
            return self._may_be_introduced(line)
        return is_row(line) and is_caption(self.text[block.body : block.end])

    def _may_be_introduced(self, line: str) -> bool:
        """Return whether a line begins a table, a list, code or a quote."""
        return is_row(line) or any(form.match(line) for form in (LIST_MARKER, _FENCE, _INDENTED, _QUOTE))

    def _block(
        self, kind: Kind, first: int, last: int, *, body: int = 0, level: int = 0, parent: int | None = None
    ) -> Block:
        """Return the block of these lines; `body` is an offset into the first."""
        start = self.starts[first]
        end = self.starts[last] + len(self.lines[last].rstrip())
        return Block(kind, start, end, start + body, level, parent)

    def _single(self, kind: Kind, last: int, *, body: int = 0, level: int = 0) -> list[Block]:
        """Consume the lines up to `last` as one block."""
        block = self._block(kind, self.at, last, body=body, level=level)
        self.at = last + 1
        return [block]

    def _line(self, index: int) -> str:
        """Return a line, or "" after the last."""
        return self.lines[index] if index < len(self.lines) else ""

    def _next_line(self, index: int) -> str:
        """Return the first of three lines from an index on that is not blank; "" if there is none."""
        return next((line for line in self.lines[index : index + 3] if line.strip()), "")

    def _parse_front_matter(self) -> list[Block] | None:
        if self.starts[self.at] or self.lines[self.at].rstrip() != "---":
            return None
        if not _FRONT_MATTER_KEY.match(self._line(1)):
            return None
        for last in range(2, len(self.lines)):
            if self.lines[last].rstrip() in {"---", "..."}:
                return self._single("front_matter", last)
        return None

    def _parse_fence(self) -> list[Block] | None:
        opening = _FENCE.match(self.lines[self.at])
        if not opening:
            return None
        self.in_list = self.in_list and self.lines[self.at][0].isspace()
        fence = opening[1]
        for last in range(self.at + 1, len(self.lines)):
            line = self.lines[last].strip()
            if len(line) >= len(fence) and not line.strip(fence[0]):
                return self._single("code", last)
        # An unpaired fence opens code whose end was cut off, or closes code whose start was cut off. In the second case the
        # text after it is not code.
        rest = [line for line in self.lines[self.at + 1 :] if line.strip()]
        opens = opening[2].strip() or 2 * count_code_lines(rest) >= len(rest)
        return self._single("code", len(self.lines) - 1 if opens else self.at)

    def _parse_indented_code(self) -> list[Block] | None:
        if (
            self.quoted
            or not self.after_blank
            or self.at < self.prose_until
            or not _INDENTED.match(self.lines[self.at])
        ):
            return None
        last = self.at
        for index in range(self.at + 1, len(self.lines)):
            if _INDENTED.match(self.lines[index]) and self.lines[index].strip():
                last = index
            elif self.lines[index].strip():
                break
        lines = [line for line in self.lines[self.at : last + 1] if line.strip()]
        words = sum(len(line.split()) for line in lines)
        is_code = 2 * count_code_lines(lines) >= len(lines)
        # Inside a list, indentation marks a paragraph that belongs to its item.
        if is_code or (not self.in_list and words < _MIN_PROSE_WORDS_PER_LINE * len(lines)):
            return self._single("code", last)
        self.prose_until = last + 1
        return None

    def _parse_heading(self) -> list[Block] | None:
        line = self.lines[self.at]
        if _ATX.match(line) and is_code_comment(line, self._line(self.at + 1)):
            return None
        if match := _ATX.match(line) or _WIKI.fullmatch(line.strip()):
            self.in_list = False
            return self._single("heading", self.at, level=len(match[1] or match[2]))
        underline = _UNDERLINE.match(self._line(self.at + 1))
        # An underline of reStructuredText is at least as long as its title; a shorter one is a rule.
        long_enough = underline and (underline[1] in "=-" or len(underline[0].rstrip()) >= len(line.rstrip()))
        if underline and long_enough and self._may_be_underlined(line):
            self.in_list = False
            return self._single("heading", self.at + 1, level={"=": 1, "-": 2}.get(underline[1], 3))
        return self._parse_title(line)

    def _parse_title(self, line: str) -> list[Block] | None:
        """Parse a title without markup: a short line with a blank line below it, perhaps numbered."""
        if self.quoted or not self.after_blank or self._line(self.at + 1).strip() or not is_title(line):
            return None
        following = self._next_line(self.at + 2)
        if not following or line[:1].isspace() or (line.rstrip().endswith(":") and self._may_be_introduced(following)):
            return None
        numbered = _NUMBERED.match(line)
        if (LIST_MARKER.match(line) and not numbered) or (numbered and _NUMBERED.match(following)):
            return None
        following_is_single = not self._line(self.lines.index(following, self.at + 2) + 1).strip()
        if not numbered and is_title(following) and following_is_single:
            return None  # short lines with blank lines between them, such as a menu
        self.in_list = False
        level = _NUMBERED_LEVEL + numbered[1].count(".") + 1 if numbered else _TITLE_LEVEL
        return self._single("heading", self.at, level=level)

    def _may_be_underlined(self, line: str) -> bool:
        """Return whether the line above an underline can be a title."""
        return (
            self.after_blank
            and len(line) <= _MAX_HEADING_LENGTH
            and not line[:1].isspace()
            and not LIST_MARKER.match(line)
            and not _QUOTE.match(line)
            and not _UNDERLINE.match(line)
        )

    def _parse_table(self) -> list[Block] | None:
        line = self.lines[self.at]
        if GRID_RULE.match(line):
            return self._parse_grid_table()
        delimited = "|" in line and is_delimiter_row(self._line(self.at + 1))
        tabs = line.strip().count("\t")
        first = self.at
        last = first + 2 if delimited else first
        if delimited or is_pipe_row(line):
            while last < len(self.lines) and "|" in self.lines[last]:
                last += 1
        elif tabs and self._line(first + 1).strip().count("\t") == tabs:
            while last < len(self.lines) and self.lines[last].strip().count("\t") == tabs:
                last += 1
        else:
            return None
        rows = [self._block("table_header", first, first + 1, level=1)] if delimited else []
        rows += [
            self._block("table_row", at, at, level=1 if at == first else 0)
            for at in range(first + 2 if delimited else first, last)
        ]
        self.at = last
        return rows

    def _parse_grid_table(self) -> list[Block]:
        """Consume a table whose rows are separated by rules (`+---+`); each block includes the rule below its row."""
        rows = grid_rows(self.lines, self.at)
        blocks = [
            self._block(kind, first, last, level=int(index == 0)) for index, (kind, first, last) in enumerate(rows)
        ]
        self.at = rows[-1][2] + 1
        return blocks

    def _parse_quote(self) -> list[Block] | None:
        last = self.at
        while last < len(self.lines) and _QUOTE.match(self.lines[last]):
            last += 1
        if last == self.at:
            return None
        start = self.starts[self.at]
        end = self.starts[last - 1] + len(self.lines[last - 1])
        inside = blank_quote_marks(self.text[start:end])
        self.at = last
        inner = [
            Block(
                "quote" if block.kind == "sentence" else block.kind,
                block.start + start,
                block.end + start,
                block.body + start,
                block.level,
            )
            for block in parse_blocks(inside, quoted=True)
        ]
        # A quote without content becomes a rule, so that its marks belong to a span as well.
        return inner or [Block("rule", start, start + len(self.text[start:end].rstrip()), start)]

    def _parse_rule(self) -> list[Block] | None:
        return self._single("rule", self.at) if _RULE.match(self.lines[self.at]) else None

    def _parse_item(self) -> list[Block] | None:
        marker = LIST_MARKER.match(self.lines[self.at])
        continues = not marker and self.in_list and self.lines[self.at][0].isspace()
        if not marker and not continues:
            return None
        if not self.in_list:
            self.outer_items = OuterItems()
        first = self.at
        self.in_list = True
        last = first
        while (
            last + 1 < len(self.lines)
            and not self._begins_block(last + 1)
            and not LIST_MARKER.match(self.lines[last + 1])
        ):
            last += 1
        item = read_item(self.lines[first], self.lines[last], self.count)
        outer = self.outer_items.add(item)
        is_label = first == last and bool(marker) and is_label_of(item, self.lines[first], self._line(last + 1))
        (block,) = self._single("heading" if is_label else "list_item", last, body=marker.end() if marker else 0)
        return [block if outer is None else replace(block, parent=outer)]

    def _parse_paragraph(self) -> list[Block]:
        self.in_list = False
        first, last = self.at, self._end_of_paragraph()
        if not self.quoted and (ranges := code_ranges(self.lines, first, last)):
            self.at = ranges[-1][1] + 1
            return [self._block("code", *code) for code in ranges]
        lines = None if self.quoted else line_blocks(self.lines[first : last + 1])
        if lines is None:
            return self._single("sentence", last)
        self.at = last + 1
        return [
            self._block(
                one.kind,
                first + one.first,
                first + one.last,
                level=int(one.kind == "table_header"),
                parent=None if one.parent is None else self.count + one.parent,
            )
            for one in lines
        ]

    def _begins_block(self, index: int) -> bool:
        """Return whether a line ends the paragraph or list item before it."""
        line = self.lines[index]
        if line[:1].isalnum() and "|" not in line and "\t" not in line:
            return False
        return (
            not line.strip()
            or bool(_FENCE.match(line) or _ATX.match(line) or _WIKI.fullmatch(line.strip()))
            or bool(_QUOTE.match(line) or is_pipe_row(line) or _RULE.match(line))
            or ("|" in line and is_delimiter_row(self._line(index + 1)))
            or (line.strip().count("\t") > 0 and line.strip().count("\t") == self._line(index + 1).strip().count("\t"))
        )
