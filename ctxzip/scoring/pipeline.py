"""Requests -> scored requests: splits them into units and scores those, in two passes where a query may need it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ctxzip._internal.prefetch import prefetch
from ctxzip._internal.time_limit import TimeLimit
from ctxzip.datamodels import PreparedRequest, RecordWarning, Request, Scored, Scores, ScoringInput
from ctxzip.errors import InputError
from ctxzip.model_store import open_model, scoring_graph
from ctxzip.reading.origin import BadRecord, failed, origin_of
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.introductions import with_introductions
from ctxzip.scoring.loading import load_scorer
from ctxzip.scoring.not_scored import not_scored_warnings
from ctxzip.scoring.prefilter import scoring_input
from ctxzip.scoring.preparation import prepare
from ctxzip.scoring.repeated_question import without_repeated_question
from ctxzip.scoring.second_pass import combined, second_input
from ctxzip.settings import AUTO, BM25, Settings
from ctxzip.splitting.language import UNKNOWN
from ctxzip.splitting.sentences import splitter_for
from ctxzip.tokens import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ctxzip.scoring.protocol import Scorer
    from ctxzip.tokens import Tokenizer

_WORKERS = 2  # threads that score: while one makes windows or pools logits, the model runs for the other
_MAX_BATCHES_AHEAD = 8  # that are read and not yet written
_BYTES_PER_TOKEN = 4  # about, of UTF-8 in any script


@dataclass(frozen=True, slots=True)
class _Item:
    """A prepared request, its deadline by the clock of the scorer in seconds, or None, and the time that it may take."""

    prepared: PreparedRequest
    deadline: float | None
    time_limit: TimeLimit


class ScoringPipeline:
    """Loads splitter, tokenizer and scorer once, then scores any number of requests.

    Args:
        settings: None for the defaults.
        scorer: used in place of the one that the settings name.
        clock: of deadlines, in seconds.
        loading: waits for the scorer that the settings name and returns it, where a thread is loading it already.
        tokenizer: the one that the settings name, where it is loaded already.

    Raises:
        UsageError: a setting is out of its range, or names something that does not exist.
        BackendError: a scorer, splitter or tokenizer cannot run here.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        scorer: Scorer | None = None,
        clock: Callable[[], float] = time.monotonic,
        loading: Callable[[], Scorer] | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.settings = settings = settings or Settings()
        settings.check()
        if settings.lang or settings.splitter != AUTO:
            splitter_for(settings.lang or UNKNOWN, settings.splitter)
        self._tokenizer = tokenizer or load_tokenizer(settings.tokenizer)
        if loading is not None and settings.lang is None and settings.splitter == AUTO:
            splitter_for("en")  # nearly all requests need it, and the scorer loads at the same time
        self._is_own_scorer = scorer is None
        self._scorer = scorer or (loading() if loading is not None else load_scorer(settings, clock))
        self._clock = clock
        self._is_english_only = self._is_own_scorer and self._model_is_english_only()
        # No fallback under a policy or a guaranteed recall, which are valid for one scorer only.
        has_fallback = self._is_english_only and settings.scorer == AUTO and not settings.under_policy
        self._fallback = Bm25Scorer() if has_fallback else None

    @property
    def warning(self) -> str | None:
        """A problem of the scorer, such as a GPU that cannot be used, or None; it may appear after the first record only."""
        return self._scorer.warning

    @property
    def scorer_name(self) -> str:
        """The name of the scorer, as in records."""
        return self._scorer.name

    @property
    def device(self) -> str:
        """Where the scorer runs: `cpu` or `cuda:N`."""
        return self._scorer.device

    @cached_property
    def model_sha256(self) -> str | None:
        """SHA-256 of the graph that scores, from the model card; None for BM25 and for a scorer that was passed in."""
        if not self._is_own_scorer or self._scorer.name == BM25:
            return None
        return scoring_graph(self.settings.model, self._scorer.device)[1]

    def score(self, items: Iterable[Request | BadRecord], *, one_by_one: bool = False) -> Iterator[Scored | BadRecord]:
        """Yield the scores of one request after the other, in order; bad records pass through.

        With a model, other threads read and split the items while the model runs. Items that are ready at the same time are
        scored together; no item waits for later ones.

        Under a deadline items are read and scored one by one, because time counts from when a record is read.

        Args:
            items: requests, and records that could not be read.
            one_by_one: read no item before the scores of the one before it have been used.

        Raises:
            ModelError: the graph of the model fails.
        """
        prepared = (item if isinstance(item, BadRecord) else self._prepared_or_failed(item) for item in items)
        tokens = self._scorer.batch_tokens
        if one_by_one or not tokens or self.settings.deadline_ms is not None:
            for item in prepared:
                yield from self._score_all([item])
        else:
            yield from prefetch(
                prepared, self._score_all, _weight_of, workers=_WORKERS, batch=tokens, ahead=_MAX_BATCHES_AHEAD * tokens
            )

    def score_one(self, request: Request) -> Scored:
        """Return the scores of one request.

        Raises:
            ModelError: the graph of the model fails.
            InputError: the request takes longer than `record_timeout`.
        """
        item = self._prepare(request)
        with item.time_limit.running():
            (scored,) = self._score([item])
        return scored

    def close(self) -> None:
        """End threads and close files; the next request opens them again."""
        self._scorer.close()

    def _prepare(self, request: Request) -> _Item:
        deadline_ms = self.settings.deadline_ms
        deadline = None if deadline_ms is None else self._clock() + deadline_ms / 1000
        time_limit = TimeLimit(self.settings.record_timeout, self._clock)
        with time_limit.running():
            prepared = prepare(request, self.settings, self._tokenizer, time_limit)
            time_limit.check()
        return _Item(prepared, deadline, time_limit)

    def _prepared_or_failed(self, request: Request) -> _Item | BadRecord:
        try:
            return self._prepare(request)
        except InputError as error:
            return failed(request, error)

    def _score_all(self, batch: list[_Item | BadRecord]) -> list[Scored | BadRecord]:
        scored = iter(self._scored_or_failed([item for item in batch if isinstance(item, _Item)]))
        return [item if isinstance(item, BadRecord) else next(scored) for item in batch]

    def _scored_or_failed(self, items: list[_Item]) -> list[Scored | BadRecord]:
        try:
            with ExitStack() as stack:
                for item in items:
                    stack.enter_context(item.time_limit.running())
                return [*self._score(items)]
        except InputError as error:
            if len(items) == 1:
                return [failed(items[0].prepared.request, error)]
        # The time of one of them is over, which of them is seen when each is scored by itself.
        return [scored for item in items for scored in self._scored_or_failed([item])]

    def _score(self, batch: Sequence[_Item]) -> list[Scored]:
        """Score requests together, except those that fall back to BM25, which are scored one by one."""
        fallback = self._fallback
        if fallback is None:
            return self._scored_by_model(batch)
        by_model = iter(self._scored_by_model([item for item in batch if not self._is_not_supported(item)]))
        return [
            self._scored_by_bm25(item, fallback) if self._is_not_supported(item) else next(by_model) for item in batch
        ]

    def _scored_by_bm25(self, item: _Item, bm25: Scorer) -> Scored:
        (scores,) = bm25.score([ScoringInput(item.prepared.normalized, item.prepared.units)])
        warning = RecordWarning("query_not_english", f"{self._not_english()}: scored by BM25")
        return _scored(item.prepared, scores, bm25, None, (warning,))

    def _scored_by_model(self, batch: Sequence[_Item]) -> list[Scored]:
        """Score requests together, and those whose query may need several passages in a second pass."""
        inputs = [scoring_input(item.prepared, self.settings, item.deadline, item.time_limit) for item in batch]
        scores = self._scorer.score(inputs)
        second = {
            i: second_input(inputs[i], scores[i])
            for i, item in enumerate(batch)
            if self._scorer.has_second_pass
            and len(item.prepared.request.passages) > 1
            and item.prepared.query.may_need_several_passages
        }
        second = {i: item for i, item in second.items() if item.evidence}
        for i, second_scores in zip(second, self._scorer.score(list(second.values())), strict=True):
            scores[i] = combined(scores[i], second_scores)
        warning = RecordWarning("query_not_english", self._not_english())
        return [
            _scored(
                item.prepared,
                item_scores,
                self._scorer,
                self.model_sha256,
                (warning,) if self._is_not_supported(item) else (),
            )
            for item, item_scores in zip(batch, scores, strict=True)
        ]

    def _model_is_english_only(self) -> bool:
        return self._scorer.name != BM25 and open_model(self.settings.model).card.get("language") == "en"

    def _is_not_supported(self, item: _Item) -> bool:
        """Return whether the query is in a language that the model was not trained on."""
        return self._is_english_only and not item.prepared.query.english

    def _not_english(self) -> str:
        return f"the query is not English, the only language of {self._scorer.name}"


def _scored(
    prepared: PreparedRequest,
    scores: Scores,
    scorer: Scorer,
    model_sha256: str | None,
    warnings: tuple[RecordWarning, ...],
) -> Scored:
    return Scored(
        prepared=prepared,
        scores=with_introductions(prepared, without_repeated_question(prepared, scores)),
        warnings=(
            *prepared.warnings,
            *warnings,
            *scores.warnings,
            *not_scored_warnings(prepared.units, scores),
        ),
        scorer=scorer.name,
        device=scorer.device,
        model_sha256=model_sha256,
    )


def _weight_of(item: _Item | BadRecord) -> int:
    """Return the size of an item in a batch: its tokens, or a quarter of the bytes of its record where those are more."""
    if isinstance(item, BadRecord):
        return 1 + len(item.raw) // _BYTES_PER_TOKEN
    prepared = item.prepared
    return 1 + max(prepared.passage_tokens, len(origin_of(prepared.request).raw) // _BYTES_PER_TOKEN)
