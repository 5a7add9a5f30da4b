"""Labelled questions -> a calibrated policy, and what it is worth on questions that it has not seen."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip import __version__
from ctxzip.errors import InputError, UsageError
from ctxzip.evaluation.labelled import Labelled
from ctxzip.evaluation.ranking import kept_at, need
from ctxzip.evaluation.sets import LabelledSet, read_sets
from ctxzip.forest import from_json
from ctxzip.policy import ALL, REACH, Needs, Policy, as_json, depths_of, rounded_up
from ctxzip.profile import RANK_FEATURES
from ctxzip.reading import SHAPES, to_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxzip.evaluation.ranking import Ranked
    from ctxzip.forest import Forest
    from ctxzip.records import Request

RECALLS = (0.8, 0.9, 0.95)
_HALVINGS = 100  # 200 fits: one alone is as lucky as its halves are
_SEED = 20240229
_WORD = re.compile(r"[A-Za-z0-9]")


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


def held_out(
    questions: Sequence[Ranked], definition: str, recall: float, forest: Forest | None = None
) -> dict[str, Coverage] | None:
    """Fit on one half of the questions and measure on the other, both ways, for many random halves.

    Returns:
        by kind, and `all`; None where half of the questions are too few for this recall.
    """
    by_rank = [depths_of(question.profile, definition, forest) for question in questions]
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
                kept_at(questions[i], by_rank[i], limit)
                for i, limit in zip(unseen.tolist(), limits.tolist(), strict=True)
            ]
            covered.append(one)
            kept.append(other)
    coverage, kept_fraction = np.nanmean(covered, axis=0), np.nanmean(kept, axis=0)
    chosen_kinds = {kind: kinds == kind for kind in sorted(set(kinds.tolist()))}
    return {
        kind: Coverage(int(chosen.sum()), float(coverage[chosen].mean()), float(kept_fraction[chosen].mean()))
        for kind, chosen in (chosen_kinds | {ALL: np.ones(len(kinds), dtype=np.bool_)}).items()
    }


def rounded_up_or_inf(need: float) -> float:
    """Round a need up as it stands in the file."""
    return rounded_up(need) if np.isfinite(need) else need


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
    fitted: dict[str, Any] | None = None,
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
        fitted: the forests that stand in the file, as JSON values.
    """
    fitted = fitted or {}
    reach = None if definition != REACH else from_json(fitted["reach"], RANK_FEATURES)
    needs = np.array([rounded_up_or_inf(need(one, depths_of(one.profile, definition, reach))) for one in questions])
    policy = Policy("", scorer, splitter, model_sha256, definition, needs_by_kind(questions, needs), 0.0)
    measured = {}
    for recall in recalls:
        found = held_out(questions, definition, recall, reach)
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
        np.array([one.profile.probability[0] for one in questions], dtype=np.float64),
        made_by=f"ctxzip {__version__}",
        data={
            "files": {one.path.name: len(one.answerable) for one in sets},
            "questions": len(questions),
            "labelled_by_answers_only": n_weak,
        },
        held_out=measured,
        **fitted,
    )


def as_text(policy: dict[str, Any]) -> str:
    """Return a policy as JSON that a person can read: lists of numbers on one line."""
    text = json.dumps(policy, indent=2, allow_nan=False)
    return re.sub(r"\[[^][{}\"]*\]", lambda found: " ".join(found[0].split()), text) + "\n"
