"""Fits the policy of a conformal recall guarantee on labelled questions, and measures it on held-out ones."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import __version__
from ctxzip.errors import UsageError
from ctxzip.evaluation.ranking import kept_fraction_at, needed_depth
from ctxzip.selection.adaptive.depth import FITTED_DEPTH, depths_of
from ctxzip.selection.adaptive.features import RANK_FEATURES
from ctxzip.selection.adaptive.forest import forest_from_json
from ctxzip.selection.adaptive.guarantee import ALL, NeededDepths
from ctxzip.selection.adaptive.policy import Policy
from ctxzip.selection.adaptive.policy_file import policy_as_json, rounded_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip.evaluation.ranking import Ranked
    from ctxzip.evaluation.sets import LabelledSet
    from ctxzip.selection.adaptive.forest import Forest

RECALLS = (0.8, 0.9, 0.95)
_HALVINGS = 100  # random halves, two fits each: one alone depends on chance
_SEED = 20240229


def needs_by_kind(questions: Sequence[Ranked], needs: NDArray[np.float64]) -> dict[str, NeededDepths]:
    """Return the needed depths of the questions of each kind, sorted.

    Args:
        questions: only their kinds are used.
        needs: `(n_questions,)`, the needed depth; infinite where no unit overlaps needed evidence.
    """
    kinds = np.array([question.kind for question in questions])
    found = {}
    for kind in sorted(set(kinds.tolist())):
        of_kind = needs[kinds == kind]
        reached = np.isfinite(of_kind)
        found[kind] = NeededDepths(np.sort(of_kind[reached]), int((~reached).sum()))
    return found


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """The questions that a policy is fitted on.

    Attributes:
        questions: answerable and ranked.
        sets: the sets that they are from.
        n_weak: number of questions with weak labels only (from answers).
    """

    questions: Sequence[Ranked]
    sets: Sequence[LabelledSet]
    n_weak: int = 0


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """What scored the questions; a policy is valid for the same scorer, splitter and model only.

    Attributes:
        scorer: name of the scorer.
        splitter: name of the splitter.
        model_sha256: of the graph that scored; None without a model.
    """

    scorer: str
    splitter: str
    model_sha256: str | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of held-out questions; means over halvings, 0..1.

    Attributes:
        n: number of questions.
        coverage: share of the questions that keep the needed evidence.
        kept_fraction: mean fraction of the words kept.
    """

    n: int
    coverage: float
    kept_fraction: float


def held_out(
    questions: Sequence[Ranked], definition: str, recall: float, forest: Forest | None = None
) -> dict[str, Coverage] | None:
    """Return the coverage of held-out questions: fit on one half, measure on the other, for many random halves.

    Args:
        questions: answerable and ranked.
        definition: of depth.
        recall: to guarantee, 0..1.
        forest: the forest of `reach`; None for other definitions.

    Returns:
        Coverage by kind, and under `all`; None where half of the questions are too few for this recall.
    """
    by_rank = [depths_of(question.ranking, definition, forest) for question in questions]
    needs = np.array([rounded_up_or_inf(needed_depth(*pair)) for pair in zip(questions, by_rank, strict=True)])
    kinds = np.array([question.kind for question in questions])
    rng = np.random.default_rng(_SEED)
    covered: list[NDArray[np.float64]] = []
    kept: list[NDArray[np.float64]] = []
    for _ in range(_HALVINGS):
        order = rng.permutation(len(questions))
        middle = len(order) // 2
        for fitted, held_out_half in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            half = needs_by_kind([questions[i] for i in fitted], needs[fitted])
            policy = Policy("half", "", "", None, definition, half, 0.0)
            try:
                level = {
                    kind: policy.conformal_depth(kind, recall).depth for kind in set(kinds[held_out_half].tolist())
                }
            except UsageError:
                return None
            limits = np.array([level[kind] for kind in kinds[held_out_half].tolist()])
            is_covered, kept_fraction = np.full((2, len(questions)), np.nan)
            is_covered[held_out_half] = needs[held_out_half] <= limits
            kept_fraction[held_out_half] = [
                kept_fraction_at(questions[i], by_rank[i], limit)
                for i, limit in zip(held_out_half.tolist(), limits.tolist(), strict=True)
            ]
            covered.append(is_covered)
            kept.append(kept_fraction)
    coverage, mean_kept = np.nanmean(covered, axis=0), np.nanmean(kept, axis=0)
    chosen_kinds = {kind: kinds == kind for kind in sorted(set(kinds.tolist()))}
    return {
        kind: Coverage(int(chosen.sum()), float(coverage[chosen].mean()), float(mean_kept[chosen].mean()))
        for kind, chosen in (chosen_kinds | {ALL: np.ones(len(kinds), dtype=np.bool_)}).items()
    }


def rounded_up_or_inf(depth: float) -> float:
    """Return a depth rounded up, as a policy file stores it; infinity stays."""
    return rounded_up(depth) if np.isfinite(depth) else depth


def fit(
    data: CalibrationData,
    scored_by: ScoredBy,
    *,
    definition: str,
    recalls: Sequence[float],
    fitted: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the policy of these questions, as JSON values.

    Args:
        data: the questions to calibrate on.
        scored_by: what scored them.
        definition: of depth.
        recalls: the recalls, 0..1, whose coverage of held-out questions is measured.
        fitted: the forests for the policy file, as JSON values.

    Raises:
        UsageError: a recall cannot be guaranteed: there are too few questions, or of too many no unit overlaps the
            evidence.
    """
    fitted = fitted or {}
    questions = data.questions
    reach = None if definition != FITTED_DEPTH else forest_from_json(fitted["reach"], RANK_FEATURES)
    needs = np.array(
        [rounded_up_or_inf(needed_depth(one, depths_of(one.ranking, definition, reach))) for one in questions]
    )
    policy = Policy(
        "the policy",
        scored_by.scorer,
        scored_by.splitter,
        scored_by.model_sha256,
        definition,
        needs_by_kind(questions, needs),
        0.0,
    )
    for recall in recalls:
        for kind in policy.needed_depths:
            policy.conformal_depth(kind, recall)
    return policy_as_json(
        policy,
        np.array([one.ranking.probability[0] for one in questions], dtype=np.float64),
        made_by=f"ctxzip {__version__}",
        data={
            "files": {one.path.name: len(one.answerable) for one in data.sets},
            "questions": len(questions),
            "labelled_by_answers_only": data.n_weak,
        },
        held_out={
            f"{recall:g}": _coverage_as_json(held_out(questions, definition, recall, reach)) for recall in recalls
        },
        **fitted,
    )


def _coverage_as_json(by_kind: dict[str, Coverage] | None) -> dict[str, Any] | None:
    if by_kind is None:
        return None
    return {
        kind: {"n": one.n, "coverage": round(one.coverage, 4), "kept_fraction": round(one.kept_fraction, 4)}
        for kind, one in by_kind.items()
    }


def as_text(policy: dict[str, Any]) -> str:
    """Return a policy as indented JSON, with every list of numbers on one line."""
    text = json.dumps(policy, indent=2, allow_nan=False)
    return re.sub(r"\[[^][{}\"]*\]", lambda found: " ".join(found[0].split()), text) + "\n"
