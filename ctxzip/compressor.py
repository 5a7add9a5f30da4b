"""The streaming engine: this package alone calls the stages."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ctxzip._internal.prefetch import worked_ahead
from ctxzip.datamodels import BadRecord, Passage, Request, Result, Scored, Scores
from ctxzip.errors import InputError, UsageError
from ctxzip.model_store import open_model
from ctxzip.query.parse import read_query
from ctxzip.reading.detection import SHAPES, to_request
from ctxzip.rendering.record import as_read
from ctxzip.rendering.scored import as_it_came
from ctxzip.rendering.scored import read as read_scored
from ctxzip.scoring.loading import AUTO as AUTO_SCORER
from ctxzip.scoring.loading import BM25, load_scorer
from ctxzip.scoring.not_scored import limited
from ctxzip.scoring.not_scored import remarks as unread_remarks
from ctxzip.scoring.preparation import Prepared, prepare, weight_of, well_formed
from ctxzip.scoring.second_pass import combined, informed
from ctxzip.selection.adaptive.policies import Policies, fitted_budget, scoring_graph
from ctxzip.selection.choose import choose
from ctxzip.settings import Settings
from ctxzip.splitting.units import AUTO, UNKNOWN, splitter_for
from ctxzip.tokens import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ctxzip.scoring.loading import Scorer
    from ctxzip.selection.adaptive.conformal import Policy

__all__ = ["Compressor", "Settings", "compress"]

# While one batch is made into windows or read out of them, the model works on the other.
_WORKERS = 2
_AHEAD = 8  # batches that may be read and not yet written


def compress(query: str, documents: str | Sequence[str | dict[str, Any] | Passage], **settings: Any) -> Result:
    """Compress the documents retrieved for one question.

    Args:
        query: the question.
        documents: one text, or a sequence of texts, passages, or objects with `text` (or `content`,
            `page_content`, ...), `title`, `id`.
        **settings: fields of `Settings`, such as `max_tokens=500`.

    Raises:
        InputError: an empty question, or a document without a text.
        UsageError: a setting is out of its range.
    """
    listed = [documents] if isinstance(documents, str) else list(documents)
    docs = [
        {"id": document.id, "title": document.title, "text": document.text}
        if isinstance(document, Passage)
        else document
        for document in listed
    ]
    request = to_request({"query": query, "docs": docs}, SHAPES)
    # What a passage says of its sentences and its segment stands in no document.
    passages = (
        replace(document, id=read.id) if isinstance(document, Passage) else read
        for document, read in zip(listed, request.passages, strict=True)
    )
    return Compressor(Settings(**settings)).compress(replace(request, passages=tuple(passages)))


class Compressor:
    """Loads what scoring and counting need once, then compresses any number of requests.

    Args:
        settings: the defaults where there is none.
        scorer: scores in place of the one that the settings name; cache, deadline and prefilter are then its own.
        clock: of deadlines, in seconds.
        loading: returns the one that the settings name, where it is being loaded already.

    Raises:
        UsageError: a setting is out of its range or names nothing.
        BackendError: something that scores, splits or counts cannot run here.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        scorer: Scorer | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        loading: Callable[[], Scorer] | None = None,
    ) -> None:
        self.settings = settings = settings or Settings()
        self._limits = settings.limits()
        settings.check()
        if settings.lang or settings.splitter != AUTO:
            splitter_for(settings.lang or UNKNOWN, settings.splitter)
        self._tokenizer = load_tokenizer(settings.tokenizer)
        if loading is not None and settings.lang is None and settings.splitter == AUTO:
            splitter_for(UNKNOWN)  # nearly all need it, and meanwhile the scorer is loading
        if scorer is not None:
            self._scorer = scorer
        elif loading is not None:
            self._scorer = loading()
        else:
            self._scorer = load_scorer(settings.scorer, settings.model, clock=clock, **settings.scoring())
        self._clock = clock
        self._given = scorer is not None
        self._english_only = scorer is None and self._taught_english_only()
        # Not under a policy or for a promised recall: those hold for one scorer.
        by_words = self._english_only and settings.scorer == AUTO_SCORER and not settings.under_policy
        self._words = load_scorer(BM25) if by_words else None  # scores questions in other languages
        self._policies = Policies(settings, self._limits, self._scorer.device)
        if scorer is None:
            # Refused before the first record.
            self._policies.of(self._scorer.name, self.model_sha256, settings.splitter)

    @property
    def notice(self) -> str | None:
        """What a person must know, such as a card that cannot be used; more may show after the first record."""
        return self._scorer.notice

    @property
    def scorer_name(self) -> str:
        """What scores, as records call it."""
        return self._scorer.name

    @property
    def policy(self) -> Policy | None:
        """What decides under `recall` and automatic budgets; None where the score profile alone does."""
        return self._policies.of(self._scorer.name, self.model_sha256, self.settings.splitter)

    @cached_property
    def model_sha256(self) -> str | None:
        """SHA-256 of the graph that scores, as its card says; None where no model of the settings does."""
        if self._given or self._scorer.name == BM25:
            return None
        return scoring_graph(self.settings.model, self._scorer.device)[1]

    def fitted_budget(self) -> dict[str, Any] | None:
        """Return what was fitted for this scorer and ships with its model, as it stands in a policy file.

        Raises:
            ModelError: the policy of the model cannot be read.
        """
        return fitted_budget(self._scorer.name, self.settings.model, self._scorer.device)

    def stream(self, items: Iterable[Request | BadRecord], *, one_by_one: bool = False) -> Iterator[Result | BadRecord]:
        """Yield one result a request, in order, as soon as it is ready; bad records pass through.

        With `one_by_one` no item is asked for before the result of the one before it was used.

        Raises:
            ModelError: the graph of the model fails.
            UsageError: a recall is asked for, and there is no policy for what scored.
        """
        for item in self.score(items, one_by_one=one_by_one):
            yield item if isinstance(item, BadRecord) else self.select(item)

    def compress(self, request: Request) -> Result:
        """Compress one request.

        Raises:
            ModelError: the graph of the model fails.
            UsageError: a recall is asked for, and there is no policy for what scored.
        """
        return self.select(*self._score([self._prepare(request)]))

    def score(self, items: Iterable[Request | BadRecord], *, one_by_one: bool = False) -> Iterator[Scored | BadRecord]:
        """Yield the scores of one request after the other, in order; bad records pass through.

        With a model, threads of their own read and split the items and make windows of them while it
        works, and what was read by then is scored together; nothing waits for more to come. Not with
        `one_by_one`: there no item is asked for before the scores of the one before it were used; nor with
        a deadline: time counts from when a record was read, and none spends it waiting.

        Raises:
            ModelError: the graph of the model fails.
        """
        prepared = (item if isinstance(item, BadRecord) else self._prepare(item) for item in items)
        tokens = self._scorer.batch_tokens
        if one_by_one or not tokens or self.settings.deadline_ms is not None:
            for item in prepared:
                yield from self._score_all([item])
        else:
            yield from worked_ahead(
                prepared, self._score_all, weight_of, workers=_WORKERS, batch=tokens, ahead=_AHEAD * tokens
            )

    def _score_all(self, batch: list[Prepared | BadRecord]) -> list[Scored | BadRecord]:
        scored = iter(self._score([item for item in batch if isinstance(item, Prepared)]))
        return [item if isinstance(item, BadRecord) else next(scored) for item in batch]

    def reselect(self, items: Iterable[Request | BadRecord]) -> Iterator[Result | BadRecord]:
        """Yield one result for each request that was scored before (`ctxzip.rendering.scored`), in order.

        A record without scores of its own becomes a bad record in its place, as does one whose scores no policy is for
        where one is needed: `ctxzip score` lets words score a question in another language.
        """
        for item in items:
            if isinstance(item, BadRecord):
                yield as_it_came(item)
                continue
            try:
                result = self.select(read_scored(item, well_formed))
            except (InputError, UsageError) as error:
                place = f"{item.place}: " if item.place else ""
                yield BadRecord(f"{place}{error.message}", item.line_no, as_read(item), options=error.options)
                continue
            yield result

    def _prepare(self, request: Request) -> Prepared:
        deadline_ms = self.settings.deadline_ms
        read_by = None if deadline_ms is None else self._clock() + deadline_ms / 1000
        return prepare(request, self.settings, self._tokenizer, read_by)

    def _taught_english_only(self) -> bool:
        return self._scorer.name != BM25 and open_model(self.settings.model).card.get("language") == "en"

    def _is_foreign(self, item: Prepared) -> bool:
        """Tell whether a question is in a language that the model was not taught."""
        return self._english_only and not read_query(item.plain.query).english

    def _score(self, batch: Sequence[Prepared]) -> list[Scored]:
        """Score requests together, but for those in other languages under `auto`, which words score one by one."""
        by_words = [self._words is not None and self._is_foreign(item) for item in batch]
        ours = iter(self._scored_by_model([item for item, words in zip(batch, by_words, strict=True) if not words]))
        return [
            self._scored_by_words(item, self._words) if words and self._words is not None else next(ours)
            for item, words in zip(batch, by_words, strict=True)
        ]

    def _scored_by_words(self, item: Prepared, words: Scorer) -> Scored:
        (scores,) = words.score([(item.plain, item.units)])
        remark = f"{self._not_english()}: scored by {words.name}"
        return self._as_scored(replace(item, warnings=(*item.warnings, remark)), scores, words.name, words.device, None)

    def _not_english(self) -> str:
        return f"the question is not English, which is all that {self._scorer.name} was taught"

    def _scored_by_model(self, batch: Sequence[Prepared]) -> list[Scored]:
        """Score requests together, those twice whose questions may need several places."""
        asked = [self._asked(item) for item in batch]
        scores = self._scorer.score([(request, item.units) for request, item in zip(asked, batch, strict=True)])
        again = {
            i: informed(asked[i], item.units, scores[i])
            for i, item in enumerate(batch)
            if self._scorer.second_looks and len(item.plain.passages) > 1 and read_query(item.plain.query).maybe_several
        }
        again = {i: request for i, request in again.items() if request.found}
        second = self._scorer.score([(request, batch[i].units) for i, request in again.items()])
        for i, informed_scores in zip(again, second, strict=True):
            scores[i] = combined(scores[i], informed_scores)
        warned = (
            replace(item, warnings=(*item.warnings, self._not_english())) if self._is_foreign(item) else item
            for item in batch
        )
        return [
            self._as_scored(item, found, self._scorer.name, self._scorer.device, self.model_sha256)
            for item, found in zip(warned, scores, strict=True)
        ]

    def _asked(self, item: Prepared) -> Request:
        """Return a request with what a model may read of it."""
        return replace(limited(self.settings, item.plain, item.units, item.passage_tokens), read_by=item.read_by)

    def _as_scored(self, item: Prepared, scores: Scores, scorer: str, device: str, model_sha256: str | None) -> Scored:
        return Scored(
            request=item.request,
            plain=item.plain,
            languages=item.languages,
            units=item.units,
            passage_tokens=item.passage_tokens,
            warnings=(*item.warnings, *scores.warnings, *unread_remarks(item.units, scores)),
            scores=scores,
            scorer=scorer,
            device=device,
            model_sha256=model_sha256,
            splitter=self.settings.splitter,
            tokenizer=self._tokenizer.identity,
        )

    def select(self, scored: Scored) -> Result:
        """Decide how much is kept of one request, choose it, and render it.

        Raises:
            UsageError: a recall is asked for, and there is no policy for what scored.
        """
        policy = self._policies.of(scored.scorer, scored.model_sha256, scored.splitter)
        return choose(scored, self.settings, self._limits, self._tokenizer, partial(self._policies.cut, policy))
