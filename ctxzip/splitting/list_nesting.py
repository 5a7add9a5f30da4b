"""List items in order -> the item that each is nested in: by indentation, by number, or below a line with a colon."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ctxzip.splitting.lines import is_title

BULLETS = "•‣◦▪●○■□▸►▶➢➤✓✔·∙⁃\uf0b7\uf0a7"  # the last two are private-use characters of Word
LIST_MARKER = re.compile(
    rf"\s*(?:[-*+–—{BULLETS}]|\(?\d{{1,3}}[.)]|\d{{1,2}}(?:\.\d{{1,2}}){{1,3}}|\(?(?:[a-z]|[ivx]{{1,4}})\))[ \t]+(?=\S)"
)
_LABEL_WORDS = 5  # of an item that only names those nested in it, at most
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class ListItem:
    """One list item, as far as nesting depends on it.

    Attributes:
        indentation: code points before the marker.
        marker: such as `-`, `7.` or `(a)`; empty for a paragraph that continues an item.
        ends_in_colon: whether its text does.
        index: of its block.
    """

    indentation: int
    marker: str
    ends_in_colon: bool
    index: int

    @property
    def number(self) -> list[str]:
        """The parts of its number: 7 and 1 for `7.1`."""
        return _DIGITS.findall(self.marker)

    @property
    def form(self) -> str:
        """The marker without its number or letter: two items of one list have the same."""
        return _LETTERS.sub("a", _DIGITS.sub("0", self.marker))

    def is_in(self, outer: ListItem) -> bool:
        """Return whether this item is nested in an item above that has no sibling of it below.

        >>> clause = ListItem(0, "7.1", True, 0)
        >>> [ListItem(0, marker, False, 1).is_in(clause) for marker in ("7.1.2", "(a)", "7.2")]
        [True, True, False]
        """
        if self.indentation != outer.indentation or not self.marker:
            return self.indentation > outer.indentation
        n = len(outer.number)
        is_part = bool(n) and len(self.number) > n and self.number[:n] == outer.number
        return is_part or (outer.ends_in_colon and self.form != outer.form)

    def is_beside(self, other: ListItem) -> bool:
        """Return whether both items may be of one list."""
        return (self.indentation, self.form) == (other.indentation, other.form)


@dataclass(slots=True)
class OuterItems:
    """The items that the next one may be nested in, outermost first."""

    items: list[ListItem] = field(default_factory=list)

    def add(self, item: ListItem) -> int | None:
        """Return the index of the block that an item is nested in, None for none; the next items may be nested in it."""
        # "7.2" after "(a)" is no part of what "7.1 ...:" introduces.
        siblings = [at for at, other in enumerate(self.items) if item.is_beside(other)]
        del self.items[siblings[-1] if siblings else len(self.items) :]
        while self.items and not item.is_in(self.items[-1]):
            self.items.pop()
        outer = self.items[-1].index if self.items else None
        if item.marker:
            self.items.append(item)
        return outer


def read_item(first_line: str, last_line: str, index: int) -> ListItem:
    """Return the list item of these lines; `index` is that of its block."""
    marker = LIST_MARKER.match(first_line)
    indentation = len(first_line) - len(first_line.lstrip())
    return ListItem(indentation, marker[0].strip() if marker else "", last_line.rstrip().endswith((":", "：")), index)


def is_label_of(item: ListItem, line: str, following: str) -> bool:
    """Return whether an item of one line is only a title for the items nested in it, the first of which follows."""
    marker = LIST_MARKER.match(line)
    text = line[marker.end() :] if marker else line
    is_short = len(text.split()) <= _LABEL_WORDS and is_title(text)
    return is_short and bool(LIST_MARKER.match(following)) and read_item(following, following, 0).is_in(item)
