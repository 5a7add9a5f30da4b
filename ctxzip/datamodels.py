"""The records that pass between the stages, in the order of the stages: frozen, without logic, without heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ctxzip._internal.time_limit import NO_TIME_LIMIT, TimeLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

OWN_KEY = "ctxzip"  # key of the output record under which ctxzip reports what it did

# Types of prompt segments, in the order in which a hard ceiling reserves tokens for them.
SEGMENTS = ("instruction", "context", "example")

# Why the model did not score a unit: filtered out before, no time in the first pass, no time in the second pass.
PREFILTER = "prefilter"
DEADLINE = "deadline"
SECOND_PASS = "second_pass"  # noqa: S105  # no secret

Context = tuple[str, ...]  # what a unit depends on in its passage: headings, a table header; outermost first

Kind = Literal[
    "sentence",
    "line",
    "heading",
    "list_item",
    "table_header",
    "table_row",
    "quote",
    "code",
    "front_matter",
    "rule",
]

WarningCode = Literal[
    # reading
    "ctxzip_key_replaced", "duplicate_ids", "html_as_text", "left_out", "missing_documents", "no_run_documents", "null_text",
    "unclosed_document_tag",
    # splitting and scoring
    "deadline", "language_mismatch", "no_sentence_rules", "prefilter", "query_not_english", "query_truncated", "second_pass",
    "title_truncated",
    # selection and rendering
    "answerable_unknown", "best_unit_left_out", "low_relevance", "no_answer", "no_documents", "no_guarantee", "no_match",
    "no_text", "nothing_fits", "offset_dropped", "over_ratio", "surrogates_replaced", "unlike_calibration",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordWarning:
    """A warning about one record.

    Attributes:
        code: the kind of warning, for programs; it does not change between versions.
        text: one line for people.
    """

    code: WarningCode
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Passage:
    """One retrieved document.

    Attributes:
        text: as it came; every offset refers to it.
        sentences: half-open code-point offsets of the sentences that the document came with, in order; None where it
            came as one text.
        segment: type of the segment, such as `context`, in a prompt of segments; None elsewhere.
    """

    text: str
    title: str = ""
    id: str | None = None
    sentences: tuple[tuple[int, int], ...] | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One query with its retrieved passages.

    Attributes:
        warnings: from reading.
        origin: the input record that it was read from (`ctxzip.reading.origin.Origin`), opaque to all stages but
            reading and rendering; None where the request was made in Python.
    """

    query: str
    passages: tuple[Passage, ...]
    id: str | None = None
    warnings: tuple[RecordWarning, ...] = ()
    origin: object = None


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """The kind of a query and how many passages its evidence needs.

    Attributes:
        kind: one of `ctxzip.query.kinds.KINDS`: fact (a single fact), multi_hop (the answer to one step is the subject of
            the next), comparison, list (a list or a count), time_scoped, definition, how_why, summary, yes_no (also a
            claim to verify), code (or an error message), keywords, other (other languages, replies).
        complexity: 0..1, probability by a linear model that the evidence lies in more than one passage; 0.5 for queries
            that it was not fitted on: other languages, code, summaries; 0 for a query without words.
        reason: one phrase that quotes the words that decided.
        entities: names that are quoted, capitalized or compared, as written.
        needs_several_passages: whether evidence is expected in more than one passage.
        may_need_several_passages: whether it may lie in more than one, so that a second pass is worth its time; true
            wherever `needs_several_passages` is.
        english: whether the query is in English.
        asks_for_steps: whether it asks how something is done, so that the steps of a procedure are kept together.
    """

    kind: str
    complexity: float
    reason: str
    entities: tuple[str, ...] = ()
    needs_several_passages: bool = False
    may_need_several_passages: bool = False
    english: bool = True
    asks_for_steps: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one text: half-open code-point offsets and its kind.

    Attributes:
        parent: index, in the same list, of the heading, table header or enclosing item that is kept with it.
    """

    start: int
    end: int
    kind: Kind
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest part of a passage that is kept or dropped; its text is `passages[passage].text[start:end]`.

    Attributes:
        start, end: half-open code-point offsets into the text of the passage.
        n_tokens: tokens of the passage that end inside the unit.
        parent: index, among the units of the request, of the heading, table header or enclosing item kept with it.
    """

    passage: int
    start: int
    end: int
    n_tokens: int
    kind: Kind
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One request, split into units, its tokens counted, not scored yet.

    Attributes:
        request: as it came.
        normalized: the same without characters that a tokenizer refuses (lone surrogates); offsets are the same.
        query: the parsed query.
        languages: one code a passage, `und` where it could not be detected.
        units: of all passages, in document order.
        passage_tokens: tokens of all passages together.
        warnings: from reading and splitting.
        splitter, tokenizer: names of what split the passages and counted the tokens.
    """

    request: Request
    normalized: Request
    query: ParsedQuery
    languages: tuple[str, ...]
    units: tuple[Unit, ...]
    passage_tokens: int
    warnings: tuple[RecordWarning, ...]
    splitter: str
    tokenizer: str


@dataclass(frozen=True, slots=True)
class ScoringInput:
    """What a scorer takes as input for one request, and how much of it a model may score.

    Attributes:
        units: of the passages of the request, in document order.
        evidence: sentences that the first pass found, for a second pass; empty in the first.
        contexts: of every unit; None where they follow from the parents of the units (`ctxzip.scoring.unit_contexts`).
        max_tokens: tokens of the units that a model scores; None for all.
        max_characters: code points of the units that a model scores; None for all.
        deadline: reading of the scorer's clock, in seconds, after which a model begins nothing more; None for no deadline.
        time_limit: of all work on the request.
    """

    request: Request
    units: Sequence[Unit]
    evidence: tuple[str, ...] = ()
    contexts: Sequence[Context] | None = None
    max_tokens: int | None = None
    max_characters: int | None = None
    deadline: float | None = None
    time_limit: TimeLimit = NO_TIME_LIMIT

    @property
    def is_limited(self) -> bool:
        """Whether a model may have to leave units out."""
        return not (self.max_tokens is self.max_characters is self.deadline is None)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one request.

    Attributes:
        probability: `(n_units,)` float32, 0..1, that a unit is evidence.
        relevance: `(n_passages,)` float32, 0..1, of a passage.
        warnings: from scoring.
        not_scored: for each unit the reason why the model did not score it, None where it did; empty where it scored all.
    """

    probability: NDArray[np.float32]
    relevance: NDArray[np.float32]
    warnings: tuple[RecordWarning, ...] = ()
    not_scored: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """One request with its scores: the input of selection.

    Attributes:
        prepared: the request and its units.
        scores: of the units and passages.
        warnings: from reading, splitting and scoring.
        scorer: its name in records.
        device: where it ran: `cpu` or `cuda:N`.
        model_sha256: of the graph that scored; None without a model.
    """

    prepared: PreparedRequest
    scores: Scores
    warnings: tuple[RecordWarning, ...]
    scorer: str
    device: str
    model_sha256: str | None

    @property
    def request(self) -> Request:
        """The request as it came."""
        return self.prepared.request

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units of all passages, in document order."""
        return self.prepared.units


# `Ranking.kind` of every query that is not in English, because kinds are recognized in English only.
NOT_ENGLISH = "foreign"  # as policy files name it


@dataclass(frozen=True, slots=True)
class Ranking:
    """The ranked scores of one query: of the units that may be kept on their own, best first.

    Attributes:
        probability: `(n,)` float32, 0..1, descending.
        size: `(n,)` int64, code points that each unit adds to those before it, headings included.
        passage: `(n,)` int64, index of the passage of each unit.
        relevance: `(n_passages,)` float32, 0..1.
        kind: of the query (`ParsedQuery.kind`), or `NOT_ENGLISH`.
        complexity: 0..1, of the query.
        needs_several_passages: whether evidence is expected in more than one passage.
        word_coverage: 0..1, shares of the query's words in all passages and in the best one (`ctxzip.selection.adaptive.word_coverage`).
    """

    probability: NDArray[np.float32]
    size: NDArray[np.int64]
    passage: NDArray[np.int64]
    relevance: NDArray[np.float32]
    kind: str
    complexity: float
    needs_several_passages: bool
    word_coverage: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows. None is no limit; of several the tightest holds.

    Attributes:
        max_tokens: hard ceiling on the final text; the only limit that may leave nothing.
        ratio: above 0 and at most 1, largest fraction of the tokens kept, but never less than the one best unit.
        max_sentences: largest number of units kept, headings and table headers not counted.
        threshold: 0..1, lowest probability kept.
        adaptive: whether scores or a policy decide how much is kept, within the other limits.
        recall: share of the queries, 0..1 exclusive, that shall keep all their evidence.
        profile: `light`, `balanced` or `aggressive`: how much an adaptive budget drops.
        min_saving: 0..1, fraction of the tokens; a request that would save less is kept whole.
        min_answerable: 0..1, a query less likely to be answered by the passages counts as unanswerable under every limit.
        empty: what is kept where the query seems to be unanswerable: `nothing`, `keep-best` or `passthrough`.
    """

    max_tokens: int | None = None
    ratio: float | None = None
    max_sentences: int | None = None
    threshold: float | None = None
    adaptive: bool = False
    recall: float | None = None
    profile: str | None = None
    min_saving: float | None = None
    min_answerable: float | None = None
    empty: str = "nothing"


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A calibrated guarantee, and the data behind it.

    Attributes:
        recall: 0..1, at least this share of the queries keep all their evidence.
        alpha: 0..1, at most this share lose evidence: 1 - recall.
        n: number of labelled queries that it was calibrated on.
        kind: of these queries: one kind, `rare` (kinds with few queries together) or `all`.
        policy: path of the policy file.
        model_sha256: of the graph that scored; None without a model.
    """

    recall: float
    alpha: float
    n: int
    kind: str
    policy: str
    model_sha256: str | None


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be kept of one request, and the reason.

    Attributes:
        mode: the limits in force, joined by `+`: auto (or the name of a profile), recall, ratio,
            max_tokens, max_sentences, threshold.
        limits: of the user.
        max_tokens: hard ceiling in tokens of the final text, or None.
        soft_tokens: ceiling in tokens that the one best unit may exceed, or None.
        max_sentences: most units kept, or None.
        threshold: lowest probability kept, or None.
        reason: one line for people.
        guarantee: of the result, or None.
        no_answer: why the query seems to be unanswerable, or None; where it is not None, `Limits.empty` decides.
        answerable: 0..1, probability that the passages answer the query; None where it is not known.
        before, after: number of units before and after every kept one, in its passage, that are kept as well.
    """

    mode: str
    limits: Limits
    max_tokens: int | None
    soft_tokens: int | None
    max_sentences: int | None
    threshold: float | None
    reason: str
    guarantee: Guarantee | None = None
    no_answer: str | None = None
    answerable: float | None = None
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Selection:
    """What is kept of one request.

    Attributes:
        kept: indices of units in document order.
        n_tokens: tokens of the final text.
        dropped_because: one reason a unit, None where it is kept: `below the threshold`, `no room`, `enough units kept`,
            `near-duplicate of [passage, start, end]`, `not in the most relevant documents`, `nothing under it kept` (a heading),
            or `Budget.no_answer`.
        kept_because: one reason a unit, where it is kept for that only: `neighbour of [passage, start, end]`, `context of`,
            `title above` or `step of one procedure with` such a unit; else None. May be empty where there are none.
    """

    kept: tuple[int, ...]
    n_tokens: int
    dropped_because: tuple[str | None, ...]
    kept_because: tuple[str | None, ...] = ()
