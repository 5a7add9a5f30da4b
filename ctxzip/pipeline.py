"""The streaming engine: the only module that calls the stages."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ctxzip import budget as budgets
from ctxzip.errors import UsageError
from ctxzip.query import kind_of
from ctxzip.reading.shapes import SHAPES, to_request
from ctxzip.records import BadRecord, Limits, Passage, Request, Result, Scores, Selection, Unit
from ctxzip.rendering import GAP_MARK, context, heading, passage_text
from ctxzip.scoring import BM25, load_scorer
from ctxzip.selection import candidates, select
from ctxzip.shipped import DEFAULT_MODEL
from ctxzip.splitting import AUTO, UNKNOWN, detect, split, splitter_for
from ctxzip.tokens import MODEL, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ctxzip.scoring import Scorer
    from ctxzip.tokens import Tokenizer

_SURROGATE = re.compile("[\ud800-\udfff]")


_CHOICES: dict[str, tuple[str | None, ...]] = {
    "budget": (None, "auto", "limits"),
    "to": ("jsonl", "text", "markdown"),
    "order": ("source", "relevance"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compress; every field is also an option of the command line.

    Attributes:
        max_tokens: hard ceiling on the tokens of the final text. In `jsonl` the final text is the
            documents' texts, each counted by itself; in `text` and `markdown` all that is written.
        ratio: 0..1, largest fraction of tokens kept, but never less than the one best unit.
        max_sentences: largest number of units kept; headings that come along are not counted.
        threshold: 0..1, lowest probability kept.
        budget: `auto` lets the score profile decide within the limits, `limits` fills the limits.
            None is `auto` where no limit is given and `limits` where one is.
        scorer: `bm25`, `model` (the cross-encoder that ships with ctxzip), or `hybrid` (both).
        model: name or folder of the model.
        threads: of the model; None takes the cores that this process may use.
        splitter: `auto` or `spacy:NAME`.
        lang: language code of the documents; None detects it for each.
        tokenizer: see `ctxzip.tokens.load_tokenizer`.
        to: what the result is rendered to.
        titles: put titles into `text` and `markdown`.
        mark_gaps: put `[...]` where something was left out.
        order: documents in the order of the input, or the most relevant first.
        top_docs: keep units of this many most relevant documents only.
        drop_empty: leave documents of which nothing is kept out of the record.
    """

    max_tokens: int | None = None
    ratio: float | None = None
    max_sentences: int | None = None
    threshold: float | None = None
    budget: Literal["auto", "limits"] | None = None
    scorer: str = BM25
    model: str = DEFAULT_MODEL
    threads: int | None = None
    splitter: str = AUTO
    lang: str | None = None
    tokenizer: str = MODEL
    to: Literal["jsonl", "text", "markdown"] = "jsonl"
    titles: bool = True
    mark_gaps: bool = False
    order: Literal["source", "relevance"] = "source"
    top_docs: int | None = None
    drop_empty: bool = False

    def limits(self) -> Limits:
        """Return the limits, checked.

        Raises:
            UsageError: a limit is out of its range, or none is given where they are to be filled.
        """
        limits = Limits(self.max_tokens, self.ratio, self.max_sentences, self.threshold)
        budgets.check(limits)
        unlimited = limits == Limits()
        if self.budget == "limits" and unlimited:
            raise UsageError("--budget limits needs a limit: --max-tokens, --ratio, --max-sentences or --threshold")
        return replace(limits, adaptive=self.budget == "auto" or (self.budget is None and unlimited))


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
        scorer: scores in place of the one that the settings name.

    Raises:
        UsageError: a setting is out of its range or names nothing.
        BackendError: something that scores, splits or counts cannot run here.
    """

    def __init__(self, settings: Settings | None = None, scorer: Scorer | None = None) -> None:
        self.settings = settings = settings or Settings()
        self._limits = settings.limits()
        for name, allowed in _CHOICES.items():
            if getattr(settings, name) not in allowed:
                raise UsageError(
                    f"--{name} {getattr(settings, name)}: expected one of {', '.join(filter(None, allowed))}"
                )
        if settings.top_docs is not None and (not isinstance(settings.top_docs, int) or settings.top_docs < 1):
            raise UsageError(f"--top-docs {settings.top_docs}: expected a number of at least 1")
        if settings.threads is not None and settings.threads < 1:
            raise UsageError(f"--threads {settings.threads}: expected a number of at least 1")
        if settings.lang or settings.splitter != AUTO:
            splitter_for(settings.lang or UNKNOWN, settings.splitter)
        self._tokenizer = load_tokenizer(settings.tokenizer)
        self._scorer = scorer or load_scorer(settings.scorer, settings.model, settings.threads)
        self._gap_cost = self._tokenizer.count([GAP_MARK])[0] if settings.mark_gaps else 0

    def stream(self, items: Iterable[Request | BadRecord]) -> Iterator[Result | BadRecord]:
        """Yield one result a request, in order, as soon as it is ready; bad records pass through."""
        for item in items:
            yield item if isinstance(item, BadRecord) else self.compress(item)

    def compress(self, request: Request) -> Result:
        """Compress one request."""
        settings = self.settings
        plain = _well_formed(request)
        warnings = list(request.warnings)
        if plain is not request and settings.to != "jsonl":
            warnings.append("lone surrogates are written as U+FFFD")
        languages, remarks = self._languages(plain)
        warnings += remarks
        units, passage_tokens = self._units(plain, languages)
        scores = self._scorer.score([(plain, units)])[0]
        order = _order(scores, settings.order)
        draft = _Draft(settings, self._tokenizer, plain.passages, units, order)
        # What stands in jsonl is the passages as they came, and their tokens are known.
        tokens_in = passage_tokens if settings.to == "jsonl" else draft.measure(range(len(units)))
        ranked = candidates(units, scores, settings.top_docs)
        budget = budgets.decide(self._limits, scores.probability[ranked], tokens_in)
        selection = select(
            units,
            ranked,
            scores,
            budget,
            draft.measure,
            passage_cost=draft.passage_costs(),
            gap_cost=self._gap_cost,
        )
        warnings += scores.warnings
        warnings += _remarks(plain, units, scores, selection)
        texts = draft.texts(request.passages, selection.kept)
        return Result(
            request=request,
            query_kind=kind_of(plain.query),
            units=units,
            languages=languages,
            scores=scores,
            budget=budget,
            selection=selection,
            texts=texts,
            order=tuple(i for i in order if texts[i] or not settings.drop_empty),
            scorer=self._scorer.name,
            tokenizer=self._tokenizer.name,
            splitter=settings.splitter,
            tokens_in=tokens_in,
            tokens_out=selection.n_tokens,
            context=None if settings.to == "jsonl" else draft.written(selection.kept),
            warnings=tuple(warnings),
        )

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

    def _units(self, request: Request, languages: Sequence[str]) -> tuple[tuple[Unit, ...], int]:
        """Return the units of all passages in order, and the tokens of the passages together."""
        units: list[Unit] = []
        ends = self._tokenizer.ends([passage.text for passage in request.passages])
        for index, (passage, language) in enumerate(zip(request.passages, languages, strict=True)):
            spans = split(passage.text, splitter_for(language, self.settings.splitter)[0])
            starts = np.fromiter((span.start for span in spans), dtype=np.int64, count=len(spans))
            # A token belongs to the unit that holds its last character: many tokenizers put the
            # space in front of a word into its token.
            owners = np.searchsorted(starts, ends[index] - 1, side="right") - 1
            n_tokens = np.bincount(np.maximum(owners, 0), minlength=len(spans)).tolist()
            first = len(units)
            units.extend(
                Unit(
                    passage=index,
                    start=span.start,
                    end=span.end,
                    n_tokens=n,
                    kind=span.kind,
                    parent=None if span.parent is None else first + span.parent,
                )
                for span, n in zip(spans, n_tokens, strict=False)
            )
        return tuple(units), sum(map(len, ends))


@dataclass(frozen=True, slots=True)
class _Draft:
    """What one request reads like with some of its units kept."""

    settings: Settings
    tokenizer: Tokenizer
    passages: tuple[Passage, ...]
    units: tuple[Unit, ...]
    order: tuple[int, ...]

    def texts(self, passages: Sequence[Passage], kept: Iterable[int]) -> tuple[str, ...]:
        kept = frozenset(kept)
        of_passage: list[list[int]] = [[] for _ in passages]
        for i, unit in enumerate(self.units):
            of_passage[unit.passage].append(i)
        return tuple(
            passage_text(
                passage.text,
                [(self.units[i], i in kept) for i in indices],
                mark_gaps=self.settings.mark_gaps,
            )
            for passage, indices in zip(passages, of_passage, strict=True)
        )

    def written(self, kept: Iterable[int]) -> str:
        return context(
            self.passages,
            self.texts(self.passages, kept),
            self.order,
            to=self.settings.to,
            titles=self.settings.titles,
        )

    def measure(self, kept: Iterable[int]) -> int:
        """Return the tokens of the final text."""
        if self.settings.to != "jsonl":
            return self.tokenizer.count([self.written(kept)])[0]
        return sum(self.tokenizer.count([text for text in self.texts(self.passages, kept) if text]))

    def passage_costs(self) -> list[int]:
        """Return the tokens of the line above each passage; jsonl has none."""
        if self.settings.to == "jsonl":
            return []
        return self.tokenizer.count(
            [
                heading(number, passage, to=self.settings.to, titles=self.settings.titles)
                for number, passage in enumerate(self.passages, 1)
            ]
        )


def _order(scores: Scores, order: str) -> tuple[int, ...]:
    indices = range(len(scores.relevance))
    return tuple(sorted(indices, key=lambda i: (-scores.relevance[i], i)) if order == "relevance" else indices)


def _remarks(request: Request, units: Sequence[Unit], scores: Scores, selection: Selection) -> list[str]:
    """Say what a reader of the result must not miss: that it is empty, or kept without a reason."""
    if not request.passages:
        return ["no documents"]
    if not units:
        return ["no text in any document"]
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
