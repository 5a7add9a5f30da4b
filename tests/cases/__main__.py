"""Prints how many cases keep their needles (the texts that must be kept), and how many tokens they keep.

    python -m tests.cases FILE                 one line per case, and a summary
    python -m tests.cases FILE --why           the causes of lost needles, and cases that keep nearly everything
    python -m tests.cases FILE --kinds         one line per kind of text, if the names are KIND/NAME
    python -m tests.cases FILE --show CASE     the units of one case: kept or dropped, probability, needles

`ok`: all needles are kept. `all`: the same, but at least two thirds of the tokens are kept; this counts as ok. `lost`: a
needle is not kept as a whole. A case without needles is ok if at most one unit or a third of the tokens is kept and a warning
reports that nothing answers the question. A case in parentheses is not counted: with `-n 2` its needles are in more than two
lines.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ctxzip.settings import Settings
from tests.cases.judging import BUDGETS, NEARLY_ALL, judge, largest_needle_unit, read_cases, units_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.cases.judging import Outcome


def lines_of_cases(outcomes: dict[str, list[Outcome]]) -> Iterator[str]:
    """Yield one line per case: for each budget the result and the share of the tokens that is kept."""
    of_case = list(zip(*outcomes.values(), strict=True))
    width = max((len(row[0].case.name) for row in of_case), default=0)
    for row in of_case:
        cells = [
            f"{budget} {outcome.word:<6} {outcome.kept_fraction:4.0%}"
            for budget, outcome in zip(outcomes, row, strict=True)
        ]
        yield f"{row[0].case.name:<{width}}  {'   '.join(cells)}"


def lines_of_kinds(outcomes: dict[str, list[Outcome]]) -> Iterator[str]:
    """Yield one line per kind: for each budget the number of cases that are ok, of all, and the mean share of tokens kept.

    The kind is the part of a name before the slash.
    """
    kinds = list(dict.fromkeys(one.case.kind for found in outcomes.values() for one in found))
    width = max(map(len, kinds), default=0)
    for kind in kinds:
        cells = []
        for budget, found in outcomes.items():
            counted = [one for one in found if one.case.kind == kind and one.counts]
            mean = sum(one.kept_fraction for one in counted) / max(len(counted), 1)
            cells.append(f"{budget} {sum(one.ok for one in counted):>3} of {len(counted):<3} {mean:4.0%}")
        yield f"{kind:<{width}}  {'   '.join(cells)}"


def summary(budget: str, outcomes: Iterable[Outcome]) -> str:
    """Return the number of counted cases that are ok, and the mean share of tokens that they keep, as one line."""
    counted = [outcome for outcome in outcomes if outcome.counts]
    if not counted:
        return f"{budget:<8} no case is counted"
    ok = [outcome for outcome in counted if outcome.ok]
    nearly_all = sum(outcome.word == "all" for outcome in ok)
    mean = sum(outcome.kept_fraction for outcome in counted) / len(counted)
    return (
        f"{budget:<8} needles kept: {len(ok)} of {len(counted)} ({len(ok) / len(counted):.1%}), "
        f"{nearly_all} of them with at least {NEARLY_ALL:.0%} of the tokens; tokens kept: {mean:.1%} on average"
    )


def lines_of_causes(budget: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the causes of failed cases under one budget, grouped by kind, and the cases that keep nearly all tokens."""
    failed = [(cause, outcome) for outcome in outcomes if outcome.counts for cause in outcome.causes[:1]]
    failed.sort(key=lambda pair: pair[0].kind)
    counts = Counter(cause.kind for cause, _ in failed)
    for kind, group in groupby(failed, key=lambda pair: pair[0].kind):
        yield f"{budget}: {kind}: {counts[kind]}"
        for _, outcome in group:
            yield from (f"    {outcome.case.name:<20} {cause}" for cause in outcome.causes)
    nearly_all = [outcome for outcome in outcomes if outcome.counts and outcome.word == "all"]
    if nearly_all:
        yield f"{budget}: ok, but at least {NEARLY_ALL:.0%} of the tokens kept: {len(nearly_all)}"
    for outcome in nearly_all:
        if outcome.result is not None:
            result = outcome.result
            largest = largest_needle_unit(result, outcome.case.needles)
            yield (
                f"    {outcome.case.name:<20} {outcome.kept_fraction:.0%}, {len(result.scored.units)} units; the largest "
                f"unit with a needle has {largest} of {result.tokens_in} tokens; {result.budget.reason}"
            )


def lines_of_units(budget: str, outcome: Outcome) -> Iterator[str]:
    """Yield the units of one case, kept or dropped; `*` marks a unit with a needle, `~` a unit with a part of one."""
    yield f"== {outcome.case.name} {budget}: {outcome.word}, {outcome.kept_fraction:.0%} kept"
    yield from (f"   {cause}" for cause in outcome.causes)
    result = outcome.result
    if result is None:
        return
    prepared = result.scored.prepared
    yield f"   query ({prepared.query.kind}): {result.request.query}"
    yield f"   languages {', '.join(prepared.languages)}; {result.budget.reason}"
    yield from (f"   warning {warning.code}: {warning}" for warning in result.warnings)
    places = [place for needle in outcome.case.needles for place in units_of(result, needle)]
    whole = {place[0] for place in places if len(place) == 1}
    split = {i for place in places if len(place) > 1 for i in place}
    for i, unit in enumerate(result.scored.units):
        mark = "*" if i in whole else "~" if i in split else " "
        kept = "keep" if i in result.selection.kept else "    "
        text = result.request.passages[unit.passage].text[unit.start : unit.end]
        parent = "" if unit.parent is None else f"under {unit.parent}"
        yield (
            f"{mark} {kept} {unit.passage}:{i:<3} {result.scored.scores.probability[i]:.3f} {unit.n_tokens:>4} tokens "
            f"{unit.kind:<12} {parent:<9} {text!r}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the cases of a file and print the results; return 0, or 2 if a case that is named does not exist."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="cases, one JSON object per line")
    parser.add_argument("--show", metavar="CASE", action="append", help="print the units of this case; may be repeated")
    parser.add_argument("--why", action="store_true", help="print the causes instead of one line per case")
    parser.add_argument("--kinds", action="store_true", help="print one line per kind instead of one line per case")
    parser.add_argument("--budget", choices=BUDGETS, action="append", help="use only this budget; may be repeated")
    parser.add_argument("--model", default=Settings().model, help="name or folder of the model (default: %(default)s)")
    options = parser.parse_args(arguments)
    cases = read_cases(options.file)
    if options.show:
        cases = [case for case in cases if case.name in options.show]
        if len(cases) < len(options.show):
            print(f"no such case: {', '.join({*options.show} - {case.name for case in cases})}", file=sys.stderr)
            return 2
    outcomes = {
        budget: list(judge(cases, replace(BUDGETS[budget], model=options.model)))
        for budget in options.budget or BUDGETS
    }
    if options.show:
        lines = [line for budget, found in outcomes.items() for one in found for line in lines_of_units(budget, one)]
        print("\n".join(lines))
        return 0
    if options.why:
        lines = [line for budget, found in outcomes.items() for line in lines_of_causes(budget, found)]
    elif options.kinds:
        lines = list(lines_of_kinds(outcomes))
    else:
        lines = list(lines_of_cases(outcomes))
    print("\n".join([*lines, "", *(summary(budget, found) for budget, found in outcomes.items())]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
