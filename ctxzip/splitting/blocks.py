"""Plain text and markdown -> blocks: what may be split into sentences, and what must not be cut.

Follows CommonMark where that serves, and leaves it where retrieved chunks differ from documents:
fences that lost their other half, indented prose, wiki and reStructuredText headings, tables of tabs.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.splitting.block import Block
from ctxzip.splitting.lines import is_title, line_blocks
from ctxzip.splitting.structured import structured_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.datamodels import Kind

_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_FENCE = re.compile(r"\s*+(`{3,}+|~{3,}+)([^`]*)$")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_WIKI = re.compile(r"(={2,6})[^=].*[^=]\1|(={1,6}) \S.*")
_UNDERLINE = re.compile(r"([=\-~^\"*+#])\1{2,}\s*$")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*$")
_QUOTE = re.compile(r" {0,3}>")
_QUOTE_MARKS = re.compile(r"(?:^|(?<=\r))[ \t]{0,3}(?:>[ \t]?)+", re.MULTILINE)  # a lone \r ends a line here, too
_BULLETS = "•‣◦▪●○■□▸►▶➢➤✓✔·∙⁃\uf0b7\uf0a7"  # the last two are Word's, in its own font
_ITEM = re.compile(
    rf"\s*(?:[-*+–—{_BULLETS}]|\(?\d{{1,3}}[.)]|\d{{1,2}}(?:\.\d{{1,2}}){{1,3}}|\(?(?:[a-z]|[ivx]{{1,4}})\))[ \t]+(?=\S)"
)
_BULLET_OR_ONE = re.compile(rf"\s*(?:[-*+{_BULLETS}]|\(?1[.)])[ \t]+\S")
_GRID_RULE = re.compile(r"\s*\+[-=+]{3,}\+\s*$")
_INDENTED = re.compile(r" {4}|\t")
_FRONT_MATTER_KEY = re.compile(r"[\w-]+\s*:")
_CODE_MARK = re.compile(r"[{}();=<>\[\]$|\\]|::|->|^\s*(?:>>>|#|//|--|def |class |import |from |return\b)")
_STRONG_CODE = re.compile(
    r"^\s*(?:def |class |import |from \S+ import |return\b|if .*:$|for .*:$|const |let |var |function |public |private |#include|export )"
    r"|[;{]\s*$|^\s*[\w.\[\]\"']+\s*[-+*/]?=\s*\S|^\s*[\w.]+\(.*\)\s*;?$|^\s*[$>] \S|^\s*(?:sudo|pip|git|docker|npm|apt|curl) "
)
_PROSE_WORDS_A_LINE = 5  # prose set in 40 columns or more holds 6 and more, a command 2 to 4

_CAPTION = re.compile(
    r"\W*(?:Tab|Fig|Abb|Table|Figure|Tabelle|Abbildung|Tableau|Tabla|Tabela|Tabella|Figura|Exhibit|Listing)\.? ?\d+\b"
)
_INNER_SENTENCE = re.compile(r"[.!?]\s+[^\W\d_a-z]")
_LED = frozenset({"list_item", "table_header", "table_row", "code", "line", "quote"})
_NUMBERED = re.compile(r"\s{0,3}(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+\S")
_CODE_SHARE = 0.5  # of the lines of a paragraph that look like code
_NUMBERED_LEVEL = 6  # below those of markdown; each number of "4.2.1" is one level more
_TITLE_LEVEL = 12

_HEADING_LINE_LIMIT = 120  # code points: two lines of print; a longer line above ---- is a paragraph above a rule


def blocks(text: str, *, quoted: bool = False) -> Iterator[Block]:
    """Yield the blocks of `text` in order; together they hold every character that is not space.

    With `quoted` the text is the inside of a block quote whose marks were blanked: nothing in it
    is indented code, since the blanks look like indentation.
    """
    if not quoted and (found := structured_blocks(text)):
        return iter(found)
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
        self.prose_until = 0  # an indented run that was looked at and is no code
        self.count = 0  # blocks so far
        self.lead_in: int | None = None  # the block that ends in a colon, or the caption, above what comes next

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
            found = next(blocks for take in takers if (blocks := take()))
            yield from self._under_lead_in(found)
            self.after_blank = False

    def _under_lead_in(self, found: list[Block]) -> list[Block]:
        """Put lists, tables, code and lines under the colon or caption above them; note a new one."""
        if found[0].kind in _LED and self.lead_in is not None:
            found = [
                replace(block, under=self.lead_in) if block.under is None and block.kind != "table_row" else block
                for block in found
            ]
        else:
            self.lead_in = None
        last = found[-1]
        if last.kind in {"sentence", "line", "heading"} and not last.level and self._leads(last):
            self.lead_in = self.count + len(found) - 1
            if "\n" not in self.text[last.body : last.end] and not _INNER_SENTENCE.search(
                self.text, last.body, last.end
            ):
                found = [*found[:-1], replace(last, kind="heading")]
        self.count += len(found)
        return found

    def _leads(self, block: Block) -> bool:
        """Tell whether a block ends in a colon, or is a caption, right above a list, a table, code or lines."""
        following = next(
            (at for at in range(self.at, min(self.at + 3, len(self.lines))) if self.lines[at].strip()), None
        )
        if following is None:
            return False
        line = self.lines[following]
        is_table = _is_pipe_row(line) or bool(_GRID_RULE.match(line)) or line.strip().count("\t") > 0
        if self.text[: block.end].endswith(":"):
            return is_table or bool(
                _ITEM.match(line) or _FENCE.match(line) or _INDENTED.match(line) or _QUOTE.match(line)
            )
        return is_table and bool(_CAPTION.match(self.text, block.body))

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
        # Without its other half a fence opens code that was cut off at the end, or closes code that
        # was cut off at the start and must not swallow what follows.
        rest = [line for line in self.lines[self.at + 1 :] if line.strip()]
        opens = opening[2].strip() or 2 * _marked(rest) >= len(rest)
        return self._one("code", len(self.lines) - 1 if opens else self.at)

    def _take_indented_code(self) -> list[Block] | None:
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
        is_marked = 2 * _marked(lines) >= len(lines)
        # Inside a list, indentation alone says that a paragraph belongs to its item.
        if is_marked or (not self.in_list and words < _PROSE_WORDS_A_LINE * len(lines)):
            return self._one("code", last)
        self.prose_until = last + 1
        return None

    def _take_heading(self) -> list[Block] | None:
        line = self.lines[self.at]
        if _ATX.match(line) and _is_comment(line, self._line(self.at + 1)):
            return None
        if match := _ATX.match(line) or _WIKI.fullmatch(line.strip()):
            self.in_list = False
            return self._one("heading", self.at, level=len(match[1] or match[2]))
        underline = _UNDERLINE.match(self._line(self.at + 1))
        # Marks of reStructuredText are as long as the title; others are a rule, or the end of something.
        long_enough = underline and (underline[1] in "=-" or len(underline[0].rstrip()) >= len(line.rstrip()))
        if underline and long_enough and self._may_be_underlined(line):
            self.in_list = False
            return self._one("heading", self.at + 1, level={"=": 1, "-": 2}.get(underline[1], 3))
        return self._take_title(line)

    def _take_title(self, line: str) -> list[Block] | None:
        """Take a line that stands alone above text as a heading: a title, a numbered title, a bold question."""
        if self.quoted or not self.after_blank or self._line(self.at + 1).strip() or not is_title(line):
            return None
        following = next(
            (at for at in range(self.at + 2, min(self.at + 4, len(self.lines))) if self.lines[at].strip()), None
        )
        if following is None or line[:1].isspace():
            return None
        numbered = _NUMBERED.match(line)
        if (_ITEM.match(line) and not numbered) or (numbered and _NUMBERED.match(self.lines[following])):
            return None
        if not numbered and is_title(self.lines[following]) and not self._line(following + 1).strip():
            return None  # one of several short lines, such as an address with blank lines or a menu
        self.in_list = False
        return self._one(
            "heading", self.at, level=_NUMBERED_LEVEL + numbered[1].count(".") + 1 if numbered else _TITLE_LEVEL
        )

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
        line = self.lines[self.at]
        if _GRID_RULE.match(line):
            return self._take_grid_table()
        delimited = "|" in line and _is_delimiter_row(self._line(self.at + 1))
        tabs = line.strip().count("\t")
        first = self.at
        last = first + 2 if delimited else first
        if delimited or _is_pipe_row(line):
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

    def _take_grid_table(self) -> list[Block]:
        """Take a table whose rows stand between rules: a row is what stands above its rule."""
        first = last = self.at
        while last + 1 < len(self.lines) and (
            _is_pipe_row(self.lines[last + 1]) or _GRID_RULE.match(self.lines[last + 1])
        ):
            last += 1
        rules = [at for at in range(first + 1, last + 1) if _GRID_RULE.match(self.lines[at])]
        head = next((at for at in rules if "=" in self.lines[at]), rules[0] if len(rules) > 1 else None)
        rows = [] if head is None else [self._block("table_header", first, head, level=1)]
        start = first if head is None else head + 1
        for rule in [*(at for at in rules if at >= start), last]:
            if start <= rule:
                rows.append(self._block("table_row", start, rule, level=0 if rows else 1))
                start = rule + 1
        self.at = last + 1
        return rows

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
        if not self.quoted and (code := self._take_bare_code(last)):
            return code
        first = self.at
        found = None if self.quoted else line_blocks(self.lines[first : last + 1])
        if found is None:
            return self._one("sentence", last)
        self.at = last + 1
        return [
            replace(
                self._block(one.kind, first + one.first, first + one.last, level=int(one.kind == "table_header")),
                under=None if one.under is None else self.count + one.under,
            )
            for one in found
        ]

    def _take_bare_code(self, last: int) -> list[Block] | None:
        """Take code without a fence: definitions with all that is indented below them, comments with the code under them."""
        lines = self.lines[self.at : last + 1]
        if len(lines) < 2 or sum(bool(_STRONG_CODE.search(line)) for line in lines) < _CODE_SHARE * len(lines):
            return None
        found = []
        first = self.at
        end = len(self.lines)
        while first < end:
            until = first + 1
            while until < end and (
                self._is_inside(until) or (self.lines[until].strip() and self.lines[until - 1].strip())
            ):
                until += 1
            while until - 1 > first and not self.lines[until - 1].strip():
                until -= 1
            found.append(self._block("code", first, until - 1))
            self.at = until
            first = next((at for at in range(until, end) if self.lines[at].strip()), end)
            if first == end or (
                not _STRONG_CODE.search(self.lines[first]) and not _is_comment(self.lines[first], self._line(first + 1))
            ):
                break
        return found

    def _is_inside(self, at: int) -> bool:
        """Tell whether a line, or the next that is not blank, is indented: it belongs to the definition above."""
        following = next((line for line in self.lines[at : at + 4] if line.strip()), "")
        return following[:1].isspace() or following.strip() in {"}", "});", "};", ")", "]"}

    def _begins_block(self, index: int) -> bool:
        line = self.lines[index]
        return (
            not line.strip()
            or bool(_FENCE.match(line) or _ATX.match(line) or _WIKI.fullmatch(line.strip()))
            or bool(_QUOTE.match(line) or _is_pipe_row(line) or _RULE.match(line))
            or ("|" in line and _is_delimiter_row(self._line(index + 1)))
            or (line.strip().count("\t") > 0 and line.strip().count("\t") == self._line(index + 1).strip().count("\t"))
        )


def _marked(lines: list[str]) -> int:
    """Count the lines that look like code."""
    return sum(bool(_CODE_MARK.search(line)) for line in lines)


def _is_pipe_row(line: str) -> bool:
    line = line.strip()
    return len(line) > 1 and line[0] == line[-1] == "|"


def _is_delimiter_row(line: str) -> bool:
    return "|" in line and "-" in line and not line.strip("|:- \t")


def _is_comment(line: str, following: str) -> bool:
    """Tell whether a line that begins with one `#` is a comment of the code below it, and no heading."""
    return line.lstrip().startswith("# ") and bool(following.strip()) and bool(_STRONG_CODE.search(following))
