"""Labelled questions -> a calibrated policy, and what it is worth on questions that it has not seen.

What a question needs is read off its ranking once; every definition of depth is then a way to put
numbers to the same ranking, so that many are compared without scoring again.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import __version__
from ctxzip.errors import InputError, UsageError
from ctxzip.evaluation.labelled import Labelled
from ctxzip.evaluation.sets import LabelledSet, read_sets
from ctxzip.policy import ALL, DEPTHS, Needs, Policy, as_json, depths, rounded_up
from ctxzip.reading import SHAPES, to_request
from ctxzip.selection import candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.records import Request, Result

RECALLS = (0.8, 0.9, 0.95)
_HALVINGS = 50  # 100 fits: one alone is as lucky as its halves are
_SEED = 20240229
_WORD = re.compile(r"[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Ranked:
    """One answerable question, scored: what its ranking keeps, and how far down the evidence stands.

    Attributes:
        set_name: of the file that it stands in.
        kind: how the question was read.
        probability: `(n,)` float32, of the units that may be kept for their own sake, falling.
        kept_fraction: `(n,)`, of the words, when the first 1, 2, ..., n of them are kept with their headings.
        last_needed: index of the last unit that must be kept; None where the evidence stands in no unit.
    """

    set_name: str
    kind: str
    probability: NDArray[np.float32]
    kept_fraction: NDArray[np.float64]
    last_needed: int | None


def ranked(set_name: str, question: Labelled, result: Result) -> Ranked | None:
    """Return what the ranking of one question says; None where there is nothing to rank.

    Args:
        set_name: of the file.
        question: with evidence.
        result: of it, whatever its limits were; its units and scores are used.
    """
    order = candidates(result.units, result.scores)
    if not order:
        return None
    kept_at: dict[int, int] = {}  # with which candidate each unit comes: headings with the first under them
    words = np.zeros(len(order), dtype=np.int64)
    for rank, i in enumerate(order):
        at: int | None = i
        while at is not None and at not in kept_at:
            kept_at[at] = rank
            words[rank] += result.units[at].n_tokens
            at = result.units[at].parent
    never = len(order)
    ranks = np.array([kept_at.get(i, never) for i in range(len(result.units))])
    overlap = question.overlaps(result.units)
    first = np.where(overlap, ranks[:, None], never).min(axis=0)  # (n_spans,)
    needed = int(first.max() if question.need == "all" else first.min())
    return Ranked(
        set_name=set_name,
        kind=result.query_kind,
        probability=result.scores.probability[order],
        kept_fraction=np.cumsum(words) / max(result.tokens_in, 1),
        last_needed=None if needed == never else needed,
    )


def need(question: Ranked, depth: NDArray[np.float64]) -> float:
    """Return the smallest depth that keeps what is needed; infinite where none does.

    Args:
        question: its ranking.
        depth: `(n,)`, never falling; the best unit is kept at any.
    """
    if question.last_needed is None:
        return np.inf
    return float(depth[question.last_needed]) if question.last_needed else 0.0


def read_questions(paths: Sequence[Path], limit: int | None = None) -> tuple[list[LabelledSet], int]:
    """Read labelled questions, and how many of them are labelled by their answers alone.

    A file in the common form is read as `ctxzip.evaluation.labelled` says. In any other every record
    has `answers` (or `answer`), and wherever one of them stands in a document is taken for evidence:
    weak labels, for a sentence may hold the words and not the answer.

    Args:
        paths: files, and folders of files in the common form.
        limit: questions of each file, the first.

    Raises:
        UsageError: no such file.
        InputError: a record has neither evidence nor answers.
    """
    sets: list[LabelledSet] = []
    n_weak = 0
    for path in paths:
        if path.is_file() and not _has_spans(path):
            questions = tuple(islice(_by_answers(path), limit))
            sets.append(LabelledSet(path.name.partition(".")[0], path, questions))
            n_weak += len(sets[-1].answerable)
        else:
            sets += read_sets([path], limit)
    return sets, n_weak


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as lines:
            for line_no, line in enumerate(lines, 1):
                if line.strip():
                    yield line_no, line
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from error


def _has_spans(path: Path) -> bool:
    """Tell whether the first record is in the common form; what is no JSON is left to its reader to refuse."""
    for _, line in _lines(path):
        try:
            docs = json.loads(line)["docs"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        return isinstance(docs, list) and any(isinstance(doc, dict) and "evidence" in doc for doc in docs)
    return False


def _by_answers(path: Path) -> Iterator[Labelled]:
    for line_no, line in _lines(path):
        place = f"{path}: line {line_no}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: no JSON: {error} (expected one object a line)") from error
        try:
            request = to_request(record, SHAPES, line_no=line_no, place=place)
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        answers = record.get("answers", record.get("answer"))
        answers = [answers] if isinstance(answers, str) else answers
        if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
            raise InputError(
                f"{place}: no labels: expected 'evidence' in $.docs, or a list of texts @ $.answers, empty where "
                "nothing answers"
            )
        evidence = tuple(_where(request, answers))
        yield Labelled(request, evidence, "any" if evidence else "none")


def _where(request: Request, answers: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    for answer in filter(str.strip, answers):
        text = answer.strip()
        # "5" is no answer inside "1954"; scripts without spaces have no borders to look for.
        before = r"(?<!\w)" if _WORD.match(text[0]) else ""
        behind = r"(?!\w)" if _WORD.match(text[-1]) else ""
        pattern = re.compile(before + re.escape(text) + behind, re.IGNORECASE)
        for index, passage in enumerate(request.passages):
            yield from ((index, *match.span()) for match in pattern.finditer(passage.text))


def needs_by_kind(questions: Sequence[Ranked], needs: NDArray[np.float64]) -> dict[str, Needs]:
    """Return what the questions of each kind need, sorted.

    Args:
        questions: their kinds are used.
        needs: `(n_questions,)`, infinite where the evidence stands in no unit.
    """
    kinds = np.array([question.kind for question in questions])
    found = {}
    for kind in sorted(set(kinds.tolist())):
        of_kind = needs[kinds == kind]
        reached = np.isfinite(of_kind)
        found[kind] = Needs(np.sort(of_kind[reached]), int((~reached).sum()))
    return found


@dataclass(frozen=True, slots=True)
class Coverage:
    """What came of unseen questions; means over halvings, 0..1."""

    n: int
    coverage: float
    kept_fraction: float


def held_out(questions: Sequence[Ranked], definition: str, recall: float) -> dict[str, Coverage] | None:
    """Fit on one half of the questions and measure on the other, both ways, for many random halves.

    Returns:
        by kind, and `all`; None where half of the questions are too few for this recall.
    """
    by_rank = [depths(question.probability, definition) for question in questions]
    needs = np.array([rounded_up_or_inf(need(*pair)) for pair in zip(questions, by_rank, strict=True)])
    kinds = np.array([question.kind for question in questions])
    rng = np.random.default_rng(_SEED)
    covered: list[NDArray[np.float64]] = []
    kept: list[NDArray[np.float64]] = []
    for _ in range(_HALVINGS):
        order = rng.permutation(len(questions))
        middle = len(order) // 2
        for fitted, unseen in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            half = needs_by_kind([questions[i] for i in fitted], needs[fitted])
            policy = Policy("half", "", "", None, definition, half, 0.0)
            try:
                level = {kind: policy.level(kind, recall).depth for kind in set(kinds[unseen].tolist())}
            except UsageError:
                return None
            limits = np.array([level[kind] for kind in kinds[unseen].tolist()])
            one, other = np.full((2, len(questions)), np.nan)
            one[unseen] = needs[unseen] <= limits
            other[unseen] = [
                _kept_at(questions[i], by_rank[i], limit)
                for i, limit in zip(unseen.tolist(), limits.tolist(), strict=True)
            ]
            covered.append(one)
            kept.append(other)
    coverage, kept_fraction = np.nanmean(covered, axis=0), np.nanmean(kept, axis=0)
    groups = {kind: kinds == kind for kind in sorted(set(kinds.tolist()))} | {ALL: np.ones(len(kinds), dtype=np.bool_)}
    return {
        kind: Coverage(int(chosen.sum()), float(coverage[chosen].mean()), float(kept_fraction[chosen].mean()))
        for kind, chosen in groups.items()
    }


def rounded_up_or_inf(need: float) -> float:
    """Round a need up as it stands in the file."""
    return rounded_up(need) if np.isfinite(need) else need


def _kept_at(question: Ranked, depth: NDArray[np.float64], limit: float) -> float:
    """Return the fraction of the words within a depth; the best unit is always kept."""
    n_kept = max(int(np.searchsorted(depth, limit, side="right")), 1)
    return float(question.kept_fraction[n_kept - 1])


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way to decide keeps of the words, sets weighing the same, for each recall of whole questions."""

    name: str
    kept_fraction: tuple[float | None, ...]


def compare(questions: Sequence[Ranked], recalls: Sequence[float]) -> list[Cost]:
    """Return what a fixed ratio, a fixed number of units and every definition of depth cost.

    Each has one number for all questions, the smallest that reaches the recall on these questions:
    a comparison of ways to decide, not a promise. None where a recall is not reached.
    """
    ways: dict[str, Callable[[Ranked], NDArray[np.float64]]] = {
        "fixed ratio": lambda question: question.kept_fraction,
        "fixed number": lambda question: np.arange(len(question.probability), dtype=np.float64),
    }
    ways |= {name: _by(name) for name in DEPTHS}
    sizes = Counter(question.set_name for question in questions)
    weights = np.array([1 / (len(sizes) * sizes[question.set_name]) for question in questions])
    costs = []
    for name, way in ways.items():
        by_rank = [way(question) for question in questions]
        needs = np.array([need(*pair) for pair in zip(questions, by_rank, strict=True)])
        order = np.argsort(needs, kind="stable")
        reached = np.cumsum(weights[order])
        kept = []
        for recall in recalls:
            at = int(np.searchsorted(reached, recall - 1e-9))
            limit = needs[order][at] if at < len(needs) else np.inf
            fractions = [_kept_at(*pair, limit) for pair in zip(questions, by_rank, strict=True)]
            kept.append(float(weights @ np.array(fractions)) if np.isfinite(limit) else None)
        costs.append(Cost(name, tuple(kept)))
    return costs


def _by(definition: str) -> Callable[[Ranked], NDArray[np.float64]]:
    return lambda question: depths(question.probability, definition)


def fit(
    questions: Sequence[Ranked],
    sets: Sequence[LabelledSet],
    *,
    definition: str,
    scorer: str,
    splitter: str,
    model_sha256: str | None,
    n_weak: int,
    recalls: Sequence[float],
) -> dict[str, Any]:
    """Return the policy of these questions, as JSON values.

    Args:
        questions: answerable and scored.
        sets: that they come from.
        definition: of depth.
        scorer: what scored them.
        splitter: what split them.
        model_sha256: of the graph that scored; None where no model did.
        n_weak: how many are labelled by their answers alone.
        recalls: for which the coverage of unseen questions is measured.
    """
    needs = np.array([rounded_up_or_inf(need(one, depths(one.probability, definition))) for one in questions])
    policy = Policy("", scorer, splitter, model_sha256, definition, needs_by_kind(questions, needs), 0.0)
    measured = {}
    for recall in recalls:
        found = held_out(questions, definition, recall)
        measured[f"{recall:g}"] = (
            None
            if found is None
            else {
                kind: {"n": one.n, "coverage": round(one.coverage, 4), "kept_fraction": round(one.kept_fraction, 4)}
                for kind, one in found.items()
            }
        )
    return as_json(
        policy,
        np.array([one.probability[0] for one in questions], dtype=np.float64),
        made_by=f"ctxzip {__version__}",
        data={
            "files": {one.path.name: len(one.answerable) for one in sets},
            "questions": len(questions),
            "labelled_by_answers_only": n_weak,
        },
        held_out=measured,
    )


def as_text(policy: dict[str, Any]) -> str:
    """Return a policy as JSON that a person can read: lists of numbers on one line."""
    text = json.dumps(policy, indent=2, allow_nan=False)
    return re.sub(r"\[[^][{}\"]*\]", lambda found: " ".join(found[0].split()), text) + "\n"
