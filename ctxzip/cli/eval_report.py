"""`ctxzip eval --report` and `--baseline`."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

import typer

from ctxzip.cli.output_file import writing
from ctxzip.errors import InputError, UsageError
from ctxzip.evaluation.outcomes import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxzip.evaluation.baseline import Change
    from ctxzip.evaluation.measure import Measured
    from ctxzip.evaluation.outcomes import Outcome

_MISSES = 10  # shown of each method


def read_baseline(name: str) -> Any:
    """Return what an earlier `--json` wrote.

    Raises:
        UsageError: no such file.
        InputError: it is not JSON.
    """
    try:
        with open(name, "rb") as stream:
            return json.load(stream)
    except OSError as error:
        raise UsageError(error.strerror or str(error), option="baseline", value=name) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"not what `ctxzip eval --json` writes: {error}", option="baseline", value=name) from error


def as_bytes(found: Any) -> bytes:
    """Return the numbers as the file that `--baseline` reads."""
    return json.dumps(found, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def made(folder: str) -> str:
    """Create the folder of a report, before anything is measured; return its name.

    Raises:
        UsageError: it cannot be created.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(error.strerror or str(error), option="report", value=folder) from error
    return folder


def write_report(
    folder: str, found: dict[str, Any], measured: Mapping[str, Sequence[Measured]], changed: Sequence[Change]
) -> None:
    """Write `index.html` and `numbers.json` into a folder."""
    from ctxzip.reports.pages import page

    content = page(
        "report",
        numbers=found["methods"],
        sets=[one.name for one in next(iter(measured.values()))],
        shown={name for numbers in found["methods"].values() for name in numbers["metrics"]},
        metrics={name: words for name, (words, _) in METRICS.items()},
        curves={name: _curve(sets) for name, sets in measured.items()},
        misses={name: _worst(sets) for name, sets in measured.items()},
        changed=changed,
    )
    for name, data in (("numbers.json", as_bytes(found)), ("index.html", content.encode())):
        with writing(os.path.join(folder, name)) as stream:
            stream.write(data)


def print_changes(changed: Sequence[Change], missing: Sequence[str], tolerance: float) -> None:
    """Print a line for every metric that changed, the methods that this run lacks, and how many are worse."""
    typer.echo(f"\n{'beside the baseline, %':<36} {'before':>7} {'after':>7} {'p':>7} {'n':>6}")
    for one in changed:
        if one.before != one.after or one.p < 1:
            name = f"{one.method}: {one.metric}"
            mark = "  worse" if one.worse else ""
            typer.echo(f"{name:<36} {100 * one.before:7.1f} {100 * one.after:7.1f} {one.p:7.4f} {one.n:6}{mark}")
    if missing:
        typer.echo(f"in the baseline and not in this run: {', '.join(missing)}")
    worse = sum(one.worse for one in changed)
    typer.echo(
        f"{worse} of {len(changed)} metrics are worse by more than {100 * tolerance:g} points"
        if worse
        else f"none of {len(changed)} metrics is worse by more than {100 * tolerance:g} points"
    )


def _curve(sets: Sequence[Measured]) -> list[float]:
    import numpy as np

    curve: list[float] = np.mean([one.recall_at_ratios for one in sets], axis=0).tolist()
    return curve


def _worst(sets: Sequence[Measured]) -> list[Outcome]:
    """Return the outcomes whose evidence is ranked lowest; first those whose evidence is in no unit."""
    missed = [(one, one.miss.needed_fraction) for measured in sets for one in measured.outcomes if one.miss]
    missed.sort(key=lambda pair: -math.inf if pair[1] is None else -pair[1])
    return [one for one, _ in missed[:_MISSES]]
