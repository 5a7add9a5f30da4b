"""Where low probabilities begin to say that nothing is there: `python -m tests.benchmarks.low_probabilities FILES...`.

First, for each floor, the percentage of answerable questions whose needed evidence has a unit below it, and of all units below
it: a limit is filled with no unit below `ctxzip.selection.budget_from_limits._MIN_PROBABILITY`. Then quantiles of the probability of the
best unit, for questions with their own passages and with those of another question of the set.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ctxzip.datamodels import Scored
from ctxzip.evaluation.labelled import read_labelled, spread
from ctxzip.evaluation.ranking import rank_question
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.settings import HYBRID, Settings

_FLOORS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_QUANTILES = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="labelled questions")
    parser.add_argument("--model", default="ctxzip-mini")
    parser.add_argument("--limit", type=int, default=12, help="questions of each file")
    options = parser.parse_args()
    scoring = ScoringPipeline(Settings(tokenizer="words", scorer=HYBRID, model=options.model, prefilter="off"))
    needed: list[float] = []
    units = []
    best: dict[str, list[float]] = {"own": [], "other": []}
    for path in options.files:
        questions = list(spread(read_labelled(path), options.limit))
        for at, question in enumerate(questions):
            other = replace(question.request, passages=questions[at - 1].request.passages)
            for name, request in (("own", question.request), ("other", other)):
                (scored,) = scoring.score([request])
                if not isinstance(scored, Scored) or not len(scored.scores.probability):
                    continue
                if name == "own":
                    ranked = rank_question(path.name, question, scored)
                    if ranked is None or ranked.last_needed is None or question.need == "none":
                        continue
                    needed.append(float(ranked.ranking.probability[ranked.last_needed]))
                    units.append(ranked.ranking.probability)
                best[name].append(float(scored.scores.probability.max()))
    print(f"{len(needed)} answerable questions, {len(best['other'])} with passages of another question\n")
    print("floor   evidence below  units below")
    for floor in _FLOORS:
        print(
            f"{floor:<8}{100 * (np.array(needed) < floor).mean():13.1f}%{100 * (np.concatenate(units) < floor).mean():12.1f}%"
        )
    print("\nbest unit, quantile" + "".join(f"{quantile:>8}" for quantile in _QUANTILES))
    for name, values in best.items():
        print(f"{name:19}" + "".join(f"{value:8.4f}" for value in np.quantile(values, _QUANTILES)))


if __name__ == "__main__":
    main()
