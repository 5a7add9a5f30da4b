"""The records that pass between the stages: frozen, without logic, without heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

OWN_KEY = "ctxzip"  # key of the output record that holds what ctxzip reports

# Types of prompt segments, in the order in which a hard ceiling reserves tokens for them.
SEGMENTS = ("instruction", "context", "example")

# Why the model did not score a unit: left out before, no time in the first pass, no time in the second pass.
PREFILTER = "prefilter"
DEADLINE = "deadline"
SECOND_PASS = "second_pass"  # noqa: S105  # no secret

Kind = Literal[
    "sentence",
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
    "ctxzip_key_replaced",
    "duplicate_ids",
    "left_out",
    "missing_documents",
    "no_run_documents",
    "null_text",
    "unclosed_document_tag",
    # splitting and scoring
    "no_sentence_rules",
    "query_not_english",
    "query_truncated",
    "title_truncated",
    "prefilter",
    "deadline",
    "second_pass",
    # selection and rendering
    "no_answer",
    "no_documents",
    "no_guarantee",
    "no_match",
    "no_text",
    "nothing_fits",
    "offset_dropped",
    "surrogates_replaced",
    "unlike_calibration",
]


@dataclass(frozen=True, slots=True)
class RecordWarning:
    """What a reader of one record must not miss.

    Attributes:
        code: names the kind of warning; stable, for programs.
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
        text: the original, to which every offset refers.
        sentences: the split that the document came with, half-open code-point offsets in order; None
            where it is to be split.
        segment: its type, where it is a segment of a prompt.
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
        warnings: of reading.
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
    """What kind of question a query is.

    Attributes:
        kind: one of fact (one fact), multi_hop (the answer to a step is the subject of the next), comparison, list (a list
            or a count), time_scoped, definition, how_why, summary, yes_no (also a claim, true or false), code (or an error
            message), keywords, other (other languages, replies).
        complexity: 0..1, from a linear model; 0.5 for what it was not fitted on: other languages, code, summaries.
        reason: one phrase with the words that decided.
        entities: quoted, capitalised or compared, as written.
        several_places: whether evidence is expected in more than one passage.
        maybe_several: whether it may be, so that a second pass is worth its time.
        english: whether it is in English.
    """

    kind: str
    complexity: float
    reason: str
    entities: tuple[str, ...] = ()
    several_places: bool = False
    maybe_several: bool = False
    english: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one text: half-open code-point offsets and its kind.

    Attributes:
        parent: index, in the same list, of the heading or table header that is kept with it.
    """

    start: int
    end: int
    kind: Kind
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing that is kept or dropped; its text is `passages[passage].text[start:end]`.

    Attributes:
        start, end: half-open code-point offsets into the text of the passage.
        n_tokens: tokens of the passage that end inside the unit.
        parent: index, among the units of the request, of the heading or table header kept with it.
    """

    passage: int
    start: int
    end: int
    n_tokens: int
    kind: Kind
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One request, split into units and counted, not scored yet.

    Attributes:
        request: as it came.
        normalized: the same with every character that a tokenizer takes; its offsets are those of `request`.
        query: the parsed query.
        languages: one code a passage, `und` where it could not be detected.
        units: of all passages, in document order.
        passage_tokens: of all passages together.
        warnings: of reading and splitting.
        splitter, tokenizer: what split and what counted.
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
    """What a scorer gets of one request, and how much of it a model may score.

    Attributes:
        units: of the passages of the request, in document order.
        evidence: sentences that the first pass found, for a second pass; empty in the first.
        max_tokens: tokens of the units that a model scores; None for all.
        max_characters: code points of the units that a model scores; None for all.
        deadline: reading of the scorer's clock, in seconds, after which a model begins nothing more; None for no deadline.
    """

    request: Request
    units: Sequence[Unit]
    evidence: tuple[str, ...] = ()
    max_tokens: int | None = None
    max_characters: int | None = None
    deadline: float | None = None

    @property
    def is_limited(self) -> bool:
        """Whether a model may have to leave units out."""
        return not (self.max_tokens is self.max_characters is self.deadline is None)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one request.

    Attributes:
        probability: `(n_units,)` float32, 0..1, that a unit is evidence.
        relevance: `(n_passages,)` float32, 0..1.
        warnings: of scoring.
        not_scored: for each unit why the model did not score it, None where it did; empty where it scored all.
    """

    probability: NDArray[np.float32]
    relevance: NDArray[np.float32]
    warnings: tuple[RecordWarning, ...] = ()
    not_scored: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """One request with its scores: all that a budget decides on.

    Attributes:
        warnings: of reading, splitting and scoring.
        scorer, device: what scored, and where it ran: `cpu` or `cuda:N`.
        model_sha256: of the graph that scored; None where no model did.
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


# The kind of a query, for a policy, that is not in English: kinds of English queries mean nothing for it.
NOT_ENGLISH = "foreign"  # as policy files name it


@dataclass(frozen=True, slots=True)
class Ranking:
    """The shape of one query's ranked scores: the units that may be kept on their own, best first.

    Attributes:
        probability: `(n,)` float32, falling.
        size: `(n,)` int64, code points that each adds to those before it, its headings included.
        passage: `(n,)` int64, index of the passage of each.
        relevance: `(n_passages,)` float32, 0..1.
        kind: of the query, or `NOT_ENGLISH`.
        complexity: 0..1, of the query.
        several_places: whether evidence is expected in more than one passage.
    """

    probability: NDArray[np.float32]
    size: NDArray[np.int64]
    passage: NDArray[np.int64]
    relevance: NDArray[np.float32]
    kind: str
    complexity: float
    several_places: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows. `None` means no such limit; together the tightest holds.

    Attributes:
        max_tokens: hard ceiling on the final text; the only limit that may leave nothing.
        ratio: 0..1, largest fraction of the tokens kept, but never less than the one best unit.
        max_sentences: largest number of units kept, headings and table headers not counted.
        threshold: 0..1, lowest probability kept.
        adaptive: whether the scores decide how much, within the other limits.
        recall: 0..1, both excluded, share of such queries that shall keep all their evidence.
        profile: light, balanced or aggressive: how much an adaptive budget leaves out.
        min_saving: 0..1, fraction of the tokens below which a request is left as it was.
        empty: what an adaptive budget keeps of a request that nothing seems to answer: `nothing`,
            `keep-best` or `passthrough`.
    """

    max_tokens: int | None = None
    ratio: float | None = None
    max_sentences: int | None = None
    threshold: float | None = None
    adaptive: bool = False
    recall: float | None = None
    profile: str | None = None
    min_saving: float | None = None
    empty: str = "nothing"


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A calibrated guarantee, and the data behind it.

    Attributes:
        recall: share of the queries that keep all their evidence, at least.
        alpha: share that may not.
        n: labelled queries that it was calibrated on.
        kind: of those queries: one kind, `rare` (kinds with few queries together) or `all`.
        policy: the file.
        model_sha256: of the graph that scored; None where no model did.
    """

    recall: float
    alpha: float
    n: int
    kind: str
    policy: str
    model_sha256: str | None


@dataclass(frozen=True, slots=True)
class Cut:
    """How far down the ranking of one request a policy goes.

    Attributes:
        mode: the name of the budget: `recall`, or the name of an adaptive one.
        threshold: lowest probability kept.
        reason: in words.
        guarantee: what is guaranteed if everything down to the threshold is kept, or None.
        warnings: about the guarantee.
        no_answer: whether nothing seems to answer the query.
    """

    mode: str
    threshold: float
    reason: str
    guarantee: Guarantee | None = None
    warnings: tuple[RecordWarning, ...] = ()
    no_answer: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be kept of one request, and why.

    Attributes:
        mode: the limits in force, joined by `+`: auto (or the name of a profile), recall, ratio,
            max_tokens, max_sentences, threshold.
        limits: of the user.
        max_tokens: hard ceiling in tokens of the final text, or None.
        soft_tokens: ceiling in tokens that the one best unit may exceed, or None.
        max_sentences: most units kept, or None.
        threshold: lowest probability kept, or None.
        reason: in words.
        guarantee: of the result, or None.
        no_answer: why nothing seems to answer the query, or None; then the limits are those of `Limits.empty`.
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


@dataclass(frozen=True, slots=True)
class Selection:
    """What is kept of one request.

    Attributes:
        kept: indices of units in document order.
        n_tokens: tokens of the final text.
        dropped_because: one entry a unit, None where it is kept: `below the threshold`, `no room`, `enough units kept`,
            `near-duplicate of [passage, start, end]`, `not in the most relevant documents`,
            `nothing under it kept` (a heading), or why nothing seems to answer the query.
    """

    kept: tuple[int, ...]
    n_tokens: int
    dropped_because: tuple[str | None, ...]
