"""What a kept unit is not understood without: the sentence before it, and the title of its document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxzip.selection.procedure import in_runs, procedures
from ctxzip.splitting.anaphora import is_context_dependent
from ctxzip.splitting.lines import is_title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.datamodels import Unit
    from ctxzip.selection.token_cost import KeptUnits

CONTEXT, TITLE, STEP = "context of", "title above", "step of one procedure with"  # why a unit is kept
_PROSE = frozenset({"sentence", "list_item", "quote"})
_MARKS = " \t\r\n#=-~*_"  # of headings
_BLANK_LINE = re.compile(r"\n\s*\n")


class Companions:
    """Finds what the kept units of one request are not understood without.

    Args:
        units: of the request, in document order.
        texts: of the passages.

    Attributes:
        together: for units that follow another one in the ranking, whatever their probability, why, and that unit.
    """

    def __init__(self, units: Sequence[Unit], texts: Sequence[str]) -> None:
        self.together: dict[int, tuple[str, int]] = {}
        self._units = units
        self._texts = texts
        self._first = {unit.passage: i for i, unit in reversed(list(enumerate(units)))}

    def ordered(self, ranked: Sequence[int], *, asks_for_steps: bool, counts_units: bool) -> list[int]:
        """Return a ranking with what belongs together side by side, and note it in `together`.

        The steps of the best procedure follow its best step where the query asks for them, and what the best unit of all
        refers back to follows that, unless it would take the place of another unit.

        Args:
            ranked: indices of the candidates, best first.
            asks_for_steps: whether the query does.
            counts_units: whether the number of units is limited.
        """
        order = list(ranked)
        if asks_for_steps:
            order, steps = in_runs(order, procedures(self._units, self.text_of))
            self.together = {i: (STEP, best) for i, best in steps.items()}
        before = self.antecedent(order[0]) if order and not counts_units else None
        if before in order[1:] and before not in self.together:
            self.together[before] = (CONTEXT, order[0])
            order = [order[0], before, *(i for i in order[1:] if i != before)]
        return order

    def text_of(self, i: int) -> str:
        """Return the text of unit `i`."""
        unit = self._units[i]
        return self._texts[unit.passage][unit.start : unit.end]

    def antecedent(self, i: int) -> int | None:
        """Return the sentence before unit `i` in its paragraph, where `i` refers back to it; else None."""
        unit = self._units[i]
        if not i or unit.kind not in _PROSE or not is_context_dependent(self.text_of(i)):
            return None
        before = self._units[i - 1]
        is_beside = (before.passage, before.kind, before.parent) == (unit.passage, unit.kind, unit.parent)
        gap = self._texts[unit.passage][before.end : unit.start]
        return i - 1 if is_beside and not _BLANK_LINE.search(gap) else None

    def title(self, i: int) -> int | None:
        """Return the first unit of the passage of unit `i`, where that is a title, with or without markup; else None.

        The first key of a mapping or tag of a markup is none: it names only what is in it.
        """
        first = self._first[self._units[i].passage]
        unit, text = self._units[first], self._texts[self._units[i].passage]
        if first == i or unit.kind not in {"heading", "sentence", "line"}:
            return None
        own = text[unit.start : unit.end]
        if unit.kind == "heading":
            own = own.strip(_MARKS)
            return None if own.endswith(":") or not is_title(own[:1].upper() + own[1:]) else first
        is_line = text[unit.end : unit.end + 1] in {"\n", "\r"} and "\n" not in own
        return first if is_line and is_title(own) else None


def add_companions(
    kept: KeptUnits, n_best: int, companions: Companions, fits: Callable[[int], bool], max_units: int | None
) -> dict[int, tuple[str, int]]:
    """Keep what the best units are not understood without, as far as it fits; the sentences before come first.

    Args:
        kept: the units chosen so far; the companions that fit are added.
        n_best: only the first units chosen get companions.
        companions: finds them.
        fits: returns whether a unit may be kept besides those that are kept already.
        max_units: most units kept, titles not counted; None for no limit.

    Returns:
        For each companion, also those that do not fit, why it is kept and the unit that it is kept with.
    """
    found: dict[int, tuple[str, int]] = {}
    best = kept.chosen[:n_best]
    for find, why in ((companions.antecedent, CONTEXT), (companions.title, TITLE)):
        for i in best:
            is_full = why == CONTEXT and max_units is not None and n_best + len(found) >= max_units
            companion = None if is_full else find(i)
            if companion is None or companion in kept or companion in found:
                continue
            found[companion] = (why, i)
            if fits(companion):
                kept.add(companion)
    return found
