"""Structured text -> blocks: JSON, XML and HTML, settings (YAML, INI, TOML, properties).

Each entry is a block. Like headings, the entries that it is nested in are its parents and are kept with it: `port: 5433` is
kept with `replica:` and `database:`.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.splitting.block import Block
from ctxzip.splitting.source_code import source_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.datamodels import Kind

_SMALL = 80  # code points; a JSON object or array up to this size is one block: `"pool": {"min": 1, "max": 10}`
_RECORD = 300  # code points; an element of markup up to this size is one block
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++')
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*+)[^<>]*?(/?)>|<[?!][^<>]*>")
_TAG_OR_COMMENT = re.compile(_TAG.pattern.replace("|", "|<!--.*?-->|"), re.DOTALL)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "br",
        "cite",
        "code",
        "data",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "input",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_HEADING_TAG = re.compile(r"h([1-6])", re.IGNORECASE)
_SECTION = re.compile(r"\s*\[{1,2}[^\[\]]+\]{1,2}\s*$")
_SETTING = re.compile(r"\s*(?:- )?(?:[\w.$/@-]+|\"[^\"]+\"|'[^']+')\s*(?::(?=\s|$)|=)")
_FIRST = re.compile(r"\S")
_COMMENT = re.compile(r"\s*(?:[#;]|//)")
_ITEM = re.compile(r"\s*- \S")
_SETTING_WORDS = 7  # most of a line of settings on average
_CODE_WORDS = 10  # the same of source code, comments included; wrapped prose has 12 and more
_CLOSING = re.compile(r"[\s}\]),;]*$")


def structured_blocks(text: str) -> list[Block] | None:
    """Return the blocks of a text that is JSON, markup or settings as a whole; None for any other text."""
    first = _FIRST.search(text)
    head = first[0] if first else ""
    if head in {"{", "["} and (found := _json_blocks(text)):
        return found
    if head == "<" and (found := _markup_blocks(text)):
        return found
    n_breaks = text.count("\n") + text.count("\r")
    if n_breaks < 2:
        return None  # most texts are prose on one line
    words_per_line = len(text.split()) / (n_breaks + 1)
    return (words_per_line <= _SETTING_WORDS and _setting_blocks(text)) or (
        source_blocks(text) if words_per_line <= _CODE_WORDS else None
    )


def _json_blocks(text: str) -> list[Block] | None:
    """Return one block for each entry of JSON, nested in its parents; a small object or array is one block.

    The other entries of an object in an array are nested in its first entry.
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    blocks: list[Block] = []
    start: int | None = None  # offset of the current entry
    parents: list[int] = []
    depth_in_small = 0
    for match, end_of_container in _containers(text):
        token, at, end = match[0], match.start(), match.end()
        if depth_in_small:
            depth_in_small += (token in {"{", "["}) - (token in {"}", "]"})
        elif token in {"}", "]"}:
            _add_entry(blocks, start, at, parents)
            start = None
            if parents:
                parents.pop()
            continue
        elif token == ",":  # noqa: S105  # of JSON
            if start is not None and len(parents) > 1 and _is_opening_of_item(text, blocks, parents[-1]):
                blocks[-1] = replace(blocks[-1], end=end)
            else:
                _add_entry(blocks, start, end, parents)
            start = None
            continue
        start = at if start is None else start
        if token in {"{", "["} and not depth_in_small:
            if end_of_container - start <= _SMALL and blocks:
                depth_in_small = 1
            else:
                blocks.append(Block("line", start, end, start, parent=parents[-1] if parents else None))
                parents.append(len(blocks) - 1)
                start = None
    return _with_headings(_closed(text, blocks)) if len(blocks) > 1 else None


def _containers(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield the tokens of JSON, each opening bracket with the end offset of its container, other tokens with 0."""
    tokens = list(_JSON_TOKEN.finditer(text))
    ends = [0] * len(tokens)
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token[0] in {"{", "["}:
            opened.append(index)
        elif token[0] in {"}", "]"} and opened:
            ends[opened.pop()] = token.end()
    return zip(tokens, ends, strict=True)


def _is_opening_of_item(text: str, blocks: list[Block], parent: int) -> bool:
    """Return whether the last block is only the opening bracket of an object in an array.

    The first entry of such an object, mostly its name or id, belongs to it, so that it is a parent of the other entries.
    """
    return parent == len(blocks) - 1 and text[blocks[-1].start : blocks[-1].end] == "{"


def _add_entry(blocks: list[Block], start: int | None, end: int, parents: list[int]) -> None:
    """Append a block for the current entry; without one, the bracket or comma belongs to the previous block."""
    if start is not None:
        blocks.append(Block("line", start, end, start, parent=parents[-1] if parents else None))


def _closed(text: str, blocks: list[Block]) -> list[Block]:
    """Return the blocks extended to the start of the next one, so that they include closing brackets and commas."""
    ends = [*(block.start for block in blocks[1:]), len(text)]
    return [
        replace(block, end=block.start + len(text[block.start : max(end, block.end)].rstrip()))
        for block, end in zip(blocks, ends, strict=True)
    ]


def _markup_blocks(text: str) -> list[Block] | None:
    """Return the small elements of XML or HTML as blocks; rows have the header row of their table as a parent."""
    tags = _tags(text)
    if len(tags) < 3:
        return None
    cuts = _element_boundaries(text, tags)
    tag_at = {tag.start(): tag for tag in tags}
    blank = _without_tags(text, tags)
    blocks: list[Block] = []
    header: int | None = None
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = text[start:end]
        if not piece.strip():
            continue
        at = start + len(piece) - len(piece.lstrip())
        name = first[2].lower() if (first := tag_at.get(at)) and first[2] else ""
        if not blank[start:end].strip() and blocks:  # closing tags and tags of containers belong to the previous block
            last = blocks[-1]
            blocks[-1] = Block(last.kind, last.start, start + len(piece.rstrip()), last.body, last.level, last.parent)
            continue
        if heading := _HEADING_TAG.fullmatch(name):
            block = Block("heading", at, start + len(piece.rstrip()), at, int(heading[1]))
            header = None
        elif re.search(r"<tr\b", piece, re.IGNORECASE):
            is_header = bool(re.search(r"<th\b", piece, re.IGNORECASE)) and not re.search(
                r"<td\b", piece, re.IGNORECASE
            )
            block = Block(
                "table_header" if is_header else "table_row" if header is not None else "line",
                at, start + len(piece.rstrip()), at, 0, None if is_header else header,
            )  # fmt: skip
            header = len(blocks) if is_header else header
        else:
            kind: Kind = "line" if end - start <= _RECORD or name not in {"p", "div", "td", "li", ""} else "sentence"
            block = Block(kind, at, start + len(piece.rstrip()), at)
            header = None if re.search(r"</table", piece, re.IGNORECASE) else header
        blocks.append(block)
    return blocks if len(blocks) > 1 else None


def _tags(text: str) -> list[re.Match[str]]:
    """Return the tags and the comments of markup. An open comment is none, and is searched for its end only once."""
    last = text.rfind("-->") + 1
    end = last + 2 if last else 0
    return [*_TAG_OR_COMMENT.finditer(text, 0, end), *_TAG.finditer(text, end)]


def _without_tags(text: str, tags: list[re.Match[str]]) -> str:
    """Return the text with spaces in the place of its tags, so that offsets stay valid."""
    parts = []
    at = 0
    for tag in tags:
        parts += [text[at : tag.start()], " " * (tag.end() - tag.start())]
        at = tag.end()
    return "".join([*parts, text[at:]])


def _element_boundaries(text: str, tags: list[re.Match[str]]) -> list[int]:
    """Return the offsets of the block boundaries in markup: before and after every element that is one block.

    An element is one block if it contains no block-level element, if it has at most `_RECORD` code points and one level of
    such elements, or if it is a row of a table.
    """
    cuts: list[int] = []  # in increasing order
    opened: list[list[int]] = []  # start of each open element, and the number of levels inside it
    for tag in tags:
        name = (tag[2] or "").lower()
        if not name:
            cuts += tag.span() if not opened else ()
            continue
        if name in _INLINE or name in _VOID or tag[3]:
            continue
        if not tag[1]:
            opened.append([tag.start(), 0])
            continue
        if not opened:
            continue
        start, height = opened.pop()
        is_row = name == "tr"
        if is_row or height == 0 or (height == 1 and tag.end() - start <= _RECORD):
            while cuts and cuts[-1] > start:
                cuts.pop()
            cuts += [start, tag.end()]
            height = height if not is_row else 1
        if opened:
            opened[-1][1] = max(opened[-1][1], height + 1)
    return sorted({cut for cut in cuts if 0 < cut < len(text)})


def _setting_blocks(text: str) -> list[Block] | None:
    """Return one block for each line of settings, nested in its section and in less indented lines; None for other text."""
    bounds = [match.span() for match in re.finditer(r"[^\r\n]+", text)]
    lines = [text[start:end] for start, end in bounds]
    shown = [line for line in lines if line.strip()]
    if len(shown) < 3 or not _are_settings(shown):
        return None
    blocks: list[Block] = []
    above: list[tuple[int, int]] = []  # indentation and index of the blocks in which the next one may be nested
    section: int | None = None
    comment: int | None = None  # start of the comment above the next setting
    for (start, end), line in zip(bounds, lines, strict=True):
        if not line.strip():
            continue
        if _COMMENT.match(line):
            comment = start if comment is None else comment
            continue
        begins = start if comment is None else comment
        comment = None
        indent = len(line) - len(line.lstrip())
        if _SECTION.match(line):
            section, above = len(blocks), []
            blocks.append(Block("heading", begins, end, begins))
            continue
        while above and above[-1][0] >= indent:
            above.pop()
        if _CLOSING.fullmatch(line) and blocks:
            last = blocks[-1]
            blocks[-1] = Block(last.kind, last.start, end, last.body, last.level, last.parent)
            continue
        blocks.append(Block("line", begins, end, begins, parent=above[-1][1] if above else section))
        above.append((indent, len(blocks) - 1))
    if comment is not None and blocks:
        last = blocks[-1]
        blocks[-1] = Block(last.kind, last.start, bounds[-1][1], last.body, last.level, last.parent)
    return _with_headings(blocks) or None


def _with_headings(blocks: list[Block]) -> list[Block]:
    """Return the blocks, with those that contain others as headings."""
    parents = {block.parent for block in blocks}
    return [
        Block("heading", block.start, block.end, block.body, 0, block.parent) if at in parents else block
        for at, block in enumerate(blocks)
    ]


def _are_settings(lines: list[str]) -> bool:
    """Return whether lines are settings: short, and nearly all keys with values, sections, items or comments."""
    n_settings = sum(bool(_SETTING.match(line)) for line in lines)
    n_others = sum(
        bool(_SECTION.match(line) or _COMMENT.match(line) or _ITEM.match(line) or _CLOSING.fullmatch(line))
        for line in lines
    )
    words = sum(len(line.split()) for line in lines)
    nested = any(line[:1].isspace() for line in lines) or any(_SECTION.match(line) or "=" in line for line in lines)
    return (
        nested
        and n_settings >= 0.5 * len(lines)
        and n_settings + n_others >= 0.9 * len(lines)
        and words <= _SETTING_WORDS * len(lines)
    )
