"""A budget for each type of segment of a prompt: how much of instructions, examples and context is kept."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.datamodels import SEGMENTS, Budget, Selection
from ctxzip.errors import UsageError
from ctxzip.settings import check_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ctxzip.datamodels import Passage

CONTEXT = "context"  # what the other limits are for, where it has no budget of its own
# The middle of what the literature keeps: 80 to 90% of instructions (0.85 in LLMLingua, Jiang et al. 2023,
# "LLMLingua: compressing prompts for accelerated inference"), 20 to 40% of examples. Questions are kept whole.
DEFAULTS = (("instruction", 0.85), ("example", 0.3))


def budgets(given: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Read pairs of a type and a share.

    >>> budgets(["example=0.5"])
    (('example', 0.5),)

    Raises:
        UsageError: not such a pair.
    """
    found = {}
    for pair in given:
        kind, _, share = pair.partition("=")
        try:
            found[kind] = float(share)
        except ValueError:
            raise UsageError("expected TYPE=R, such as example=0.3", option="segment_budget", value=pair) from None
    check_segments(found.items())
    return tuple(found.items())


def outside_context(passages: Sequence[Passage]) -> frozenset[int]:
    """Return the passages of a prompt in segments that are not of the context: limits on documents are not for them."""
    kinds = [passage.segment for passage in passages]
    return frozenset(i for i, kind in enumerate(kinds) if kind != CONTEXT) if any(kinds) else frozenset()


def select_segments(
    kinds: Sequence[str | None],
    ranked: Sequence[int],
    budget: Budget,
    measure: Callable[[Sequence[int]], int],
    *,
    shares: Iterable[tuple[str, float]],
    choose_within: Callable[..., Selection],
) -> tuple[Selection, Budget]:
    """Keep of every type of segment what its share allows, and of the context what `budget` does.

    Under a hard ceiling instructions come first, then context, then examples: what one type needs,
    those behind it do not get.

    Args:
        kinds: type of the segment of every unit, in document order.
        ranked: indices of the candidates, best first.
        budget: for the context; its ceiling is for all together.
        measure: tokens of the final text when the given units are kept.
        shares: 0..1 by type, over `DEFAULTS`; of a share of 0 nothing is kept.
        choose_within: `ctxzip.selection.greedy.select` for some of the candidates; takes `budget` and `measure`.

    Returns:
        what is kept of all, and the budget with all reasons.
    """
    share_of = {**dict(DEFAULTS), **dict(shares)}
    kept: list[int] = []
    n_tokens = measure(kept)
    reasons: list[str | None] = [None] * len(kinds)
    reasons_of_types = []
    for kind in SEGMENTS:
        ours = [i for i, of in enumerate(kinds) if of == kind]
        if not ours:
            continue
        allowed, said = budget, budget.reason
        if kind in share_of:
            allowed, said = _of_share(budget, share_of[kind], measure(ours), limited=kind == CONTEXT)
        reasons_of_types.append(f"{kind} {said}")
        if budget.max_tokens is not None:
            allowed = replace(allowed, max_tokens=max(budget.max_tokens - n_tokens, 0))
        part = choose_within(
            [i for i in ranked if kinds[i] == kind],
            budget=allowed,
            measure=lambda chosen, before=tuple(kept), n=n_tokens: measure(sorted((*before, *chosen))) - n,
        )
        kept = sorted((*kept, *part.kept))
        n_tokens += part.n_tokens
        for i in ours:
            reasons[i] = part.dropped_because[i]
    return Selection(tuple(kept), n_tokens, tuple(reasons)), replace(
        budget, reason="; ".join(reasons_of_types) or budget.reason
    )


def _of_share(budget: Budget, share: float, tokens_in: int, *, limited: bool) -> tuple[Budget, str]:
    """Return the budget of a type that keeps a share of its tokens, and why.

    A share takes the place of an automatic budget; where it is `limited`, what the user allows beside it holds, too.
    """
    soft_tokens = math.floor(share * tokens_in + 1e-9)  # 0.29 of 400 is 115.99999999999999
    said = f"{share:g}: at most {soft_tokens} of {tokens_in} tokens"
    threshold = most = None
    if limited:
        threshold = budget.limits.threshold if budget.limits.adaptive else budget.threshold
        most = budget.limits.max_sentences
        soft_tokens = min(soft_tokens, soft_tokens if budget.soft_tokens is None else budget.soft_tokens)
        said = said if budget.limits.adaptive else f"{said}; {budget.reason}"
    most = most if share else 0  # units: the best one of all would stay whatever its length
    return replace(budget, threshold=threshold, max_sentences=most, soft_tokens=soft_tokens, no_answer=None), said
