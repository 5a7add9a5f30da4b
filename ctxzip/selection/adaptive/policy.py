"""A calibrated policy: the ranking of one query -> the lowest probability kept, and what is guaranteed for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxzip.datamodels import NOT_ENGLISH, Guarantee, Ranking, RecordWarning
from ctxzip.errors import UsageError
from ctxzip.selection.adaptive.depth import depths_of
from ctxzip.selection.adaptive.features import question_features
from ctxzip.selection.adaptive.guarantee import (
    ALL,
    RARE,
    DepthQuantile,
    NeededDepths,
    conformal_depth,
    pooled_depth,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctxzip.selection.adaptive.forest import Forest


# Probability, 0..1, from which an automatic budget keeps a unit at any depth. On 18 dev sets this adds 0.2 points of words and
# loses nothing; on small inputs that are no prose it keeps the needles of 3% more (models/README.md).
_LIKELY = 0.7


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """How far down the ranking of one query units are kept.

    Attributes:
        mode: the name of the budget in records: `recall`, `auto` or a profile.
        threshold: 0..1, lowest probability kept.
        reason: one phrase for people.
        guarantee: valid if every unit down to the threshold is kept; None without one.
        warnings: about the guarantee.
    """

    mode: str
    threshold: float
    reason: str
    guarantee: Guarantee | None = None
    warnings: tuple[RecordWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Answerability:
    """Whether the passages of a request answer its query, as a policy predicts it.

    Attributes:
        probability: 0..1, that they do, if as many queries are answered as are not.
        floor: 0..1, an automatic budget counts a query below it as unanswerable.
    """

    probability: float
    floor: float


@dataclass(frozen=True, slots=True)
class Policy:
    """What was calibrated, and fitted, for one scorer on labelled queries.

    Attributes:
        path: the policy file, as the user named it.
        scorer, splitter: what made the scores and the units.
        model_sha256: of the graph that scored; None without a model.
        depth_definition: a name of `ctxzip.selection.adaptive.depth`.
        needed_depths: of the labelled queries, by kind; of at least one query.
        low_best_probability: 0..1, the 1% quantile, over the labelled queries, of the probability of the best unit.
        depth_forest: the forest of the depth definition `reach`; None for other definitions.
        answerability_forest: predicts the probability that a query is answerable; None where none was fitted.
        answerability_floor: 0..1, an automatic budget counts a query below it as unanswerable.
    """

    path: str
    scorer: str
    splitter: str
    model_sha256: str | None
    depth_definition: str
    needed_depths: Mapping[str, NeededDepths]
    low_best_probability: float
    depth_forest: Forest | None = None
    answerability_forest: Forest | None = None
    answerability_floor: float = 0.0

    def check(self, scorer: str, model_sha256: str | None, splitter: str) -> None:
        """Raise UsageError where the policy was calibrated for another scorer, model or splitter."""
        for what, calibrated, used in (
            ("scorer", self.scorer, scorer),
            ("splitter", self.splitter, splitter),
            ("model with the SHA-256", self.model_sha256, model_sha256),
        ):
            if calibrated != used:
                raise UsageError(
                    f"{self.path}: calibrated for the {what} {calibrated or 'none'}, not {used or 'none'}: "
                    "run `ctxzip calibrate` with the one that you use",
                    option="policy",
                )

    def conformal_depth(self, kind: str, recall: float) -> DepthQuantile:
        """Return the depth that keeps all needed evidence of at least this share of the queries of a kind.

        Raises:
            UsageError: there are too few labelled queries for this recall, or too many whose evidence is in no unit.
        """
        return conformal_depth(self.needed_depths, kind, recall, self.path)

    def pooled_depth(self, share: float) -> DepthQuantile:
        """Return the depth that this share of the labelled queries of all kinds needed at most, without a guarantee."""
        return pooled_depth(self.needed_depths, share)

    def decide_guaranteed(self, quantile: DepthQuantile, ranking: Ranking, recall: float) -> PolicyDecision:
        """Return what is kept of one query for a recall, and what is guaranteed.

        Args:
            quantile: of the kind of the query and this recall, by `conformal_depth`.
            ranking: of the units that may be kept.
            recall: between 0 and 1.
        """
        warnings = []
        guarantee = None
        if quantile.is_calibrated:
            guarantee = Guarantee(
                recall, round(quantile.alpha, 6), quantile.n, quantile.group, self.path, self.model_sha256
            )
            coverage = f"{100 * recall:g}% of queries like these keep all their evidence"
        else:
            coverage = "as deep as other kinds of query need"
            text = f"no guarantee: {self.path} has no query of this kind"
            warnings.append(RecordWarning("no_guarantee", text))
        if len(ranking.probability) and float(ranking.probability[0]) < self.low_best_probability:
            text = (
                "unlike the queries of the calibration: in 99% of those the best unit scores higher than "
                f"{self.low_best_probability:.4g}"
            )
            warnings.append(RecordWarning("unlike_calibration", text))
        return PolicyDecision(
            mode="recall",
            threshold=self._threshold(ranking, quantile.depth),
            reason=f"recall {recall:g}: {coverage} (calibrated on {quantile.n:,} queries, {_described(quantile.group)})",
            guarantee=guarantee,
            warnings=tuple(warnings),
        )

    def decide_automatic(self, quantile: DepthQuantile, ranking: Ranking, mode: str) -> PolicyDecision:
        """Return what an automatic budget keeps of one query, without a guarantee.

        Args:
            quantile: by `pooled_depth`.
            ranking: of the units that may be kept.
            mode: the name of the budget.
        """
        threshold = min(self._threshold(ranking, quantile.depth), _LIKELY)
        n_kept = int((ranking.probability >= threshold).sum())
        return PolicyDecision(
            mode=mode,
            threshold=threshold,
            reason=(
                f"{mode}: {n_kept} of {len(ranking.probability)} units, as deep as {100 * (1 - quantile.alpha):.3g}% of "
                f"{quantile.n:,} labelled queries needed ({_described(quantile.group)})"
            ),
        )

    def answerability(self, ranking: Ranking) -> Answerability | None:
        """Return whether the passages answer a query; None without units, without a forest for it, and for other languages."""
        if self.answerability_forest is None or not len(ranking.probability) or ranking.kind == NOT_ENGLISH:
            return None
        probability = self.answerability_forest.probabilities(question_features(ranking)[None])[0]
        return Answerability(float(probability), self.answerability_floor)

    def _threshold(self, ranking: Ranking, depth: float) -> float:
        """Return the lowest probability of the units of at most a depth; 0 without units."""
        if not len(ranking.probability):
            return 0.0
        depths = depths_of(ranking, self.depth_definition, self.depth_forest)
        return float(ranking.probability[depths <= depth].min())


def _described(group: str) -> str:
    return {ALL: "all kinds", RARE: "rarer kinds"}.get(group, f"kind {group}")
