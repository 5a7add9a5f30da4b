"""The settings of a compression: one field for each option of the command line, their values and their checks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from ctxzip.datamodels import SEGMENTS, Limits
from ctxzip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

AUTO = "auto"  # chosen automatically: the scorer, device, splitter, prefilter or budget
BM25 = "bm25"
MODEL = "model"  # as a scorer, and as a tokenizer: that of the shipped model
HYBRID = "hybrid"
SCORERS = (AUTO, MODEL, BM25, HYBRID)
DEFAULT_MODEL = "ctxzip-mini"
OFF = "off"  # no prefilter
BATCH_TOKENS = 16_384  # in a batch of the model, padding included
RECORD_TIMEOUT_S = 3600.0  # a document of 10,000,000 characters takes about 4 minutes of processor time with mini
CACHE_SIZE_MB = 512  # room for over three million passages: one of five units takes 130 bytes, one of ten 154
RATIO_EXPECTED = "expected a number above 0 and at most 1"
PROFILES = ("light", "balanced", "aggressive")

# Output: the input record with shorter texts, one prompt-ready context, or a record of another library.
To = Literal["jsonl", "text", "markdown", "messages", "langchain", "llamaindex", "haystack"]
CONTEXTS: frozenset[str | None] = frozenset({"text", "markdown"})

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "budget": (None, AUTO, "limits"),
    "profile": (None, *PROFILES),
    "empty": ("nothing", "keep-best", "passthrough"),
    "to": get_args(To),
    "order": ("source", "relevance"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compress; every field is also an option of the command line.

    Attributes:
        max_tokens: ceiling on the tokens of the final text: of the context, or in records of all documents together.
        ratio: above 0 and at most 1, largest fraction of the tokens kept; the best unit is kept even if it has more.
        max_sentences: largest number of units kept; headings that come along are not counted.
        threshold: 0..1, lowest probability kept; the best unit is kept even if it has less.
        recall: 0..1 exclusive, share of the queries that keep all their evidence, guaranteed by a calibrated policy.
        policy: file that `ctxzip calibrate` wrote; None uses that of the model.
        profile: `light`, `balanced` or `aggressive`: an automatic budget that keeps more, about as much, or less.
        min_saving: 0..1, fraction of the tokens; a request that would save less is kept whole.
        min_answerable: 0..1, a record whose documents answer the query with a lower probability counts as unanswerable.
        empty: what is kept of an unanswerable query: `nothing`, `keep-best` or `passthrough`.
        budget: `auto` (scores decide within the limits), `limits` (fill the limits), or None: `limits` if any is given.
        scorer: `model`, `bm25`, `hybrid` (both), or `auto`: `hybrid`, and `bm25` where onnxruntime cannot run.
        model: name or folder of the model.
        device: where the model runs: `auto` (CUDA if available, else the CPU), `cpu`, `cuda` or `cuda:N`.
        threads: number of threads of the model; None uses all cores that this process may use.
        batch_tokens: largest number of tokens in a batch of the model, padding included, where it batches (CUDA).
        cache: folder of the cache of model scores; None caches nothing.
        cache_size_mb: largest size of the cache in millions of bytes; the least recently used scores are evicted.
        deadline_ms: time from reading a record on, after which BM25 scores what the model has not scored; None for no limit.
        record_timeout: seconds of work on one record, after which it is an error; None for no limit.
        prefilter: `off`, `auto` (in very long records the model skips what BM25 ranks lowest), or tokens scored at most.
        splitter: `auto` or `spacy:NAME`.
        lang: language code of the documents; None detects it for each.
        tokenizer: what counts tokens (`ctxzip.tokens.load_tokenizer`).
        to: output: `jsonl` (the input record), `text` or `markdown` (one context), or another library's record.
        titles: whether titles are written in `text` and `markdown`.
        mark_gaps: whether `[...]` is written where something was dropped.
        after, before: number of units after and before every kept one that are kept as well, in the same document; None for
            `around`. They take the tokens that the kept ones leave, and do not count for `max_sentences` and `threshold`.
        around: the same on both sides.
        segment_budget: pairs of a type of prompt segment and the share kept, 0..1 (`ctxzip.selection.segments`).
        order: `source` (documents as in the input) or `relevance` (the most relevant first).
        top_docs: number of the most relevant documents whose units may be kept; None for all.
        drop_empty: whether documents of which nothing is kept are left out of the record.
        explain: whether the record gives the reason for every dropped unit.
    """

    max_tokens: int | None = None
    ratio: float | None = None
    max_sentences: int | None = None
    threshold: float | None = None
    recall: float | None = None
    policy: str | None = None
    profile: Literal["light", "balanced", "aggressive"] | None = None
    min_saving: float | None = None
    min_answerable: float | None = None
    empty: Literal["nothing", "keep-best", "passthrough"] = "nothing"
    budget: Literal["auto", "limits"] | None = None
    scorer: str = AUTO
    model: str = DEFAULT_MODEL
    device: str = "auto"
    threads: int | None = None
    batch_tokens: int = BATCH_TOKENS
    cache: str | None = None
    cache_size_mb: float = CACHE_SIZE_MB
    deadline_ms: float | None = None
    record_timeout: float | None = RECORD_TIMEOUT_S
    prefilter: str | int = AUTO
    splitter: str = AUTO
    lang: str | None = None
    tokenizer: str = MODEL
    to: To = "jsonl"
    titles: bool = True
    mark_gaps: bool = False
    after: int | None = None
    before: int | None = None
    around: int | None = None
    segment_budget: tuple[tuple[str, float], ...] = ()
    order: Literal["source", "relevance"] = "source"
    top_docs: int | None = None
    drop_empty: bool = False
    explain: bool = False

    @property
    def in_records(self) -> bool:
        """Whether results are written as records, not as prompt-ready contexts."""
        return self.to not in CONTEXTS

    @property
    def under_policy(self) -> bool:
        """Whether a recall is wanted, or what needs a policy: an automatic budget or `min_answerable`, with one named."""
        needs_policy = self.limits().adaptive or self.min_answerable is not None
        return self.recall is not None or (self.policy is not None and needs_policy)

    def reach(self) -> tuple[int, int]:
        """Return how many units before and after every kept one are kept as well, as `check` allows them."""
        around = self.around or 0
        return around if self.before is None else self.before, around if self.after is None else self.after

    def limits(self) -> Limits:
        """Return the limits, checked.

        Raises:
            UsageError: a limit is out of its range, contradicts another, or none is given with `budget="limits"`.
        """
        limits = Limits(self.max_tokens, self.ratio, self.max_sentences, self.threshold, recall=self.recall)
        unlimited = limits == Limits()
        if self.budget == "limits" and unlimited:
            raise UsageError(
                "needs a limit", option=("budget", "max_tokens", "ratio", "max_sentences", "threshold"), value="limits"
            )
        if self.budget == "limits" and self.profile is not None:
            raise UsageError(
                "a profile is an automatic budget: leave one of the two out",
                option=("profile", "budget"),
                value=self.profile,
            )
        adaptive = self.budget == "auto" or self.profile is not None or (self.budget is None and unlimited)
        limits = replace(
            limits,
            adaptive=adaptive,
            profile=self.profile,
            min_saving=self.min_saving,
            min_answerable=self.min_answerable,
            empty=self.empty,
        )
        check_limits(limits)
        return limits

    def check(self) -> None:
        """Raise UsageError where a setting other than the limits is out of its range, or contradicts another."""
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise UsageError(
                    f"expected one of {', '.join(filter(None, allowed))}", option=name, value=getattr(self, name)
                )
        if self.explain and self.to != "jsonl":
            raise UsageError(
                "reasons are written in records only: expected jsonl", option=("to", "explain"), value=self.to
            )
        check_segments(self.segment_budget)
        for name, least in (("top_docs", 1), ("threads", 1), ("after", 0), ("before", 0), ("around", 0)):
            number = getattr(self, name)
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < least):
                raise UsageError(f"expected a number of at least {least}", option=name, value=number)
        for name, value, least in (
            ("batch_tokens", self.batch_tokens, 1),
            ("cache_size_mb", self.cache_size_mb, 1),
            ("deadline_ms", self.deadline_ms, 0),
            ("record_timeout", self.record_timeout, 0),
            ("prefilter", None if self.prefilter in {AUTO, OFF} else self.prefilter, 1),
        ):
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf
            ):
                names = "auto, off or " if name == "prefilter" else ""
                raise UsageError(f"expected {names}a number of at least {least}", option=name, value=value)
        if self.min_answerable is not None and self.scorer not in {AUTO, HYBRID}:
            raise UsageError(
                f"the scorer {self.scorer} does not tell whether a question is answered: use hybrid",
                option=("min_answerable", "scorer"),
                value=self.min_answerable,
            )
        if self.recall is not None and isinstance(self.prefilter, int):
            raise UsageError(
                "a recall is guaranteed for scores of all the text: expected off",
                option=("prefilter", "recall"),
                value=self.prefilter,
            )


class SettingsDict(TypedDict, total=False):
    """The fields of `Settings`, as keywords of `ctxzip.compress`."""

    max_tokens: int | None
    ratio: float | None
    max_sentences: int | None
    threshold: float | None
    recall: float | None
    policy: str | None
    profile: Literal["light", "balanced", "aggressive"] | None
    min_saving: float | None
    min_answerable: float | None
    empty: Literal["nothing", "keep-best", "passthrough"]
    budget: Literal["auto", "limits"] | None
    scorer: str
    model: str
    device: str
    threads: int | None
    batch_tokens: int
    cache: str | None
    cache_size_mb: float
    deadline_ms: float | None
    record_timeout: float | None
    prefilter: str | int
    splitter: str
    lang: str | None
    tokenizer: str
    to: To
    titles: bool
    mark_gaps: bool
    after: int | None
    before: int | None
    around: int | None
    segment_budget: tuple[tuple[str, float], ...]
    order: Literal["source", "relevance"]
    top_docs: int | None
    drop_empty: bool
    explain: bool


def is_ratio(value: object) -> bool:
    """Return whether a value is a number above 0 and at most 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def check_limits(limits: Limits) -> None:
    """Raise UsageError where a limit is out of its range, or a recall is combined with an automatic budget."""
    for name, value, low, high in (
        ("max_tokens", limits.max_tokens, 0, math.inf),
        ("max_sentences", limits.max_sentences, 1, math.inf),
        ("threshold", limits.threshold, 0, 1),
        ("min_saving", limits.min_saving, 0, 1),
        ("min_answerable", limits.min_answerable, 0, 1),
    ):
        if value is not None and (not isinstance(value, int | float) or not low <= value <= high):
            allowed = f"from {low} to {high}" if high != math.inf else f"of at least {low}"
            raise UsageError(f"expected a number {allowed}", option=name, value=value)
    if limits.ratio is not None and not is_ratio(limits.ratio):
        raise UsageError(RATIO_EXPECTED, option="ratio", value=limits.ratio)
    if limits.profile not in {None, *PROFILES}:
        raise UsageError(f"expected one of {', '.join(PROFILES)}", option="profile", value=limits.profile)
    if limits.recall is not None and limits.adaptive:
        raise UsageError(
            "the recall decides how much is kept: leave the others out",
            option=("recall", "budget", "profile"),
            value=limits.recall,
        )


def check_segments(shares: Iterable[tuple[str, float]]) -> None:
    """Raise UsageError where a type of segment is unknown or `question`, which is kept whole, or a share is not 0..1."""
    for kind, share in shares:
        if kind == "question":
            raise UsageError("the question is kept whole", option="segment_budget", value=f"{kind}={share:g}")
        if kind not in SEGMENTS or not 0 <= share <= 1:
            raise UsageError(
                f"expected one of {', '.join(SEGMENTS)}, and a share from 0 to 1",
                option="segment_budget",
                value=f"{kind}={share:g}",
            )
