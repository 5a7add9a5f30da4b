"""Labelled questions -> training windows: token ids, the unit of every token, and a label a unit."""

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
from ctxzip.splitting.units import split
from ctxzip.training.augment import perturbed

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctxzip.scoring.protocol import Scorer

_TITLE_DROPPED = 0.2  # share of the examples: many retrievers have no titles
_QUERY_VARIED = 0.3  # people type lower case and leave the question mark out
_NEGATIVE_PASSAGES = 1.3  # passages of other questions that a question of a one-passage set gets, on average
_IDLE_WINDOWS = 2  # windows without evidence kept of a passage with evidence: long pages have twenty
_EVERY_HOP = 2.0  # weight of sets whose questions need several places; they are few
_GOLD_FOUND = 0.3  # share of the second looks at which one sentence found is evidence for sure
# Labels found by matching the answer's words, some of which say something else (Szegedy et al. 2016).
_DISTANT = frozenset({"nq_oracle", "multispanqa", "musique"})
_SMOOTHING = 0.1
_HANDFUL = 200  # passages; of fewer, a fifth is too few to call a word common


@dataclass(frozen=True, slots=True)
class Example:
    """One training window.

    Attributes:
        ids: `(n_tokens,)` int32.
        n_first: tokens of the question's part.
        units: `(n_tokens,)` int32, unit of each token counted from 0 within the window, or -1.
        labels: `(n_units,)` float32, 1 for evidence.
        relevant: whether the window holds evidence.
        weight: of the example in the loss.
    """

    ids: np.ndarray
    n_first: int
    units: np.ndarray
    labels: np.ndarray
    relevant: float
    weight: float


def examples_of(
    path: Path,
    builder: WindowBuilder,
    rng: random.Random,
    *,
    times: float = 1.0,
    second_looks: float = 0.0,
    first: Scorer | None = None,
    limit: int | None = None,
) -> Iterator[Example]:
    """Yield the training windows of one labelled file.

    Args:
        path: of the file, gzipped or not.
        builder: of the windows.
        rng: decides what is varied.
        times: how often each question is shown, differently varied; a fraction is a share of them.
        second_looks: the same for second looks at questions that need several places.
        first: finds what is known at a second look.
        limit: questions read.
    """
    questions = list(islice(read_labelled(path), limit))
    single = all(len(question.request.passages) == 1 for question in questions)
    others = nearest_passages(questions, range(len(questions))) if single else [[]] * len(questions)
    smoothing = _SMOOTHING if path.name.partition(".")[0] in _DISTANT else 0.0
    for index, question in enumerate(questions):
        for _ in range(_whole(times, rng)):
            shown = perturbed(question, rng)
            request = _varied(shown.request, rng)
            yield from _windows(request, shown, builder, rng, smoothing=smoothing)
            for _ in range(_whole(_NEGATIVE_PASSAGES, rng) if others[index] else 0):
                other = questions[rng.choice(others[index])].request.passages[0]
                asked = replace(request, passages=(_maybe_untitled(other, rng),))
                yield from _windows(asked, Labelled(asked, (), "none"), builder, rng, at_most=1)
        if first is not None and question.need == "all":
            for _ in range(_whole(second_looks, rng)):
                request = _varied(question.request, rng)
                found = _found(request, question, first, rng)
                yield from _windows(request, question, builder, rng, smoothing=smoothing, found=found)


def _whole(times: float, rng: random.Random) -> int:
    return int(times) + (rng.random() < times % 1)


def _found(request: Request, question: Labelled, first: Scorer, rng: random.Random) -> list[str]:
    """Return what a first look finds, now and then with one sentence of the evidence in it."""
    units = units_of(request)
    (scores,) = first.score([ScoringInput(request, units)])
    chosen = best_of_passages(units, scores)
    if rng.random() < _GOLD_FOUND:
        chosen = [*chosen[:-1], rng.choice(np.flatnonzero(question.are_evidence(units)).tolist())]
    return [sentence_with_title(request, units[i]) for i in chosen]


def _windows(
    request: Request,
    question: Labelled,
    builder: WindowBuilder,
    rng: random.Random,
    *,
    at_most: int = _IDLE_WINDOWS,
    smoothing: float = 0.0,
    found: Sequence[str] = (),
) -> Iterator[Example]:
    units = units_of(request)
    held = question.are_evidence(units).astype(np.float32) * (1 - smoothing)
    windows = builder.build(request.query, [(p.title, p.text) for p in request.passages], units, found)
    built = []
    for window in windows:
        indices = np.array(window.units, dtype=np.int32)
        first = min((unit for unit in window.units if unit != NO_UNIT), default=0)
        labels = held[first : indices.max() + 1] if len(held) else held
        if not len(labels):
            continue
        built.append(
            Example(
                ids=np.array(window.ids, dtype=np.int32),
                n_first=window.n_first,
                units=np.where(indices == NO_UNIT, NO_UNIT, indices - first),
                labels=labels,
                relevant=float(labels.max()),
                weight=_EVERY_HOP if question.need == "all" else 1.0,
            )
        )
    yield from (example for example in built if example.relevant)
    idle = [example for example in built if not example.relevant]
    per_passage = at_most * len(request.passages)
    yield from rng.sample(idle, min(per_passage, len(idle)))


def units_of(request: Request) -> list[Unit]:
    """Return the units of English passages; their tokens are not counted."""
    english, _ = splitter_for("en")
    return [
        Unit(index, span.start, span.end, 0, span.kind)
        for index, passage in enumerate(request.passages)
        for span in split(passage.text, english)
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
    """Return, for some questions of a one-passage set, those whose passages look most like an answer to them.

    Passages that hold one of its answers, and other passages of its own document, are left out; where
    nothing is left, the next question stands in.

    Args:
        questions: of the whole set.
        chosen: indices of those asked for.
        nearest: how many others each gets at most.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [question.request.passages[0].text for question in questions]
    # A handful of passages may all be of one page, and share every word.
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", max_df=0.2 if len(texts) > _HANDFUL else 1.0)
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
            Example(ids, n_first, units, held, float(held.max()), weight)
            for ids, units, held, n_first, weight in columns
        ]
