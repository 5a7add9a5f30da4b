"""Near-duplicates: units of which one can be left out without losing anything.

Two units are near-duplicates only where every number, name, negation and symbol of one is in the other, in the same order,
and both are about the same thing: under the same title and headings, and with the same sentence before them where the
sentence depends on its context.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from ctxzip.datamodels import Passage, Unit

    Words = tuple[str, ...]

# A run of digits, a run of letters, a mark that may belong to the number after it, the sign of a letter, or a symbol: `!` is
# one before what it negates. Other marks (full stops, commas, quotes, brackets, dashes) are no difference, but for quotes
# after a number, which are feet and inches.
_WORD = re.compile(
    r"\d+|(?<=\d)['\"’”′″]|[^\W\d_]+|_|[.,:/'’(–−-](?=\s?\d)|(?<![^\s(\[{=<>*/^,])[−-](?=\w)|!(?=[^\s!?.,;:\"'”’»)\]}])"
    r"|[^\s\w.,;:!\"'“”„«»‘’`´()\[\]{}…–—-]"
)
_MARKER = re.compile(r"\s*+(?:>[\s>]*+|[^\w\s]\s++)?")  # of a list item or a quote
_MARKED = frozenset({"list_item", "quote"})
_ARTICLE = "the"  # "a" and "an" stay: "hepatitis a" is a name where people type without capitals
_LINKS = (
    "however|moreover|furthermore|additionally|in addition|besides|also|therefore|thus|hence|consequently|accordingly"
    "|as a result|indeed|in fact|similarly|likewise|nevertheless|nonetheless"
)
# These change the meaning of the sentence after them: "otherwise, it is closed".
_TURNS = "instead|otherwise|meanwhile|then|still|yet|for example|for instance|in contrast|by contrast|later|finally"
_LINK = re.compile(rf"(?:{_LINKS}),\s+", re.IGNORECASE)
_CONTEXT_DEPENDENT = re.compile(
    rf"\W*(?:(?:{_LINKS}|{_TURNS})(?=,)|(?:he|she|it|they)(?:['’](?:s|d|ll|re|ve))?|his|her|its|their|this|these|that|those|such"
    r"|the (?:former|latter)|but|and|so|nor)(?![\w'’-])",
    re.IGNORECASE,
)
_COMPARED_BY_WORDS = frozenset({"sentence", "list_item", "quote", "table_row"})
_COMPARED_EXACTLY = frozenset({"code", "front_matter"})

# Words; shorter sentences occur twice by chance, longer ones are copies (bioasq, models/README.md has the counts).
_MIN_COPIED_WORDS = 8
_TOKEN = re.compile(r"\S+")
_LONG = 10_000  # code points of a passage in which a search for each unit takes longer than an index of its tokens


@dataclass(frozen=True, slots=True)
class DuplicateKeys:
    """Gives units keys that are equal for near-duplicates.

    Attributes:
        passages: of the request.
        units: of all passages, in document order.
        languages: one code a passage.
    """

    passages: Sequence[Passage]
    units: Sequence[Unit]
    languages: Sequence[str]
    # For each long passage the offsets of each of its tokens.
    _places: dict[int, dict[str, list[int]]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def key(self, i: int) -> Hashable | None:
        """Return a value that unit `i` shares with its near-duplicates; None where it cannot have any.

        Equal keys mean: the same kind, title and headings, and the same words, numbers and symbols in the same order, but
        for the word "the", a link at the start ("However,") and punctuation. The same words under another title can be about
        something else: "The passenger capacity is 382" is written about two ships in hotpotqa. A neighbour must have the
        same words, too, where a unit depends on its context, is short, is an item of a list, occurs in its passage more than
        once, or is not English.
        """
        unit = self.units[i]
        passage = self.passages[unit.passage]
        topic = (unit.kind, _words(passage.title), tuple(map(self._unit_words, self._headings(i))))
        text = self._text(i)
        has_columns = unit.kind == "table_row" and "\t" in text  # an empty cell moves the others, and has no words
        if unit.kind in _COMPARED_EXACTLY or has_columns:
            return topic, text
        if unit.kind == "line":  # the same line again may be another event, or a setting of another section
            return topic, text, self._neighbour_words(i)
        if unit.kind not in _COMPARED_BY_WORDS or not (words := self._unit_words(i)):
            return None
        depends = self.languages[unit.passage] != "en" or _CONTEXT_DEPENDENT.match(_without_link(text))
        may_be_copy = len(words) >= _MIN_COPIED_WORDS and unit.kind != "list_item" and not depends
        is_copy = may_be_copy and self._occurs_once(text, unit.passage)
        return topic, words, () if is_copy else self._neighbour_words(i)

    def _occurs_once(self, text: str, passage: int) -> bool:
        """Return whether the text of a unit is only once in its passage."""
        whole = self.passages[passage].text
        inner = [match for match in _TOKEN.finditer(text) if match.start() > 0 and match.end() < len(text)]
        if len(whole) <= _LONG or not inner:
            return whole.count(text) == 1
        # A search for each unit would take quadratic time: only the places of its rarest token are examined.
        if passage not in self._places:
            places: dict[str, list[int]] = {}
            for match in _TOKEN.finditer(whole):
                places.setdefault(match[0], []).append(match.start())
            self._places[passage] = places
        places = self._places[passage]
        rarest = min(inner, key=lambda match: len(places[match[0]]))
        starts = (at - rarest.start() for at in places[rarest[0]])
        copies = (start for start in starts if start >= 0 and whole.startswith(text, start))
        first = next(copies)
        return all(start < first + len(text) for start in copies)

    def _text(self, i: int) -> str:
        unit = self.units[i]
        return self.passages[unit.passage].text[unit.start : unit.end]

    def _unit_words(self, i: int) -> Words:
        text = self._text(i)
        marker = _MARKER.match(text) if self.units[i].kind in _MARKED else None
        return _words(text[marker.end() :] if marker else text)

    def _headings(self, i: int) -> Iterator[int]:
        """Yield the headings and table headers above a unit, the nearest first."""
        at = self.units[i].parent
        while at is not None:
            yield at
            at = self.units[at].parent

    def _neighbour_words(self, i: int) -> Words:
        """Return the words of the unit before, or of the one after the first; `("",)` for the only unit of a passage."""
        for beside in (i - 1, i + 1):
            if 0 <= beside < len(self.units) and self.units[beside].passage == self.units[i].passage:
                return self._unit_words(beside)
        return ("",)


class DuplicateFilter:
    """Lets the first of several near-duplicates pass, and records the others.

    Args:
        key: returns a key that near-duplicates share, None for a unit without any; None lets every unit pass.

    Attributes:
        dropped: for each unit that did not pass the near-duplicate that did.
    """

    def __init__(self, key: Callable[[int], Hashable | None] | None) -> None:
        self._key = key
        self._passed: dict[Hashable, int] = {}
        self.dropped: dict[int, int] = {}

    def original_of(self, i: int) -> int | None:
        """Return the near-duplicate of unit `i` that passed before it; None where `i` passes itself."""
        key = None if self._key is None else self._key(i)
        if key is None or (original := self._passed.setdefault(key, i)) == i:
            return None
        self.dropped[i] = original
        return original


def casefolded_words(text: str) -> list[str]:
    """Return the words, numbers and symbols of a text, without case."""
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


@lru_cache(maxsize=256)  # a title and a heading belong to many units
def _words(text: str) -> Words:
    """Return the words, numbers and symbols that a near-duplicate has, too.

    >>> _words("However, the J. K. Rowling novel's price is 1,50.")
    ('j', 'K', 'Rowling', 'novel', 's', 'price', 'is', '1', ',', '50')
    """
    text = unicodedata.normalize("NFC", text)
    found = _WORD.findall(_without_link(text))
    if found:
        found[0] = found[0].casefold()
    found = [word for word in found if word != _ARTICLE]
    if found:
        found[0] = found[0].casefold()  # "Primary endpoint" and "The primary endpoint"
    return tuple(found)


def _without_link(text: str) -> str:
    link = _LINK.match(text)
    return text[link.end() :] if link else text
