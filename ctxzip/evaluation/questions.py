"""Labelled questions in any record shape.

There are three kinds of labels: evidence spans (the common form, `ctxzip.evaluation.labelled`), HotpotQA's supporting
facts (a title and the index of a sentence), and answers. Every occurrence of an answer counts as evidence; these are
weak labels, because a sentence may contain the words without answering.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import Raw
from ctxzip.errors import InputError
from ctxzip.evaluation.labelled import Labelled, read_labelled, spread
from ctxzip.evaluation.sets import LabelledSet, labelled_files, with_names
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.reading.requests import read
from ctxzip.reading.slots import DocsSlot, SentencesSlot
from ctxzip.reading.sources import Source, decompressed
from ctxzip.scoring.terms import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctxzip.datamodels import Request

_TEXTS = frozenset({".md", ".txt"})  # never questions: the error is that for other kinds of files


def read_questions(paths: Sequence[Path], limit: int | None = None) -> tuple[list[LabelledSet], int]:
    """Return the labelled questions, a set for each file, and the number of answerable questions with weak labels only.

    Args:
        paths: files in any record shape, and folders of files in the common form; duplicates are read once.
        limit: the most questions of each file, spread over it; None reads all.

    Raises:
        UsageError: no such file.
        InputError: a record cannot be read, or has no labels.
    """
    files: list[Path] = []
    others: set[Path] = set()
    for path in paths:
        if not path.is_file() or path.suffix in _TEXTS or _has_spans(path):
            files += labelled_files([path])
        else:
            files.append(path)
            others.add(path)
    sets: list[LabelledSet] = []
    n_weak = 0
    for name, file in with_names(files):
        if file in others:
            found = spread(_of_other_shapes(file), limit)
            sets.append(LabelledSet(name, file, tuple(question for question, _ in found)))
            n_weak += sum(weak for question, weak in found if question.need != "none")
        else:
            sets.append(LabelledSet(name, file, tuple(spread(read_labelled(file), limit))))
    return sets, n_weak


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as stream, decompressed(stream) as data:
        yield data


def _has_spans(path: Path) -> bool:
    """Return whether the first record is in the common form; False for an unreadable file, which is an error later."""
    try:
        with _open(path) as lines:
            first = next((line for line in lines if line.strip()), b"")
        docs = json.loads(first)["docs"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(docs, list) and any(isinstance(doc, dict) and "evidence" in doc for doc in docs)


def _of_other_shapes(path: Path) -> Iterator[tuple[Labelled, bool]]:
    """Yield questions, and whether their labels are weak (from answers)."""
    for item in read([Source(str(path), partial(_open, path))]):
        if isinstance(item, BadRecord):
            raise InputError(item.message, option=item.options)
        origin = origin_of(item)
        extra = origin.record if isinstance(origin.record, dict) else {}
        answers = _value(extra.get("answers", extra.get("answer")))
        answers = [answers] if isinstance(answers, str) else answers
        texts = tuple(answers) if isinstance(answers, list) and all(isinstance(a, str) for a in answers) else None
        facts = _value(extra.get("supporting_facts"))
        if facts is not None:
            evidence = tuple(dict.fromkeys(_supporting_facts_spans(item, facts)))
            yield Labelled(item, evidence, "all" if evidence else "none", texts or ()), False
        elif texts is not None:
            evidence = tuple(dict.fromkeys(_answer_spans(item, texts)))
            yield Labelled(item, evidence, "any" if evidence else "none", texts), True
        else:
            raise InputError(
                f"{origin.place}: no labels: expected 'evidence' in $.docs, $.supporting_facts, or a list of texts "
                "@ $.answers, empty where nothing answers"
            )


def _value(node: Any) -> Any:
    """Return the JSON value of a node, parsed in full."""
    return json.loads(bytes(node)) if isinstance(node, Raw) else node


def _supporting_facts_spans(request: Request, facts: Any) -> Iterator[tuple[int, int, int]]:
    """Yield the spans of supporting facts, `[[title, index], ...]` or `{"title": [...], "sent_id": [...]}`.

    Facts of documents that were not retrieved, and indices beyond the last sentence, are skipped.

    Raises:
        InputError: the facts have another form, or the documents are not lists of sentences.
    """
    pairs = (
        list(zip(facts.get("title", ()), facts.get("sent_id", ()), strict=False)) if isinstance(facts, dict) else facts
    )
    lists = {slot.index: slot.sentences for slot in _sentences(origin_of(request).record)}
    well_formed = isinstance(pairs, list) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[1], int) for pair in pairs
    )
    if not well_formed or not lists:
        raise InputError(
            f"{origin_of(request).place}: expected [[title, number of the sentence], ...] @ $.supporting_facts, "
            "and documents of a title and sentences"
        )
    for title, number in pairs:
        for index, sentences in lists.items():
            if request.passages[index].title == title and 0 <= number < len(sentences):
                start, end, _ = sentences[number]
                if start < end:
                    yield index, start, end


def _sentences(node: Any) -> Iterator[SentencesSlot]:
    if isinstance(node, SentencesSlot):
        yield node
    elif isinstance(node, DocsSlot):
        yield from _sentences(list(node.items))
    elif isinstance(node, dict):
        yield from _sentences(list(node.values()))
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _sentences(value)


def _answer_spans(request: Request, answers: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield the span of every occurrence of an answer as whole words, whatever its case."""
    for answer in filter(str.strip, answers):
        text = answer.strip()
        # "5" does not occur in "1954"; scripts without spaces have no word boundaries.
        before, after = (
            mark if re.match(r"\w", edge) and not re.match(UNSPACED, edge) else ""
            for mark, edge in ((r"(?<!\w)", text[0]), (r"(?!\w)", text[-1]))
        )
        pattern = re.compile(before + re.escape(text) + after, re.IGNORECASE)
        for index, passage in enumerate(request.passages):
            yield from ((index, *match.span()) for match in pattern.finditer(passage.text))
