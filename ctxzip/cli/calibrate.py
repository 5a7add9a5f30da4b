"""`ctxzip calibrate`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxzip.cli import options
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
_ENOUGH = 100  # questions of a kind, to say of it what it covers


def calibrate(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...",
            help="Labelled questions: .jsonl or .jsonl.gz files or folders of them; records with answers will do.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write the policy here, whole or not at all.")
    ],
    recall: Annotated[
        list[float] | None,
        typer.Option(
            "--recall",
            metavar="R",
            help="A recall that the policy must be able to promise; may be repeated.  [default: 0.8, 0.9, 0.95]",
        ),
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            metavar="NAME",
            help="How units are put in layers; `ctxzip eval --compare-budgets` shows the names.  "
            "[default: reach where the model has it, else mass]",
        ),
    ] = None,
    scorer: options.Scorer = "auto",
    model: options.Model = "mini",
    device: options.Device = "auto",
    threads: options.Threads = None,
    splitter: options.Splitter = "auto",
    lang: options.Lang = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Only N questions of each file, spread over it.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say errors only: no warnings, no progress.")] = False,
) -> None:
    """Fit on labelled questions how much must be kept, so that a recall can be promised.

    For `ctxzip compress --recall R --policy FILE`: at least that share of questions like these keeps
    all the evidence they need. The table shows, for each kind of question, the share of unseen
    questions that did and the percentage of words kept, fitted on one half and measured on the
    other. Questions that nothing answers are left out.
    """
    from pathlib import Path

    from ctxzip.cli.output import writing
    from ctxzip.compressor import Compressor, Settings
    from ctxzip.evaluation.calibration import as_text, fit
    from ctxzip.evaluation.questions import read_questions
    from ctxzip.evaluation.ranking import rank_questions
    from ctxzip.scoring.loading import AUTO, HYBRID
    from ctxzip.selection.adaptive.conformal import DEFAULT_DEPTH, DEPTHS, REACH, check_recall, questions_needed

    recalls = sorted(set(recall or _DEFAULT_RECALLS))
    for wanted in recalls:
        check_recall(wanted)
    if depth not in {None, REACH, *DEPTHS}:
        raise UsageError(f"expected one of {', '.join([*DEPTHS, REACH])}", option="depth", value=depth)
    if output == "-":
        raise UsageError("name a file for the policy; stdout is for the table", option="output", value=output)
    sets, n_weak = read_questions([Path(name) for name in data], limit)
    n_answerable = sum(len(labelled.answerable) for labelled in sets)
    if not n_answerable:
        raise InputError(f"no answerable question in {', '.join(data)}: nothing to calibrate on")
    needed = questions_needed(recalls[-1])
    if n_answerable < needed:
        raise UsageError(
            f"needs at least {needed} answerable questions, and there are {n_answerable}: label more, or lower it",
            option="recall",
            value=recalls[-1],
        )
    compressor = Compressor(
        Settings(
            max_sentences=1,  # the scores are all that counts
            tokenizer="words",
            scorer=HYBRID if scorer == AUTO else scorer,  # one scorer for all languages: that is what is promised for
            model=model,
            device=device,
            threads=threads,
            splitter=splitter,
            lang=lang,
            prefilter="off",  # no policy is asked about anything but scores of all the text
        )
    )
    if compressor.notice is not None and not quiet:
        print_line(f"warning: {compressor.notice}")
    fitted = compressor.fitted_budget()
    if depth == REACH and fitted is None:
        raise UsageError(f"nothing was fitted for {compressor.scorer_name}: leave it out", option="depth", value=REACH)
    asked = [(labelled.name, question) for labelled in sets for question in labelled.answerable]
    with writing(output) as stream:  # refused before the scoring, not behind it
        with progress(quiet=quiet) as show:
            questions = [found for found in rank_questions(compressor, asked, show) if found is not None]
        if not questions:
            raise InputError(f"no text in any document in {', '.join(data)}: nothing to calibrate on")
        policy = fit(
            questions,
            sets,
            definition=depth or (DEFAULT_DEPTH if fitted is None else REACH),
            scorer=compressor.scorer_name,
            splitter=compressor.settings.splitter,
            model_sha256=compressor.model_sha256,
            n_weak=n_weak,
            recalls=recalls,
            fitted=fitted,
        )
        stream.write(as_text(policy).encode())
    typer.echo("\n".join(_table(policy, recalls)))
    if n_weak and not quiet:
        print_line(
            f"warning: {n_weak:,} questions have answers and no spans: where an answer stands is taken for evidence"
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
    """Say how far below the promise the kinds with enough questions come, beside what chance alone does."""
    promised = float(recall)
    behind = {
        kind: (promised - one["coverage"], math.sqrt(promised * (1 - promised) / one["n"]))
        for kind, one in held_out.items()
        if one["n"] >= _ENOUGH
    }
    if not behind:
        return []
    worst = max(behind, key=lambda kind: behind[kind][0] / behind[kind][1])
    short, error = behind[worst]
    lowest = (
        f"of kinds with {_ENOUGH} questions {worst} comes lowest, {100 * max(short, 0):.1f} points below the promise"
    )
    return [f"recall {recall}: {lowest}; two standard errors are {200 * error:.1f}"]
