"""Requests -> results: the stages put together, for the command line and for Python."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from ctxzip.datamodels import Passage, RecordWarning, Request, Scored, Scores
from ctxzip.errors import InputError, UsageError
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import BadRecord, failed
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.renderer import Renderer
from ctxzip.rendering.result import Result
from ctxzip.rendering.scored import earlier_error, read_scored
from ctxzip.rendering.slot_filling import offset_warnings
from ctxzip.scoring.pipeline import ScoringPipeline
from ctxzip.scoring.preparation import recounted
from ctxzip.selection.adaptive.policy_lookup import PolicyLookup
from ctxzip.selection.cut_oversized import without_oversized
from ctxzip.selection.selection_pipeline import choose
from ctxzip.settings import Settings
from ctxzip.tokens import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from ctxzip.scoring.protocol import Scorer
    from ctxzip.selection.adaptive.policy import Policy
    from ctxzip.settings import SettingsDict
    from ctxzip.tokens import Tokenizer

    Documents = str | Sequence[str | dict[str, Any] | Passage]


def compress(query: str, documents: Documents, **settings: Unpack[SettingsDict]) -> Result:
    """Compress the documents retrieved for one query.

    A later call with the same settings reuses the loaded model.

    Args:
        query: the question or search query.
        documents: one text, or a sequence of texts, `Passage`s, or dicts with `text` (or `content`, `page_content`, ...)
            and optionally `title` and `id`.
        **settings: fields of `Settings`, such as `max_tokens=500`.

    Raises:
        InputError: the query is empty, or a document has no text.
        UsageError: a setting is out of its range, or names something that does not exist.
        BackendError: a scorer, splitter or tokenizer cannot run here.
    """
    compressor_settings = Settings(**settings)
    _check_hashable(compressor_settings)
    return _cached_compressor(compressor_settings).compress(query, documents)


def _check_hashable(settings: Settings) -> None:
    """Raise UsageError where a setting cannot be part of a key of `_cached_compressor`, such as a list."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        try:
            hash(value)
        except TypeError as error:
            raise UsageError(
                "expected a number, a string or a tuple of them", option=field.name, value=value
            ) from error


@lru_cache(maxsize=2)  # each has a model of some 100 MB in memory
def _cached_compressor(settings: Settings) -> Compressor:
    return Compressor(settings)


class Selector:
    """Decides how much of a scored request is kept, selects the units, and renders the result. Needs no model.

    Args:
        settings: None for the defaults.
        tokenizer: the one that the settings name, where it is loaded already.
        device: where the model ran, `cpu` or `cuda:N`: the policy is that of its graph for this device.

    Raises:
        UsageError: a setting is out of its range, or names something that does not exist.
        BackendError: the tokenizer cannot be loaded.
    """

    def __init__(
        self, settings: Settings | None = None, *, tokenizer: Tokenizer | None = None, device: str = "cpu"
    ) -> None:
        self.settings = settings = settings or Settings()
        settings.check()
        self._tokenizer = tokenizer or load_tokenizer(settings.tokenizer)
        self._policies = PolicyLookup(settings, settings.limits(), device)

    def policy_of(self, scorer: str, model_sha256: str | None, splitter: str) -> Policy | None:
        """Return the policy that decides how much is kept; None where none is needed, or there is none.

        Args:
            scorer: name of the scorer, as in records.
            model_sha256: of the graph that scored, or None.
            splitter: that made the units.

        Raises:
            UsageError: the policy was made for another scorer, or `recall` is set and there is no policy.
        """
        return self._policies.policy_for(scorer, model_sha256, splitter)

    def select(self, scored: Scored) -> Result:
        """Return the result for one scored request.

        Raises:
            UsageError: `recall` is set, and there is no policy for the scorer.
        """
        settings = self.settings
        scored = replace(scored, prepared=recounted(scored.prepared, self._tokenizer))
        n_units = len(scored.units)
        if settings.max_tokens:
            scored = without_oversized(scored, settings.max_tokens, self._tokenizer)
        prepared = scored.prepared
        request, normalized = prepared.request, prepared.normalized
        order = _passage_order(scored.scores, settings.order)
        renderer = Renderer(settings, self._tokenizer, normalized.passages, prepared.units, order)
        cost = renderer.token_cost()
        # Records hold the passages as they came, whose tokens are counted already.
        tokens_in = prepared.passage_tokens if settings.in_records else cost.count(range(len(prepared.units)))
        is_cut = len(scored.units) > n_units
        choice = choose(scored, settings, cost, tokens_in, self._policies, is_cut=is_cut)
        warnings = [*scored.warnings, *choice.warnings]
        texts = renderer.texts(request.passages, choice.selection.kept)
        if normalized is not request and not settings.in_records:
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
            warnings=tuple(warnings),
            context=None if settings.in_records else renderer.context(choice.selection.kept),
            explained=settings.explain,
        )
        lost_offsets = offset_warnings(result)
        return replace(result, warnings=(*result.warnings, *lost_offsets)) if lost_offsets else result

    def select_all(self, items: Iterable[Request | BadRecord]) -> Iterator[Result | BadRecord]:
        """Yield the result for each request that was read from a scored record (`ctxzip.rendering.scored`), in order.

        A record without scores becomes a bad record in its place. So does a record that needs a policy where its scorer has
        none: `ctxzip score` falls back to BM25 for a query that is not English.
        """
        for item in items:
            if isinstance(item, BadRecord):
                yield earlier_error(item)
                continue
            try:
                result = self.select(read_scored(item))
            except (InputError, UsageError) as error:
                yield failed(item, error)
                continue
            yield result


class Compressor:
    """A `ScoringPipeline` and a `Selector`: loads once, then compresses any number of requests.

    It is a context manager, whose exit calls `close`.

    Args:
        settings: None for the defaults.
        scorer: used in place of the one that the settings name; it has to respect the limits of `ScoringInput` itself.
        clock: of deadlines, in seconds.
        loading: waits for the scorer that the settings name and returns it, where a thread is loading it already.

    Raises:
        UsageError: a setting is out of its range, or names something that does not exist.
        BackendError: a scorer, splitter or tokenizer cannot run here.
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
            _ = self.policy  # so that a wrong policy is an error before the first record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End threads and close files; the next request opens them again."""
        self.scoring.close()

    @property
    def warning(self) -> str | None:
        """A problem of the scorer, such as a GPU that cannot be used, or None; it may appear after the first record only."""
        return self.scoring.warning

    @property
    def policy(self) -> Policy | None:
        """The policy that decides under `recall` and automatic budgets; None where none is needed, or there is none."""
        return self.selector.policy_of(self.scoring.scorer_name, self.scoring.model_sha256, self.settings.splitter)

    def stream(self, items: Iterable[Request | BadRecord], *, one_by_one: bool = False) -> Iterator[Result | BadRecord]:
        """Yield one result for each request, in order, as soon as it is ready; bad records pass through.

        Args:
            items: requests, and records that could not be read.
            one_by_one: read no item before the result of the one before it has been used.

        Raises:
            ModelError: the graph of the model fails.
            UsageError: `recall` is set, and there is no policy for the scorer.
        """
        for item in self.scoring.score(items, one_by_one=one_by_one):
            yield item if isinstance(item, BadRecord) else self.selector.select(item)

    @overload
    def compress(self, query: Request) -> Result: ...

    @overload
    def compress(self, query: str, documents: Documents) -> Result: ...

    def compress(self, query: Request | str, documents: Documents = ()) -> Result:
        """Compress one request, or a query with its documents, as `ctxzip.compress` does.

        Raises:
            InputError: the query is empty, or a document has no text.
            ModelError: the graph of the model fails.
            UsageError: `recall` is set, and there is no policy for the scorer.
        """
        request = query if isinstance(query, Request) else _request(query, documents)
        return self.selector.select(self.scoring.score_one(request))


def _request(query: str, documents: Documents) -> Request:
    """Return the request for a query and documents, which are checked and normalized like those of a record."""
    listed = [documents] if isinstance(documents, str) else list(documents)
    docs = [
        {"id": document.id, "title": document.title, "text": document.text}
        if isinstance(document, Passage)
        else document
        for document in listed
    ]
    request = to_request({"query": query, "docs": docs}, SHAPES)
    # The sentences and the segment of a `Passage` cannot be in a record: they are taken from the argument.
    passages = (
        replace(document, id=passage.id) if isinstance(document, Passage) else passage
        for document, passage in zip(listed, request.passages, strict=True)
    )
    return replace(request, passages=tuple(passages))


def _passage_order(scores: Scores, order: str) -> tuple[int, ...]:
    """Return the indices of the passages in the order in which they are written: `source` or `relevance`."""
    indices = range(len(scores.relevance))
    return tuple(sorted(indices, key=lambda i: (-scores.relevance[i], i)) if order == "relevance" else indices)
