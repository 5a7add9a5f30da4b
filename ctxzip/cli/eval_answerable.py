"""`ctxzip eval --answerable`: how well questions are recognised that their documents do not answer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import typer

from ctxzip.cli.progress_line import progress
from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctxzip.evaluation.answerability import Separation

# Of the answered questions, that are also measured with documents of others; all would take longer.
_OFF_TOPIC_SHARE = 0.5
_SEED = 7


def measure_answerability(
    data: Sequence[Path], *, model: str, limit: int | None, threads: int | None, quiet: bool
) -> dict[str, Any]:
    """Print for each set how well near misses and off-topic questions are recognised; return the numbers.

    Raises:
        InputError: no answerable question.
        UsageError: the model has no policy that tells whether a question is answered.
    """
    from ctxzip.compressor import Compressor
    from ctxzip.evaluation.answerability import OFF_TOPIC, kind_of, off_topic, separations
    from ctxzip.evaluation.questions import read_questions
    from ctxzip.evaluation.ranking import rank_questions
    from ctxzip.settings import HYBRID, Settings

    compressor = Compressor(Settings(tokenizer="words", scorer=HYBRID, model=model, threads=threads, prefilter="off"))
    questions = [(one.name, question) for one in read_questions(data, limit)[0] for question in one.questions]
    answered = [(name, question) for name, question in questions if question.need != "none"]
    if not answered:
        raise InputError(f"no answerable question in {', '.join(map(str, data))}", option=("data", "limit"))
    policy = compressor.policy
    if policy is None or policy.answerability_forest is None:
        raise UsageError(
            "the policy of this model does not tell whether a question is answered: name another model",
            option=("answerable", "model"),
            value=model,
        )
    swapped = off_topic(answered, _OFF_TOPIC_SHARE, random.Random(_SEED))  # noqa: S311
    kinds = [kind_of(question) for _, question in questions] + [OFF_TOPIC] * len(swapped)
    with progress(quiet=quiet) as show:
        ranked = rank_questions(compressor.scoring, [*questions, *swapped], show)
    found = [
        (one.set_name, kind, answerability)
        for kind, one in zip(kinds, ranked, strict=True)
        if one is not None and (answerability := policy.answerability(one.ranking)) is not None
    ]
    if not found:
        raise InputError(
            f"no English question with text in {', '.join(map(str, data))}: name other files", option=("data", "limit")
        )
    separated = separations(found)
    typer.echo("\n".join(_table(separated)))
    return {
        "scorer": compressor.scoring.scorer_name,
        "sets": {
            one.set_name: {
                "n": one.n,
                "auc": one.auc,
                "emptied": one.emptied,
                "emptied_at": one.emptied_at,
            }
            for one in separated
        },
    }


def _table(separated: Sequence[Separation]) -> list[str]:
    from ctxzip.evaluation.answerability import ANSWERED, MISTAKEN, NEAR_MISS, OFF_TOPIC

    kinds = (ANSWERED, NEAR_MISS, OFF_TOPIC)
    groups = (
        ("questions", 29),
        ("ROC-AUC", 19),
        ("% that auto empties", 29),
        (f"% emptied at {MISTAKEN:.0%} answered", 29),
    )
    lines = [
        f"{'':22}" + "".join(f" {group:^{width}}" for group, width in groups),
        f"{'':22}" + "".join(f" {kind:>9}" for kind in (*kinds, NEAR_MISS, OFF_TOPIC, *kinds, *kinds)),
    ]
    for one in separated:
        cells = [
            *(str(one.n[kind]) for kind in kinds),
            *(_number(one.auc[kind], 3) for kind in (NEAR_MISS, OFF_TOPIC)),
            *(_number(_percent(shares.get(kind)), 1) for shares in (one.emptied, one.emptied_at) for kind in kinds),
        ]
        lines.append(f"{one.set_name:22}" + "".join(f" {cell:>9}" for cell in cells))
    return lines


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
