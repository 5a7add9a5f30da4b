"""`--explain`: the reason why each unit was dropped."""

from __future__ import annotations

import json

import pytest

from ctxzip import compress
from ctxzip.errors import UsageError
from ctxzip.rendering.record import record
from tests.conftest import compress as run_compress
from tests.conftest import jsonl
from tests.selection.test_dedup import DOCS

QUERY = "When does the ferry leave?"


def test_the_record_says_why_each_unit_was_dropped():
    """Kept and dropped together are all units of a document; without the option there is no word of it."""
    run = run_compress("--scorer", "bm25", "--ratio", "0.9", "--explain", stdin=jsonl({"query": QUERY, "docs": DOCS}))
    about = run.records[0]["ctxzip"]["docs"]
    for doc, source in zip(about, DOCS, strict=True):
        spans = sorted([unit[:2] for unit in doc["kept"] + doc["dropped"]])
        assert [source["text"][start:end] for start, end in spans] == source["text"].replace(". ", ".|").split("|")
    assert about[1]["dropped"][0] == [
        0,
        52,
        pytest.approx(about[0]["kept"][0][2], abs=0.3),
        "near-duplicate of [0, 0, 52]",
    ]
    plain = json.loads(record(compress(QUERY, DOCS, scorer="bm25", ratio=0.9)))["ctxzip"]["docs"]
    assert "dropped" not in plain[0]


def test_a_context_has_no_place_for_explanations():
    """So both together are a usage error."""
    with pytest.raises(UsageError, match="to=text: reasons are written in records only"):
        compress("x", ["x"], explain=True, to="text")
