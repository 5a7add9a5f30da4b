"""What the words of a unit say about its place among the others: it repeats one, leans on the one before, names a thing.

Nothing here scores. Two units count as the same only where leaving one out loses nothing: every number, name,
negation and symbol of the one stands in the other, in the same order, and both speak of the same thing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from ctxzip.datamodels import Passage, Unit

    Words = tuple[str, ...]

# A run of digits, a run of letters, a mark that may belong to the number behind it, the sign of a letter, or a symbol: `!` is
# one in front of what it negates. All other marks (full stops, commas, quotes, brackets, dashes) differ where the same
# words were set twice; behind a number quotes are feet and inches.
_WORD = re.compile(
    r"\d+|(?<=\d)['\"’”′″]|[^\W\d_]+|_|[.,:/'’(–−-](?=\s?\d)|(?<![^\s(\[{=<>*/^,])[−-](?=\w)|!(?=[^\s!?.,;:\"'”’»)\]}])"
    r"|[^\s\w.,;:!\"'“”„«»‘’`´()\[\]{}…–—-]"
)
_MARKER = re.compile(r"\s*+(?:>[\s>]*+|[^\w\s]\s++)?")
_MARKED = frozenset({"list_item", "quote"})
_ARTICLE = "the"  # "a" and "an" stay: "hepatitis a" is a name where people type without capitals
_LINKS = (
    "however|moreover|furthermore|additionally|in addition|besides|also|therefore|thus|hence|consequently|accordingly"
    "|as a result|indeed|in fact|similarly|likewise|nevertheless|nonetheless"
)
# These change what the sentence behind them says: "otherwise, it is closed".
_TURNS = "instead|otherwise|meanwhile|then|still|yet|for example|for instance|in contrast|by contrast|later|finally"
_LINK = re.compile(rf"(?:{_LINKS}),\s+", re.IGNORECASE)
_CONTEXT_DEPENDENT = re.compile(
    rf"\W*(?:(?:{_LINKS}|{_TURNS})(?=,)|(?:he|she|it|they)(?:['’](?:s|d|ll|re|ve))?|his|her|its|their|this|these|that|those|such"
    r"|the (?:former|latter)|but|and|so|nor)(?![\w'’-])",
    re.IGNORECASE,
)
_BY_WORDS = frozenset({"sentence", "list_item", "quote", "table_row"})
_TO_THE_LETTER = frozenset({"code", "front_matter"})

# Shorter sentences are said twice by chance, longer ones are copied. Of the sentences that stand twice among the untitled
# abstracts of one question of bioasq (300 questions), "Its recognition is therefore of considerable diagnostic value."
# has 8 words, all others 15 and more; "The primary endpoint was overall survival." has 6, and is said of two trials.
_COPIED = 8


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The words of one request.

    Attributes:
        passages: of the request.
        units: of all passages, in document order.
        languages: one code a passage.
    """

    passages: Sequence[Passage]
    units: Sequence[Unit]
    languages: Sequence[str]

    def key(self, i: int) -> Hashable | None:
        """Return what two units have in common where one of them can be left out; None where none can.

        Equal keys mean: the same words, numbers and symbols in the same order, but for the word "the", a link at the
        head ("However,") and punctuation, under the same headings and the same title. Under another title the same words
        can be about something else: "The passenger capacity is 382" is said of two ships in hotpotqa. Where a sentence
        leans on what stands before it, is short, or stands in its passage more than once, and where it is an item of a list,
        its neighbour must have the same words, too.
        """
        unit = self.units[i]
        passage = self.passages[unit.passage]
        where = (unit.kind, _words(passage.title), tuple(map(self._words, self._above(i))))
        text = self._text(i)
        if unit.kind in _TO_THE_LETTER or (
            unit.kind == "table_row" and "\t" in text
        ):  # in a row of tabs each has its column
            return where, text
        if unit.kind not in _BY_WORDS or not (words := self._words(i)):
            return None
        points = self.languages[unit.passage] != "en" or _CONTEXT_DEPENDENT.match(_without_link(text))
        whole = len(words) >= _COPIED and unit.kind != "list_item" and passage.text.count(text) == 1
        return where, words, () if whole and not points else self._beside(i)

    def passages_about(self, name: str) -> frozenset[int]:
        """Return the passages whose title holds the words of a name, or else those whose text does."""
        sought = _spaced(name)
        if not sought.strip():
            return frozenset()
        titled = [at for at, passage in enumerate(self.passages) if sought in _spaced(passage.title)]
        return frozenset(titled or [at for at, passage in enumerate(self.passages) if sought in _spaced(passage.text)])

    def _text(self, i: int) -> str:
        unit = self.units[i]
        return self.passages[unit.passage].text[unit.start : unit.end]

    def _words(self, i: int) -> Words:
        text = self._text(i)
        marker = _MARKER.match(text) if self.units[i].kind in _MARKED else None
        return _words(text[marker.end() :] if marker else text)

    def _above(self, i: int) -> Iterator[int]:
        """Yield the headings and table headers over a unit, the nearest first."""
        at = self.units[i].parent
        while at is not None:
            yield at
            at = self.units[at].parent

    def _in_passage(self, i: int, beside: int) -> bool:
        return 0 <= beside < len(self.units) and self.units[beside].passage == self.units[i].passage

    def _beside(self, i: int) -> Words:
        """Return the words of the unit before; of the one behind where none is; a mark where a unit is all there is."""
        beside = next((at for at in (i - 1, i + 1) if self._in_passage(i, at)), None)
        return ("",) if beside is None else self._words(beside)


@lru_cache(maxsize=256)  # a title and a heading stand above many units
def _words(text: str) -> Words:
    """Return what must be the same in two texts that say the same.

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


def _spaced(text: str) -> str:
    """Return the words of a text with a space around each, whatever their case: one holds another or not."""
    return f" {' '.join(_WORD.findall(unicodedata.normalize('NFC', text).casefold()))} "
