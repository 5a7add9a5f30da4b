"""How to compress: one field for each option of the command line, and the names that options take."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from ctxzip.datamodels import SEGMENTS, Limits
from ctxzip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

AUTO = "auto"  # chosen automatically: a scorer, device, splitter, prefilter or budget
BM25 = "bm25"
MODEL = "model"  # the scorer, and the tokenizer of the shipped model
HYBRID = "hybrid"
SCORERS = (AUTO, MODEL, BM25, HYBRID)
DEFAULT_MODEL = "ctxzip-mini"
OFF = "off"  # no prefilter
BATCH_TOKENS = 16_384  # of a batch of the model, padding included
CACHE_SIZE_MB = 512  # over three million passages: one of five units takes 130 bytes, one of ten 154
PROFILES = ("light", "balanced", "aggressive")

# The record that came, one prompt-ready context, or a record of another library.
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
        max_tokens: hard ceiling on the tokens of the final text. In `text` and `markdown` that is all
            that is written, else the documents' texts, each counted by itself.
        ratio: 0..1, largest fraction of tokens kept, but never less than the one best unit.
        max_sentences: largest number of units kept; headings that come along are not counted.
        threshold: 0..1, lowest probability kept.
        recall: 0..1, both excluded: keep all evidence of this share of the questions, as calibrated.
        policy: file that `ctxzip calibrate` wrote; None takes the one of the model.
        profile: `light`, `balanced` or `aggressive`: `auto` with more or less kept.
        min_saving: 0..1; a request of which less than this fraction of the tokens would go stays whole.
        empty: what an automatic budget keeps of a request that nothing seems to answer: `nothing`,
            `keep-best` (the best unit), or `passthrough` (all of it).
        budget: `auto` lets the score profile decide within the limits, `limits` fills the limits.
            None is `auto` where no limit is given and `limits` where one is.
        scorer: `model` (the cross-encoder that ships with ctxzip), `bm25`, `hybrid` (both), or `auto`:
            `hybrid`, and `bm25` where onnxruntime is not installed.
        model: name or folder of the model.
        device: of the model: `auto` (CUDA where it runs, else the CPU), `cpu`, `cuda` or `cuda:N`.
        threads: of the model; None takes the cores that this process may use.
        batch_tokens: of a batch of the model, padding included, where windows run together, as on CUDA.
        cache: folder that keeps what the model said of a passage, so that it need not read it again; None keeps nothing.
        cache_size_mb: of it at most, in millions of bytes; what was used longest ago goes first.
        deadline_ms: time from reading a record; what the model has not read by then is scored by bm25.
        prefilter: `off` lets the model read all at its first look; `auto` leaves out of records with far too much text what
            bm25 ranks lowest; a number is how many tokens of a record the model reads at most, and one part at least.
        splitter: `auto` or `spacy:NAME`.
        lang: language code of the documents; None detects it for each.
        tokenizer: see `ctxzip.tokens.load_tokenizer`.
        to: what the result is rendered to: `jsonl` (the record as it came), one prompt-ready context,
            or the record of another library (`ctxzip.rendering.interop`).
        titles: put titles into `text` and `markdown`.
        mark_gaps: put `[...]` where something was left out.
        segment_budget: of prompts in segments, the share from 0 to 1 that is kept of each type, over the
            defaults (`ctxzip.selection.segments`).
        order: documents in the order of the input, or the most relevant first.
        top_docs: keep units of this many most relevant documents only.
        drop_empty: leave documents of which nothing is kept out of the record.
        explain: say in the record of every unit that was dropped why.
    """

    max_tokens: int | None = None
    ratio: float | None = None
    max_sentences: int | None = None
    threshold: float | None = None
    recall: float | None = None
    policy: str | None = None
    profile: Literal["light", "balanced", "aggressive"] | None = None
    min_saving: float | None = None
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
    prefilter: str | int = AUTO
    splitter: str = AUTO
    lang: str | None = None
    tokenizer: str = MODEL
    to: To = "jsonl"
    titles: bool = True
    mark_gaps: bool = False
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
        """Whether a policy that was named, or calibrated for a recall, decides how much is kept."""
        return self.recall is not None or (self.policy is not None and self.limits().adaptive)

    def limits(self) -> Limits:
        """Return the limits, checked.

        Raises:
            UsageError: a limit is out of its range, or none is given where they are to be filled.
        """
        limits = Limits(self.max_tokens, self.ratio, self.max_sentences, self.threshold, recall=self.recall)
        unlimited = limits == Limits()
        if self.budget == "limits" and unlimited:
            raise UsageError(
                "needs a limit", option=("budget", "max_tokens", "ratio", "max_sentences", "threshold"), value="limits"
            )
        if self.budget == "limits" and self.profile is not None:
            raise UsageError(
                "a profile is a budget of its own: leave the other out",
                option=("profile", "budget"),
                value=self.profile,
            )
        adaptive = self.budget == "auto" or self.profile is not None or (self.budget is None and unlimited)
        limits = replace(limits, adaptive=adaptive, profile=self.profile, min_saving=self.min_saving, empty=self.empty)
        check_limits(limits)
        return limits

    def check(self) -> None:
        """Raise UsageError where a setting that is no limit is out of its range."""
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
        if self.top_docs is not None and (not isinstance(self.top_docs, int) or self.top_docs < 1):
            raise UsageError("expected a number of at least 1", option="top_docs", value=self.top_docs)
        if self.threads is not None and self.threads < 1:
            raise UsageError("expected a number of at least 1", option="threads", value=self.threads)
        for name, value, least in (
            ("batch_tokens", self.batch_tokens, 1),
            ("cache_size_mb", self.cache_size_mb, 1),
            ("deadline_ms", self.deadline_ms, 0),
            ("prefilter", None if self.prefilter in {AUTO, OFF} else self.prefilter, 1),
        ):
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf
            ):
                words = "auto, off or " if name == "prefilter" else ""
                raise UsageError(f"expected {words}a number of at least {least}", option=name, value=value)
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
    prefilter: str | int
    splitter: str
    lang: str | None
    tokenizer: str
    to: To
    titles: bool
    mark_gaps: bool
    segment_budget: tuple[tuple[str, float], ...]
    order: Literal["source", "relevance"]
    top_docs: int | None
    drop_empty: bool
    explain: bool


def check_limits(limits: Limits) -> None:
    """Raise UsageError where a limit is out of its range."""
    for name, value, low, high in (
        ("max_tokens", limits.max_tokens, 0, math.inf),
        ("ratio", limits.ratio, 0, 1),
        ("max_sentences", limits.max_sentences, 1, math.inf),
        ("threshold", limits.threshold, 0, 1),
        ("min_saving", limits.min_saving, 0, 1),
    ):
        if value is not None and (not isinstance(value, int | float) or not low <= value <= high):
            allowed = f"from {low} to {high}" if high != math.inf else f"of at least {low}"
            raise UsageError(f"expected a number {allowed}", option=name, value=value)
    if limits.profile not in {None, *PROFILES}:
        raise UsageError(f"expected one of {', '.join(PROFILES)}", option="profile", value=limits.profile)
    if limits.recall is not None and limits.adaptive:
        raise UsageError(
            "the recall decides how much is kept: leave the others out",
            option=("recall", "budget", "profile"),
            value=limits.recall,
        )


def check_segments(shares: Iterable[tuple[str, float]]) -> None:
    """Raise UsageError where a type has no budget, or a share is not from 0 to 1."""
    for kind, share in shares:
        if kind == "question":
            raise UsageError("the question is kept whole", option="segment_budget", value=f"{kind}={share:g}")
        if kind not in SEGMENTS or not 0 <= share <= 1:
            raise UsageError(
                f"expected one of {', '.join(SEGMENTS)}, and a share from 0 to 1",
                option="segment_budget",
                value=f"{kind}={share:g}",
            )
