"""Ways to decide how much is kept, compared at the same recall of whole questions.

Each way has one number for all questions, the smallest that reaches the recall on the questions at
hand: the best fixed ratio, the best fixed threshold, and so on. It is a comparison of ways to decide,
not a promise.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.evaluation.ranking import need
from ctxzip.selection.adaptive.depth import DEPTHS, REACH, depths_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.evaluation.ranking import Ranked
    from ctxzip.selection.adaptive.forest import Forest

    Way = Callable[[Ranked], NDArray[np.float64]]

RATIO, NUMBER, THRESHOLD = "fixed ratio", "fixed number", "fixed threshold"
_SEED = 20240229
_RESAMPLES = 1_000
_INTERVAL = (2.5, 97.5)  # percent
_PLOTTED = 201  # points of a curve


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way to decide keeps of the words, for each recall; None where a recall is not reached.

    Attributes:
        kept_fraction: sets weighing the same.
        by_set: for each set its own recall and the fraction of its words, with the one number for all.
        curve: `(2, n)`, recall and kept fraction over the whole range of that number.
    """

    name: str
    kept_fraction: tuple[float | None, ...]
    by_set: tuple[dict[str, tuple[float, float]] | None, ...]
    curve: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Saving:
    """The words that one way keeps, as a share of those of another at the same recall, 0 and more.

    Attributes:
        low, high: 95% interval of a paired bootstrap: questions are drawn again within each set, and
            both ways choose their number anew (Efron and Tibshirani 1993).
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
    """Return what fixed limits and every definition of depth cost, and what `reach` saves.

    Args:
        questions: answerable.
        recalls: of whole questions, 0..1, sets weighing the same.
        forest: behind `reach`; without one there is no `reach`, and no saving.
    """
    sizes = Counter(question.set_name for question in questions)
    weights = np.array([1 / (len(sizes) * sizes[question.set_name]) for question in questions])
    drawn = _drawn(questions, weights)
    costs: list[Cost] = []
    resampled: dict[str, NDArray[np.float64]] = {}
    for name, way in _ways(forest).items():
        covered, kept = _tables(questions, way)
        at = [_first(weights @ covered, recall) for recall in recalls]
        costs.append(
            Cost(
                name,
                tuple(None if i is None else float(weights @ kept[:, i]) for i in at),
                tuple(None if i is None else _by_set(questions, covered[:, i], kept[:, i]) for i in at),
                _curve(weights @ covered, weights @ kept),
            )
        )
        if forest is not None:
            resampled[name] = _resampled(drawn @ covered, drawn @ kept, recalls)
    savings = []
    for than in (RATIO, NUMBER, THRESHOLD) if forest is not None else ():
        for column, recall in enumerate(recalls):
            ours, theirs = (
                next(cost for cost in costs if cost.name == name).kept_fraction[column] for name in (REACH, than)
            )
            if ours is None or theirs is None:
                continue
            low, high = np.nanpercentile(resampled[REACH][:, column] / resampled[than][:, column], _INTERVAL)
            savings.append(Saving(REACH, than, recall, ours / theirs, float(low), float(high)))
    return costs, savings


def _ways(forest: Forest | None) -> dict[str, Way]:
    ways: dict[str, Way] = {
        RATIO: lambda question: question.kept_fraction,
        NUMBER: lambda question: np.arange(len(question.ranking.probability), dtype=np.float64),
        THRESHOLD: _by("certainty", None),
        **{name: _by(name, None) for name in DEPTHS if name != "certainty"},
    }
    return ways if forest is None else {**ways, REACH: _by(REACH, forest)}


def _by(definition: str, forest: Forest | None) -> Way:
    return lambda question: depths_of(question.ranking, definition, forest)


def _tables(questions: Sequence[Ranked], way: Way) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return whether each question is covered and what it keeps, at every number that some question needs.

    Both are `(n_questions, n_numbers)`.
    """
    by_rank = [way(question) for question in questions]
    needs = np.array([need(*pair) for pair in zip(questions, by_rank, strict=True)])
    numbers = np.unique(needs[np.isfinite(needs)])
    kept = np.stack(
        [
            question.kept_fraction[np.maximum(np.searchsorted(depth, numbers, side="right"), 1) - 1]
            for question, depth in zip(questions, by_rank, strict=True)
        ]
    )
    return (needs[:, None] <= numbers).astype(np.float64), kept


def _first(reached: NDArray[np.float64], recall: float) -> int | None:
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
    chosen = np.unique(np.linspace(0, len(reached) - 1, _PLOTTED).astype(np.intp))
    return np.stack([reached[chosen], kept[chosen]])


def _drawn(questions: Sequence[Ranked], weights: NDArray[np.float64]) -> NDArray[np.float64]:
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
    """Return what is kept at each recall in every resample, `(n_resamples, n_recalls)`; nan where it is not reached."""
    columns = []
    for recall in recalls:
        enough = reached >= recall - 1e-9
        found = kept[np.arange(len(kept)), enough.argmax(axis=1)]
        columns.append(np.where(enough.any(axis=1), found, np.nan))
    return np.stack(columns, axis=1)


def plot(costs: Sequence[Cost], path: Path) -> None:
    """Write recall against kept fraction as a picture, one line a way; those with a curve of their own name."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), dpi=120)
    for cost in costs:
        if cost.name in {RATIO, NUMBER, THRESHOLD, REACH}:
            axes.plot(
                100 * cost.curve[1], 100 * cost.curve[0], label=cost.name, linewidth=2 if cost.name == REACH else 1
            )
    axes.set(xlabel="% of the words kept", ylabel="% of questions that keep all their evidence", xlim=(0, 60))
    axes.set_ylim(50, 100)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
