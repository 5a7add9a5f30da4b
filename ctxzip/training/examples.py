"""Labelled questions as training windows: token ids, the unit of every token, and a label for every unit."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import ScoringInput
from ctxzip.evaluation.labelled import Labelled, overlaps, read_labelled
from ctxzip.scoring.second_pass import best_of_passages, sentence_with_title
from ctxzip.scoring.unit_contexts import unit_contexts
from ctxzip.scoring.windows import NO_UNIT, WindowBuilder
from ctxzip.training.augment import augmented
from ctxzip.training.nearest_passages import nearest_passages
from ctxzip.training.units import units_of
from ctxzip.training.variations import chunked, maybe_untitled, varied

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctxzip.scoring.protocol import Scorer
    from ctxzip.training.training_sets import TrainingSet

_NEGATIVE_PASSAGES = 1.3  # mean number of passages of other questions for a question of a one-passage set
_MAX_NEGATIVE_WINDOWS = 1.2  # mean number of windows without evidence for each passage, at most: long pages have twenty
_HARD = 0.6  # share of the windows without evidence that are those with most words of the question
_CHUNKED = 0.4  # share of the questions over long pages that get them in chunks, as retrievers store them
_MULTI_HOP_WEIGHT = 2.0  # in the loss, of multi-hop questions; they are few
_GOLD_FOUND = 0.3  # share of the second passes whose first-pass sentences contain evidence for sure


@dataclass(frozen=True, slots=True)
class Example:
    """One training window.

    Attributes:
        ids: `(n_tokens,)` int32.
        n_first: number of tokens of the question.
        units: `(n_tokens,)` int32, the unit of each token, from 0 within the window, or -1.
        labels: `(n_units,)` float32, 1 for evidence.
        relevant: the label of the window, 0..1: the highest of its units.
        weights: `(n_units,)` float32, of the units in the loss; 0 for those that answer in part.
    """

    ids: np.ndarray
    n_first: int
    units: np.ndarray
    labels: np.ndarray
    relevant: float
    weights: np.ndarray


def examples_of(
    path: Path,
    builders: Sequence[WindowBuilder],
    rng: random.Random,
    *,
    shown_as: TrainingSet,
    first_pass: Scorer | None = None,
    limit: int | None = None,
) -> Iterator[Example]:
    """Yield the training windows of one labelled file.

    Args:
        path: of the file, gzipped or not.
        builders: of windows; each question is shown in windows of one of them.
        rng: draws the variations.
        shown_as: how often questions are shown, and how evidence becomes labels.
        first_pass: finds the sentences that a second pass gets; None for no second passes.
        limit: the most questions to read.
    """
    questions = list(islice(read_labelled(path), limit))
    single = all(len(question.request.passages) == 1 for question in questions)
    others = nearest_passages(questions, range(len(questions))) if single else [[]] * len(questions)
    for index, question in enumerate(questions):
        for _ in range(_repeats(shown_as.times, rng)):
            builder = rng.choice(builders)
            shown = augmented(question, rng) if shown_as.is_prose else question
            n_negatives = _repeats(_MAX_NEGATIVE_WINDOWS * len(shown.request.passages), rng)
            if rng.random() < _CHUNKED:
                shown = chunked(shown, rng)
            request = varied(shown.request, rng)
            yield from _windows(replace(shown, request=request), builder, rng, shown_as, n_negatives)
            for _ in range(_repeats(_NEGATIVE_PASSAGES, rng) if others[index] else 0):
                other = questions[rng.choice(others[index])].request.passages[0]
                negative = replace(request, passages=(maybe_untitled(other, rng),))
                yield from _windows(Labelled(negative, (), "none"), builder, rng, shown_as, 1)
        if first_pass is not None and question.need == "all":
            for _ in range(_repeats(shown_as.second_passes, rng)):
                shown = replace(question, request=varied(question.request, rng))
                found = _first_pass_sentences(shown, first_pass, rng)
                n_negatives = _repeats(_MAX_NEGATIVE_WINDOWS * len(shown.request.passages), rng)
                yield from _windows(shown, rng.choice(builders), rng, shown_as, n_negatives, found)


def _repeats(times: float, rng: random.Random) -> int:
    """Return `times` rounded up or down at random, so that the mean is `times`."""
    return int(times) + (rng.random() < times % 1)


def _first_pass_sentences(question: Labelled, first_pass: Scorer, rng: random.Random) -> list[str]:
    """Return the best sentences of a first pass; sometimes the last one is replaced by a sentence of the evidence."""
    request = question.request
    units = units_of(request)
    (scores,) = first_pass.score([ScoringInput(request, units)])
    chosen = best_of_passages(units, scores)
    if rng.random() < _GOLD_FOUND:
        chosen = [*chosen[:-1], rng.choice(np.flatnonzero(question.are_evidence(units)).tolist())]
    return [sentence_with_title(request, units[i]) for i in chosen]


def _windows(
    question: Labelled,
    builder: WindowBuilder,
    rng: random.Random,
    shown_as: TrainingSet,
    max_negatives: int,
    found: Sequence[str] = (),
) -> Iterator[Example]:
    """Yield the windows of one question: all with evidence, and some without.

    Args:
        question: with its passages.
        builder: builds the windows.
        rng: draws the windows without evidence.
        shown_as: smoothing and weight of the labels.
        max_negatives: the most windows without evidence.
        found: sentences of a first pass, for the windows of a second pass.
    """
    request = question.request
    units = units_of(request)
    evidence = question.are_evidence(units).astype(np.float32) * (1 - shown_as.smoothing)
    is_partial = np.logical_or.reduce(overlaps(units, question.partial), axis=1) & (evidence == 0)
    weights = np.where(is_partial, 0, shown_as.weight).astype(np.float32)
    passages = [(passage.title, passage.text) for passage in request.passages]
    built = []
    for window in builder.build(request.query, passages, units, found, unit_contexts(request, units)):
        indices = np.array(window.units, dtype=np.int32)
        first = min((unit for unit in window.units if unit != NO_UNIT), default=0)
        labels, weight = evidence[first : indices.max() + 1], weights[first : indices.max() + 1]
        if not weight.any():
            continue
        built.append(
            Example(
                ids=np.array(window.ids, dtype=np.int32),
                n_first=window.n_first,
                units=np.where(indices == NO_UNIT, NO_UNIT, indices - first),
                labels=labels,
                relevant=float(labels.max()),
                weights=weight,
            )
        )
    yield from (example for example in built if example.relevant)
    # A window that answers in part is no example of one without evidence.
    negatives = [example for example in built if not example.relevant and example.weights.all()]
    yield from _sample_negatives(negatives, max_negatives, rng)


def _sample_negatives(negatives: list[Example], n: int, rng: random.Random) -> list[Example]:
    """Return `n` windows: those that share most with the question, weighted by inverse document frequency, and others."""
    if len(negatives) <= n:
        return negatives
    tokens = [set(example.ids[example.n_first :].tolist()) for example in negatives]
    frequency = Counter(chain.from_iterable(tokens))
    shared = [
        sum(math.log(len(negatives) / frequency[token]) for token in own & set(example.ids[: example.n_first].tolist()))
        for example, own in zip(negatives, tokens, strict=True)
    ]
    ranked = sorted(range(len(negatives)), key=lambda i: -shared[i])
    hard = _repeats(_HARD * n, rng)
    return [negatives[i] for i in (*ranked[:hard], *rng.sample(ranked[hard:], n - hard))]


def save(examples: list[Example], path: Path) -> None:
    """Write examples as flat arrays with their lengths."""
    np.savez(
        path,
        ids=np.concatenate([example.ids for example in examples]),
        units=np.concatenate([example.units for example in examples]).astype(np.int32),
        labels=np.concatenate([example.labels for example in examples]),
        n_tokens=[len(example.ids) for example in examples],
        n_units=[len(example.labels) for example in examples],
        n_first=[example.n_first for example in examples],
        weights=np.concatenate([example.weights for example in examples]),
    )


def load(path: Path) -> list[Example]:
    """Read what `save` wrote."""
    with np.load(path) as arrays:
        tokens, labels = np.cumsum(arrays["n_tokens"])[:-1], np.cumsum(arrays["n_units"])[:-1]
        columns = zip(
            np.split(arrays["ids"], tokens),
            np.split(arrays["units"], tokens),
            np.split(arrays["labels"], labels),
            arrays["n_first"].tolist(),
            np.split(arrays["weights"], labels),
            strict=True,
        )
        return [
            Example(ids, n_first, units, unit_labels, float(unit_labels.max()), weights)
            for ids, units, unit_labels, n_first, weights in columns
        ]
