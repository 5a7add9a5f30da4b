"""A budget for each type of prompt segment: how much of instructions, context and examples is kept."""

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
    from ctxzip.selection.token_cost import TokenCost

CONTEXT = "context"  # the type that the other limits apply to
# Share of the tokens kept, 0..1: the middle of 0.8 to 0.9 for instructions (0.85 in LLMLingua, Jiang et al. 2023, "LLMLingua:
# compressing prompts for accelerated inference") and of 0.2 to 0.4 for examples. Questions are kept whole.
DEFAULT_SHARES = (("instruction", 0.85), ("example", 0.3))


def parse_shares(pairs: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Parse values of `--segment-budget`: a type of segment and the share of its tokens that is kept, 0..1.

    >>> parse_shares(["example=0.5"])
    (('example', 0.5),)

    Raises:
        UsageError: a value is not of the form TYPE=R, the type is unknown, or the share is out of its range.
    """
    found = {}
    for pair in pairs:
        kind, _, share = pair.partition("=")
        try:
            found[kind] = float(share)
        except ValueError:
            raise UsageError("expected TYPE=R, such as example=0.3", option="segment_budget", value=pair) from None
    check_segments(found.items())
    return tuple(found.items())


def outside_context(passages: Sequence[Passage]) -> frozenset[int]:
    """Return the indices of the segments of a prompt that are not context: `top_docs` does not apply to them."""
    kinds = [passage.segment for passage in passages]
    return frozenset(i for i, kind in enumerate(kinds) if kind != CONTEXT) if any(kinds) else frozenset()


def select_segments(
    kinds: Sequence[str | None],
    ranked: Sequence[int],
    budget: Budget,
    cost: TokenCost,
    *,
    shares: Iterable[tuple[str, float]],
    select_within: Callable[[Sequence[int], Budget, TokenCost], Selection],
) -> tuple[Selection, Budget]:
    """Keep of every type of segment what its share allows, and of the context what `budget` allows.

    Under `max_tokens` types take tokens in the order of `SEGMENTS`: a later type gets what earlier ones leave.

    Args:
        kinds: type of the segment of every unit, in document order.
        ranked: indices of the candidates, best first.
        budget: of the context; its `max_tokens` is for all types together.
        cost: of the units of the request.
        shares: 0..1 by type, in addition to `DEFAULT_SHARES` or in place of them; a share of 0 keeps nothing.
        select_within: selects units from some of the candidates within a budget (`ctxzip.selection.select_within_budget.select`).

    Returns:
        The selection of all types, and the budget with the reasons of all types.
    """
    share_of = {**dict(DEFAULT_SHARES), **dict(shares)}
    kept: list[int] = []
    n_tokens = cost.count(kept)
    dropped_because: list[str | None] = [None] * len(kinds)
    kept_because: list[str | None] = [None] * len(kinds)
    reasons = []
    for kind in SEGMENTS:
        members = [i for i, of in enumerate(kinds) if of == kind]
        if not members:
            continue
        allowed, reason = budget, budget.reason
        if kind in share_of and not (kind == CONTEXT and budget.no_answer):
            allowed, reason = _budget_of_share(budget, share_of[kind], cost.count(members), is_context=kind == CONTEXT)
        reasons.append(f"{kind} {reason}")
        if budget.max_tokens is not None:
            allowed = replace(allowed, max_tokens=max(budget.max_tokens - n_tokens, 0))
        part = select_within([i for i in ranked if kinds[i] == kind], allowed, cost.beyond(kept, n_tokens))
        kept = sorted((*kept, *part.kept))
        n_tokens += part.n_tokens
        for i in members:
            dropped_because[i] = part.dropped_because[i]
            kept_because[i] = part.kept_because[i] if part.kept_because else None
    return Selection(tuple(kept), n_tokens, tuple(dropped_because), tuple(kept_because)), replace(
        budget, reason="; ".join(reasons) or budget.reason
    )


def _budget_of_share(budget: Budget, share: float, tokens_in: int, *, is_context: bool) -> tuple[Budget, str]:
    """Return the budget of a type of segment that keeps a share of its tokens, and the reason.

    The share replaces an automatic budget. Limits of the user hold for the context besides it, for other types they do not;
    nor are neighbours kept there.
    """
    soft_tokens = math.floor(share * tokens_in + 1e-9)  # 0.29 of 400 is 115.99999999999999
    reason = f"{share:g}: at most {soft_tokens} of {tokens_in} tokens"
    threshold = max_sentences = None
    if is_context:
        threshold = budget.limits.threshold if budget.limits.adaptive else budget.threshold
        max_sentences = budget.limits.max_sentences
        soft_tokens = min(soft_tokens, soft_tokens if budget.soft_tokens is None else budget.soft_tokens)
        reason = reason if budget.limits.adaptive else f"{reason}; {budget.reason}"
    if not share:
        max_sentences = 0  # else the best unit would be kept whatever its length
    if not is_context:
        budget = replace(budget, before=0, after=0)
    return (
        replace(budget, threshold=threshold, max_sentences=max_sentences, soft_tokens=soft_tokens, no_answer=None),
        reason,
    )
