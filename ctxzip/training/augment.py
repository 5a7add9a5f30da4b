"""Data augmentation: other layouts, near-duplicates of the evidence, and unanswerable questions.

Public sets are paragraphs of encyclopedias, news and abstracts; users also retrieve logs, manuals, tables and notes,
in which many entries look alike. A near-duplicate of the evidence with another name teaches the model to compare names
(contrast sets: Gardner et al. 2020, "Evaluating models' local decision boundaries via contrast sets"). A question with
another name teaches it that a question can be unanswerable (Rajpurkar et al. 2018, SQuAD 2.0).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxzip.evaluation.labelled import Labelled
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from ctxzip.datamodels import Passage

    Rendered = tuple[str, str, list[tuple[int, int]]]  # title, text, and the spans of the evidence in the text
    Layout = Callable[[str, Sequence["_Piece"], random.Random], Rendered]

_MAX_PIECES = 60  # longer passages keep their layout

# Names and numbers, which distinguish similar entries.
_TERM = re.compile(r"\b(?:[A-Z][\w'’-]{2,}|\d[\d.,:]*\d|\d)\b")
_WORD = re.compile(r"[\w'’-]+")
_MONTHS = ("January", "March", "April", "June", "July", "September", "October", "December")
_WRITERS = ("night shift", "day shift", "editor", "desk 2", "operator", "ab", "notes", "reviewer")


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the questions that are changed, 0..1; most stay as they are in their sets.

    Attributes:
        near_duplicate: with a near-duplicate of a sentence of the evidence.
        layout: with passages in another layout than prose.
        unanswerable: of the questions with one passage, those that are made unanswerable.
    """

    near_duplicate: float = 0.15
    layout: float = 0.25
    unanswerable: float = 0.05


@dataclass(frozen=True, slots=True)
class _Piece:
    """One sentence or block, and whether it is evidence."""

    text: str
    is_evidence: bool


def augmented(
    question: Labelled, rng: random.Random, shares: Shares = Shares(), layouts: Sequence[Layout] | None = None
) -> Labelled:
    """Return the question with a near-duplicate of its evidence, in another layout, or made unanswerable.

    Most questions are returned unchanged. In a changed passage the evidence spans are whole sentences.

    Args:
        question: with English passages.
        rng: draws the changes.
        shares: how often each change is made.
        layouts: to choose from; None for all.
    """
    if question.partial:  # their places would change
        return question
    if len(question.request.passages) == 1 and question.evidence and rng.random() < shares.unanswerable:
        question = _made_unanswerable(question, rng)
    with_duplicate = rng.random() < shares.near_duplicate
    layout = rng.choice(layouts or LAYOUTS) if rng.random() < shares.layout else None
    if layout is None and not (with_duplicate and question.evidence):
        return question
    passages: list[Passage] = []
    evidence: list[tuple[int, int, int]] = []
    for index, passage in enumerate(question.request.passages):
        pieces = _pieces(passage, [(start, end) for owner, start, end in question.evidence if owner == index])
        if not 1 < len(pieces) <= _MAX_PIECES:
            passages.append(passage)
            evidence += [span for span in question.evidence if span[0] == index]
            continue
        if with_duplicate:
            pieces = _with_near_duplicate(pieces, question.request.query, rng)
        title, text, spans = (layout or _as_prose)(passage.title, pieces, rng)
        passages.append(replace(passage, title=title, text=text))
        evidence += [(index, start, end) for start, end in spans]
    return replace(question, request=replace(question.request, passages=tuple(passages)), evidence=tuple(evidence))


def _pieces(passage: Passage, evidence: Sequence[tuple[int, int]]) -> list[_Piece]:
    english, _ = splitter_for("en")
    return [
        _Piece(
            passage.text[span.start : span.end], any(span.start < end and start < span.end for start, end in evidence)
        )
        for span in split_into_spans(passage.text, english)
    ]


def _with_near_duplicate(pieces: list[_Piece], query: str, rng: random.Random) -> list[_Piece]:
    """Return the pieces with a copy of one that is evidence, in which a term of the question is replaced by another."""
    in_query = {word.lower() for word in _WORD.findall(query)}
    evidence = [index for index, piece in enumerate(pieces) if piece.is_evidence]
    named = [index for index in evidence if any(term.lower() in in_query for term in _TERM.findall(pieces[index].text))]
    if not named:
        return pieces
    chosen = rng.choice(named)
    text = pieces[chosen].text
    others = [term for piece in pieces for term in _TERM.findall(piece.text) if term.lower() not in in_query]
    shared = rng.choice([term for term in _TERM.findall(text) if term.lower() in in_query])
    other = _other(shared, others, rng)
    if other is None:
        return pieces
    duplicate = _Piece(re.sub(rf"\b{re.escape(shared)}\b", other, text), is_evidence=False)
    place = chosen + rng.randint(0, 1)
    return [*pieces[:place], duplicate, *pieces[place:]]


def _made_unanswerable(question: Labelled, rng: random.Random) -> Labelled:
    """Return the question with one of its terms replaced, so that its passage does not answer it."""
    query = question.request.query
    text = question.request.passages[0].text
    terms = [term for term in _TERM.findall(query[1:]) if term in text]
    words = {word.lower() for word in _WORD.findall(query)}
    if not terms:
        return question
    term = rng.choice(terms)
    other = _other(term, [found for found in _TERM.findall(text) if found.lower() not in words], rng)
    if other is None:
        return question
    changed = re.sub(rf"\b{re.escape(term)}\b", other, query)
    return Labelled(replace(question.request, query=changed), (), "none")


def _other(term: str, others: Sequence[str], rng: random.Random) -> str | None:
    """Return another name for a name, another number for a number; None where there is none."""
    if term[0].isdigit():
        digits = "".join(rng.choice("0123456789") if char.isdigit() else char for char in term)
        return digits if digits != term else None
    names = [other for other in others if not other[0].isdigit()]
    return rng.choice(names) if names else None


def _joined(
    pieces: Sequence[_Piece], lead: Callable[[int], str], after: str, head: str = ""
) -> tuple[str, list[tuple[int, int]]]:
    """Return the pieces as one text, each after its lead, and the spans of those that are evidence."""
    text, spans = head, []
    for number, piece in enumerate(pieces, 1):
        text += lead(number)
        if piece.is_evidence:
            spans.append((len(text), len(text) + len(piece.text)))
        text += piece.text + after
    return text, spans


def _on_one_line(pieces: Sequence[_Piece]) -> list[_Piece]:
    return [replace(piece, text=" ".join(piece.text.split())) for piece in pieces]


def _as_prose(title: str, pieces: Sequence[_Piece], _rng: random.Random) -> Rendered:
    return (title, *_joined(pieces, lambda _: "", " "))


def _as_list(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Rendered:
    mark = rng.choice(("- ", "* ", "#. "))
    head = f"# {title}\n\n" if title and rng.random() < 0.5 else ""
    text, spans = _joined(_on_one_line(pieces), lambda number: mark.replace("#", str(number)), "\n", head)
    return "" if head else title, text, spans


def _as_log(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Rendered:
    day, month, year, form = rng.randint(1, 18), rng.choice(_MONTHS), rng.randint(1998, 2026), rng.randint(0, 2)
    writer = rng.choice(_WRITERS)

    def lead(number: int) -> str:
        if form == 0:
            return f"{day + number // 3} {month} {year}, {writer}: "
        if form == 1:
            return f"{year}-{1 + day % 12:02}-{1 + number % 28:02} {number % 24:02}:{7 * number % 60:02} "
        return f"[{number}] {writer}: "

    return (title, *_joined(_on_one_line(pieces), lead, rng.choice(("\n", "\n\n"))))


def _as_table(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Rendered:
    clean = [replace(piece, text=piece.text.replace("|", "/")) for piece in _on_one_line(pieces)]
    name, what = rng.choice((("No.", "Entry"), ("Item", "Note"), ("Ref", "Description")))
    start = rng.randint(1, 40)
    head = f"| {name} | {what} |\n| --- | --- |\n"
    return (title, *_joined(clean, lambda number: f"| {start + number} | ", " |\n", head))


def _as_sections(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Rendered:
    """Render the title as a heading, and short paragraphs."""
    every = rng.randint(1, 3)
    head = f"{'#' * rng.randint(1, 3)} {title}\n\n" if title else ""

    def lead(number: int) -> str:
        return "" if number == 1 else "\n\n" if (number - 1) % every == 0 else " "

    return ("", *_joined(pieces, lead, "", head))


LAYOUTS: tuple[Layout, ...] = (_as_list, _as_log, _as_table, _as_sections)
