"""`ctxzip calibrate`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxzip.cli.eval_options import PolicyOptions, Quiet, ScorerOptions
from ctxzip.cli.option_groups import grouped
from ctxzip.cli.progress_line import progress
from ctxzip.cli.terminal import print_line
from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = """\b
Examples:
  ctxzip calibrate dev/*.jsonl.gz -o policy.json
  ctxzip calibrate --recall 0.9 --scorer bm25 mine.jsonl -o policy.json
  ctxzip compress --recall 0.9 --policy policy.json records.jsonl
"""

_DEFAULT_RECALLS = (0.8, 0.9, 0.95)
_ENOUGH = 100  # questions of a kind, fewest for a statement about it


@grouped
def calibrate(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...",
            help="Labelled questions: .jsonl or .jsonl.gz files or folders of them, or records with answers.",
            show_default=False,
        ),
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write the policy atomically to FILE.")],
    policy_options: PolicyOptions,
    scoring: ScorerOptions,
    quiet: Quiet = False,
) -> None:
    """Fit on labelled questions how much must be kept to guarantee a recall.

    For `ctxzip compress --recall R --policy FILE`: at least that share of questions like these keeps
    all the evidence they need. The table shows, for each kind of question, the share of unseen
    questions that did and the percentage of words kept, fitted on one half and measured on the
    other. Questions without an answer are left out.
    """
    from pathlib import Path

    from ctxzip.cli.inputs import check_output
    from ctxzip.cli.output_file import writing
    from ctxzip.evaluation.calibration import CalibrationData, ScoredBy, as_text, fit
    from ctxzip.evaluation.questions import read_questions
    from ctxzip.evaluation.ranking import rank_questions
    from ctxzip.scoring.pipeline import ScoringPipeline
    from ctxzip.selection.adaptive.depth import DEFAULT_DEPTH, DEPTHS, FITTED_DEPTH
    from ctxzip.selection.adaptive.guarantee import check_recall, min_queries
    from ctxzip.selection.adaptive.policy_lookup import shipped_fit
    from ctxzip.settings import AUTO, HYBRID, Settings

    depth = policy_options.depth
    recalls = sorted(set(policy_options.recall or _DEFAULT_RECALLS))
    for wanted in recalls:
        check_recall(wanted)
    if depth not in {None, FITTED_DEPTH, *DEPTHS}:
        raise UsageError(f"expected one of {', '.join([*DEPTHS, FITTED_DEPTH])}", option="depth", value=depth)
    if output == "-":
        raise UsageError("name a file for the policy; stdout is for the table", option="output", value=output)
    check_output(output, data)
    sets, n_weak = read_questions([Path(name) for name in data], policy_options.limit)
    n_answerable = sum(len(labelled.answerable) for labelled in sets)
    if not n_answerable:
        raise InputError(f"no answerable question in {', '.join(data)}: nothing to calibrate on")
    needed = min_queries(recalls[-1])
    if n_answerable < needed:
        raise UsageError(
            f"needs at least {needed} answerable questions, and there are {n_answerable}: label more, or lower it",
            option="recall",
            value=recalls[-1],
        )
    pipeline = ScoringPipeline(
        Settings(
            tokenizer="words",
            # One scorer for all languages: the guarantee is for its scores.
            scorer=HYBRID if scoring.scorer == AUTO else scoring.scorer,
            model=scoring.model,
            device=scoring.device,
            threads=scoring.threads,
            splitter=scoring.splitter,
            lang=scoring.lang,
            prefilter="off",  # a policy is for scores of all the text
        )
    )
    if pipeline.warning is not None and not quiet:
        print_line(f"warning: {pipeline.warning}")
    fitted = shipped_fit(pipeline.scorer_name, scoring.model, pipeline.device)
    if depth == FITTED_DEPTH and fitted is None:
        raise UsageError(
            f"nothing was fitted for {pipeline.scorer_name}: leave it out", option="depth", value=FITTED_DEPTH
        )
    labelled_questions = [(labelled.name, question) for labelled in sets for question in labelled.answerable]
    with writing(output) as stream:  # a wrong name ends the call before the scoring
        with progress(quiet=quiet) as show:
            questions = [found for found in rank_questions(pipeline, labelled_questions, show) if found is not None]
        if not questions:
            raise InputError(f"no text in any document in {', '.join(data)}: nothing to calibrate on")
        policy = fit(
            CalibrationData(questions, sets, n_weak),
            ScoredBy(pipeline.scorer_name, pipeline.settings.splitter, pipeline.model_sha256),
            definition=depth or (DEFAULT_DEPTH if fitted is None else FITTED_DEPTH),
            recalls=recalls,
            fitted=fitted,
        )
        stream.write(as_text(policy).encode())
    typer.echo("\n".join(_table(policy, recalls)))
    if n_weak and not quiet:
        print_line(
            f"warning: {n_weak:,} questions have answers and no spans: every place of an answer counts as evidence"
        )


def _table(policy: dict[str, Any], recalls: Sequence[float]) -> list[str]:
    """Return the coverage and the words kept of unseen questions, a line a kind."""
    names = [f"{recall:g}" for recall in recalls]
    about = f"scorer: {policy['scorer']}, depth: {policy['depth']}, {policy['data']['questions']:,} questions"
    lines = [
        f"{about}; % of unseen questions that keep all their evidence, % of words kept",
        f"{'kind':14} {'n':>6}" + "".join(f" {f'recall {name}':>12} {'kept':>6}" for name in names),
    ]
    counts = {kind: found["n"] for kind, found in policy["kinds"].items()}
    for kind, n in [*counts.items(), ("all", sum(counts.values()))]:
        cells = ""
        for name in names:
            measured = (policy["held_out"][name] or {}).get(kind)
            shown = [f"{100 * measured[key]:.1f}" for key in ("coverage", "kept_fraction")] if measured else ["-", "-"]
            cells += f" {shown[0]:>12} {shown[1]:>6}"
        lines.append(f"{kind:14} {n:6}{cells}")
    return lines + [line for name in names for line in _lowest(name, policy["held_out"][name] or {})]


def _lowest(recall: str, held_out: dict[str, dict[str, Any]]) -> list[str]:
    """Return which kind with enough questions is furthest below its recall, and what chance alone explains."""
    wanted = float(recall)
    short = {
        kind: (wanted - one["coverage"], math.sqrt(wanted * (1 - wanted) / one["n"]))
        for kind, one in held_out.items()
        if one["n"] >= _ENOUGH
    }
    if not short:
        return []
    worst = max(short, key=lambda kind: short[kind][0] / short[kind][1])
    points, error = short[worst]
    lowest = f"of kinds with {_ENOUGH} questions {worst} is lowest, {100 * max(points, 0):.1f} points below the recall"
    return [f"recall {recall}: {lowest}; two standard errors are {200 * error:.1f}"]
