"""Finds the policy for the scores of a scorer, named by the user or shipped with the model, and lets it decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxzip._internal.untrusted_files import read_json
from ctxzip.datamodels import DEADLINE
from ctxzip.errors import UsageError
from ctxzip.model_store import open_model, scoring_graph
from ctxzip.selection.adaptive.policy_file import FITTED_KEYS, load_policy
from ctxzip.selection.budget_from_limits import policy_share
from ctxzip.settings import AUTO, BM25

if TYPE_CHECKING:
    from ctxzip.datamodels import Limits, Ranking, Scored
    from ctxzip.selection.adaptive.guarantee import DepthQuantile
    from ctxzip.selection.adaptive.policy import Answerability, Policy, PolicyDecision
    from ctxzip.settings import Settings

POLICY = "policy.json"  # name of the file in the folder of a model


def shipped_fit(scorer: str, model: str, device: str) -> dict[str, Any] | None:
    """Return what training fitted for a scorer (`FITTED_KEYS`), as JSON values from the policy file of its model.

    Args:
        scorer: as records name it.
        model: name or folder of the model.
        device: where the model runs: `cpu` or `cuda:N`.

    Returns:
        None where the model ships no policy for this scorer, or one without fitted forests.

    Raises:
        ModelError: the policy file cannot be read.
    """
    path = None if scorer == BM25 else _shipped_policy(model, device)
    if path is None or load_policy(path).scorer != scorer:
        return None
    content = read_json(path)
    return {key: content[key] for key in FITTED_KEYS if key in content} or None


class PolicyLookup:
    """Finds the policy that decides under a recall or an automatic budget; loads each file once.

    Args:
        settings: name the policy and the model.
        limits: of these settings.
        device: where the model runs: `cpu` or `cuda:N`.
    """

    def __init__(self, settings: Settings, limits: Limits, device: str) -> None:
        self._settings = settings
        self._limits = limits
        self._device = device
        self._policies: dict[tuple[str, str | None, str], Policy | None] = {}
        self._quantiles: dict[tuple[str, str], DepthQuantile] = {}  # by path of the policy and kind of query

    def policy_for(self, scorer: str, model_sha256: str | None, splitter: str) -> Policy | None:
        """Return the policy for the scores of a scorer.

        Args:
            scorer: as records name it.
            model_sha256: of the graph that scored; None without a model.
            splitter: that made the units.

        Returns:
            None where there is no policy, or no limit needs one.

        Raises:
            UsageError: the policy is for another scorer, model or splitter, or a recall is wanted without a policy.
        """
        if not self._decides and self._limits.min_answerable is None:
            return None
        return self._found(scorer, model_sha256, splitter)

    def answerability(self, scored: Scored, ranking: Ranking) -> Answerability | None:
        """Return whether the passages answer a query, also under limits alone, under which no policy decides.

        None where no policy tells, where the model ran out of time, and where no document is in English.
        """
        if DEADLINE in scored.scores.not_scored or not {"en", "und"}.intersection(scored.prepared.languages):
            return None
        policy = self._found(scored.scorer, scored.model_sha256, scored.prepared.splitter)
        return None if policy is None else policy.answerability(ranking)

    @property
    def _decides(self) -> bool:
        """Whether a policy decides how much is kept."""
        return self._limits.recall is not None or self._limits.adaptive

    def _found(self, scorer: str, model_sha256: str | None, splitter: str) -> Policy | None:
        scored_by = (scorer, model_sha256, splitter)
        if scored_by not in self._policies:
            self._policies[scored_by] = self._find(*scored_by)
        return self._policies[scored_by]

    def decide(self, scored: Scored, ranking: Ranking) -> PolicyDecision | None:
        """Return how far down the ranking of one query the policy goes; None where none decides.

        Raises:
            UsageError: as `policy_for`.
        """
        policy = self.policy_for(scored.scorer, scored.model_sha256, scored.prepared.splitter)
        if policy is None or not self._decides:
            return None
        recall, key = self._limits.recall, (policy.path, ranking.kind)
        if key not in self._quantiles:
            self._quantiles[key] = (
                policy.pooled_depth(policy_share(self._limits))
                if recall is None
                else policy.conformal_depth(ranking.kind, recall)
            )
        quantile = self._quantiles[key]
        if recall is None:
            return policy.decide_automatic(quantile, ranking, self._limits.profile or AUTO)
        return policy.decide_guaranteed(quantile, ranking, recall)

    def _find(self, scorer: str, model_sha256: str | None, splitter: str) -> Policy | None:
        recall = self._limits.recall
        # In a config file a policy may be for other calls.
        if self._settings.policy is not None and self._settings.under_policy:
            policy = load_policy(Path(self._settings.policy))
            policy.check(scorer, model_sha256, splitter)
        elif path := None if scorer == BM25 else _shipped_policy(self._settings.model, self._device):
            policy = load_policy(path)
            if recall is not None:
                policy.check(scorer, model_sha256, splitter)
            elif policy.scorer != scorer:
                return None  # an automatic budget guarantees nothing, so the scores alone can decide
        elif recall is None:
            return None
        else:
            raise UsageError(
                f"no policy for {scorer}: calibrate one on labelled questions with `ctxzip calibrate` and name it",
                option=("recall", "policy"),
                value=recall,
            )
        if recall is not None:
            for kind in policy.needed_depths:
                policy.conformal_depth(kind, recall)  # raises before the first record, not at the first of its kind
        return policy


def _shipped_policy(model: str, device: str) -> Path | None:
    """Return the policy file of a model, preferring one for the graph that runs on the device; None where it has none.

    Raises:
        ModelError: the file is not the one whose checksum is on the model card.
    """
    folder = open_model(model)
    names = (f"{scoring_graph(model, device)[0].removesuffix('.onnx')}.{POLICY}", POLICY)
    name = next((name for name in names if (folder.path / name).is_file()), None)
    if name is None:
        return None
    return folder.verified(name) if name in folder.card["files"] else folder.path / name
