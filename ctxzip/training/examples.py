"""Labelled questions as training windows: token ids, the unit of every token, and a label for every unit."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.datamodels import Passage, Request, ScoringInput, Unit
from ctxzip.evaluation.labelled import Labelled, overlaps, read_labelled
from ctxzip.scoring.second_pass import best_of_passages, sentence_with_title
from ctxzip.scoring.unit_contexts import unit_contexts
from ctxzip.scoring.windows import NO_UNIT, WindowBuilder
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from ctxzip.training.augment import augmented

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ctxzip.scoring.protocol import Scorer

_TITLE_DROPPED = 0.2  # share of the passages that lose their title: many retrievers have no titles
_QUERY_VARIED = 0.3  # share of the questions without question mark, mostly in lower case, as people type them
_AS_KEYWORDS = 0.2  # share of those without function words
_TYPO = 0.2  # share of those with a typing error
_FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "can",
        "did",
        "do",
        "does",
        "for",
        "from",
        "has",
        "have",
        "how",
        "i",
        "in",
        "is",
        "it",
        "many",
        "much",
        "my",
        "of",
        "on",
        "or",
        "that",
        "the",
        "there",
        "they",
        "to",
        "was",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "you",
        "your",
    ]
)
_NEGATIVE_PASSAGES = 1.3  # mean number of passages of other questions for a question of a one-passage set
_MAX_NEGATIVE_WINDOWS = 1.2  # mean number of windows without evidence for each passage, at most: long pages have twenty
_HARD = 0.6  # share of the windows without evidence that are those with most words of the question
_CHUNKED = 0.4  # share of the questions over long pages that get them in chunks, as retrievers store them
_MULTI_HOP_WEIGHT = 2.0  # in the loss, of multi-hop questions; they are few
_GOLD_FOUND = 0.3  # share of the second passes whose first-pass sentences contain evidence for sure
# Sets with distant labels, found by matching the answer; their labels are smoothed (Szegedy et al. 2016).
_DISTANT = frozenset({"nq_oracle", "multispanqa", "musique"})
# Sets whose evidence is a section or its first paragraph, of which not every sentence answers.
_SECTIONS = frozenset({"faq", "faq_docs", "faq_government", "headings", "medquad", "fairytaleqa"})
_SMOOTHING = {**dict.fromkeys(_DISTANT, 0.1), **dict.fromkeys(_SECTIONS, 0.15)}
# Sets of plain paragraphs, which are also shown in other layouts.
_PROSE = frozenset(
    [
        "2wiki",
        "bioasq",
        "doc2dial",
        "evidence_inference",
        "fever",
        "hotpotqa",
        "multispanqa",
        "musique",
        "nq_oracle",
        "qed",
        "selqa",
        "squad",
        "timeqa",
    ]
)
_MULTI_HOP = frozenset({"2wiki", "hotpotqa", "musique", "hybridqa_ottqa"})
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
        weights: `(n_units,)` float32, of the units in the loss; 0 for those that answer in part.
    """

    ids: np.ndarray
    n_first: int
    units: np.ndarray
    labels: np.ndarray
    relevant: float
    weights: np.ndarray


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
    builders: Sequence[WindowBuilder],
    rng: random.Random,
    *,
    mix: Mix = Mix(),
    first_pass: Scorer | None = None,
    limit: int | None = None,
) -> Iterator[Example]:
    """Yield the training windows of one labelled file.

    Args:
        path: of the file, gzipped or not.
        builders: of windows; each question is shown in windows of one of them.
        rng: draws the variations.
        mix: how often questions are shown.
        first_pass: finds the sentences that a second pass gets; None for no second passes.
        limit: the most questions to read.
    """
    questions = list(islice(read_labelled(path), limit))
    single = all(len(question.request.passages) == 1 for question in questions)
    others = nearest_passages(questions, range(len(questions))) if single else [[]] * len(questions)
    name = path.name.partition(".")[0]
    labels = _Labels(_SMOOTHING.get(name, 0.0), _MULTI_HOP_WEIGHT if name in _MULTI_HOP else 1.0)
    for index, question in enumerate(questions):
        for _ in range(_repeats(mix.times, rng)):
            builder = rng.choice(builders)
            shown = augmented(question, rng) if name in _PROSE else question
            n_negatives = _repeats(_MAX_NEGATIVE_WINDOWS * len(shown.request.passages), rng)
            if rng.random() < _CHUNKED:
                shown = chunked(shown, rng)
            request = _varied(shown.request, rng)
            yield from _windows(replace(shown, request=request), builder, rng, labels, n_negatives)
            for _ in range(_repeats(_NEGATIVE_PASSAGES, rng) if others[index] else 0):
                other = questions[rng.choice(others[index])].request.passages[0]
                negative = replace(request, passages=(_maybe_untitled(other, rng),))
                yield from _windows(Labelled(negative, (), "none"), builder, rng, labels, 1)
        if first_pass is not None and question.need == "all":
            for _ in range(_repeats(mix.second_passes, rng)):
                varied = replace(question, request=_varied(question.request, rng))
                found = _first_pass_sentences(varied, first_pass, rng)
                n_negatives = _repeats(_MAX_NEGATIVE_WINDOWS * len(varied.request.passages), rng)
                yield from _windows(varied, rng.choice(builders), rng, labels, n_negatives, found)


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


@dataclass(frozen=True, slots=True)
class _Labels:
    """How evidence becomes labels.

    Attributes:
        smoothing: subtracted from the labels of evidence, 0..1.
        weight: of the units in the loss.
    """

    smoothing: float
    weight: float


def _windows(
    question: Labelled,
    builder: WindowBuilder,
    rng: random.Random,
    how: _Labels,
    max_negatives: int,
    found: Sequence[str] = (),
) -> Iterator[Example]:
    """Yield the windows of one question: all with evidence, and some without.

    Args:
        question: with its passages.
        builder: builds the windows.
        rng: draws the windows without evidence.
        how: evidence becomes labels.
        max_negatives: the most windows without evidence.
        found: sentences of a first pass, for the windows of a second pass.
    """
    request = question.request
    units = units_of(request)
    evidence = question.are_evidence(units).astype(np.float32) * (1 - how.smoothing)
    is_partial = np.logical_or.reduce(overlaps(units, question.partial), axis=1) & (evidence == 0)
    weights = np.where(is_partial, 0, how.weight).astype(np.float32)
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


def chunked(question: Labelled, rng: random.Random) -> Labelled:
    """Return the question with its long passages cut into chunks of 60 to 300 words, between units.

    Half of the time the chunks keep the title of their passage.
    """
    size = rng.randint(60, 300)
    has_title = rng.random() < 0.5
    chunks: list[Passage] = []
    starts: list[tuple[int, int, int, int]] = []  # passage, start and end in it, index of the chunk
    for index, passage in enumerate(question.request.passages):
        borders, words = [0], 0
        for unit in units_of(Request(question.request.query, (passage,))):
            if words >= size:
                borders.append(unit.start)
                words = 0
            words += len(passage.text[unit.start : unit.end].split())
        for start, end in pairwise((*borders, len(passage.text))):
            starts.append((index, start, end, len(chunks)))
            title = passage.title if has_title or len(borders) == 1 else ""
            chunks.append(replace(passage, title=title, text=passage.text[start:end]))

    def moved(spans: Iterable[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
        return tuple(
            (chunk, max(start, first) - first, min(end, last) - first)
            for passage, start, end in spans
            for owner, first, last, chunk in starts
            if owner == passage and start < last and first < end
        )

    request = replace(question.request, passages=tuple(chunks))
    return replace(question, request=request, evidence=moved(question.evidence), partial=moved(question.partial))


def units_of(request: Request) -> list[Unit]:
    """Return the units of English passages, without token counts."""
    english, _ = splitter_for("en")
    units: list[Unit] = []
    for index, passage in enumerate(request.passages):
        first = len(units)
        units += [
            Unit(index, span.start, span.end, 0, span.kind, None if span.parent is None else first + span.parent)
            for span in split_into_spans(passage.text, english)
        ]
    return units


def _varied(request: Request, rng: random.Random) -> Request:
    query = request.query
    if rng.random() < _QUERY_VARIED:
        query = re.sub(r"[?.!]+\s*$", "", query)
        query = query.lower() if rng.random() < 0.7 else query
        if rng.random() < _AS_KEYWORDS:
            query = " ".join(word for word in query.split() if word.lower() not in _FUNCTION_WORDS) or query
        if rng.random() < _TYPO:
            query = _with_typo(query, rng)
    return replace(request, query=query, passages=tuple(_maybe_untitled(passage, rng) for passage in request.passages))


def _with_typo(query: str, rng: random.Random) -> str:
    """Return the query with two letters of a longer word swapped, or one left out."""
    words = list(re.finditer(r"[a-z]{5,}", query))
    if not words:
        return query
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    swapped = query[at + 1] + query[at] if rng.random() < 0.5 else query[at]
    return query[:at] + swapped + query[at + 2 :]


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
