"""A calibrated policy: how deep into the ranking of one question to go, and what can be promised then.

Every unit of a question has a *depth*, 0 for the best and rising down the ranking; a policy keeps
every unit whose depth is at most one number. Depths come from the probabilities alone (`DEPTHS`), or
from a forest that was fitted to the profile of the scores (`ctxzip.selection.adaptive.features`). Larger numbers keep supersets, so that one number a
kind of question decides everything, and can be calibrated: of labelled questions the *need* is
known, the depth at which all their needed evidence is kept. With n exchangeable questions, the
need at rank ceil((n + 1) * recall) covers a further one with at least that chance, whatever the
scores are worth (split conformal prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018; for
nested sets Gupta, Kuchibhotla and Ramdas 2022, and conformal risk control, Angelopoulos et al.
2022, whose loss is here 1 where evidence is missed). Kinds of question with enough of them have a
number of their own (Mondrian conformal prediction: Vovk et al. 2003).
"""

from ctxzip.selection.adaptive.depth import DEFAULT_DEPTH, DEPTHS, REACH, depths, depths_of
from ctxzip.selection.adaptive.guarantee import ALL, RARE, Level, Needs, Policy, check_recall, questions_needed
from ctxzip.selection.adaptive.policy_file import FITTED, as_json, load_policy, rounded_up

__all__ = [
    "ALL",
    "DEFAULT_DEPTH",
    "DEPTHS",
    "FITTED",
    "RARE",
    "REACH",
    "Level",
    "Needs",
    "Policy",
    "as_json",
    "check_recall",
    "depths",
    "depths_of",
    "load_policy",
    "questions_needed",
    "rounded_up",
]
