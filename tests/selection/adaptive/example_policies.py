"""Policies for tests."""

from __future__ import annotations

import json

import numpy as np

from ctxzip.selection.adaptive.guarantee import NeededDepths
from ctxzip.selection.adaptive.policy import Policy
from ctxzip.selection.adaptive.policy_file import policy_as_json


def policy(kinds, **fields):
    """Return a policy for bm25 with these needed depths by kind."""
    needed = {kind: NeededDepths(np.sort(np.array(depths, dtype=np.float64))) for kind, depths in kinds.items()}
    values = {
        "path": "policy.json",
        "scorer": "bm25",
        "splitter": "auto",
        "model_sha256": None,
        "depth_definition": "best",
        "low_best_probability": 0.0,
    }
    return Policy(needed_depths=needed, **(values | fields))


def written(path, some, **changed):
    path.write_text(json.dumps(policy_as_json(some, np.array([some.low_best_probability, 1.0])) | changed))
    return path
