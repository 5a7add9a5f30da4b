"""Line-oriented text -> blocks: logs, records, settings, tables without rules, turns of speakers, lists.

Wrapped prose breaks a line where the next word would not fit. If lines break earlier than that, each line is a unit.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Kind

# The start of a log entry: a date, a time, a syslog date, an IP address, a level, a kernel time in brackets.
ENTRY = re.compile(
    r"\s*+[\[(<]?(?:\d{4}[-/.]\d\d[-/.]\d\d|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}[ ,T]|\d{1,2}:\d\d(?::\d\d)?\b|\d{10}(?:\.\d+)?\b"
    r"|(?:\d{1,3}\.){3}\d{1,3}\s|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? |[A-Z][a-z]{2} [ \d]\d \d\d:\d\d"
    r"|\s*\d+\.\d{3,}\]|(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL|SEVERE)\b)"
)
# A line that continues the entry above it: a frame of a stack trace, its source line, its cause.
TRACE = re.compile(
    r"\s+(?:at |File \"|in |from )\S|\s*(?:Caused by:|Traceback \(|During handling|The above exception|[~^]+\s*$|\.\.\. \d+ more)"
    r"|(?:[a-z_]\w*\.)+[A-Z]\w*(?:Exception|Error|Throwable)\b|[A-Z]\w*(?:Error|Exception): "
)
_JAVA_FRAME = re.compile(r"\s+at \S")
_PYTHON_FRAME = re.compile(r'\s+File "')
_CAUSE = re.compile(r"\s*(?:Caused by:|During handling|The above exception|Traceback \()")
_JSON_RECORD = re.compile(r"\s*[\[{].*[\]}],?\s*$")
_KEY_VALUE = re.compile(r"\s*[^\s:=|][^:=|]{0,40}?(?:[^\S\t]*+\t|\s*+(?::(?=\s|$)|=|\.{3,}))\s*+\S")
_OPTION = re.compile(r"\s*(?:-{1,2}[A-Za-z?][\w-]*|/[A-Za-z?]\w*)(?:[ ,=<\[]|\s*$)")
SPEAKER = re.compile(
    r"(?:[A-Z][\w.'’-]{0,24}|[A-Z]{2,})(?: [A-Z(][\w.'’)-]{0,24}){0,3}(?: \(?\d{1,2}:\d\d(?::\d\d)?\)?)?: \S"
)
_FORMS = (ENTRY, _JSON_RECORD, _OPTION, SPEAKER, _KEY_VALUE)
_MARKED_FORM = re.compile("|".join(f"(?:{form.pattern})" for form in (SPEAKER, _KEY_VALUE)))
_OTHER_FORM = re.compile("|".join(f"(?:{form.pattern})" for form in (ENTRY, _JSON_RECORD, _OPTION, TRACE)))
_FIRST_WORD = re.compile(r"\S+")
_CELL_GAP = re.compile(r"(?<=\S)(?: {2,}|\t+)(?=\S)")
_NUMBER = re.compile(r"[^\w\s]?(?:[.,:%/O\-]*+\d)++[.,:%/\-]*(?:\s?[A-Za-z%€$£]{1,4})?")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')  # a cell of comma-separated values
_ENDS_SENTENCE = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*$")
_SENTENCE_END = re.compile(r"[.!?…](?=\s|$)")
_PAGE = re.compile(r"(?:page|seite|p\.|s\.|pag\.|página|pagina)\s*\d+|\d+", re.IGNORECASE)
_WIDE_GAP = re.compile(r"\S(?: {3,}|\t)\S")
_TITLE_LENGTH, _TITLE_WORDS = 80, 10  # most code points and words of a title
_TERM_WORDS = 4  # most words of a term with its explanation below
_CELL_WORDS = 4  # most words of a cell on average
_GOES_ON = frozenset("([{`&/–—")  # a line that begins with one of these continues the line above
_INNER_SENTENCE = re.compile(r"[^\W\d_]{2}[.!?]\s+[^\W\d_a-z]")
_NARROWEST = 30  # code points; shorter lines are never wrapped prose
_PROSE_WORDS = 4  # fewest words of a line that a lower-case line continues
_SHARE = 0.6  # 0..1, fewest lines of a paragraph that have the same form
_LONGEST_ENTRY = 300  # code points; longer lines are split into sentences


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Consecutive lines that form one block.

    Attributes:
        first, last: indices of the lines, both included.
        kind: `line` (kept whole), `sentence` (prose), `heading` (of the lines after it), `table_header` or `table_row`.
        parent: index of the heading among the blocks of the paragraph; None if there is no heading.
    """

    first: int
    last: int
    kind: Kind
    parent: int | None = None


def line_blocks(lines: Sequence[str]) -> list[LineBlock] | None:
    """Return the blocks of a line-oriented paragraph; None for prose.

    Args:
        lines: of one paragraph, none of them blank, without line ends.

    >>> line_blocks(["Street: Quay 3", "Phone: 0451 5550"])
    [LineBlock(first=0, last=0, kind='line', parent=None), LineBlock(first=1, last=1, kind='line', parent=None)]
    >>> line_blocks(["The ferry to Little Thorn leaves at seven", "in the morning."])
    """
    if len(lines) < 2 or is_wrapped_prose(lines):
        return None
    if all(_JSON_RECORD.match(line) for line in lines):
        return [LineBlock(at, at, "line") for at in range(len(lines))]
    return _separated(lines) or _with_table(lines) or _broken(lines)


def is_wrapped_prose(lines: Sequence[str]) -> bool:
    """Return whether at least two lines are certainly prose: all but the last are full, with many words and few marks."""
    joined = " ".join(lines)
    if "  " in joined or "\t" in joined:
        return False
    width = max(_width(lines), _NARROWEST)
    for before, line in pairwise(lines):
        free = width - len(before) - 1
        if free > 0 and (line.find(" ", 1, free + 1) > 0 or len(line) <= free):
            return False
    n_cells = max(map(joined.count, ",;|")) + len(lines)
    if joined.count(" ") < _CELL_WORDS * n_cells:
        return False
    # A turn of a speaker or a key with its value has one of these marks.
    is_marked = any(mark in line for line in lines[:2] for mark in (":", "=", "..."))
    return not any(map(_OTHER_FORM.match, lines[:2])) and not (is_marked and any(map(_MARKED_FORM.match, lines[:2])))


def _with_table(lines: Sequence[str]) -> list[LineBlock] | None:
    """Return the rows of a table whose columns are separated by at least two spaces, and the blocks around the table."""
    if sum("  " in line.strip() or "\t" in line for line in lines) < 2:
        return None
    columns = [_CELL_GAP.split(line.strip()) for line in lines]
    is_row = [len(cells) > 2 for cells in columns]  # two columns may be two texts next to each other
    if sum(is_row) < 2:
        return None
    first = is_row.index(True)
    last = len(lines) - 1 - is_row[::-1].index(True)
    rows = columns[first : last + 1]
    cells = [cell for row in rows for cell in row]
    if sum(is_row[first : last + 1]) < _SHARE * len(rows) or sum(len(cell.split()) for cell in cells) > 3 * len(cells):
        return None
    while last + 1 < len(lines) and len(columns[last + 1]) == 2:  # a row with a total has fewer cells
        last += 1
    has_header = not any(_NUMBER.fullmatch(cell) for cell in rows[0])
    kinds: list[Kind] = ["table_row" if has_header else "line"] * (last + 1 - first)
    kinds[0] = "table_header" if has_header else "line"
    table = [LineBlock(at, at, kind) for at, kind in enumerate(kinds, first)]
    return [*_around(lines, 0, first), *table, *_around(lines, last + 1, len(lines))]


def _around(lines: Sequence[str], first: int, end: int) -> list[LineBlock]:
    """Return the blocks of the lines before or after a table."""
    if first >= end:
        return []
    found = line_blocks(lines[first:end]) or [LineBlock(0, end - first - 1, "sentence")]
    return [LineBlock(one.first + first, one.last + first, one.kind) for one in found]  # without headings of their own


def _separated(lines: Sequence[str]) -> list[LineBlock] | None:
    """Return the rows of comma-, semicolon- or tab-separated values; None for any other text."""
    bare = [_QUOTED.sub('""', line) if '"' in line else line for line in lines]
    n_words = sum(len(line.split()) for line in bare)
    for delimiter in (";", ",", "\t", "|"):
        counts = [line.count(delimiter) for line in bare]
        if n_words > _CELL_WORDS * (sum(counts) + len(lines)):
            continue
        frequency = Counter(counts)
        usual = max(set(counts), key=frequency.__getitem__)
        if usual < 1 + (delimiter == ",") or frequency[usual] < 0.8 * len(lines):
            continue
        cells = [cell.strip() for line in bare for cell in line.split(delimiter)]
        spaced = sum(line.count(f"{delimiter} ") for line in bare)
        if sum(len(cell.split()) for cell in cells) > _CELL_WORDS * len(cells) or 2 * spaced > sum(counts):
            continue
        names = [cell.strip().strip('"') for cell in lines[0].split(delimiter)]
        is_header = not any(map(_NUMBER.fullmatch, names))
        if len(lines) == 2 and (spaced or not is_header or usual < 2 or len({*names, ""}) <= len(names)):
            continue  # two lines of prose have such marks, too
        return [
            LineBlock(at, at, "table_header" if at == 0 and is_header else "table_row" if is_header else "line")
            for at in range(len(lines))
        ]
    return None


def _broken(lines: Sequence[str]) -> list[LineBlock] | None:
    """Return one block for each line that is an entry or ends early, with the lines that continue it; None for prose."""
    form = _form(lines)
    width = _width(lines)
    starts = [0]
    for at, (before, line) in enumerate(pairwise(lines), 1):
        entry = lines[starts[-1]]
        is_inside = _indentation(line) > _indentation(entry) and bool(ENTRY.match(entry))
        if not (is_inside and not ENTRY.match(line)) and _is_break(before, line, form, width):
            starts.append(at)
    if len(starts) == 1:
        n_frames = sum(bool(TRACE.match(line)) for line in lines)
        return _trace(lines, 0, len(lines), 0) if n_frames > 1 else None
    found: list[LineBlock] = []
    for first, end in pairwise([*starts, len(lines)]):
        size = sum(map(len, lines[first:end]))
        if size > _LONGEST_ENTRY and sum(bool(TRACE.match(line)) for line in lines[first:end]) > 2:
            found += _trace(lines, first, end, len(found))
            continue
        is_entry = (form is not None and form.match(lines[first])) or ENTRY.match(lines[first])
        is_whole = is_entry and (end - first > 1 or size <= _LONGEST_ENTRY)
        found.append(LineBlock(first, end - 1, "line" if is_whole else "sentence"))
    return _with_titles(lines, found, form)


def _with_titles(lines: Sequence[str], found: Sequence[LineBlock], form: re.Pattern[str] | None) -> list[LineBlock]:
    """Return the blocks, with those that are titles of the next block as headings."""
    if form is SPEAKER:
        return _with_questions(lines, found)
    blocks: list[LineBlock] = []
    heading: int | None = None
    for at, block in enumerate(found):
        line = lines[block.first]
        is_single = block.first == block.last and at + 1 < len(found)
        is_heading = is_single and (
            (block.kind == "sentence" and is_title(line)) or (line.rstrip().endswith(":") and not ENTRY.match(line))
        )
        if is_heading:
            following = lines[found[at + 1].first]
            is_heading = (
                (form is not None and at == 0 and bool(form.match(following)))
                or (len(following) > _TITLE_LENGTH and not is_title(following))
                or (line.rstrip().endswith(":") and _indentation(following) > _indentation(line))
                or (at == 0 and _is_term(line) and not is_title(following) and bool(_ENDS_SENTENCE.search(following)))
            )
        if is_heading:
            heading = at
            blocks.append(LineBlock(block.first, block.last, "heading"))
        else:
            blocks.append(
                LineBlock(block.first, block.last, block.kind, heading if block.parent is None else block.parent)
            )
    return blocks


def _trace(lines: Sequence[str], first: int, end: int, index: int) -> list[LineBlock]:
    """Return the parts of an entry with a stack trace, one where it is short; the first part is the parent of the others.

    A part is a message with the frame that it was raised in, or the frames after that.

    Args:
        lines: of the paragraph.
        first: index of the first line of the entry.
        end: index of the line after it.
        index: of the first part among the blocks of the paragraph.
    """
    borders: set[int] = set()
    if sum(map(len, lines[first:end])) > _LONGEST_ENTRY:
        last_frame = None  # of Python, where the message stands below the frames
        for at in range(first + 1, end):
            if _JAVA_FRAME.match(lines[at]) and not _JAVA_FRAME.match(lines[at - 1]):
                if any(map(_JAVA_FRAME.match, lines[at + 1 : min(at + 2, end)])):
                    borders.add(at + 1)
            elif _CAUSE.match(lines[at]) and at > first + 1:
                borders.add(at)
            elif _PYTHON_FRAME.match(lines[at]):
                last_frame = at
            elif last_frame is not None and not lines[at][:1].isspace():
                borders.add(last_frame)
                last_frame = None
    starts = sorted({first, *borders} - {end})
    return [
        LineBlock(start, until - 1, "line", None if start == first else index)
        for start, until in pairwise([*starts, end])
    ]


def _with_questions(lines: Sequence[str], found: Sequence[LineBlock]) -> list[LineBlock]:
    """Return the turns of speakers, those that end in a question as headings of the turn after them."""
    asks = [lines[block.last].rstrip(" \t\"'”’»)").endswith(("?", "？")) for block in found]
    is_question = [one and at + 1 < len(found) and not asks[at + 1] for at, one in enumerate(asks)]
    return [
        LineBlock(
            block.first,
            block.last,
            "heading" if is_question[at] else block.kind,
            at - 1 if at and is_question[at - 1] else None,
        )
        for at, block in enumerate(found)
    ]


def _is_term(line: str) -> bool:
    """Return whether a line may be a term that the lines below it explain."""
    return len(line.split()) <= _TERM_WORDS and is_title(line) and not line.rstrip().endswith(("?", ":"))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _form(lines: Sequence[str]) -> re.Pattern[str] | None:
    """Return the pattern that most lines match: log entries, JSON, options, turns of speakers, or keys with values."""
    most_others = (1 - _SHARE) * len(lines)
    for form in _FORMS:
        n_matching = n_others = 0
        for line in lines:
            if form.match(line):
                n_matching += 1
            elif not TRACE.match(line):
                n_others += 1
                if n_others > most_others:
                    break
        else:
            if n_matching >= 2 and n_matching >= _SHARE * sum(not TRACE.match(line) for line in lines):
                return form
    return None


def _width(lines: Sequence[str]) -> int:
    """Return the width at which these lines would be wrapped: the second longest, so that one long URL does not count."""
    lengths = sorted(map(len, lines[:-1]), reverse=True)
    return lengths[1] if len(lengths) > 3 else lengths[0]


def _is_break(before: str, line: str, form: re.Pattern[str] | None, width: int) -> bool:
    """Return whether a line begins a new unit."""
    if TRACE.match(line):
        return False
    if ENTRY.match(line) or (form is not None and form.match(line)):
        return True
    if form is not None:
        return not line[:1].isspace() and not line[:1].islower()
    word = _FIRST_WORD.search(line)
    is_full = len(before.rstrip()) + 1 + len(word[0] if word else "") > max(width, _NARROWEST)
    if is_full:
        return False
    head = line.lstrip()[:1]
    goes_on = (head.islower() or head in _GOES_ON) and not _ENDS_SENTENCE.search(before)
    is_prose = (
        len(before.split()) >= _PROSE_WORDS
        or before.rstrip().endswith((",", "-", "\u00ad"))
        or (before.lstrip()[:1].isupper() and bool(_SENTENCE_END.search(line)))
    )
    return not (goes_on and is_prose)


def is_title(line: str) -> bool:
    """Return whether a line can be a title: short, begins with a capital or a digit, and does not end like a sentence.

    >>> [is_title(line) for line in ("Opening hours", "4.2 Mail", "Phone: 0451 5550", "It is red.", "Page 2", "Best,")]
    [True, True, False, False, False, False]
    """
    text = line.strip().strip("*_ ")
    if not text or len(text) > _TITLE_LENGTH or len(text.split()) > _TITLE_WORDS:
        return False
    if (
        text[-1] in ".,;!…。、"
        or _PAGE.fullmatch(text)
        or _WIDE_GAP.search(text)
        or _INNER_SENTENCE.search(text)
        or re.search(r":\s+\S|[|=<>{}\[\]@]|https?:", text)
    ):
        return False
    return text[0].isupper() or text[0].isdigit() or not text[0].isascii()
