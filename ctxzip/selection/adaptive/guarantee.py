"""What was calibrated for each kind of question, and what follows from it for one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.datamodels import Cut, Guarantee, Ranking, RecordWarning
from ctxzip.errors import UsageError
from ctxzip.selection.adaptive.depth import depths_of
from ctxzip.selection.adaptive.features import question_features

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from numpy.typing import NDArray

    from ctxzip.selection.adaptive.forest import Forest

ALL = "all"
RARE = "rare"

# The share that a group with a number of its own falls short of is a random one: over calibration
# sets its standard deviation is about sqrt(alpha * (1 - alpha) / n) (Vovk 2012). With n = 10 / alpha
# this is below a third of alpha: 0.05 means 0.035 to 0.065.
_PER_ALPHA = 10


def questions_needed(recall: float) -> int:
    """Return how many labelled questions it takes to promise a recall.

    >>> questions_needed(0.9), questions_needed(0.95), questions_needed(0.99)
    (9, 19, 99)
    """
    share = _exact(recall)
    return math.ceil(share / (1 - share))


def check_recall(recall: Any) -> None:
    """Raise UsageError where a recall is none that could be promised."""
    if isinstance(recall, bool) or not isinstance(recall, int | float) or not 0 < recall < 1:
        raise UsageError("expected a number between 0 and 1, such as 0.9", option="recall", value=recall)


@dataclass(frozen=True, slots=True)
class Needs:
    """What the calibration questions of one kind needed.

    Attributes:
        scores: `(n_reached,)` rising, the depth that each needed.
        n_unreached: questions whose evidence no depth keeps, as it stands in no unit.
    """

    scores: NDArray[np.float64]
    n_unreached: int = 0

    @property
    def n(self) -> int:
        """All questions."""
        return len(self.scores) + self.n_unreached


@dataclass(frozen=True, slots=True)
class Level:
    """How deep to go for one kind of question.

    Attributes:
        depth: units of at most this depth are kept.
        n: labelled questions behind it.
        kind: whose questions those are: one kind, `rare` (the kinds with few questions together) or `all`.
        alpha: the share of questions that may lose evidence.
        seen: whether questions of the kind asked for were among all that were calibrated on.
    """

    depth: float
    n: int
    kind: str
    alpha: float
    seen: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """A calibration, and whose it is.

    Attributes:
        place: the file, as it was named.
        scorer, splitter: what the units and their scores came from.
        model_sha256: of the graph that scored; None where no model did.
        definition: of depth.
        kinds: what the questions of each kind needed; at least one question.
        lowest_best: the probability of the best unit that 1% of the questions stay below.
        reach: forest behind the depth `reach`, or None.
        answerable: forest that gives the chance that anything answers a question, or None.
        floor: chance below which a question counts as one that nothing answers.
    """

    place: str
    scorer: str
    splitter: str
    model_sha256: str | None
    definition: str
    kinds: Mapping[str, Needs]
    lowest_best: float
    reach: Forest | None = None
    answerable: Forest | None = None
    floor: float = 0.0

    def check(self, scorer: str, model_sha256: str | None, splitter: str) -> None:
        """Raise UsageError where the policy is of another scorer, model or splitter."""
        for what, ours, theirs in (
            ("scorer", self.scorer, scorer),
            ("splitter", self.splitter, splitter),
            ("model with the SHA-256", self.model_sha256, model_sha256),
        ):
            if ours != theirs:
                raise UsageError(
                    f"{self.place}: calibrated for the {what} {ours or 'none'}, not {theirs or 'none'}: "
                    "run `ctxzip calibrate` with the one that you use",
                    option="policy",
                )

    def level(self, kind: str, recall: float) -> Level:
        """Return the depth that keeps all evidence of at least that share of the questions.

        A kind with too few questions for a number of its own has that of several kinds together, or a deeper one where
        its own few questions say so.

        Raises:
            UsageError: too few questions for it, or the evidence of too many stands in no unit.
        """
        check_recall(recall)
        share = _exact(recall)
        group, scores, n = self._group(kind, share)
        rank = math.ceil((n + 1) * share)
        if rank > n:
            raise UsageError(
                f"needs at least {questions_needed(recall)} labelled questions, "
                f"and {self.place} has {n}: calibrate on more, or set at most {math.floor(1000 * n / (n + 1)) / 1000:g}",
                option="recall",
                value=recall,
            )
        if rank > len(scores):
            raise UsageError(
                f"of {n - len(scores)} of the {n} questions in {self.place} the evidence is in "
                f"no unit: set at most {math.floor(1000 * len(scores) / (n + 1)) / 1000:g}",
                option="recall",
                value=recall,
            )
        depth = max(float(scores[rank - 1]), self._own_depth(kind, share) if group != kind else 0.0)
        return Level(depth, n, group, float(1 - share), kind in self.kinds)

    def _own_depth(self, kind: str, share: Fraction) -> float:
        """Return how deep the questions of a kind say to go that others speak for, too; 0 where they are too few to say.

        What holds for all of a pool may hold less often for one kind in it; going deeper breaks no promise.
        """
        own = self.kinds.get(kind)
        if own is None or not len(own.scores) or (rank := math.ceil((own.n + 1) * share)) > own.n:
            return 0.0
        return float(own.scores[min(rank, len(own.scores)) - 1])

    def usual(self, share: float) -> Level:
        """Return the depth that this share of the calibration questions needed at most: no promise, never refused.

        One number for all kinds: depths are prices, and one price for all questions costs the fewest words
        (`ctxzip.selection.adaptive.features.depths`). Of the first 60 questions of each of eleven dev sets a number for each kind kept the evidence
        of 89.8% of the questions with 13.7% of the words, one for all that of 93.9% with 14.2%.
        """
        n = sum(needs.n for needs in self.kinds.values())
        scores = np.sort(np.concatenate([needs.scores for needs in self.kinds.values()]))
        rank = min(math.ceil(n * _exact(share)), len(scores))
        return Level(float(scores[rank - 1]) if rank else math.inf, n, ALL, 1 - share, seen=True)

    def _group(self, kind: str, share: Fraction) -> tuple[str, NDArray[np.float64], int]:
        """Return the questions that speak for a kind: its name, their needs, their number.

        A kind speaks for itself where it has enough questions. The others are taken together, with
        the smallest of those where they are too few for any promise: groups that do not overlap, so
        that what holds in each holds for all questions. Which they are depends on the numbers of
        questions only, not on what they need.
        """
        enough, least = math.ceil(_PER_ALPHA / (1 - share)), math.ceil(share / (1 - share))
        by_size = sorted(self.kinds, key=lambda name: (self.kinds[name].n, name))
        together: list[str] = []
        n_together = 0
        for name in by_size:
            n = self.kinds[name].n
            if n >= enough and (n_together >= least or not together):
                break
            together.append(name)
            n_together += n
        if kind in self.kinds and kind not in together:
            return kind, self.kinds[kind].scores, self.kinds[kind].n
        members = together or by_size  # a kind that was never seen, and no rare ones: all speak for it
        scores = np.sort(np.concatenate([self.kinds[name].scores for name in members]))
        return (
            RARE if len(members) < len(by_size) else ALL,
            scores,
            sum(self.kinds[name].n for name in members),
        )

    def guarantee(self, level: Level, ranking: Ranking, recall: float) -> Cut:
        """Return what is kept for a recall, and what is guaranteed for it.

        Args:
            level: of its kind and this recall.
            ranking: of the units that may be kept at all.
            recall: asked for.
        """
        warnings = []
        guarantee = None
        if level.seen:
            guarantee = Guarantee(recall, round(level.alpha, 6), level.n, level.kind, self.place, self.model_sha256)
            promised = f"{100 * recall:g}% of queries like these keep all their evidence"
        else:
            promised = "as deep as other kinds of question need"
            text = f"no guarantee: {self.place} has no query of this kind"
            warnings.append(RecordWarning("no_guarantee", text))
        if len(ranking.probability) and float(ranking.probability[0]) < self.lowest_best:
            text = (
                "unlike the queries of the calibration: in 99% of those the best unit scores higher than "
                f"{self.lowest_best:.4g}"
            )
            warnings.append(RecordWarning("unlike_calibration", text))
        return Cut(
            mode="recall",
            threshold=self._threshold(ranking, level.depth),
            reason=f"recall {recall:g}: {promised} (calibrated on {level.n:,} queries, {_spoken(level.kind)})",
            guarantee=guarantee,
            warnings=tuple(warnings),
        )

    def guess(self, level: Level, ranking: Ranking, mode: str) -> Cut:
        """Return what is kept of one question at a level that promises nothing.

        Args:
            level: of its kind.
            ranking: of the units that may be kept at all.
            mode: the name of the budget.
        """
        threshold = self._threshold(ranking, level.depth)
        n_kept = int((ranking.probability >= threshold).sum())
        return Cut(
            mode=mode,
            threshold=threshold,
            reason=(
                f"{mode}: {n_kept} of {len(ranking.probability)} units, as deep as {100 * (1 - level.alpha):.3g}% of "
                f"{level.n:,} labelled queries needed ({_spoken(level.kind)})"
            ),
            no_answer=self.answerable is not None and self.chance(ranking) < self.floor,
        )

    def chance(self, ranking: Ranking) -> float:
        """Return the chance that anything answers the question; 1 where the policy cannot tell."""
        if self.answerable is None or not len(ranking.probability):
            return 1.0
        return float(self.answerable.chances(question_features(ranking)[None])[0])

    def _threshold(self, ranking: Ranking, depth: float) -> float:
        """Return the lowest probability within a depth."""
        if not len(ranking.probability):
            return 0.0
        return float(ranking.probability[depths_of(ranking, self.definition, self.reach) <= depth].min())


def _spoken(kind: str) -> str:
    return {ALL: "all kinds", RARE: "rarer kinds"}.get(kind, f"kind {kind}")


def _exact(share: float) -> Fraction:
    """Return the number as it is written: 0.9 is 9/10 and not what floating point makes of it."""
    from fractions import Fraction

    return Fraction(repr(float(share)))
