"""`ctxzip eval --compare-budgets`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from ctxzip.cli.progress_line import progress
from ctxzip.errors import InputError, MissingDependencyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctxzip.evaluation.budget_comparison import Cost, Saving

_RECALLS = (0.8, 0.9, 0.95)
_PICTURES = (".png", ".svg", ".pdf")
_PLOT_SIZE = (78, 20)


def compare_budgets(
    data: Sequence[Path], *, model: str, limit: int | None, threads: int | None, plot: Path | None, quiet: bool
) -> dict[str, Any]:
    """Print what fixed limits and the adaptive budget keep at the same recall; return the numbers.

    Raises:
        UsageError: the picture cannot be written.
        InputError: no answerable question.
        MissingDependencyError: matplotlib is needed for a picture and not installed.
    """
    from ctxzip.compressor import Compressor
    from ctxzip.evaluation.budget_comparison import compare
    from ctxzip.evaluation.budget_comparison import plot as write_plot
    from ctxzip.evaluation.questions import read_questions
    from ctxzip.evaluation.ranking import rank_questions
    from ctxzip.settings import HYBRID, Settings

    if plot is not None:
        if plot.suffix not in _PICTURES:
            raise UsageError(f"expected a name that ends in {', '.join(_PICTURES)}", option="plot", value=plot)
        if not plot.absolute().parent.is_dir():
            raise UsageError("there is no such folder", option="plot", value=plot)
        try:
            import matplotlib  # noqa: F401, ICN001
        except ImportError as error:
            raise MissingDependencyError(
                f"a picture needs matplotlib ({error}): pip install 'ctxzip[plot]'", option="plot"
            ) from error
    compressor = Compressor(Settings(tokenizer="words", scorer=HYBRID, model=model, threads=threads, prefilter="off"))
    questions = [(one.name, question) for one in read_questions(data, limit)[0] for question in one.answerable]
    if not questions:
        raise InputError(
            f"no answerable question in {', '.join(map(str, data))}: nothing to compare", option=("data", "limit")
        )
    with progress(quiet=quiet) as show:
        found = rank_questions(compressor.scoring, questions, show)
    answerable = [one for one in found if one is not None]
    if not answerable:
        raise InputError(f"no text in any document in {', '.join(map(str, data))}: nothing to compare")
    policy = compressor.policy
    costs, savings = compare(answerable, _RECALLS, None if policy is None else policy.depth_forest)
    typer.echo("\n".join(_table(costs, savings)))
    typer.echo("\n".join(_by_set(costs, savings)))
    _draw(costs)
    if plot is not None:
        try:
            write_plot(costs, plot)
        except OSError as error:
            raise UsageError(f"cannot write: {error.strerror}", option="plot", value=plot) from error
    return {
        "scorer": compressor.scoring.scorer_name,
        "questions": len(answerable),
        "recalls": list(_RECALLS),
        "kept_fraction": {cost.name: list(cost.kept_fraction) for cost in costs},
        "by_set": {cost.name: list(cost.by_set) for cost in costs},
        "savings": [
            {"of": s.of, "than": s.than, "recall": s.recall, "share": s.share, "interval": [s.low, s.high]}
            for s in savings
        ],
    }


def _table(costs: Sequence[Cost], savings: Sequence[Saving]) -> list[str]:
    lines = [
        "% of words kept where this share of the questions keeps all its evidence, sets weighing the same",
        f"{'':16}" + "".join(f" {f'{recall:g}':>8}" for recall in _RECALLS),
    ]
    for cost in costs:
        cells = "".join(f" {'-' if kept is None else f'{100 * kept:.1f}':>8}" for kept in cost.kept_fraction)
        lines.append(f"{cost.name:16}{cells}")
    if savings:
        lines += ["", "words kept by reach, as a share of those of another at the same recall, with a 95% interval"]
    for than in dict.fromkeys(saving.than for saving in savings):
        shown = {
            saving.recall: f"{saving.share:.2f} ({saving.low:.2f}-{saving.high:.2f})"
            for saving in savings
            if saving.than == than
        }
        lines.append(f"{than:16}" + "".join(f"  {shown.get(recall, '-'):>16}" for recall in _RECALLS))
    return lines


def _by_set(costs: Sequence[Cost], savings: Sequence[Saving]) -> list[str]:
    """Return recall and words of each set where all sets together reach 90%, for a fixed ratio and `reach`."""
    ours = {saving.of for saving in savings}
    shown = [cost for cost in costs if cost.name in {"fixed ratio", *ours}]
    column = _RECALLS.index(0.9)
    tables = [(cost.name, cost.by_set[column]) for cost in shown if cost.by_set[column] is not None]
    if not tables:
        return []
    lines = ["", "% of questions covered and % of words kept by set, where the recall of all is 0.9"]
    lines.append(f"{'':22}" + "".join(f" {name:>18}" for name, _ in tables))
    for name in tables[0][1] or {}:
        cells = "".join(f" {100 * found[name][0]:10.1f} {100 * found[name][1]:7.1f}" for _, found in tables if found)
        lines.append(f"{name:22}{cells}")
    return lines


def _draw(costs: Sequence[Cost]) -> None:
    """Draw recall against words on the terminal, where plotext is installed."""
    try:
        import plotext
    except ImportError:
        return
    plotext.clear_figure()
    for cost in costs:
        if cost.name in {"fixed ratio", "fixed threshold", "reach"}:
            plotext.plot((100 * cost.curve[1]).tolist(), (100 * cost.curve[0]).tolist(), label=cost.name)
    plotext.plotsize(*_PLOT_SIZE)
    plotext.xlim(0, 60)
    plotext.ylim(50, 100)
    plotext.xlabel("% of the words kept")
    plotext.title("% of questions that keep all their evidence")
    plotext.theme("clear")
    typer.echo("\n" + plotext.build())
