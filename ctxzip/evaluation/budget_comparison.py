"""Budget strategies compared at the same recall: fixed limits and the depths of the adaptive budget.

Each strategy has one parameter for all questions, and takes the smallest value that reaches the recall on the given
questions: the best fixed ratio, the best fixed threshold, and so on. The parameter is fitted on the questions it is
measured on, so this compares strategies and guarantees nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.evaluation.ranking import needed_depth
from ctxzip.selection.adaptive.depth import DEPTHS, FITTED_DEPTH, depths_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.evaluation.ranking import Ranked
    from ctxzip.selection.adaptive.forest import Forest

    Strategy = Callable[[Ranked], NDArray[np.float64]]  # -> the parameter that keeps each rank, `(n,)`, never falling

RATIO, NUMBER, THRESHOLD = "fixed ratio", "fixed number", "fixed threshold"
_SEED = 20240229
_RESAMPLES = 1_000
_INTERVAL = (2.5, 97.5)  # percent
_CURVE_POINTS = 201


@dataclass(frozen=True, slots=True)
class Cost:
    """The fraction of the words that one strategy keeps at each recall; None where a recall is not reached.

    Attributes:
        name: of the strategy.
        kept_fraction: means over sets, every set with the same weight, 0..1.
        by_set: recall and kept fraction of each set, with the one parameter for all sets.
        curve: `(2, n)`, recall and kept fraction over the whole range of the parameter.
    """

    name: str
    kept_fraction: tuple[float | None, ...]
    by_set: tuple[dict[str, tuple[float, float]] | None, ...]
    curve: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Saving:
    """The words that one strategy keeps, as a share of those of another at the same recall, at least 0.

    Attributes:
        of, than: names of the two strategies.
        share: the ratio of their kept fractions.
        low, high: 95% interval of a paired bootstrap, which resamples the questions within each set and refits the
            parameters of both strategies (Efron and Tibshirani 1993).
    """

    of: str
    than: str
    recall: float
    share: float
    low: float
    high: float


def compare(
    questions: Sequence[Ranked], recalls: Sequence[float], forest: Forest | None = None
) -> tuple[list[Cost], list[Saving]]:
    """Return the costs of fixed limits and of every definition of depth, and the savings of `reach`.

    Args:
        questions: answerable questions.
        recalls: shares of the questions, 0..1, that keep the needed evidence; every set has the same weight.
        forest: the forest of `reach`; None leaves out `reach` and the savings.
    """
    sizes = Counter(question.set_name for question in questions)
    weights = np.array([1 / (len(sizes) * sizes[question.set_name]) for question in questions])
    resampled_weights = _bootstrap_weights(questions, weights)
    costs: list[Cost] = []
    resampled: dict[str, NDArray[np.float64]] = {}
    for name, strategy in _strategies(forest).items():
        covered, kept = _tables(questions, strategy)
        at = [_first_reaching(weights @ covered, recall) for recall in recalls]
        costs.append(
            Cost(
                name,
                tuple(None if i is None else float(weights @ kept[:, i]) for i in at),
                tuple(None if i is None else _by_set(questions, covered[:, i], kept[:, i]) for i in at),
                _curve(weights @ covered, weights @ kept),
            )
        )
        if forest is not None:
            resampled[name] = _resampled(resampled_weights @ covered, resampled_weights @ kept, recalls)
    return costs, [] if forest is None else _savings(costs, resampled, recalls)


def _savings(
    costs: Sequence[Cost], resampled: dict[str, NDArray[np.float64]], recalls: Sequence[float]
) -> list[Saving]:
    """Return the savings of `reach` against each fixed limit, at the recalls that both achieve."""
    kept_fraction = {cost.name: cost.kept_fraction for cost in costs}
    savings = []
    for than in (RATIO, NUMBER, THRESHOLD):
        for column, recall in enumerate(recalls):
            reach, other = kept_fraction[FITTED_DEPTH][column], kept_fraction[than][column]
            if reach is None or other is None:
                continue
            low, high = np.nanpercentile(resampled[FITTED_DEPTH][:, column] / resampled[than][:, column], _INTERVAL)
            savings.append(Saving(FITTED_DEPTH, than, recall, reach / other, float(low), float(high)))
    return savings


def _strategies(forest: Forest | None) -> dict[str, Strategy]:
    strategies: dict[str, Strategy] = {
        RATIO: lambda question: question.kept_fraction,
        NUMBER: lambda question: np.arange(len(question.ranking.probability), dtype=np.float64),
        THRESHOLD: _depth_strategy("certainty", None),
        **{name: _depth_strategy(name, None) for name in DEPTHS if name != "certainty"},
    }
    return strategies if forest is None else {**strategies, FITTED_DEPTH: _depth_strategy(FITTED_DEPTH, forest)}


def _depth_strategy(definition: str, forest: Forest | None) -> Strategy:
    return lambda question: depths_of(question.ranking, definition, forest)


def _tables(questions: Sequence[Ranked], strategy: Strategy) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return whether each question is covered (0 or 1) and its kept fraction, at every value that some question needs.

    Both are `(n_questions, n_values)`; the values of the parameter rise.
    """
    by_rank = [strategy(question) for question in questions]
    needs = np.array([needed_depth(*pair) for pair in zip(questions, by_rank, strict=True)])
    values = np.unique(needs[np.isfinite(needs)])
    kept = np.stack(
        [
            question.kept_fraction[np.maximum(np.searchsorted(depth, values, side="right"), 1) - 1]
            for question, depth in zip(questions, by_rank, strict=True)
        ]
    )
    return (needs[:, None] <= values).astype(np.float64), kept


def _first_reaching(reached: NDArray[np.float64], recall: float) -> int | None:
    """Return the first index at which a recall is reached; None where there is none."""
    found = np.flatnonzero(reached >= recall - 1e-9)
    return int(found[0]) if len(found) else None


def _by_set(
    questions: Sequence[Ranked], covered: NDArray[np.float64], kept: NDArray[np.float64]
) -> dict[str, tuple[float, float]]:
    names = np.array([question.set_name for question in questions])
    return {
        name: (float(covered[names == name].mean()), float(kept[names == name].mean()))
        for name in dict.fromkeys(names.tolist())
    }


def _curve(reached: NDArray[np.float64], kept: NDArray[np.float64]) -> NDArray[np.float64]:
    chosen = np.unique(np.linspace(0, len(reached) - 1, _CURVE_POINTS).astype(np.intp))
    return np.stack([reached[chosen], kept[chosen]])


def _bootstrap_weights(questions: Sequence[Ranked], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of the questions in every resample, `(n_resamples, n_questions)`."""
    rng = np.random.default_rng(_SEED)
    names = np.array([question.set_name for question in questions])
    counts = np.zeros((_RESAMPLES, len(questions)))
    for name in dict.fromkeys(names.tolist()):
        inside = np.flatnonzero(names == name)
        counts[:, inside] = rng.multinomial(len(inside), np.full(len(inside), 1 / len(inside)), size=_RESAMPLES)
    return counts * weights


def _resampled(
    reached: NDArray[np.float64], kept: NDArray[np.float64], recalls: Sequence[float]
) -> NDArray[np.float64]:
    """Return the kept fraction at each recall in every resample, `(n_resamples, n_recalls)`; nan where not reached."""
    columns = []
    for recall in recalls:
        enough = reached >= recall - 1e-9
        found = kept[np.arange(len(kept)), enough.argmax(axis=1)]
        columns.append(np.where(enough.any(axis=1), found, np.nan))
    return np.stack(columns, axis=1)


def plot(costs: Sequence[Cost], path: Path) -> None:
    """Write a plot of recall against kept fraction to `path`: a line for each fixed limit and for `reach`.

    Raises:
        OSError: the file cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), dpi=120)
    for cost in costs:
        if cost.name in {RATIO, NUMBER, THRESHOLD, FITTED_DEPTH}:
            axes.plot(
                100 * cost.curve[1],
                100 * cost.curve[0],
                label=cost.name,
                linewidth=2 if cost.name == FITTED_DEPTH else 1,
            )
    axes.set(xlabel="% of the words kept", ylabel="% of questions that keep all their evidence", xlim=(0, 60))
    axes.set_ylim(50, 100)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
