"""Measure what the prefilter loses and saves: `python -m tests.benchmarks.prefilter_study FILE...`.

Requests are as large as the prefilter is made for: every question of a set stands before its own passages and
those of the questions behind it. Where BM25 leaves needed evidence unread, a question may be lost; where
it does not, what the model reads is ranked as before, among fewer. So the model is asked with the prefilter and
without, in turn, about the questions at risk and the first few of every set: `lost` counts those that keep all
needed evidence at 20% of the words without it and not with it, `won` the opposite; `time` is the median ratio.
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
from ctxzip.scoring.not_scored import scoring_input
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.scoring.prefilter import scored_parts
from ctxzip.settings import AUTO, OFF, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxzip.datamodels import Scored

_RATIO = 0.2


@dataclass(frozen=True, slots=True)
class Large:
    """One large request, and what the prefilter does to it.

    Attributes:
        n_tokens, n_read: all, and those that the model reads.
        at_risk: whether needed evidence is not among them.
    """

    question: Labelled
    n_tokens: int
    n_read: int
    at_risk: bool


def assembled(questions: Sequence[Labelled], n_passages: int) -> Iterator[Labelled]:
    """Yield every answerable question with passages of those behind it, up to that many, shuffled.

    A passage stands there once. The order of the passages is the same at every run.
    """
    for at, question in enumerate(questions):
        if question.need == "none":
            continue
        own = question.request.passages
        behind = [
            other for k in range(1, len(questions)) for other in questions[(at + k) % len(questions)].request.passages
        ]
        texts = {passage.text for passage in own}
        others = {passage.text: passage for passage in behind if passage.text not in texts}
        together = [*own, *islice(others.values(), max(0, n_passages - len(own)))]
        order = random.Random(at).sample(range(len(together)), len(together))  # no secret
        place = {index: new for new, index in enumerate(order)}
        yield Labelled(
            replace(question.request, passages=tuple(together[index] for index in order)),
            tuple((place[passage], start, end) for passage, start, end in question.evidence),
            question.need,
        )


def large(question: Labelled, scored: Scored, settings: Settings) -> Large:
    """Return what the prefilter does to one request, of which BM25 scored the units."""
    units, n_tokens = scored.units, scored.prepared.passage_tokens
    parts = scored_parts(scoring_input(scored.prepared, settings), scored.scores.probability)
    read = [i for part in parts for i in range(part.first, part.last)]
    met = question.overlaps(units)[read].any(axis=0)
    return Large(
        question,
        n_tokens,
        sum(units[i].n_tokens for i in read),
        at_risk=not (met.all() if question.need == "all" else met.any()),
    )


def main() -> None:
    """Print one line a set."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.prefilter_study", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="labelled questions, .jsonl or .jsonl.gz")
    parser.add_argument("--passages", type=int, default=100, help="of a request at least")
    parser.add_argument("--limit", type=int, default=100, help="questions of each set")
    parser.add_argument(
        "--both", type=int, default=2, help="questions of each set, the first, that are asked both ways"
    )
    parser.add_argument("--model", default="mini")
    parser.add_argument("--prefilter", default=AUTO)
    options = parser.parse_args()
    prefilter = int(options.prefilter) if options.prefilter.isdigit() else options.prefilter
    bm25 = ScoringPipeline(Settings(scorer="bm25"))
    without, with_it = (
        Compressor(Settings(ratio=_RATIO, model=options.model, prefilter=setting)) for setting in (OFF, prefilter)
    )
    print(f"{'set':20} {'n':>4} {'tokens':>7} {'read %':>7} {'at risk %':>9} {'lost':>5} {'won':>4} {'time':>5}")
    for path in options.data:
        asked = list(islice(assembled(list(read_labelled(path)), options.passages), options.limit))
        scored = bm25.score(question.request for question in asked)
        sizes = [
            large(question, one, with_it.settings)
            for question, one in zip(asked, scored, strict=True)
            if not isinstance(one, BadRecord)
        ]
        lost, won, ratios = 0, 0, []
        for n, one in enumerate(sizes):
            if one.n_read < one.n_tokens and (one.at_risk or n < options.both):
                began = time.perf_counter()
                kept = one.question.found(without.compress(one.question.request))
                half = time.perf_counter()
                still = one.question.found(with_it.compress(one.question.request))
                ratios.append((time.perf_counter() - half) / (half - began))
                lost += kept and not still
                won += still and not kept
        n_tokens = sum(one.n_tokens for one in sizes)
        print(
            f"{path.name.partition('.')[0]:20} {len(sizes):4} {n_tokens / len(sizes):7,.0f} "
            f"{100 * sum(one.n_read for one in sizes) / n_tokens:7.1f} "
            f"{100 * float(np.mean([one.at_risk for one in sizes])):9.1f} {lost:5} {won:4} "
            f"{median(ratios) if ratios else 1:5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
