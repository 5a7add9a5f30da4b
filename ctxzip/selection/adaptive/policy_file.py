"""A policy as a file of JSON, which people can read, too."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.errors import ModelError, UsageError
from ctxzip.selection.adaptive import forest as forests
from ctxzip.selection.adaptive.depth import DEPTHS, REACH
from ctxzip.selection.adaptive.features import QUESTION_FEATURES, RANK_FEATURES
from ctxzip.selection.adaptive.guarantee import Needs, Policy

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_VERSION = 2  # raised, too, when the same graph scores otherwise than before: what was calibrated no longer holds
_DIGITS = 4  # of a need
FITTED = ("fitted_on", "emptied", "floor", "reach", "answerable")  # keys of a policy file
_SHIFTED = "0.01"  # the share of the calibration whose best unit scores lower
_REMEDY = "make it again with `ctxzip calibrate`"


def rounded_up(need: float) -> float:
    """Return the next number of four digits that is not smaller: what is promised stays promised.

    >>> rounded_up(0.12341), rounded_up(0.1234)
    (0.1235, 0.1234)
    """
    scale = 10**_DIGITS
    steps = round(need * scale)
    while steps / scale < need:
        steps += 1
    return float(steps / scale)


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        UsageError: there is no such file.
        ModelError: it cannot be read, or is no policy that this version knows.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(
            f"{path}: no such file: name a policy that `ctxzip calibrate` wrote", option="policy"
        ) from None
    except OSError as error:
        raise ModelError(f"{path}: cannot read it: {error.strerror}", option="policy") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a policy: {error}: {_REMEDY}") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != _VERSION:
        raise ModelError(f"{path}: expected a policy of version {_VERSION} @ $.version, got {version!r}: {_REMEDY}")
    try:
        return _policy(content, str(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"required field missing @ $..{error.args[0]}" if isinstance(error, KeyError) else error
        raise ModelError(f"{path}: not a policy: {what}: {_REMEDY}") from error


def _policy(content: dict[str, Any], place: str) -> Policy:
    sha256 = content["model_sha256"]
    if content["depth"] not in {*DEPTHS, REACH}:
        raise ValueError(f"expected one of {', '.join([*DEPTHS, REACH])} @ $.depth, got {content['depth']!r}")
    if not (isinstance(content["scorer"], str) and (sha256 is None or isinstance(sha256, str))):
        raise ValueError("expected names @ $.scorer and $.model_sha256")
    kinds = {str(kind): _needs(found, f"$.kinds.{kind}") for kind, found in content["kinds"].items()}
    if not any(len(needs.scores) for needs in kinds.values()):
        raise ValueError("no questions @ $.kinds")
    return Policy(
        place=place,
        scorer=content["scorer"],
        splitter=str(content["splitter"]),
        model_sha256=sha256,
        definition=content["depth"],
        kinds=kinds,
        lowest_best=float(content["best_probability"][_SHIFTED]),
        **_fitted(content, needed=content["depth"] == REACH),
    )


def _fitted(content: dict[str, Any], *, needed: bool = True) -> dict[str, Any]:
    """Return the fields `reach`, `answerable` and `floor` of a policy that stand in its file.

    Args:
        content: of a policy file, or of the file that fitting wrote.
        needed: whether they must be there.

    Raises:
        KeyError, TypeError, ValueError: they are missing or damaged.
    """
    if not needed and "reach" not in content:
        return {}
    return {
        "reach": forests.from_json(content["reach"], RANK_FEATURES),
        "answerable": None
        if content["answerable"] is None
        else forests.from_json(content["answerable"], QUESTION_FEATURES),
        "floor": float(content["floor"]),
    }


def _needs(found: dict[str, Any], where: str) -> Needs:
    scores, n_unreached = np.array(found["needs"], dtype=np.float64), found["unreached"]
    if scores.ndim != 1 or not np.isfinite(scores).all() or (scores < 0).any() or (np.diff(scores) < 0).any():
        raise ValueError(f"expected rising numbers of at least 0 @ {where}.needs")
    if type(n_unreached) is not int or n_unreached < 0 or found["n"] != len(scores) + n_unreached:
        raise ValueError(f"expected the number of needs and of those unreached @ {where}.n")
    return Needs(scores, n_unreached)


def as_json(policy: Policy, best_probability: NDArray[np.float64], **about: Any) -> dict[str, Any]:
    """Return a policy as JSON values; what stands in `about` is for people to read.

    Args:
        policy: whose needs are rounded already.
        best_probability: `(n,)` of the best unit of each question.
        about: data description, held-out coverage.
    """
    return {
        "version": _VERSION,
        "scorer": policy.scorer,
        "model_sha256": policy.model_sha256,
        "splitter": policy.splitter,
        "depth": policy.definition,
        **about,
        "best_probability": {
            share: math.floor(float(np.quantile(best_probability, float(share))) * 10**_DIGITS) / 10**_DIGITS
            for share in (_SHIFTED, "0.05", "0.25", "0.5")
        },
        "kinds": {
            kind: {"n": needs.n, "unreached": needs.n_unreached, "needs": needs.scores.tolist()}
            for kind, needs in sorted(policy.kinds.items())
        },
    }
