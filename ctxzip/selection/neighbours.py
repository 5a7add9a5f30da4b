"""Kept units -> the units before and after each in its passage that are kept as well, as `grep -A -B -C` does with lines."""

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
    """Keep the neighbours of every chosen unit that fit, and return all of them, also those that do not fit.

    The nearest come first, and at one distance those of the best unit. Where one does not fit, those behind it on that side
    are left out too. Headings with units under them are not counted as neighbours: they come along with these units.

    Args:
        kept: the units chosen so far, best first; the neighbours that fit are added.
        candidates: indices of the units that may be kept on their own, in any order.
        units: of the request, in document order.
        budget: says how many units before and after each are kept.
        fits: returns whether a unit may be kept besides those that are kept already.

    Returns:
        For each neighbour the chosen unit that it stands beside, the nearest one.
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
