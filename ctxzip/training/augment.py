"""The same question and evidence in other clothes, so that a model learns what it is asked and not where it stands.

Public sets are paragraphs of encyclopedias, news and abstracts; what people retrieve are logs, manuals, tables and
notes too, where many entries look alike. A sentence beside the evidence that says the same of something else teaches
to compare names (as contrast sets do: Gardner et al. 2020, "Evaluating models' local decision boundaries via contrast
sets"); a question that asks for something else teaches that nothing may answer (Rajpurkar et al. 2018, SQuAD 2.0).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxzip.evaluation.labelled import Labelled
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.units import split

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from ctxzip.datamodels import Passage

    Laid = tuple[str, str, list[tuple[int, int]]]  # title, text, and the spans of the evidence in it
    Layout = Callable[[str, Sequence["_Piece"], random.Random], Laid]

_MOST_PIECES = 60  # of a passage that is laid out anew; pages stay pages

# Names, and numbers: what tells one entry from another like it.
_TERM = re.compile(r"\b(?:[A-Z][\w'’-]{2,}|\d[\d.,:]*\d|\d)\b")
_WORD = re.compile(r"[\w'’-]+")
_MONTHS = ("January", "March", "April", "June", "July", "September", "October", "December")
_WRITERS = ("night shift", "day shift", "editor", "desk 2", "operator", "ab", "notes", "reviewer")


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of the questions are changed, 0..1: few, for the sets themselves are what is learned first.

    Attributes:
        twinned: a sentence of evidence gets a twin.
        relaid: the passages are laid out as something else than prose.
        misasked: of those with one passage, asked for something else.
    """

    twinned: float = 0.15
    relaid: float = 0.25
    misasked: float = 0.05


@dataclass(frozen=True, slots=True)
class _Piece:
    """One sentence or block, and whether it is evidence."""

    text: str
    held: bool


def perturbed(
    question: Labelled, rng: random.Random, shares: Shares = Shares(), layouts: Sequence[Layout] | None = None
) -> Labelled:
    """Return the question with other sentences beside its evidence, laid out otherwise, or asking for something else.

    Most come back as they were. Evidence of a passage that was changed is whole sentences.

    Args:
        question: of English passages.
        rng: decides what is done.
        shares: of what is done.
        layouts: to choose from; None is all.
    """
    if len(question.request.passages) == 1 and question.evidence and rng.random() < shares.misasked:
        question = _misasked(question, rng)
    twin = rng.random() < shares.twinned
    lay = rng.choice(layouts or LAYOUTS) if rng.random() < shares.relaid else None
    if lay is None and not (twin and question.evidence):
        return question
    passages: list[Passage] = []
    evidence: list[tuple[int, int, int]] = []
    for index, passage in enumerate(question.request.passages):
        pieces = _pieces(passage, [(start, end) for owner, start, end in question.evidence if owner == index])
        if not 1 < len(pieces) <= _MOST_PIECES:
            passages.append(passage)
            evidence += [span for span in question.evidence if span[0] == index]
            continue
        if twin:
            pieces = _with_twin(pieces, question.request.query, rng)
        title, text, spans = (lay or _as_prose)(passage.title, pieces, rng)
        passages.append(replace(passage, title=title, text=text))
        evidence += [(index, start, end) for start, end in spans]
    return replace(question, request=replace(question.request, passages=tuple(passages)), evidence=tuple(evidence))


def _pieces(passage: Passage, evidence: Sequence[tuple[int, int]]) -> list[_Piece]:
    english, _ = splitter_for("en")
    return [
        _Piece(
            passage.text[span.start : span.end], any(span.start < end and start < span.end for start, end in evidence)
        )
        for span in split(passage.text, english)
    ]


def _with_twin(pieces: list[_Piece], query: str, rng: random.Random) -> list[_Piece]:
    """Return the pieces with a copy of one that is evidence, in which what the question names is called otherwise."""
    asked = {word.lower() for word in _WORD.findall(query)}
    held = [index for index, piece in enumerate(pieces) if piece.held]
    named = [index for index in held if any(term.lower() in asked for term in _TERM.findall(pieces[index].text))]
    if not named:
        return pieces
    chosen = rng.choice(named)
    text = pieces[chosen].text
    others = [term for piece in pieces for term in _TERM.findall(piece.text) if term.lower() not in asked]
    shared = rng.choice([term for term in _TERM.findall(text) if term.lower() in asked])
    other = _other(shared, others, rng)
    if other is None:
        return pieces
    twin = _Piece(re.sub(rf"\b{re.escape(shared)}\b", other, text), held=False)
    place = chosen + rng.randint(0, 1)
    return [*pieces[:place], twin, *pieces[place:]]


def _misasked(question: Labelled, rng: random.Random) -> Labelled:
    """Return the question asked of something that its passage speaks of elsewhere, or not at all."""
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
    asked = re.sub(rf"\b{re.escape(term)}\b", other, query)
    return Labelled(replace(question.request, query=asked), (), "none")


def _other(term: str, others: Sequence[str], rng: random.Random) -> str | None:
    """Return a name for a name, a number for a number; None where there is none."""
    if term[0].isdigit():
        digits = "".join(rng.choice("0123456789") if char.isdigit() else char for char in term)
        return digits if digits != term else None
    names = [other for other in others if not other[0].isdigit()]
    return rng.choice(names) if names else None


def _joined(
    pieces: Sequence[_Piece], lead: Callable[[int], str], after: str, head: str = ""
) -> tuple[str, list[tuple[int, int]]]:
    """Return the pieces as one text, each behind what leads it, and the spans of those that are evidence."""
    text, spans = head, []
    for number, piece in enumerate(pieces, 1):
        text += lead(number)
        if piece.held:
            spans.append((len(text), len(text) + len(piece.text)))
        text += piece.text + after
    return text, spans


def _on_one_line(pieces: Sequence[_Piece]) -> list[_Piece]:
    return [replace(piece, text=" ".join(piece.text.split())) for piece in pieces]


def _as_prose(title: str, pieces: Sequence[_Piece], _rng: random.Random) -> Laid:
    return (title, *_joined(pieces, lambda _: "", " "))


def _as_list(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Laid:
    mark = rng.choice(("- ", "* ", "#. "))
    head = f"# {title}\n\n" if title and rng.random() < 0.5 else ""
    text, spans = _joined(_on_one_line(pieces), lambda number: mark.replace("#", str(number)), "\n", head)
    return "" if head else title, text, spans


def _as_log(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Laid:
    day, month, year, form = rng.randint(1, 18), rng.choice(_MONTHS), rng.randint(1998, 2026), rng.randint(0, 2)
    writer = rng.choice(_WRITERS)

    def lead(number: int) -> str:
        if form == 0:
            return f"{day + number // 3} {month} {year}, {writer}: "
        if form == 1:
            return f"{year}-{1 + day % 12:02}-{1 + number % 28:02} {number % 24:02}:{7 * number % 60:02} "
        return f"[{number}] {writer}: "

    return (title, *_joined(_on_one_line(pieces), lead, rng.choice(("\n", "\n\n"))))


def _as_table(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Laid:
    clean = [replace(piece, text=piece.text.replace("|", "/")) for piece in _on_one_line(pieces)]
    name, what = rng.choice((("No.", "Entry"), ("Item", "Note"), ("Ref", "Description")))
    start = rng.randint(1, 40)
    head = f"| {name} | {what} |\n| --- | --- |\n"
    return (title, *_joined(clean, lambda number: f"| {start + number} | ", " |\n", head))


def _as_sections(title: str, pieces: Sequence[_Piece], rng: random.Random) -> Laid:
    """The title is a heading, and paragraphs are short."""
    every = rng.randint(1, 3)
    head = f"{'#' * rng.randint(1, 3)} {title}\n\n" if title else ""

    def lead(number: int) -> str:
        return "" if number == 1 else "\n\n" if (number - 1) % every == 0 else " "

    return ("", *_joined(pieces, lead, "", head))


LAYOUTS: tuple[Layout, ...] = (_as_list, _as_log, _as_table, _as_sections)
