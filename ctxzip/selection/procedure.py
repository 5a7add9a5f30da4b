"""The numbered steps of one procedure, which are kept as a run where the query asks for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.datamodels import Unit

_NUMBERED = re.compile(
    r"[\s>]*(?:(?:step|schritt|[ée]tape|paso|passo|stap)\s+(\d{1,2})\b|\(?(\d{1,2})[.):](?=\s))", re.IGNORECASE
)
_BULLET = re.compile(r"[-*+•]\s")
_STEP_KINDS = frozenset({"list_item", "line", "sentence"})


def procedures(units: Sequence[Unit], text_of: Callable[[int], str]) -> list[list[int]]:
    """Return the runs of units that are the numbered steps of one procedure, of at least two steps, in document order.

    The number of each step is one more than that of the step before. What lies between two steps belongs to the run, and so
    do the paragraphs of the last item of a list.

    Args:
        units: of one request, in document order.
        text_of: returns the text of a unit.
    """
    found: list[list[int]] = []
    run: list[int] = []
    in_run: set[int | None] = set()
    n_steps = last_number = 0
    end = 0  # length of the run without what follows its last step and may not belong to it
    for i, unit in enumerate(units):
        is_below = unit.parent in in_run
        continues = is_below or (
            bool(run) and (units[run[0]].passage, units[run[0]].parent) == (unit.passage, unit.parent)
        )
        match = _NUMBERED.match(text_of(i)) if unit.kind in _STEP_KINDS and not is_below else None
        number = int(match[1] or match[2]) if match else 0
        if match and not (continues and number == last_number + 1):
            found += [run[:end]] * (n_steps > 1)
            run, in_run, n_steps, continues = [], set(), 0, True
        if not run and not match:
            continue
        is_other_item = not match and not is_below and unit.kind == "list_item" and bool(_BULLET.match(text_of(i)))
        if not continues or is_other_item:
            found += [run[:end]] * (n_steps > 1)
            run, in_run, n_steps = [], set(), 0
            continue
        run.append(i)
        in_run.add(i)
        if match:
            n_steps, last_number = n_steps + 1, number
        if match or unit.kind == "list_item":
            end = len(run)
    return found + [run[:end]] * (n_steps > 1)


def in_runs(ranked: Sequence[int], runs: Sequence[Sequence[int]]) -> tuple[list[int], dict[int, int]]:
    """Return a ranking in which the best run follows its best step, and for each other step of it that best one.

    The steps come in the order of their distance from the best, at one distance the later one first.

    Args:
        ranked: indices of the candidates, best first.
        runs: of all procedures.
    """
    position = {i: at for at, i in enumerate(ranked)}
    runs = [[i for i in run if i in position] for run in runs]
    best_run = min((run for run in runs if run), key=lambda run: min(map(position.__getitem__, run)), default=[])
    if not best_run:
        return list(ranked), {}
    best = min(best_run, key=position.__getitem__)
    at_step = {i: at for at, i in enumerate(best_run)}
    steps = sorted(best_run, key=lambda i: (abs(at_step[i] - at_step[best]), i < best))
    others = [i for i in ranked if i not in at_step]
    before = [i for i in others if position[i] < position[best]]
    return [*before, *steps, *others[len(before) :]], dict.fromkeys(steps[1:], best)
