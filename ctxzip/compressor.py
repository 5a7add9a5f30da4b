"""Requests -> results: the composition of all stages, for the command line and for Python."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from ctxzip.datamodels import Passage, RecordWarning, Request, Scored, Scores
from ctxzip.errors import InputError, UsageError
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.draft import Draft
from ctxzip.rendering.record import as_read, offset_warnings
from ctxzip.rendering.result import Result
from ctxzip.rendering.scored import earlier_error, read_scored
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.scoring.preparation import recounted
from ctxzip.selection.adaptive.policies import Policies, fitted_budget
from ctxzip.selection.choose import choose
from ctxzip.settings import Settings
from ctxzip.tokens import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from ctxzip.scoring.protocol import Scorer
    from ctxzip.selection.adaptive.guarantee import Policy
    from ctxzip.settings import SettingsDict
    from ctxzip.tokens import Tokenizer

    Documents = str | Sequence[str | dict[str, Any] | Passage]


def compress(query: str, documents: Documents, **settings: Unpack[SettingsDict]) -> Result:
    """Compress the documents retrieved for one query.

    A later call with the same settings reuses the loaded model.

    Args:
        query: the question.
        documents: one text, or a sequence of texts, passages, or objects with `text` (or `content`,
            `page_content`, ...), `title`, `id`.
        **settings: fields of `Settings`, such as `max_tokens=500`.

    Raises:
        InputError: an empty query, or a document without a text.
        UsageError: a setting is out of its range.
        BackendError: something that scores, splits or counts cannot run here.
    """
    return _compressor(Settings(**settings)).compress(query, documents)


@lru_cache(maxsize=2)  # each holds a model of some 100 MB
def _compressor(settings: Settings) -> Compressor:
    return Compressor(settings)


class Selector:
    """Decides how much is kept of scored requests, chooses the units, and renders the result. Needs no model.

    Args:
        settings: the defaults where there are none.
        tokenizer: the one that the settings name, where it is loaded already.
        device: where the model runs whose policy decides: `cpu` or `cuda:N`.

    Raises:
        UsageError: a setting is out of its range or names nothing.
        BackendError: the tokenizer cannot be loaded.
    """

    def __init__(
        self, settings: Settings | None = None, *, tokenizer: Tokenizer | None = None, device: str = "cpu"
    ) -> None:
        self.settings = settings = settings or Settings()
        settings.check()
        self._tokenizer = tokenizer or load_tokenizer(settings.tokenizer)
        self._policies = Policies(settings, settings.limits(), device)

    def policy_of(self, scorer: str, model_sha256: str | None, splitter: str) -> Policy | None:
        """Return the policy that decides for the scores of a scorer; None where the scores alone do.

        Raises:
            UsageError: it belongs to another scorer, or a recall is wanted and there is none.
        """
        return self._policies.of(scorer, model_sha256, splitter)

    def select(self, scored: Scored) -> Result:
        """Return what is kept of one scored request.

        Raises:
            UsageError: a recall is wanted, and there is no policy for the scorer.
        """
        policy = self.policy_of(scored.scorer, scored.model_sha256, scored.prepared.splitter)
        prepared = recounted(scored.prepared, self._tokenizer)
        scored = replace(scored, prepared=prepared)
        settings, request, plain = self.settings, prepared.request, prepared.normalized
        order = _order(scored.scores, settings.order)
        draft = Draft(settings, self._tokenizer, plain.passages, prepared.units, order)
        # Records hold the passages as they came, whose tokens are counted already.
        tokens_in = prepared.passage_tokens if settings.in_records else draft.measure(range(len(prepared.units)))
        choice = choose(scored, settings, draft, tokens_in, partial(self._policies.cut, policy))
        texts = draft.texts(request.passages, choice.selection.kept)
        warnings = list(scored.warnings)
        if plain is not request and not settings.in_records:
            warnings.append(RecordWarning("surrogates_replaced", "lone surrogates are written as U+FFFD"))
        result = Result(
            scored=scored,
            budget=choice.budget,
            selection=choice.selection,
            texts=texts,
            order=tuple(i for i in order if texts[i] or not settings.drop_empty),
            tokenizer=self._tokenizer.name,
            tokens_in=tokens_in,
            tokens_out=choice.selection.n_tokens,
            warnings=(*warnings, *choice.warnings),
            context=None if settings.in_records else draft.written(choice.selection.kept),
            explained=settings.explain,
        )
        lost_offsets = offset_warnings(result)
        return replace(result, warnings=(*result.warnings, *lost_offsets)) if lost_offsets else result

    def select_all(self, items: Iterable[Request | BadRecord]) -> Iterator[Result | BadRecord]:
        """Yield one result for each request that holds scores (`ctxzip.rendering.scored`), in order.

        A record without scores becomes a bad record in its place, as does one whose scorer no policy fits
        where one is needed: `ctxzip score` falls back to BM25 for a query that is not English.
        """
        for item in items:
            if isinstance(item, BadRecord):
                yield earlier_error(item)
                continue
            try:
                result = self.select(read_scored(item))
            except (InputError, UsageError) as error:
                origin = origin_of(item)
                place = f"{origin.place}: " if origin.place else ""
                yield BadRecord(f"{place}{error.message}", origin.line_no, as_read(item), options=error.options)
                continue
            yield result


class Compressor:
    """A `ScoringPipeline` and a `Selector`: loads once, then compresses any number of requests.

    A context manager: leaving it ends threads and closes the cache.

    Args:
        settings: the defaults where there are none.
        scorer: used in place of the one that the settings name; cache, deadline and prefilter are then its own.
        clock: of deadlines, in seconds.
        loading: returns the scorer that the settings name, where a thread is loading it already.

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
        settings.limits()
        settings.check()
        tokenizer = load_tokenizer(settings.tokenizer)
        self.scoring = ScoringPipeline(settings, scorer=scorer, clock=clock, loading=loading, tokenizer=tokenizer)
        self.selector = Selector(settings, tokenizer=tokenizer, device=self.scoring.device)
        if scorer is None:
            _ = self.policy  # refused before the first record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End threads and close files; the compressor can be used again, and opens them anew."""
        self.scoring.close()

    @property
    def warning(self) -> str | None:
        """What a person must know, such as a GPU that cannot be used; it may appear after the first record only."""
        return self.scoring.warning

    @property
    def policy(self) -> Policy | None:
        """What decides under `recall` and automatic budgets; None where the scores alone do."""
        return self.selector.policy_of(self.scoring.scorer_name, self.scoring.model_sha256, self.settings.splitter)

    def fitted_budget(self) -> dict[str, Any] | None:
        """Return what was fitted for this scorer and ships with its model, as it is in a policy file.

        Raises:
            ModelError: the policy of the model cannot be read.
        """
        return fitted_budget(self.scoring.scorer_name, self.settings.model, self.scoring.device)

    def stream(self, items: Iterable[Request | BadRecord], *, one_by_one: bool = False) -> Iterator[Result | BadRecord]:
        """Yield one result a request, in order, as soon as it is ready; bad records pass through.

        With `one_by_one` no item is read before the result of the one before it was used.

        Raises:
            ModelError: the graph of the model fails.
            UsageError: a recall is wanted, and there is no policy for the scorer.
        """
        for item in self.scoring.score(items, one_by_one=one_by_one):
            yield item if isinstance(item, BadRecord) else self.selector.select(item)

    @overload
    def compress(self, query: Request) -> Result: ...

    @overload
    def compress(self, query: str, documents: Documents) -> Result: ...

    def compress(self, query: Request | str, documents: Documents = ()) -> Result:
        """Compress one request, or a query with its documents (as `ctxzip.compress` takes them).

        Raises:
            InputError: an empty query, or a document without a text.
            ModelError: the graph of the model fails.
            UsageError: a recall is wanted, and there is no policy for the scorer.
        """
        request = query if isinstance(query, Request) else _request(query, documents)
        return self.selector.select(self.scoring.score_one(request))


def _request(query: str, documents: Documents) -> Request:
    listed = [documents] if isinstance(documents, str) else list(documents)
    docs = [
        {"id": document.id, "title": document.title, "text": document.text}
        if isinstance(document, Passage)
        else document
        for document in listed
    ]
    request = to_request({"query": query, "docs": docs}, SHAPES)
    # A record has no place for the sentences and the segment of a passage.
    passages = (
        replace(document, id=read.id) if isinstance(document, Passage) else read
        for document, read in zip(listed, request.passages, strict=True)
    )
    return replace(request, passages=tuple(passages))


def _order(scores: Scores, order: str) -> tuple[int, ...]:
    indices = range(len(scores.relevance))
    return tuple(sorted(indices, key=lambda i: (-scores.relevance[i], i)) if order == "relevance" else indices)
