"""Labelled questions that several tests of evaluation share."""

from __future__ import annotations

from ctxzip.evaluation.labelled import Labelled, read_labelled
from tests.conftest import FIXTURES

REQUESTS = FIXTURES / "requests.jsonl"


# Lead ranks A1, B1, A2, B2, A3; every sentence has three words.
SMALL = {
    "query": "Which?",
    "docs": [
        {"title": "A", "text": "The hut opened. The bridge closed. The ferry sank.", "evidence": []},
        {"title": "B", "text": "The mill burned. The tower stands.", "evidence": [[17, 34]]},
    ],
}


def answerable() -> list[Labelled]:
    """Return the fixtures with evidence and English documents of usual length."""
    others = ("japanese", "chinese", "german", "french", "spanish", "very-long")
    return [
        question
        for question in read_labelled(REQUESTS)
        if question.need != "none" and not str(question.request.id).startswith(others)
    ]
