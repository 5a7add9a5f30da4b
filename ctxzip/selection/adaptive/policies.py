"""Which policy decides for what a scorer scored, and how far down it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxzip.errors import UsageError
from ctxzip.model_store import open_model, scoring_graph
from ctxzip.selection.adaptive.policy_file import FITTED, load_policy
from ctxzip.selection.budget import share_of
from ctxzip.settings import AUTO, BM25

if TYPE_CHECKING:
    from ctxzip.datamodels import Cut, Limits, Ranking
    from ctxzip.selection.adaptive.guarantee import Level, Policy
    from ctxzip.settings import Settings

POLICY = "policy.json"  # in the folder of a model


def fitted_budget(scorer: str, model: str, device: str) -> dict[str, Any] | None:
    """Return what was fitted for a scorer and ships with its model, as it stands in a policy file.

    Raises:
        ModelError: the policy of the model cannot be read.
    """
    found = None if scorer == BM25 else _shipped(model, device)
    if found is None or load_policy(found).scorer != scorer:
        return None
    content = json.loads(found.read_text("utf-8"))
    return {key: content[key] for key in FITTED if key in content} or None


class Policies:
    """What decides under `recall` and automatic budgets: the policy that was named, or the model's own.

    Args:
        settings: name policy and model.
        limits: of the settings.
        device: where the model runs.
    """

    def __init__(self, settings: Settings, limits: Limits, device: str) -> None:
        self._settings = settings
        self._limits = limits
        self._device = device
        self._found: dict[tuple[str, str | None, str], Policy | None] = {}
        self._levels: dict[tuple[str, str], Level] = {}  # by policy and kind of question

    def of(self, scorer: str, model_sha256: str | None, splitter: str) -> Policy | None:
        """Return the policy for what a scorer scored.

        Args:
            scorer: what the scores came from, as records call it.
            model_sha256: of its graph; None where no model scored.
            splitter: that made the units.

        Returns:
            None where there is no policy, or the limits need none: the score profile alone will do.

        Raises:
            UsageError: it is another model's, or a recall is asked for and there is none.
        """
        if self._limits.recall is None and not self._limits.adaptive:
            return None
        whose = (scorer, model_sha256, splitter)
        if whose not in self._found:
            self._found[whose] = self._find(*whose)
        return self._found[whose]

    def cut(self, policy: Policy | None, ranking: Ranking) -> Cut | None:
        """Return how far down a policy goes for one request; None where there is no policy."""
        if policy is None:
            return None
        recall, key = self._limits.recall, (policy.place, ranking.kind)
        if key not in self._levels:
            self._levels[key] = (
                policy.usual(share_of(self._limits)) if recall is None else policy.level(ranking.kind, recall)
            )
        level = self._levels[key]
        if recall is None:
            return policy.guess(level, ranking, self._limits.profile or AUTO)
        return policy.guarantee(level, ranking, recall)

    def _find(self, name: str, model_sha256: str | None, splitter: str) -> Policy | None:
        recall = self._limits.recall
        if self._settings.policy is not None:
            policy = load_policy(Path(self._settings.policy))
            policy.check(name, model_sha256, splitter)
        elif found := None if name == BM25 else _shipped(self._settings.model, self._device):
            policy = load_policy(found)
            if recall is not None:
                policy.check(name, model_sha256, splitter)
            elif policy.scorer != name:
                return None  # nothing is promised: the score profile alone will do
        elif recall is None:
            return None
        else:
            raise UsageError(
                f"no policy for {name}: calibrate one on labelled questions with `ctxzip calibrate` and name it",
                option=("recall", "policy"),
                value=recall,
            )
        if recall is not None:
            for kind in policy.kinds:
                policy.level(kind, recall)  # refused before the first record, not at the first of its kind
        return policy


def _shipped(model: str, device: str) -> Path | None:
    """Return the policy in the folder of a model; one that names the graph goes before.

    Raises:
        ModelError: it is on the card of the model, and is not the one that the card means.
    """
    folder = open_model(model)
    names = (f"{scoring_graph(model, device)[0].removesuffix('.onnx')}.{POLICY}", POLICY)
    name = next((name for name in names if (folder.path / name).is_file()), None)
    if name is None:
        return None
    return folder.verified(name) if name in folder.card["files"] else folder.path / name
