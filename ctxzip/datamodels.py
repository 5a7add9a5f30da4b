"""The data that flows between the stages: frozen, without logic, without heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OWN_KEY = "ctxzip"  # of the output record

# The types of the segments of a prompt, those first that a hard ceiling leaves room for first.
SEGMENTS = ("instruction", "context", "example")

# Why a model did not read a unit: dropped before, out of time, or out of time for a second look.
PREFILTER = "prefilter"
DEADLINE = "deadline"
SECOND_LOOK = "second_look"

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
class TextSlot:
    """Stands in `Request.extra` where the text of passage `index` stood; `original` is its JSON value."""

    index: int
    original: Any


@dataclass(frozen=True, slots=True)
class SentencesSlot:
    """Stands in `Request.extra` where a list of sentences stood, passage `index`.

    Attributes:
        sentences: start and end of each in the text of the passage, and its JSON value.
    """

    index: int
    sentences: tuple[tuple[int, int, Any], ...]


@dataclass(frozen=True, slots=True)
class PiecesSlot:
    """Stands in `Request.extra` where one string held texts and more around them.

    Attributes:
        parts: strings and slots that make the string together.
        original: its JSON value.
    """

    parts: tuple[Any, ...]
    original: Any


@dataclass(frozen=True, slots=True)
class DocsSlot:
    """Stands in `Request.extra` where a list of documents stood, one item a passage, from passage `first` on.

    Attributes:
        between: what stands between two of them inside a string.
    """

    items: tuple[Any, ...]
    first: int = 0
    between: str = ""


@dataclass(frozen=True, slots=True)
class CellSlot:
    """Stands in `Request.extra` where a cell of a table held a list, or an object, written as text.

    Attributes:
        inner: it, with slots of its own.
        original: the text.
        notation: `json` or `python`.
    """

    inner: Any
    original: str
    notation: str


@dataclass(frozen=True, slots=True)
class Table:
    """The table that a record was a row of.

    Attributes:
        columns: their names, in order.
        delimiter: between the cells of a CSV file.
        schema: of a Parquet file, a `pyarrow.Schema`; None of a CSV file.
    """

    columns: tuple[str, ...]
    delimiter: str = ","
    schema: Any = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question with its retrieved passages.

    Attributes:
        extra: the input object with slots where the documents and their texts stood; everything
            else in it is kept as the bytes it came in, so that it goes out unchanged.
        own: what stood under the key `ctxzip` in the input, as JSON; None where nothing did.
        line_no: 1-based line (or element of an array) that the record began on; 0 when it came from Python.
        place: where it stood, in words: `notes.jsonl: line 17`; empty when it came from Python.
        warnings: what reading had to say about the record.
        found: sentences that a first look took for evidence; empty at a first look.
        table: that it was a row of, or None.
        read_tokens: how many tokens of it a model reads; None where it reads all.
        read_characters: how many code points of its units a model reads; None where it reads all.
        read_by: reading of the clock of the scorer, in seconds, after which no more of it is read by a
            model; None where it has all the time it needs.
        n_bytes: of the line that it came in; 0 where it came in none.
    """

    query: str
    passages: tuple[Passage, ...]
    id: str | None = None
    line_no: int = 0
    place: str = ""
    extra: Any = None
    own: Any = None
    warnings: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    table: Table | None = None
    read_tokens: int | None = None
    read_characters: int | None = None
    read_by: float | None = None
    n_bytes: int = 0


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be used.

    Attributes:
        message: where, what and what to do, in one line.
        content: what came in: the parsed object, or the undecodable line as text.
        emits: whether an error record may take its place. A bad line among the documents of one
            request has no place of its own in the output.
        table: that it was a row of, or None.
        n_bytes: of the line that it came in; 0 where it came in none.
        options: what the message is about or what mends it, by the names of Python (`docs_field`).
    """

    message: str
    line_no: int
    content: Any = None
    emits: bool = True
    table: Table | None = None
    n_bytes: int = 0
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one text: half-open code-point offsets, its kind, and the span that it leans on.

    Attributes:
        parent: index, in the same list, of the heading or table header that must be kept with it.
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
class Scores:
    """What a scorer says about one request.

    Attributes:
        probability: `(n_units,)` float32, 0..1, how likely each unit is evidence.
        relevance: `(n_passages,)` float32, 0..1.
        warnings: what a reader of the scores must know.
        unread: for each unit why a model did not read it, None where it did; empty where all were read.
    """

    probability: NDArray[np.float32]
    relevance: NDArray[np.float32]
    warnings: tuple[str, ...] = ()
    unread: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """One request, split and scored: all that a budget decides on.

    Attributes:
        plain: the request with every character that a tokenizer takes; its offsets are those of `request`.
        languages: one code a passage, `und` where it could not be told.
        units: of all passages, in document order.
        passage_tokens: of all passages together.
        warnings: what reading, splitting and scoring had to say.
        scorer, device: what scored, and where it ran: `cpu` or `cuda:N`.
        model_sha256: of the graph that scored; None where no model did.
        splitter, tokenizer: what split and what counted.
    """

    request: Request
    plain: Request
    languages: tuple[str, ...]
    units: tuple[Unit, ...]
    passage_tokens: int
    warnings: tuple[str, ...]
    scores: Scores
    scorer: str
    device: str
    model_sha256: str | None
    splitter: str
    tokenizer: str


# The kind of question, for a policy, that is not in English: English ones that are hard to read say nothing of it.
FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Profile:
    """What the ranking of one question looks like: the units that may be kept for their own sake, best first.

    Attributes:
        probability: `(n,)` float32, falling.
        size: `(n,)` int64, code points that each adds to what stands before it, its headings included.
        passage: `(n,)` int64, index of the passage of each.
        relevance: `(n_passages,)` float32, 0..1.
        kind: how the question was read, or `FOREIGN`.
        complexity: 0..1, of the question.
        several_places: whether its evidence is expected in more than one passage.
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
        adaptive: let the score profile decide how much, within the other limits.
        recall: 0..1, both excluded, share of such questions that shall keep all their evidence.
        profile: how much the score profile shall leave out: light, balanced or aggressive.
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
    """What was calibrated, and on what.

    Attributes:
        recall: share of the questions that keep all their evidence, at least.
        alpha: share that may not.
        n: labelled questions that it was calibrated on.
        kind: of those questions: one kind, `rare` (kinds with few questions together) or `all`.
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
        mode: the name of the budget: `recall`, or how an automatic one is called.
        threshold: lowest probability kept.
        why: the reason in words a person can read.
        guarantee: what is promised if everything down to there is kept, or None.
        warnings: what a reader of the result must know.
        nothing_relevant: whether the question looks like one that nothing answers.
    """

    mode: str
    threshold: float
    why: str
    guarantee: Guarantee | None = None
    warnings: tuple[str, ...] = ()
    nothing_relevant: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be kept of one request, and why.

    Attributes:
        mode: the limits in force, joined by `+`: auto (or the name of a profile), recall, ratio,
            max_tokens, max_sentences, threshold.
        limits: what the user asked for.
        max_tokens: hard ceiling in tokens of the final text, or None.
        soft_tokens: ceiling in tokens that the one best unit may break, or None.
        max_sentences: most units kept, or None.
        threshold: lowest probability kept, or None.
        why: the reason in words a person can read.
        guarantee: what is promised of the result, or None.
        irrelevant: why nothing seems to answer the question, or None; then the limits are what `Limits.empty` says.
    """

    mode: str
    limits: Limits
    max_tokens: int | None
    soft_tokens: int | None
    max_sentences: int | None
    threshold: float | None
    why: str
    guarantee: Guarantee | None = None
    irrelevant: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What is kept of one request.

    Attributes:
        kept: indices of units in document order.
        n_tokens: tokens of the final text.
        dropped_because: one entry a unit, None where it is kept: `below the threshold`, `no room`, `enough units kept`,
            `twin of [passage, start, end]` (a unit kept that says the same), `not in the most relevant documents`,
            `nothing under it kept` (a heading), or why nothing seems to answer the question.
    """

    kept: tuple[int, ...]
    n_tokens: int
    dropped_because: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One compressed request.

    Attributes:
        units: every unit of the request, kept or not, in document order.
        languages: one code a passage, `und` where it could not be told.
        texts: what is left of each passage, `""` where nothing is.
        order: indices of the passages in the order in which they are written.
        scorer, device: what scored, and where it ran: `cpu` or `cuda:N`.
        context: one prompt-ready text, when text or markdown was asked for.
        explained: whether the record says of each unit that was dropped why.
        tokens_in, tokens_out: tokens before and after, counted on the same rendering.
    """

    request: Request
    query_kind: str
    units: tuple[Unit, ...]
    languages: tuple[str, ...]
    scores: Scores
    budget: Budget
    selection: Selection
    texts: tuple[str, ...]
    order: tuple[int, ...]
    scorer: str
    device: str
    tokenizer: str
    splitter: str
    tokens_in: int
    tokens_out: int
    context: str | None = None
    explained: bool = False
    warnings: tuple[str, ...] = field(default=())

    @property
    def kept_fraction(self) -> float:
        """`tokens_out / tokens_in`; 0 for a request without any text, above 1 only through gap marks."""
        return self.tokens_out / self.tokens_in if self.tokens_in else 0.0
