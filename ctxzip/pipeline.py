"""The streaming engine: the only module that calls the stages."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import budget as budgets
from ctxzip.ahead import worked_ahead
from ctxzip.bridge import combined, informed
from ctxzip.draft import Draft
from ctxzip.errors import InputError, UsageError
from ctxzip.policy import FITTED, load_policy
from ctxzip.query import read_query
from ctxzip.reading.shapes import SHAPES, to_request
from ctxzip.records import (
    BadRecord,
    Budget,
    Cut,
    Passage,
    Profile,
    Request,
    Result,
    Scored,
    Scores,
    Selection,
    Span,
    Unit,
)
from ctxzip.rendering import GAP_MARK, as_read
from ctxzip.scored import read as read_scored
from ctxzip.scoring import AUTO as AUTO_SCORER
from ctxzip.scoring import BM25, load_scorer
from ctxzip.segments import CONTEXT, select_segments
from ctxzip.selection import candidates, covering, groups, select
from ctxzip.settings import Settings
from ctxzip.shipped import open_model
from ctxzip.splitting import AUTO, UNKNOWN, detect, split, splitter_for
from ctxzip.tokens import load_tokenizer
from ctxzip.unread import remarks as unread_remarks
from ctxzip.unread import tokens_read
from ctxzip.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from ctxzip.policy import Level, Policy
    from ctxzip.scoring import Scorer
    from ctxzip.tokens import Tokenizer

__all__ = ["Compressor", "Settings", "compress", "order_of_choice", "profile_of"]

_SURROGATE = re.compile("[\ud800-\udfff]")
# While one batch is made into windows or read out of them, the model works on the other.
_WORKERS = 2
_AHEAD = 8  # batches that may be read and not yet written
POLICY = "policy.json"  # in the folder of a model


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
    return Compressor(Settings(**settings)).compress(request)


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
        self._scorer = (
            scorer
            or (loading and loading())
            or load_scorer(
                settings.scorer,
                settings.model,
                threads=settings.threads,
                device=settings.device,
                batch_tokens=settings.batch_tokens,
                cache=settings.cache,
                cache_size_mb=settings.cache_size_mb,
                clock=clock,
            )
        )
        self._clock = clock
        self._gap_cost = self._tokenizer.count([GAP_MARK])[0] if settings.mark_gaps else 0
        self._words = self._second_best(scorer)
        self._policies: dict[tuple[str, str | None, str], Policy | None] = {}
        self._levels: dict[tuple[str, str], Level] = {}  # by policy and kind of question
        if scorer is None:
            self.policy_for(self._scorer.name, self.model_sha256, settings.splitter)  # refused before the first record

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
        return self.policy_for(self._scorer.name, self.model_sha256, self.settings.splitter)

    @cached_property
    def model_sha256(self) -> str | None:
        """SHA-256 of the graph that scores, as its card says; None where no model does."""
        return None if self._scorer.name == BM25 else self._graph()[1]

    def _graph(self) -> tuple[str, str | None]:
        """Return the file of the graph that scores, and its SHA-256."""
        folder = open_model(self.settings.model)
        graphs = folder.card.get("graphs", {})
        file = folder.graph or graphs.get("cpu" if self._scorer.device == "cpu" else "cuda", graphs.get("cpu"))
        return str(file), folder.card["files"].get(file)

    def fitted_budget(self) -> dict[str, Any] | None:
        """Return what was fitted for this scorer and ships with its model, as it stands in a policy file.

        Raises:
            ModelError: the policy of the model cannot be read.
        """
        found = None if self._scorer.name == BM25 else self._shipped_policy()
        if found is None or load_policy(found).scorer != self._scorer.name:
            return None
        content = json.loads(found.read_text("utf-8"))
        return {key: content[key] for key in FITTED if key in content} or None

    def policy_for(self, scorer: str, model_sha256: str | None, splitter: str) -> Policy | None:
        """Return what decides under `recall` and automatic budgets: the policy that was named, or the model's own.

        Args:
            scorer: what the scores came from, as records call it.
            model_sha256: of its graph; None where no model scored.
            splitter: that made the units.

        Returns:
            None where there is no policy, or the limits need none: the score profile alone will do.

        Raises:
            UsageError: it is another model's, or a recall is asked for and there is none.
        """
        if self._limits.recall is None and not self._limits.adaptive:
            return None
        whose = (scorer, model_sha256, splitter)
        if whose not in self._policies:
            self._policies[whose] = self._find_policy(*whose)
        return self._policies[whose]

    def _find_policy(self, name: str, model_sha256: str | None, splitter: str) -> Policy | None:
        recall = self._limits.recall
        if self.settings.policy is not None:
            policy = load_policy(Path(self.settings.policy))
            policy.check(name, model_sha256, splitter)
        elif found := None if name == BM25 else self._shipped_policy():
            policy = load_policy(found)
            if recall is not None:
                policy.check(name, model_sha256, splitter)
            elif policy.scorer != name:
                return None  # nothing is promised: the score profile alone will do
        elif recall is None:
            return None
        else:
            raise UsageError(
                f"--recall {recall:g}: no policy for {name}: calibrate one on labelled questions with `ctxzip calibrate` "
                "and name it with --policy"
            )
        if recall is not None:
            for kind in policy.kinds:
                policy.level(kind, recall)  # refused before the first record, not at the first of its kind
        return policy

    def _shipped_policy(self) -> Path | None:
        """Return the policy in the folder of the model; one that names the graph goes before.

        Raises:
            ModelError: it is on the card of the model, and is not the one that the card means.
        """
        model = open_model(self.settings.model)
        names = (f"{self._graph()[0].removesuffix('.onnx')}.{POLICY}", POLICY)
        name = next((name for name in names if (model.path / name).is_file()), None)
        if name is None:
            return None
        return model.verified(name) if name in model.card["files"] else model.path / name

    def stream(self, items: Iterable[Request | BadRecord], *, one_by_one: bool = False) -> Iterator[Result | BadRecord]:
        """Yield one result a request, in order, as soon as it is ready; bad records pass through.

        With `one_by_one` no item is asked for before the result of the one before it was used.
        """
        for item in self.score(items, one_by_one=one_by_one):
            yield item if isinstance(item, BadRecord) else self.select(item)

    def compress(self, request: Request) -> Result:
        """Compress one request."""
        return self.select(*self._score([self._prepare(request)]))

    def score(self, items: Iterable[Request | BadRecord], *, one_by_one: bool = False) -> Iterator[Scored | BadRecord]:
        """Yield the scores of one request after the other, in order; bad records pass through.

        With a model, threads of their own read and split the items and make windows of them while it
        works, and what was read by then is scored together; nothing waits for more to come. Not with
        `one_by_one`: there no item is asked for before the scores of the one before it were used; nor with
        a deadline: time counts from when a record was read, and none spends it waiting.
        """
        prepared = (item if isinstance(item, BadRecord) else self._prepare(item) for item in items)
        tokens = self._scorer.batch_tokens
        if one_by_one or not tokens or self.settings.deadline_ms is not None:
            for item in prepared:
                yield from self._score_all([item])
        else:
            yield from worked_ahead(
                prepared, self._score_all, _tokens_of, workers=_WORKERS, batch=tokens, ahead=_AHEAD * tokens
            )

    def _score_all(self, batch: list[_Prepared | BadRecord]) -> list[Scored | BadRecord]:
        scored = iter(self._score([item for item in batch if isinstance(item, _Prepared)]))
        return [item if isinstance(item, BadRecord) else next(scored) for item in batch]

    def reselect(self, items: Iterable[Request | BadRecord]) -> Iterator[Result | BadRecord]:
        """Yield one result for each request that was scored before (`ctxzip.scored`), in order.

        A record without scores of its own becomes a bad record in its place.
        """
        for item in items:
            if isinstance(item, BadRecord):
                yield item
                continue
            try:
                scored = read_scored(item, _well_formed)
            except InputError as error:
                place = f"{item.place}: " if item.place else ""
                yield BadRecord(f"{place}{error}", item.line_no, as_read(item))
                continue
            yield self.select(scored)

    def _prepare(self, request: Request) -> _Prepared:
        """Split one request into units."""
        deadline_ms = self.settings.deadline_ms
        read_by = None if deadline_ms is None else self._clock() + deadline_ms / 1000
        plain = _well_formed(request)
        languages, remarks = self._languages(plain)
        units, passage_tokens = _counted(plain, self._units(plain, languages), self._tokenizer)
        return _Prepared(request, plain, languages, units, passage_tokens, (*request.warnings, *remarks), read_by)

    def _second_best(self, given: Scorer | None) -> Scorer | None:
        """Return what scores, under `auto`, questions in languages that the model was not taught.

        Not under a policy or for a promised recall: those hold for one scorer.
        """
        settings = self.settings
        if given is not None or settings.scorer != AUTO_SCORER or self._scorer.name == BM25:
            return None
        if settings.policy is not None or settings.recall is not None:
            return None
        return load_scorer(BM25) if open_model(settings.model).card.get("language") == "en" else None

    def _score(self, batch: Sequence[_Prepared]) -> list[Scored]:
        """Score requests together, but for those in other languages under `auto`, which words score one by one."""
        foreign = [self._words is not None and not read_query(item.plain.query).english for item in batch]
        ours = iter(self._scored_by_model([item for item, words in zip(batch, foreign, strict=True) if not words]))
        return [
            self._scored_by_words(item, self._words) if words and self._words is not None else next(ours)
            for item, words in zip(batch, foreign, strict=True)
        ]

    def _scored_by_words(self, item: _Prepared, words: Scorer) -> Scored:
        (scores,) = words.score([(item.plain, item.units)])
        remark = (
            f"the question is not English, which is all that {self._scorer.name} was taught: scored by {words.name}"
        )
        return self._as_scored(replace(item, warnings=(*item.warnings, remark)), scores, words.name, words.device, None)

    def _scored_by_model(self, batch: Sequence[_Prepared]) -> list[Scored]:
        """Score requests together, those twice whose questions seem to need several places."""
        asked = [self._asked(item) for item in batch]
        scores = self._scorer.score([(request, item.units) for request, item in zip(asked, batch, strict=True)])
        again = [
            i
            for i, item in enumerate(batch)
            if self._scorer.second_looks
            and len(item.plain.passages) > 1
            and read_query(item.plain.query).several_places
        ]
        second = self._scorer.score([(informed(asked[i], batch[i].units, scores[i]), batch[i].units) for i in again])
        for i, informed_scores in zip(again, second, strict=True):
            scores[i] = combined(scores[i], informed_scores)
        return [
            self._as_scored(item, found, self._scorer.name, self._scorer.device, self.model_sha256)
            for item, found in zip(batch, scores, strict=True)
        ]

    def _asked(self, item: _Prepared) -> Request:
        """Return a request with what a model may read of it."""
        n_tokens = tokens_read(self.settings, item.plain.query, item.passage_tokens)
        return replace(item.plain, read_tokens=n_tokens, read_by=item.read_by)

    def _as_scored(self, item: _Prepared, scores: Scores, scorer: str, device: str, model_sha256: str | None) -> Scored:
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
            tokenizer=self._tokenizer.name,
        )

    def select(self, scored: Scored) -> Result:
        """Decide how much is kept of one request, choose it, and render it.

        Raises:
            UsageError: a recall is asked for, and there is no policy for what scored.
        """
        settings = self.settings
        scored = self._recounted(scored)
        request, plain, units, scores = scored.request, scored.plain, scored.units, scored.scores
        order = _order(scores, settings.order)
        draft = Draft(settings, self._tokenizer, plain.passages, units, order)
        # What stands in records is the passages as they came, and their tokens are known.
        tokens_in = scored.passage_tokens if settings.in_records else draft.measure(range(len(units)))
        ranked = candidates(units, scores, settings.top_docs)
        ours = _of_context(request, units)
        profile = profile_of(plain.query, units, scores, ours)
        cut = self._cut(profile, self.policy_for(scored.scorer, scored.model_sha256, scored.splitter))
        if ours is None:
            budget = budgets.decide(self._limits, scores.probability[ranked], tokens_in, cut)
            wording = Wording(plain.passages, units, scored.languages)
            selection = select(
                units,
                order_of_choice(plain.query, ranked, wording),
                scores,
                budget,
                draft.measure,
                passage_cost=draft.passage_costs(),
                gap_cost=self._gap_cost,
                key=wording.key if _once(budget) else None,
                leans=wording.leans if settings.neighbours else None,
            )
        else:
            in_context = [i for i in ranked if i in ours]
            selection, budget = select_segments(
                plain.passages,
                units,
                ranked,
                scores,
                budgets.decide(self._limits, scores.probability[in_context], draft.measure(sorted(ours)), cut),
                draft.measure,
                shares=settings.segment_budget,
                passage_cost=draft.passage_costs(),
                gap_cost=self._gap_cost,
            )
        if budget.irrelevant is None and _not_worth_it(budget, selection, tokens_in):
            budget = replace(budget, why=f"{budget.why}; saves less than {self._limits.min_saving:.0%}: left as it was")
            selection = Selection(tuple(range(len(units))), tokens_in, (None,) * len(units))
        budget, remarks = _honest(budget, cut, units, scores, selection)
        texts = draft.texts(request.passages, selection.kept)
        return Result(
            request=request,
            query_kind=profile.kind,
            units=units,
            languages=scored.languages,
            scores=scores,
            budget=budget,
            selection=selection,
            texts=texts,
            order=tuple(i for i in order if texts[i] or not settings.drop_empty),
            scorer=scored.scorer,
            device=scored.device,
            tokenizer=self._tokenizer.name,
            splitter=scored.splitter,
            tokens_in=tokens_in,
            tokens_out=selection.n_tokens,
            context=None if settings.in_records else draft.written(selection.kept),
            explained=settings.explain,
            warnings=(
                *scored.warnings,
                *(
                    ["lone surrogates are written as U+FFFD"]
                    if plain is not request and not settings.in_records
                    else []
                ),
                *remarks,
                *_remarks(plain, units, scores, budget, selection),
            ),
        )

    def _cut(self, profile: Profile, policy: Policy | None) -> Cut | None:
        """Return how far down the policy goes for one request; None where there is no policy."""
        if policy is None:
            return None
        recall, key = self._limits.recall, (policy.place, profile.kind)
        if key not in self._levels:
            self._levels[key] = (
                policy.usual(budgets.share_of(self._limits)) if recall is None else policy.level(profile.kind, recall)
            )
        level = self._levels[key]
        if recall is None:
            return policy.guess(level, profile, self._limits.profile or budgets.AUTO)
        return policy.promise(level, profile, recall)

    def _recounted(self, scored: Scored) -> Scored:
        """Return the request with its tokens counted by this tokenizer."""
        if scored.tokenizer == self._tokenizer.name:
            return scored
        units, passage_tokens = _counted(scored.plain, scored.units, self._tokenizer)
        return replace(scored, units=units, passage_tokens=passage_tokens, tokenizer=self._tokenizer.name)

    def _languages(self, request: Request) -> tuple[tuple[str, ...], list[str]]:
        """Return a language a passage, and warnings about those that are split second best."""
        if self.settings.lang:
            languages = [self.settings.lang] * len(request.passages)
        else:
            languages = [detect(passage.text) for passage in request.passages]
            if UNKNOWN in languages:
                # A passage too short to tell is in the language of those it was found with.
                usual = detect("\n".join(passage.text for passage in request.passages))
                languages = [usual if language == UNKNOWN else language for language in languages]
        remarks = (splitter_for(language, self.settings.splitter)[1] for language in dict.fromkeys(languages))
        return tuple(languages), [remark for remark in remarks if remark]

    def _units(self, request: Request, languages: Sequence[str]) -> tuple[Unit, ...]:
        """Return the units of all passages in order, their tokens not counted yet."""
        units: list[Unit] = []
        for index, (passage, language) in enumerate(zip(request.passages, languages, strict=True)):
            first = len(units)
            units.extend(
                Unit(
                    passage=index,
                    start=span.start,
                    end=span.end,
                    n_tokens=0,
                    kind=span.kind,
                    parent=None if span.parent is None else first + span.parent,
                )
                for span in self._spans(passage, language)
            )
        return tuple(units)

    def _spans(self, passage: Passage, language: str) -> list[Span]:
        """Return the split that a passage came with, or split it."""
        if passage.sentences is not None:
            return [Span(start, end, "sentence") for start, end in passage.sentences]
        return split(passage.text, splitter_for(language, self.settings.splitter)[0])


def _counted(request: Request, units: Sequence[Unit], tokenizer: Tokenizer) -> tuple[tuple[Unit, ...], int]:
    """Return the units with their tokens, and the tokens of the passages together."""
    ends = tokenizer.ends([passage.text for passage in request.passages])
    counts: list[int] = []
    passages = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
    starts = np.fromiter((unit.start for unit in units), dtype=np.int64, count=len(units))
    borders = np.searchsorted(passages, np.arange(len(ends) + 1))
    for index, (first, last) in enumerate(pairwise(borders.tolist())):
        if first < last:
            # A token belongs to the unit that holds its last character: many tokenizers put the
            # space in front of a word into its token.
            owners = np.searchsorted(starts[first:last], ends[index] - 1, side="right") - 1
            counts += np.bincount(np.maximum(owners, 0), minlength=last - first).tolist()
    return (
        tuple(
            Unit(unit.passage, unit.start, unit.end, n, unit.kind, unit.parent)  # a third of the time of `replace`
            for unit, n in zip(units, counts, strict=True)
        ),
        sum(map(len, ends)),
    )


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One request, split: as it came, and with every character that a tokenizer takes."""

    request: Request
    plain: Request
    languages: tuple[str, ...]
    units: tuple[Unit, ...]
    passage_tokens: int
    warnings: tuple[str, ...]
    read_by: float | None


def _tokens_of(item: _Prepared | BadRecord) -> int:
    return item.passage_tokens + 1 if isinstance(item, _Prepared) else 1


def profile_of(query: str, units: Sequence[Unit], scores: Scores, among: Collection[int] | None = None) -> Profile:
    """Return what the ranking of one question looks like, of all its units or of those given by index."""
    read = read_query(query)
    ranked = [i for i in candidates(units, scores) if among is None or i in among]
    sizes = [sum(units[i].end - units[i].start for i in group) for group in groups(units, ranked)]
    return Profile(
        probability=scores.probability[ranked],
        size=np.array(sizes, dtype=np.int64),
        passage=np.fromiter((units[i].passage for i in ranked), dtype=np.int64, count=len(ranked)),
        relevance=scores.relevance,
        kind=read.kind,
        complexity=read.complexity,
        several_places=read.several_places,
    )


def order_of_choice(query: str, ranked: Sequence[int], wording: Wording) -> list[int]:
    """Return the candidates in the order in which a budget takes them: as ranked, but for questions that need several places."""
    read = read_query(query)
    if not read.several_places:
        return list(ranked)
    compared = read.entities[:2] if read.kind == "comparison" and len(read.entities) > 1 else ()
    return covering(ranked, wording.units, [about for name in compared if (about := wording.about(name))])


def _once(budget: Budget) -> bool:
    """Tell whether what repeats a unit kept may be left out.

    Not where every unit from a probability on was asked for: a threshold is meant of each, a promised
    recall was calibrated on each, and `--empty passthrough` is all of it. Elsewhere nothing is lost by it: on five labelled
    sets (hotpotqa, 2wiki, bioasq, squad_rag10, doc2dial, 100 questions each) no question loses evidence under any of 12
    budgets. Where pages come as overlapping chunks (bioasq, doc2dial, squad_rag10, timeqa, 60 questions each, windows
    of six sentences that begin every three, bm25) 90% recall takes 20.0% of the words in place of 27.6%.
    """
    return budget.irrelevant is None and budget.limits.recall is None and budget.limits.threshold is None


def _of_context(request: Request, units: Sequence[Unit]) -> frozenset[int] | None:
    """Return the units of the context where the request is a prompt in segments, else None."""
    kinds = [passage.segment for passage in request.passages]
    if not any(kinds):
        return None
    return frozenset(i for i, unit in enumerate(units) if kinds[unit.passage] == CONTEXT)


def _order(scores: Scores, order: str) -> tuple[int, ...]:
    indices = range(len(scores.relevance))
    return tuple(sorted(indices, key=lambda i: (-scores.relevance[i], i)) if order == "relevance" else indices)


def _honest(
    budget: Budget, cut: Cut | None, units: Sequence[Unit], scores: Scores, selection: Selection
) -> tuple[Budget, tuple[str, ...]]:
    """Take the guarantee back where other limits kept less than it takes; return what must be said."""
    if cut is None:
        return budget, ()
    kept = set(selection.kept)
    if budget.guarantee is not None and scores.unread:
        why = f"{budget.why}; the model did not read all of it, so there is no guarantee"
        return replace(budget, guarantee=None, why=why), (
            *cut.warnings,
            "no guarantee: it holds for scores of all the text (--deadline-ms, --prefilter)",
        )
    if budget.guarantee is None or all(
        i in kept for i in candidates(units, scores) if scores.probability[i] >= cut.threshold
    ):
        return budget, cut.warnings
    why = f"{budget.why}; less than that is kept, so there is no guarantee"
    remark = "no guarantee: another limit keeps less than the recall takes (--max-tokens, --ratio, --top-docs, ...)"
    return replace(budget, guarantee=None, why=why), (*cut.warnings, remark)


def _not_worth_it(budget: Budget, selection: Selection, tokens_in: int) -> bool:
    least = budget.limits.min_saving
    fits = budget.max_tokens is None or tokens_in <= budget.max_tokens
    return least is not None and fits and tokens_in - selection.n_tokens < least * tokens_in


def _remarks(
    request: Request, units: Sequence[Unit], scores: Scores, budget: Budget, selection: Selection
) -> list[str]:
    """Say what a reader of the result must not miss: that it is empty, or kept without a reason."""
    if not request.passages:
        return ["no documents"]
    if not units:
        return ["no text in any document"]
    if budget.irrelevant is not None:
        return [f"{budget.irrelevant}: {budget.limits.empty} (--empty)"]
    if not selection.kept:
        return ["nothing kept: no unit fits into the tokens allowed"]
    if not scores.probability.any():
        return ["no content word of the question occurs in the documents: what is kept was not chosen by score"]
    return []


def _well_formed(request: Request) -> Request:
    """Put U+FFFD where lone surrogates stand: tokenizers and UTF-8 refuse them. Offsets stay."""
    try:
        for text in (request.query, *(passage.text + passage.title for passage in request.passages)):
            text.encode()
    except UnicodeEncodeError:
        return replace(
            request,
            query=_SURROGATE.sub("\ufffd", request.query),
            passages=tuple(
                replace(
                    passage,
                    text=_SURROGATE.sub("\ufffd", passage.text),
                    title=_SURROGATE.sub("\ufffd", passage.title),
                )
                for passage in request.passages
            ),
        )
    return request
