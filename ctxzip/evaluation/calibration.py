"""Labelled questions -> a calibrated policy, and what it is worth on questions that it has not seen."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import __version__
from ctxzip.errors import UsageError
from ctxzip.evaluation.ranking import kept_at, need
from ctxzip.selection.adaptive.depth import REACH, depths_of
from ctxzip.selection.adaptive.features import RANK_FEATURES
from ctxzip.selection.adaptive.forest import from_json
from ctxzip.selection.adaptive.guarantee import ALL, Needs, Policy
from ctxzip.selection.adaptive.policy_file import as_json, rounded_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip.evaluation.ranking import Ranked
    from ctxzip.evaluation.sets import LabelledSet
    from ctxzip.selection.adaptive.forest import Forest

RECALLS = (0.8, 0.9, 0.95)
_HALVINGS = 100  # 200 fits: one alone is as lucky as its halves are
_SEED = 20240229


def needs_by_kind(questions: Sequence[Ranked], needs: NDArray[np.float64]) -> dict[str, Needs]:
    """Return what the questions of each kind need, sorted.

    Args:
        questions: their kinds are used.
        needs: `(n_questions,)`, infinite where the evidence stands in no unit.
    """
    kinds = np.array([question.kind for question in questions])
    found = {}
    for kind in sorted(set(kinds.tolist())):
        of_kind = needs[kinds == kind]
        reached = np.isfinite(of_kind)
        found[kind] = Needs(np.sort(of_kind[reached]), int((~reached).sum()))
    return found


@dataclass(frozen=True, slots=True)
class Coverage:
    """What came of unseen questions; means over halvings, 0..1."""

    n: int
    coverage: float
    kept_fraction: float


def held_out(
    questions: Sequence[Ranked], definition: str, recall: float, forest: Forest | None = None
) -> dict[str, Coverage] | None:
    """Fit on one half of the questions and measure on the other, both ways, for many random halves.

    Returns:
        by kind, and `all`; None where half of the questions are too few for this recall.
    """
    by_rank = [depths_of(question.ranking, definition, forest) for question in questions]
    needs = np.array([rounded_up_or_inf(need(*pair)) for pair in zip(questions, by_rank, strict=True)])
    kinds = np.array([question.kind for question in questions])
    rng = np.random.default_rng(_SEED)
    covered: list[NDArray[np.float64]] = []
    kept: list[NDArray[np.float64]] = []
    for _ in range(_HALVINGS):
        order = rng.permutation(len(questions))
        middle = len(order) // 2
        for fitted, unseen in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            half = needs_by_kind([questions[i] for i in fitted], needs[fitted])
            policy = Policy("half", "", "", None, definition, half, 0.0)
            try:
                level = {kind: policy.level(kind, recall).depth for kind in set(kinds[unseen].tolist())}
            except UsageError:
                return None
            limits = np.array([level[kind] for kind in kinds[unseen].tolist()])
            one, other = np.full((2, len(questions)), np.nan)
            one[unseen] = needs[unseen] <= limits
            other[unseen] = [
                kept_at(questions[i], by_rank[i], limit)
                for i, limit in zip(unseen.tolist(), limits.tolist(), strict=True)
            ]
            covered.append(one)
            kept.append(other)
    coverage, kept_fraction = np.nanmean(covered, axis=0), np.nanmean(kept, axis=0)
    chosen_kinds = {kind: kinds == kind for kind in sorted(set(kinds.tolist()))}
    return {
        kind: Coverage(int(chosen.sum()), float(coverage[chosen].mean()), float(kept_fraction[chosen].mean()))
        for kind, chosen in (chosen_kinds | {ALL: np.ones(len(kinds), dtype=np.bool_)}).items()
    }


def rounded_up_or_inf(need: float) -> float:
    """Round a need up as it stands in the file."""
    return rounded_up(need) if np.isfinite(need) else need


def fit(
    questions: Sequence[Ranked],
    sets: Sequence[LabelledSet],
    *,
    definition: str,
    scorer: str,
    splitter: str,
    model_sha256: str | None,
    n_weak: int,
    recalls: Sequence[float],
    fitted: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the policy of these questions, as JSON values.

    Args:
        questions: answerable and scored.
        sets: that they come from.
        definition: of depth.
        scorer: what scored them.
        splitter: what split them.
        model_sha256: of the graph that scored; None where no model did.
        n_weak: how many are labelled by their answers alone.
        recalls: for which the coverage of unseen questions is measured.
        fitted: the forests that stand in the file, as JSON values.

    Raises:
        UsageError: one of the recalls cannot be promised: too few questions, or the evidence of too many stands in no unit.
    """
    fitted = fitted or {}
    reach = None if definition != REACH else from_json(fitted["reach"], RANK_FEATURES)
    needs = np.array([rounded_up_or_inf(need(one, depths_of(one.ranking, definition, reach))) for one in questions])
    policy = Policy("the policy", scorer, splitter, model_sha256, definition, needs_by_kind(questions, needs), 0.0)
    for recall in recalls:
        for kind in policy.kinds:
            policy.level(kind, recall)
    measured = {}
    for recall in recalls:
        found = held_out(questions, definition, recall, reach)
        measured[f"{recall:g}"] = (
            None
            if found is None
            else {
                kind: {"n": one.n, "coverage": round(one.coverage, 4), "kept_fraction": round(one.kept_fraction, 4)}
                for kind, one in found.items()
            }
        )
    return as_json(
        policy,
        np.array([one.ranking.probability[0] for one in questions], dtype=np.float64),
        made_by=f"ctxzip {__version__}",
        data={
            "files": {one.path.name: len(one.answerable) for one in sets},
            "questions": len(questions),
            "labelled_by_answers_only": n_weak,
        },
        held_out=measured,
        **fitted,
    )


def as_text(policy: dict[str, Any]) -> str:
    """Return a policy as JSON that a person can read: lists of numbers on one line."""
    text = json.dumps(policy, indent=2, allow_nan=False)
    return re.sub(r"\[[^][{}\"]*\]", lambda found: " ".join(found[0].split()), text) + "\n"
