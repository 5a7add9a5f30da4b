"""Adds the units before and after each kept unit, as `grep -A -B -C` does with lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.datamodels import Budget, Unit
    from ctxzip.selection.token_cost import KeptUnits


def add_neighbours(
    kept: KeptUnits,
    candidates: Sequence[int],
    units: Sequence[Unit],
    budget: Budget,
    fits: Callable[[int], bool],
) -> dict[int, int]:
    """Keep the neighbours of every chosen unit that fit the budget, and return all neighbours, including those that do not.

    The nearest are added first, at equal distance those of the better unit. If one does not fit, those further away on that
    side are not added either. Headings of other units are not neighbours: they are kept with these units.

    Args:
        kept: the units chosen so far, best first; the neighbours that fit are added.
        candidates: indices of the units that may be kept on their own, in any order.
        units: of the request, in document order.
        budget: with the number of neighbours before and after each unit.
        fits: returns whether a unit may be kept in addition to those that are kept already.

    Returns:
        For each neighbour the nearest chosen unit.
    """
    in_order = sorted(candidates)
    position = {i: at for at, i in enumerate(in_order)}
    sides = [(i, step) for i in kept.chosen for step in (-1, 1)]
    found: dict[int, int] = {}
    full: set[tuple[int, int]] = set()  # chosen units and sides with no room for a further neighbour
    for distance in range(1, min(max(budget.before, budget.after), len(in_order)) + 1):
        sides = [
            (i, step)
            for i, step in sides
            if distance <= (budget.before if step < 0 else budget.after)
            and 0 <= (at := position[i] + step * distance) < len(in_order)
            and units[in_order[at]].passage == units[i].passage
        ]
        for i, step in sides:
            neighbour = in_order[position[i] + step * distance]
            if neighbour in kept:
                continue
            found.setdefault(neighbour, i)
            if (i, step) in full or not fits(neighbour):
                full.add((i, step))
            else:
                kept.add(neighbour)
    return found
