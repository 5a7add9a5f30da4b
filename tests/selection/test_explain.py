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


def test_the_record_has_the_reason_for_each_dropped_unit():
    """Kept and dropped units are all units of a document; without the option there are no dropped ones in the record."""
    run = run_compress("--scorer", "bm25", "--ratio", "0.9", "--explain", stdin=jsonl({"query": QUERY, "docs": DOCS}))
    own = run.records[0]["ctxzip"]["docs"]
    for doc, source in zip(own, DOCS, strict=True):
        spans = sorted([unit[:2] for unit in doc["kept"] + doc["dropped"]])
        assert [source["text"][start:end] for start, end in spans] == source["text"].replace(". ", ".|").split("|")
    assert own[1]["dropped"][0] == [
        0,
        52,
        pytest.approx(own[0]["kept"][0][2], abs=0.3),
        "near-duplicate of [0, 0, 52]",
    ]
    plain = json.loads(record(compress(QUERY, DOCS, scorer="bm25", ratio=0.9)))["ctxzip"]["docs"]
    assert "dropped" not in plain[0]


def test_reasons_in_a_context_are_a_usage_error():
    """Only records have a field for them."""
    with pytest.raises(UsageError, match="to=text: reasons are written in records only"):
        compress("x", ["x"], explain=True, to="text")
