"""A calibrated policy: how deep into the ranking of one question to go, and what can be promised then.

Every unit of a question has a *depth*, 0 for the best and rising down the ranking; a policy keeps
every unit whose depth is at most one number. Depths come from the probabilities alone (`DEPTHS`), or
from a forest that was fitted to the profile of the scores (`ctxzip.profile`). Larger numbers keep supersets, so that one number a
kind of question decides everything, and can be calibrated: of labelled questions the *need* is
known, the depth at which all their needed evidence is kept. With n exchangeable questions, the
need at rank ceil((n + 1) * recall) covers a further one with at least that chance, whatever the
scores are worth (split conformal prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018; for
nested sets Gupta, Kuchibhotla and Ramdas 2022, and conformal risk control, Angelopoulos et al.
2022, whose loss is here 1 where evidence is missed). Kinds of question with enough of them have a
number of their own (Mondrian conformal prediction: Vovk et al. 2003).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import forest as forests
from ctxzip.errors import ModelError, UsageError
from ctxzip.profile import QUESTION_FEATURES, RANK_FEATURES, question_features
from ctxzip.profile import depths as reach_depths
from ctxzip.records import Cut, Guarantee, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.forest import Forest

    Depths = Callable[[NDArray[np.float64]], NDArray[np.float64]]

VERSION = 1
ALL = "all"
RARE = "rare"
DIGITS = 4  # of a need in the file
_SHIFTED = "0.01"  # the share of the calibration whose best unit scores lower
_EDGE = 1e-7  # float32 probabilities next to 0 and 1 have no odds

# The share that a group with a number of its own falls short of is a random one: over calibration
# sets its standard deviation is about sqrt(alpha * (1 - alpha) / n) (Vovk 2012). With n = 10 / alpha
# this is below a third of alpha: 0.05 means 0.035 to 0.065.
_PER_ALPHA = 10

_REMEDY = "make it again with `ctxzip calibrate`"


def _below_certain(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much each probability lacks to 1: one fixed threshold for all questions."""
    return 1 - ranked


def _below_best(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of the best probability each lacks."""
    return 1 - ranked / ranked[0] if ranked[0] > 0 else np.zeros_like(ranked)


def _mass_before(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of all probability that stands before each (as APS: Romano, Sesia and Candès 2020)."""
    before = np.concatenate([[0.0], np.cumsum(ranked)[:-1]])
    return before / ranked.sum() if ranked[0] > 0 else np.zeros_like(ranked)


def _odds_below_best(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many units of log-odds each lies under the best."""
    clipped = np.clip(ranked, _EDGE, 1 - _EDGE)
    odds = np.log(clipped / (1 - clipped))
    below: NDArray[np.float64] = odds[0] - odds
    return below


def _complete_before(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance, units taken as independent, that nothing from each on is evidence."""
    logs = np.log1p(-np.minimum(ranked, 1 - _EDGE))
    complete: NDArray[np.float64] = np.exp(np.cumsum(logs[::-1])[::-1])
    return complete


# Each takes the probabilities, `(n,)` and falling, n at least 1, and returns `(n,)`, never falling.
DEPTHS: dict[str, Depths] = {
    "certainty": _below_certain,
    "best": _below_best,
    "mass": _mass_before,
    "odds": _odds_below_best,
    "complete": _complete_before,
}
DEFAULT_DEPTH = "mass"
REACH = "reach"  # the definition by a fitted forest
FITTED = ("fitted_on", "emptied", "floor", "reach", "answerable")  # keys of a policy file


def depths(probability: NDArray[np.floating[Any]], definition: str = DEFAULT_DEPTH) -> NDArray[np.float64]:
    """Return the depth of every unit of one question, `(n,)`.

    It rises as the probability falls; the best unit has 0, for it is always kept, and equal
    probabilities have one depth, that of the first of them.

    Args:
        probability: `(n,)`, 0..1, in any order.
        definition: of `DEPTHS`.

    >>> depths(np.array([0.1, 0.8, 0.1])).round(3).tolist()
    [0.8, 0.0, 0.8]
    """
    if not len(probability):
        return np.zeros(0)
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order].astype(np.float64)
    at = np.empty(len(ranked))
    at[order] = _alike(ranked, DEPTHS[definition](ranked))
    return at


def depths_of(profile: Profile, definition: str, forest: Forest | None) -> NDArray[np.float64]:
    """Return the depth of every unit of a ranking, `(n,)`, never falling.

    Args:
        profile: of the question.
        definition: of `DEPTHS`, or `reach`.
        forest: that `reach` asks; the others need none.
    """
    if definition != REACH or forest is None:
        return depths(profile.probability, definition)
    if not len(profile.probability):
        return np.zeros(0)
    return _alike(profile.probability.astype(np.float64), reach_depths(profile, forest))


def _alike(ranked: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let depths never fall, and give equal probabilities that of the first of them; the best have 0."""
    first = np.searchsorted(-ranked, -ranked)
    found = np.maximum.accumulate(found)[first]
    found[ranked == ranked[0]] = 0
    return found


def rounded_up(need: float) -> float:
    """Return the next number of four digits that is not smaller: what is promised stays promised.

    >>> rounded_up(0.12341), rounded_up(0.1234)
    (0.1235, 0.1234)
    """
    scale = 10**DIGITS
    steps = round(need * scale)
    while steps / scale < need:
        steps += 1
    return float(steps / scale)


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
        raise UsageError(f"--recall {recall!r}: expected a number between 0 and 1, such as 0.9")


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
                    "run `ctxzip calibrate` with the one that you use (--policy)"
                )

    def level(self, kind: str, recall: float) -> Level:
        """Return the depth that keeps all evidence of at least that share of the questions.

        Raises:
            UsageError: too few questions for it, or the evidence of too many stands in no unit.
        """
        check_recall(recall)
        share = _exact(recall)
        group, scores, n = self._group(kind, share)
        rank = math.ceil((n + 1) * share)
        if rank > n:
            raise UsageError(
                f"--recall {recall:g}: takes at least {questions_needed(recall)} labelled questions, "
                f"and {self.place} has {n}: calibrate on more, or ask for at most {math.floor(1000 * n / (n + 1)) / 1000:g}"
            )
        if rank > len(scores):
            raise UsageError(
                f"--recall {recall:g}: of {n - len(scores)} of the {n} questions in {self.place} the evidence stands in "
                f"no unit: ask for at most {math.floor(1000 * len(scores) / (n + 1)) / 1000:g}"
            )
        return Level(float(scores[rank - 1]), n, group, float(1 - share), kind in self.kinds)

    def usual(self, share: float) -> Level:
        """Return the depth that this share of the calibration questions needed at most: no promise, never refused.

        One number for all kinds: depths are prices, and one price for all questions costs the fewest words
        (`ctxzip.profile.depths`). On eleven dev sets (`ctxzip eval --limit 60`) a number for each kind kept the evidence
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

    def promise(self, level: Level, profile: Profile, recall: float) -> Cut:
        """Return what is kept of one question for a recall, and what is promised for it.

        Args:
            level: of its kind and this recall.
            profile: of the units that may be kept at all.
            recall: asked for.
        """
        warnings = []
        guarantee = None
        if level.seen:
            guarantee = Guarantee(recall, round(level.alpha, 6), level.n, level.kind, self.place, self.model_sha256)
            promised = f"{100 * recall:g}% of questions like these keep all their evidence"
        else:
            promised = "as deep as other kinds of question need"
            warnings.append(f"no guarantee: {self.place} has no question of this kind")
        if len(profile.probability) and float(profile.probability[0]) < self.lowest_best:
            warnings.append(
                "unlike the questions of the calibration: of 99% of those the best unit scores higher than "
                f"{self.lowest_best:.4g}"
            )
        return Cut(
            mode="recall",
            threshold=self._threshold(profile, level.depth),
            why=f"recall {recall:g}: {promised} (calibrated on {level.n:,} questions, {_spoken(level.kind)})",
            guarantee=guarantee,
            warnings=tuple(warnings),
        )

    def guess(self, level: Level, profile: Profile, mode: str) -> Cut:
        """Return what is kept of one question at a level that promises nothing.

        Args:
            level: of its kind.
            profile: of the units that may be kept at all.
            mode: the name of the budget.
        """
        threshold = self._threshold(profile, level.depth)
        n_kept = int((profile.probability >= threshold).sum())
        return Cut(
            mode=mode,
            threshold=threshold,
            why=(
                f"{mode}: {n_kept} of {len(profile.probability)} units, as deep as {1 - level.alpha:.0%} of "
                f"{level.n:,} labelled questions needed ({_spoken(level.kind)})"
            ),
            nothing_relevant=self.answerable is not None and self.chance(profile) < self.floor,
        )

    def chance(self, profile: Profile) -> float:
        """Return the chance that anything answers the question; 1 where the policy cannot tell."""
        if self.answerable is None or not len(profile.probability):
            return 1.0
        return float(self.answerable.chances(question_features(profile)[None])[0])

    def _threshold(self, profile: Profile, depth: float) -> float:
        """Return the lowest probability within a depth."""
        if not len(profile.probability):
            return 0.0
        return float(profile.probability[depths_of(profile, self.definition, self.reach) <= depth].min())


def _spoken(kind: str) -> str:
    return {ALL: "all kinds", RARE: "rarer kinds"}.get(kind, f"kind {kind}")


def _exact(share: float) -> Fraction:
    """Return the number as it is written: 0.9 is 9/10 and not what floating point makes of it."""
    return Fraction(repr(float(share)))


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        UsageError: there is no such file.
        ModelError: it cannot be read, or is no policy that this version knows.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{path}: no such file: name a policy that `ctxzip calibrate` wrote (--policy)") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot read it: {error.strerror} (--policy)") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a policy: {error}: {_REMEDY}") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION:
        raise ModelError(f"{path}: expected a policy of version {VERSION} @ $.version, got {version!r}: {_REMEDY}")
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
        **fitted(content, needed=content["depth"] == REACH),
    )


def fitted(content: dict[str, Any], *, needed: bool = True) -> dict[str, Any]:
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
        "version": VERSION,
        "scorer": policy.scorer,
        "model_sha256": policy.model_sha256,
        "splitter": policy.splitter,
        "depth": policy.definition,
        **about,
        "best_probability": {
            share: math.floor(float(np.quantile(best_probability, float(share))) * 10**DIGITS) / 10**DIGITS
            for share in (_SHIFTED, "0.05", "0.25", "0.5")
        },
        "kinds": {
            kind: {"n": needs.n, "unreached": needs.n_unreached, "needs": needs.scores.tolist()}
            for kind, needs in sorted(policy.kinds.items())
        },
    }
