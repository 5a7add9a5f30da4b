"""Print how much evidence survives: `python -m ctxzip.evaluation DATA...`.

For every file: the percentage of answerable questions that keep the evidence they need when 10, 20
and 30% of the words are kept, then the same for the automatic budget with the percentage of words
it keeps. Files are JSON lines in the common form (see `ctxzip.evaluation.labelled`).
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from ctxzip.errors import CtxzipError
from ctxzip.evaluation.labelled import Labelled, read_labelled
from ctxzip.pipeline import Compressor, Settings
from ctxzip.scoring import BM25, SCORERS, load_scorer
from ctxzip.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.records import Request, Scores, Unit
    from ctxzip.scoring import Scorer

_RATIOS = (0.1, 0.2, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ctxzip.evaluation", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="labelled files, .jsonl or .jsonl.gz, or folders of them")
    parser.add_argument("--scorer", choices=SCORERS, default=BM25)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--limit", type=int, help="questions of each file")
    options = parser.parse_args()
    scorer = load_scorer(options.scorer, options.model)
    files = [file for path in options.data for file in (sorted(path.glob("*.jsonl*")) if path.is_dir() else [path])]
    print(f"{'set':24} {'n':>6}   at 10%   at 20%   at 30%     auto   words kept")
    rows = []
    for file in files:
        questions = [question for question in islice(read_labelled(file), options.limit) if question.need != "none"]
        if questions:
            rows.append(_row(questions, scorer))
            _print(file.name.partition(".")[0], len(questions), rows[-1])
    if len(rows) > 1:
        _print("mean", len(rows), [fmean(column) for column in zip(*rows, strict=True)])


class _Remembering:
    """Asks a scorer once for each request: every budget is tried on the same scores."""

    def __init__(self, scorer: Scorer) -> None:
        self.name = scorer.name
        self._scorer = scorer
        self._known: dict[str, Scores] = {}

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Return what was said before, or ask."""
        for request, units in batch:
            if request.place not in self._known:
                (self._known[request.place],) = self._scorer.score([(request, units)])
        return [self._known[request.place] for request, _ in batch]


def _row(questions: list[Labelled], scorer: Scorer) -> list[float]:
    """Return recall at each ratio, recall of auto, and the fraction of words that auto keeps; in percent."""
    remembering = _Remembering(scorer)
    found = []
    for ratio in _RATIOS:
        at_ratio = Compressor(Settings(ratio=ratio, tokenizer="words"), remembering)
        found.append(fmean(question.found(at_ratio.compress(question.request)) for question in questions))
    auto = Compressor(Settings(tokenizer="words"), remembering)
    results = [auto.compress(question.request) for question in questions]
    found.append(fmean(question.found(result) for question, result in zip(questions, results, strict=True)))
    found.append(fmean(result.kept_fraction for result in results))
    return [100 * value for value in found]


def _print(name: str, count: int, row: list[float]) -> None:
    print(f"{name:24} {count:6} " + " ".join(f"{value:8.1f}" for value in row[:-1]) + f" {row[-1]:12.1f}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (CtxzipError, OSError) as error:
        sys.exit(f"python -m ctxzip.evaluation: {error}")
