"""Which evidence a fixed ratio of the words keeps, for many ratios at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import Limits
from ctxzip.selection.budget_from_limits import decide
from ctxzip.selection.candidates import candidates
from ctxzip.selection.companions import Companions
from ctxzip.selection.coverage_order import coverage_order
from ctxzip.selection.dedup import DuplicateKeys

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Scored, Unit
    from ctxzip.evaluation.labelled import Labelled

RATIOS = np.arange(101) / 100  # of the words, 0..1


def found_at_ratios(question: Labelled, scored: Scored) -> NDArray[np.bool_]:
    """Return whether the evidence of one question is kept at each of `RATIOS`, `(n_ratios,)` bool.

    Sentences and titles that the compressor adds to the best units in the tokens that are left are not counted.

    Args:
        question: with evidence.
        scored: its units and scores, tokens counted in words.
    """
    prepared, units = scored.prepared, scored.units
    ranked = candidates(units, scored.scores)
    probability, tokens_in = scored.scores.probability[ranked], prepared.passage_tokens
    ceilings = [decide(Limits(ratio=float(ratio)), probability, tokens_in).soft_tokens or 0 for ratio in RATIOS]
    passages = prepared.request.passages
    duplicates = DuplicateKeys(passages, units, prepared.languages)
    chosen = Companions(units, [passage.text for passage in passages]).ordered(
        coverage_order(prepared.query, ranked, units, passages),
        asks_for_steps=prepared.query.asks_for_steps,
        counts_units=False,
    )
    kept = _kept(units, chosen, list(map(duplicates.key, chosen)), np.array(ceilings))
    covered = (question.overlaps(units).T.astype(np.int64) @ kept) > 0  # (n_spans, n_ratios)
    found: NDArray[np.bool_] = (np.logical_and if question.need == "all" else np.logical_or).reduce(covered, axis=0)
    return found


def _kept(
    units: Sequence[Unit], ranked: Sequence[int], keys: Sequence[Hashable | None], ceilings: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which units each ceiling in tokens keeps, `(n_units, n_ceilings)` bool.

    The rule of `ctxzip.selection.select_within_budget.select`: greedy by rank, each unit with its headings; a unit that does not
    fit is skipped; of units with the same key the first is kept; the best unit is always kept. Tokens are counted
    unit by unit and not on the final text, which is the same where tokens are words between spaces.
    """
    n_tokens = np.array([unit.n_tokens for unit in units], dtype=np.int64)
    kept = np.zeros((len(units), len(ceilings)), dtype=np.bool_)
    used = np.zeros(len(ceilings), dtype=np.int64)
    kept_keys: dict[Hashable, NDArray[np.bool_]] = {}  # the ceilings that keep a unit of each key
    for rank, (i, key) in enumerate(zip(ranked, keys, strict=True)):
        group = [i]
        while (parent := units[group[-1]].parent) is not None:
            group.append(parent)
        cost = n_tokens[group] @ ~kept[group]
        fits = (used + cost <= ceilings) | (rank == 0)
        if key is not None:
            fits &= ~kept_keys.setdefault(key, np.zeros_like(fits))
            kept_keys[key] |= fits
        used += cost * fits
        kept[group] |= fits
    return kept
