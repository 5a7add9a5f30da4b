"""Reads a policy from its JSON file, and turns one into JSON values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.untrusted_files import read_json
from ctxzip.errors import ModelError, UsageError
from ctxzip.selection.adaptive.depth import DEPTHS, FITTED_DEPTH
from ctxzip.selection.adaptive.features import QUESTION_FEATURES, RANK_FEATURES
from ctxzip.selection.adaptive.forest import forest_from_json
from ctxzip.selection.adaptive.guarantee import NeededDepths
from ctxzip.selection.adaptive.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_VERSION = 3  # also raised when a graph scores otherwise than before, because then its calibration is void
_DIGITS = 4  # decimal places of a needed depth
FITTED_KEYS = ("fitted_on", "emptied", "floor", "reach", "answerable")  # keys that training writes, not calibration
_LOW_QUANTILE = "0.01"  # key of the quantile of the best unit's probability, for `Policy.low_best_probability`
_QUANTILES = (_LOW_QUANTILE, "0.05", "0.25", "0.5")
_REMEDY = "make it again with `ctxzip calibrate`"


def rounded_up(depth: float) -> float:
    """Return the next number of four decimal places that is not smaller, so that rounding breaks no guarantee.

    >>> rounded_up(0.12341), rounded_up(0.1234)
    (0.1235, 0.1234)
    """
    scale = 10**_DIGITS
    steps = round(depth * scale)
    while steps / scale < depth:
        steps += 1
    return float(steps / scale)


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        UsageError: there is no such file.
        ModelError: it cannot be read, or is not a policy of this version.
    """
    try:
        content = read_json(path)
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(
            f"{path}: no such file: name a policy that `ctxzip calibrate` wrote", option="policy"
        ) from None
    except OSError as error:
        raise ModelError(f"{path}: cannot read it: {error.strerror}", option="policy") from error
    except ValueError as error:
        raise ModelError(f"{path}: not a policy: {error}: {_REMEDY}") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != _VERSION:
        raise ModelError(f"{path}: expected a policy of version {_VERSION} @ $.version, got {version!r}: {_REMEDY}")
    try:
        return _policy(content, str(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"required field missing @ $..{error.args[0]}" if isinstance(error, KeyError) else error
        raise ModelError(f"{path}: not a policy: {what}: {_REMEDY}") from error


def _policy(content: dict[str, Any], path: str) -> Policy:
    sha256 = content["model_sha256"]
    definitions = [*DEPTHS, FITTED_DEPTH]
    if content["depth"] not in definitions:
        raise ValueError(f"expected one of {', '.join(definitions)} @ $.depth, got {content['depth']!r}")
    if not (isinstance(content["scorer"], str) and (sha256 is None or isinstance(sha256, str))):
        raise ValueError("expected names @ $.scorer and $.model_sha256")
    needed = {str(kind): _needed_depths(entry, f"$.kinds.{kind}") for kind, entry in content["kinds"].items()}
    if not any(len(one.depths) for one in needed.values()):
        raise ValueError("no questions @ $.kinds")
    return Policy(
        path=path,
        scorer=content["scorer"],
        splitter=str(content["splitter"]),
        model_sha256=sha256,
        depth_definition=content["depth"],
        needed_depths=needed,
        low_best_probability=_probability(content["best_probability"][_LOW_QUANTILE], "$.best_probability"),
        **_fitted(content, required=content["depth"] == FITTED_DEPTH),
    )


def _fitted(content: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """Return the fields of a policy that training fitted: the forests, and the floor of answerability.

    Args:
        content: of a policy file.
        required: whether they must be there.

    Raises:
        KeyError, TypeError, ValueError: they are missing or damaged.
    """
    if not required and "reach" not in content:
        return {}
    answerable = content["answerable"]
    return {
        "depth_forest": forest_from_json(content["reach"], RANK_FEATURES),
        "answerability_forest": None if answerable is None else forest_from_json(answerable, QUESTION_FEATURES),
        "answerability_floor": _probability(content["floor"], "$.floor"),
    }


def _probability(value: Any, where: str) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(f"expected a number from 0 to 1 @ {where}, got {value!r}")
    return float(value)


def _needed_depths(entry: dict[str, Any], where: str) -> NeededDepths:
    depths, n_unreached = np.array(entry["needs"], dtype=np.float64), entry["unreached"]
    if depths.ndim != 1 or not np.isfinite(depths).all() or (depths < 0).any() or (np.diff(depths) < 0).any():
        raise ValueError(f"expected rising numbers of at least 0 @ {where}.needs")
    if type(n_unreached) is not int or n_unreached < 0 or entry["n"] != len(depths) + n_unreached:
        raise ValueError(f"expected the sum of unreached and the number of needs @ {where}.n")
    return NeededDepths(depths, n_unreached)


def policy_as_json(policy: Policy, best_probability: NDArray[np.float64], **more: Any) -> dict[str, Any]:
    """Return a policy as the JSON values of its file.

    Args:
        policy: calibrated, its needed depths rounded by `rounded_up`; its forests must be in `more`.
        best_probability: `(n,)`, 0..1, of the best unit of each labelled query.
        **more: other keys: what training fitted (`FITTED_KEYS`), and descriptions for people: data, held-out coverage.
    """
    return {
        "version": _VERSION,
        "scorer": policy.scorer,
        "model_sha256": policy.model_sha256,
        "splitter": policy.splitter,
        "depth": policy.depth_definition,
        **more,
        "best_probability": {
            share: math.floor(float(np.quantile(best_probability, float(share))) * 10**_DIGITS) / 10**_DIGITS
            for share in _QUANTILES
        },
        "kinds": {
            kind: {"n": needed.n, "unreached": needed.n_unreached, "needs": needed.depths.tolist()}
            for kind, needed in sorted(policy.needed_depths.items())
        },
    }
