"""Measure the cost of the prefilter in evidence, and the time it saves: `python -m tests.benchmarks.prefilter_study FILE...`.

Requests have the size that the prefilter is for: every question gets its own passages and those of the next questions of
its set. A question is at risk where the BM25 prefilter removes needed evidence; the model scores the questions at risk
and the first few of every set with and without the prefilter. `lost` counts the questions that keep the needed evidence
at 20% of the words without the prefilter only, `won` those with the prefilter only; `time` is the median ratio.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.compressor import Compressor
from ctxzip.evaluation.labelled import Labelled, read_labelled
from ctxzip.reading.origin import BadRecord
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.scoring.prefilter import prefiltered_parts, scoring_input
from ctxzip.settings import AUTO, OFF, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxzip.datamodels import Scored

_RATIO = 0.2


@dataclass(frozen=True, slots=True)
class Large:
    """One large request and its prefilter.

    Attributes:
        question: the request with its labels.
        n_tokens: of all units.
        n_scored: of the units that the model scores.
        at_risk: whether needed evidence is not among those units.
    """

    question: Labelled
    n_tokens: int
    n_scored: int
    at_risk: bool


def assembled(questions: Sequence[Labelled], n_passages: int) -> Iterator[Labelled]:
    """Yield every answerable question with passages of the next questions, up to `n_passages`, shuffled.

    Duplicate passages are left out. The order of the passages is the same in every run.
    """
    for at, question in enumerate(questions):
        if question.need == "none":
            continue
        own = question.request.passages
        following = [
            other for k in range(1, len(questions)) for other in questions[(at + k) % len(questions)].request.passages
        ]
        texts = {passage.text for passage in own}
        others = {passage.text: passage for passage in following if passage.text not in texts}
        together = [*own, *islice(others.values(), max(0, n_passages - len(own)))]
        order = random.Random(at).sample(range(len(together)), len(together))  # not for secrets
        place = {index: new for new, index in enumerate(order)}
        yield Labelled(
            replace(question.request, passages=tuple(together[index] for index in order)),
            tuple((place[passage], start, end) for passage, start, end in question.evidence),
            question.need,
        )


def large(question: Labelled, scored: Scored, settings: Settings) -> Large:
    """Return the size of a request and its prefilter, from the BM25 scores of its units."""
    units, n_tokens = scored.units, scored.prepared.passage_tokens
    parts = prefiltered_parts(scoring_input(scored.prepared, settings), scored.scores.probability)
    to_score = [i for part in parts for i in range(part.first, part.last)]
    covered = question.overlaps(units)[to_score].any(axis=0)
    return Large(
        question,
        n_tokens,
        sum(units[i].n_tokens for i in to_score),
        at_risk=not (covered.all() if question.need == "all" else covered.any()),
    )


def main() -> None:
    """Print one line a set."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.prefilter_study", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="labelled questions, .jsonl or .jsonl.gz")
    parser.add_argument("--passages", type=int, default=100, help="passages of a request, at least")
    parser.add_argument("--limit", type=int, default=100, help="questions of each set")
    parser.add_argument(
        "--both", type=int, default=2, help="questions of each set, the first, that are always scored with and without"
    )
    parser.add_argument("--model", default="mini")
    parser.add_argument("--prefilter", default=AUTO)
    options = parser.parse_args()
    prefilter = int(options.prefilter) if options.prefilter.isdigit() else options.prefilter
    bm25 = ScoringPipeline(Settings(scorer="bm25"))
    without, with_prefilter = (
        Compressor(Settings(ratio=_RATIO, model=options.model, prefilter=setting)) for setting in (OFF, prefilter)
    )
    print(f"{'set':20} {'n':>4} {'tokens':>7} {'scored %':>8} {'at risk %':>9} {'lost':>5} {'won':>4} {'time':>5}")
    for path in options.data:
        questions = list(islice(assembled(list(read_labelled(path)), options.passages), options.limit))
        scored = bm25.score(question.request for question in questions)
        sizes = [
            large(question, one, with_prefilter.settings)
            for question, one in zip(questions, scored, strict=True)
            if not isinstance(one, BadRecord)
        ]
        lost, won, ratios = 0, 0, []
        for n, one in enumerate(sizes):
            if one.n_scored < one.n_tokens and (one.at_risk or n < options.both):
                began = time.perf_counter()
                kept_without = one.question.found(without.compress(one.question.request))
                half = time.perf_counter()
                kept_with = one.question.found(with_prefilter.compress(one.question.request))
                ratios.append((time.perf_counter() - half) / (half - began))
                lost += kept_without and not kept_with
                won += kept_with and not kept_without
        n_tokens = sum(one.n_tokens for one in sizes)
        print(
            f"{path.name.partition('.')[0]:20} {len(sizes):4} {n_tokens / len(sizes):7,.0f} "
            f"{100 * sum(one.n_scored for one in sizes) / n_tokens:8.1f} "
            f"{100 * float(np.mean([one.at_risk for one in sizes])):9.1f} {lost:5} {won:4} "
            f"{median(ratios) if ratios else 1:5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
