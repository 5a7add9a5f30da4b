"""`ctxzip calibrate`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctxzip.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.evaluation.conformal import Cost, Ranked
    from ctxzip.evaluation.sets import LabelledSet
    from ctxzip.pipeline import Compressor

EXAMPLES = """\b
Examples:
  ctxzip calibrate dev/*.jsonl.gz -o policy.json
  ctxzip calibrate --recall 0.9 --scorer bm25 mine.jsonl -o policy.json
  ctxzip calibrate --compare --limit 100 dev/*.jsonl.gz
  ctxzip compress --recall 0.9 --policy policy.json records.jsonl
"""

_DEFAULT_RECALLS = (0.8, 0.9, 0.95)
_REFRESH_S = 0.2
_WIPE = "\r\x1b[K"


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
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the policy here, whole or not at all.")
    ] = None,
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
        typer.Option("--depth", metavar="NAME", help="How units are put in layers; --compare shows the names."),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Print what fixed limits and every --depth cost, and write no policy."),
    ] = False,
    scorer: Annotated[
        Literal["auto", "model", "bm25", "hybrid"], typer.Option("--scorer", help="What scores the units.")
    ] = "auto",
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="mini, nano, an imported model, or a model folder.")
    ] = "mini",
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="Where the model runs: auto, cpu, cuda or cuda:N.")
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", min=1, help="Threads of the model.  [default: one a core]")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N questions of each file.")
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

    from ctxzip.cli.writing import writing
    from ctxzip.evaluation.conformal import as_text, fit, read_questions
    from ctxzip.evaluation.conformal import compare as compared
    from ctxzip.pipeline import Compressor, Settings
    from ctxzip.policy import DEFAULT_DEPTH, DEPTHS, check_recall, questions_needed

    recalls = sorted(set(recall or _DEFAULT_RECALLS))
    for wanted in recalls:
        check_recall(wanted)
    definition = depth or DEFAULT_DEPTH
    if definition not in DEPTHS:
        raise UsageError(f"--depth {depth}: expected one of {', '.join(DEPTHS)}")
    if output == "-" or (output is None) != compare:
        raise UsageError("name a file for the policy: -o policy.json, or take --compare; stdout is for the table")
    sets, n_weak = read_questions([Path(name) for name in data], limit)
    n_answerable = sum(len(labelled.answerable) for labelled in sets)
    if not n_answerable:
        raise InputError(f"no answerable question in {', '.join(data)}: nothing to calibrate on")
    needed = questions_needed(recalls[-1])
    if n_answerable < needed and not compare:
        raise UsageError(
            f"--recall {recalls[-1]:g}: takes at least {needed} answerable questions, and there are {n_answerable}: "
            "label more, or ask for less"
        )
    compressor = Compressor(
        Settings(
            max_sentences=1, tokenizer="words", scorer=scorer, model=model, device=device, threads=threads
        )  # the scores are all that counts
    )
    if compressor.notice is not None and not quiet:
        _say(f"warning: {compressor.notice}")
    questions = _scored(compressor, sets, progress=not quiet and sys.stderr.isatty())
    if compare:
        typer.echo("\n".join(_comparison(compared(questions, recalls), recalls)))
        return
    with writing(output) as stream:
        policy = fit(
            questions,
            sets,
            definition=definition,
            scorer=compressor.scorer_name,
            splitter=compressor.settings.splitter,
            model_sha256=compressor.model_sha256,
            n_weak=n_weak,
            recalls=recalls,
        )
        stream.write(as_text(policy).encode())
    typer.echo("\n".join(_table(policy, recalls)))
    if n_weak and not quiet:
        _say(f"warning: {n_weak:,} questions have answers and no spans: where an answer stands is taken for evidence")


def _scored(compressor: Compressor, sets: Sequence[LabelledSet], *, progress: bool) -> list[Ranked]:
    """Score every answerable question."""
    from ctxzip.evaluation.conformal import ranked
    from ctxzip.records import BadRecord

    asked = [(labelled.name, question) for labelled in sets for question in labelled.answerable]
    results = compressor.stream(question.request for _, question in asked)
    found: list[Ranked] = []
    shown = time.monotonic()
    for done, ((name, question), result) in enumerate(zip(asked, results, strict=True), 1):
        if isinstance(result, BadRecord):
            raise InputError(result.message)
        one = ranked(name, question, result)
        if one is not None:
            found.append(one)
        if progress and time.monotonic() >= shown:
            shown = time.monotonic() + _REFRESH_S
            print(f"{_WIPE}{name}: {done}/{len(asked)}", end="", file=sys.stderr, flush=True)
    if progress:
        print(_WIPE, end="", file=sys.stderr, flush=True)
    return found


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
    return lines


def _comparison(costs: Sequence[Cost], recalls: Sequence[float]) -> list[str]:
    """Return the words kept at each recall, a line a way to decide."""
    lines = [
        "% of words kept where this share of the questions keeps all its evidence, sets weighing the same",
        f"{'':14}" + "".join(f" {f'{recall:g}':>8}" for recall in recalls),
    ]
    for cost in costs:
        cells = "".join(f" {'-' if kept is None else f'{100 * kept:.1f}':>8}" for kept in cost.kept_fraction)
        lines.append(f"{cost.name:14}{cells}")
    return lines


def _say(line: str) -> None:
    print(f"ctxzip: {line}", file=sys.stderr)
