"""Labelled questions as training windows: token ids, the unit of every token, and a label for every unit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.datamodels import Passage, Request, ScoringInput, Unit
from ctxzip.evaluation.labelled import Labelled, read_labelled
from ctxzip.scoring.second_pass import best_of_passages, sentence_with_title
from ctxzip.scoring.windows import NO_UNIT, WindowBuilder
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from ctxzip.training.augment import augmented

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctxzip.scoring.protocol import Scorer

_TITLE_DROPPED = 0.2  # share of the passages that lose their title: many retrievers have no titles
_QUERY_VARIED = 0.3  # share of the questions without question mark, mostly in lower case, as people type them
_NEGATIVE_PASSAGES = 1.3  # mean number of passages of other questions for a question of a one-passage set
_MAX_NEGATIVE_WINDOWS = 2  # windows without evidence for each passage: long pages have twenty
_MULTI_HOP_WEIGHT = 2.0  # in the loss, for questions that need all of their evidence; they are few
_GOLD_FOUND = 0.3  # share of the second passes whose first-pass sentences contain evidence for sure
# Sets with distant labels, found by matching the answer; their labels are smoothed (Szegedy et al. 2016).
_DISTANT = frozenset({"nq_oracle", "multispanqa", "musique"})
_SMOOTHING = 0.1
_FEW_PASSAGES = 200  # with fewer passages, words in more than a fifth of them are not ignored as common


@dataclass(frozen=True, slots=True)
class Example:
    """One training window.

    Attributes:
        ids: `(n_tokens,)` int32.
        n_first: number of tokens of the question.
        units: `(n_tokens,)` int32, the unit of each token, from 0 within the window, or -1.
        labels: `(n_units,)` float32, 1 for evidence.
        relevant: the label of the window, 0..1: the highest of its units.
        weight: of the example in the loss.
    """

    ids: np.ndarray
    n_first: int
    units: np.ndarray
    labels: np.ndarray
    relevant: float
    weight: float


@dataclass(frozen=True, slots=True)
class Mix:
    """How often the questions of a set are shown.

    Attributes:
        times: copies of each question, each varied differently; a fraction is a share of the questions.
        second_passes: the same for second passes of multi-hop questions.
    """

    times: float = 1.0
    second_passes: float = 0.0


def examples_of(
    path: Path,
    builder: WindowBuilder,
    rng: random.Random,
    *,
    mix: Mix = Mix(),
    first_pass: Scorer | None = None,
    limit: int | None = None,
) -> Iterator[Example]:
    """Yield the training windows of one labelled file.

    Args:
        path: of the file, gzipped or not.
        builder: builds the windows.
        rng: draws the variations.
        mix: how often questions are shown.
        first_pass: finds the sentences that a second pass gets; None for no second passes.
        limit: the most questions to read.
    """
    questions = list(islice(read_labelled(path), limit))
    single = all(len(question.request.passages) == 1 for question in questions)
    others = nearest_passages(questions, range(len(questions))) if single else [[]] * len(questions)
    smoothing = _SMOOTHING if path.name.partition(".")[0] in _DISTANT else 0.0
    for index, question in enumerate(questions):
        for _ in range(_repeats(mix.times, rng)):
            shown = augmented(question, rng)
            request = _varied(shown.request, rng)
            yield from _windows(replace(shown, request=request), builder, rng, smoothing=smoothing)
            for _ in range(_repeats(_NEGATIVE_PASSAGES, rng) if others[index] else 0):
                other = questions[rng.choice(others[index])].request.passages[0]
                negative = replace(request, passages=(_maybe_untitled(other, rng),))
                yield from _windows(Labelled(negative, (), "none"), builder, rng, max_negatives=1)
        if first_pass is not None and question.need == "all":
            for _ in range(_repeats(mix.second_passes, rng)):
                varied = replace(question, request=_varied(question.request, rng))
                found = _first_pass_sentences(varied, first_pass, rng)
                yield from _windows(varied, builder, rng, smoothing=smoothing, found=found)


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
    *,
    max_negatives: int = _MAX_NEGATIVE_WINDOWS,
    smoothing: float = 0.0,
    found: Sequence[str] = (),
) -> Iterator[Example]:
    """Yield the windows of one question: all with evidence, and some without.

    Args:
        question: with its passages.
        builder: builds the windows.
        rng: draws the windows without evidence.
        max_negatives: windows without evidence for each passage, at most.
        smoothing: subtracted from the labels of evidence, 0..1.
        found: sentences of a first pass, for the windows of a second pass.
    """
    request = question.request
    units = units_of(request)
    evidence = question.are_evidence(units).astype(np.float32) * (1 - smoothing)
    windows = builder.build(request.query, [(p.title, p.text) for p in request.passages], units, found)
    built = []
    for window in windows:
        indices = np.array(window.units, dtype=np.int32)
        first = min((unit for unit in window.units if unit != NO_UNIT), default=0)
        labels = evidence[first : indices.max() + 1] if len(evidence) else evidence
        if not len(labels):
            continue
        built.append(
            Example(
                ids=np.array(window.ids, dtype=np.int32),
                n_first=window.n_first,
                units=np.where(indices == NO_UNIT, NO_UNIT, indices - first),
                labels=labels,
                relevant=float(labels.max()),
                weight=_MULTI_HOP_WEIGHT if question.need == "all" else 1.0,
            )
        )
    yield from (example for example in built if example.relevant)
    negatives = [example for example in built if not example.relevant]
    yield from rng.sample(negatives, min(max_negatives * len(request.passages), len(negatives)))


def units_of(request: Request) -> list[Unit]:
    """Return the units of English passages, without token counts."""
    english, _ = splitter_for("en")
    return [
        Unit(index, span.start, span.end, 0, span.kind)
        for index, passage in enumerate(request.passages)
        for span in split_into_spans(passage.text, english)
    ]


def _varied(request: Request, rng: random.Random) -> Request:
    query = request.query
    if rng.random() < _QUERY_VARIED:
        query = re.sub(r"[?.!]+\s*$", "", query)
        query = query.lower() if rng.random() < 0.7 else query
    return replace(request, query=query, passages=tuple(_maybe_untitled(passage, rng) for passage in request.passages))


def _maybe_untitled(passage: Passage, rng: random.Random) -> Passage:
    return replace(passage, title="") if rng.random() < _TITLE_DROPPED else passage


def nearest_passages(questions: Sequence[Labelled], chosen: Sequence[int], nearest: int = 10) -> list[list[int]]:
    """Return, for each chosen question of a one-passage set, the questions with the most similar passages (TF-IDF).

    Passages with the text of its evidence, and copies of its own passage, are left out; where no other is left, the next
    question is taken.

    Args:
        questions: of the whole set.
        chosen: indices of the chosen questions.
        nearest: the most questions to return for each.

    Returns:
        Indices of questions for each chosen question, most similar first.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [question.request.passages[0].text for question in questions]
    # A few passages may be from one page, and share every word.
    vectorizer = TfidfVectorizer(
        sublinear_tf=True, stop_words="english", max_df=0.2 if len(texts) > _FEW_PASSAGES else 1.0
    )
    passages: Any = vectorizer.fit_transform(texts)
    queries: Any = vectorizer.transform([questions[index].request.query for index in chosen])
    found: list[list[int]] = []
    for start in range(0, len(chosen), 500):
        scores = (queries[start : start + 500] @ passages.T).toarray()
        ranked = np.argpartition(-scores, min(3 * nearest, len(texts) - 1), axis=1)[:, : 3 * nearest]
        for row, candidates in enumerate(ranked):
            own = chosen[start + row]
            answers = {
                questions[own].request.passages[passage].text[first:last].lower()
                for passage, first, last in questions[own].evidence
            }
            near: dict[str, int] = {}
            for other in candidates[np.argsort(-scores[row, candidates], kind="stable")].tolist():
                text = texts[other]
                if text != texts[own] and text not in near and not any(answer in text.lower() for answer in answers):
                    near[text] = other
            found.append(list(near.values())[:nearest] or [(own + 1) % len(texts)])
    return found


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
        weight=[example.weight for example in examples],
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
            arrays["weight"].tolist(),
            strict=True,
        )
        return [
            Example(ids, n_first, units, unit_labels, float(unit_labels.max()), weight)
            for ids, units, unit_labels, n_first, weight in columns
        ]
