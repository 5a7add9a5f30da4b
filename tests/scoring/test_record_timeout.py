"""A record that takes longer than --record-timeout is an error record, and the others are as without it."""

from __future__ import annotations

import csv
import json
import threading
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from ctxzip import Compressor, Settings
from ctxzip._internal.time_limit import TimeLimit, check_all
from ctxzip.errors import InputError
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import BadRecord
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.record import record
from ctxzip.rendering.result import Result
from ctxzip.scoring.bm25 import Bm25Scorer
from tests.conftest import compress, jsonl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Request, Scores, ScoringInput

QUERY = "When does the ferry leave?"
LONG = "Hall is open in May. " * 400
BUDGET = Settings(model="nano", threads=1, max_sentences=1)


class Clock:
    """Goes on by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def small(n: int = 1) -> list[Request]:
    values = {"query": QUERY, "docs": ["The ferry leaves at nine.", "The hall is open."]}
    return [to_request({**values, "id": i}, SHAPES) for i in range(n)]


@pytest.mark.parametrize(
    ("scorer", "documents"),
    [("bm25", ["It is open."] * 300), ("model", ["It is open."] * 300), ("model", [LONG] * 3), ("hybrid", [LONG] * 3)],
)
def test_a_record_that_takes_too_long_is_an_error(scorer, documents):
    requests = [*small(), to_request({"query": QUERY, "docs": documents, "id": "long"}, SHAPES), *small()]
    settings = Settings(scorer=scorer, model="nano", threads=1, max_sentences=1, record_timeout=20, prefilter="off")
    first, late, last = Compressor(settings, clock=Clock()).stream(iter(requests), one_by_one=True)
    assert isinstance(late, BadRecord)
    assert late.message == "not finished in 20 seconds"
    assert late.content["id"] == "long"
    assert isinstance(first, Result)
    assert isinstance(last, Result)


class SlowScorer(Bm25Scorer):
    """BM25 in batches, which takes ten seconds for some requests."""

    batch_tokens = 1_000

    def __init__(self) -> None:
        super().__init__()
        self._time = threading.local()  # two batches are scored at the same time

    def clock(self) -> float:
        return getattr(self._time, "now", 0.0)

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        self._time.now = self.clock() + 10 * sum("slow" in item.request.query for item in batch)
        check_all(item.time_limit for item in batch)
        return super().score(batch)


def test_in_a_batch_only_the_slow_record_fails():
    scorer = SlowScorer()
    compressor = Compressor(replace(BUDGET, record_timeout=5), scorer, scorer.clock)
    slow = {3, 7}
    requests = [
        to_request({"query": "slow?" if i in slow else QUERY, "docs": ["The ferry leaves at ten."]}, SHAPES)
        for i in range(10)
    ]
    found = list(compressor.stream(requests))
    assert {i for i, item in enumerate(found) if isinstance(item, BadRecord)} == slow


def test_waiting_does_not_count():
    now = [0.0]
    limit = TimeLimit(10, lambda: now[0])
    with limit.running():
        now[0] += 6
        limit.check()
    now[0] += 1_000
    with limit.running():
        limit.check()
        now[0] += 5
        with pytest.raises(InputError, match="not finished in 10 seconds"):
            limit.check()


def test_the_output_is_the_same_while_there_is_time():
    without = Compressor(Settings(model="nano", threads=1, max_sentences=1, record_timeout=None))
    (request,) = small()
    assert record(Compressor(BUDGET).compress(request)) == record(without.compress(request))


def test_the_error_names_line_and_option():
    run = compress("--record-timeout", "0", "--scorer", "bm25", stdin=jsonl({"query": QUERY, "docs": ["It is nine."]}))
    assert run.code == 1
    assert "line 1: not finished in 0 seconds (--record-timeout)" in run.err
    assert json.loads(run.out)["docs"] == ["It is nine."]


def test_python_raises():
    with pytest.raises(InputError, match="record_timeout"):
        Compressor(Settings(scorer="bm25", record_timeout=0)).compress(QUERY, ["It is nine."])


@pytest.mark.parametrize("data", [b'query,docs\nWhen?,"[""It is nine.""]"\n', b"query,docs\nWhen?,\"['a' 'b']\"\n"])
def test_a_row_of_a_table_is_written_as_it_came(data, tmp_path):
    """Cells with lists, in the notation of JSON and of numpy."""
    (tmp_path / "in.csv").write_bytes(data)
    run = compress("--record-timeout", "0", "--scorer", "bm25", tmp_path / "in.csv")
    assert run.code == 1
    (row,) = csv.DictReader(StringIO(run.out.decode()))
    (before,) = csv.DictReader(StringIO(data.decode()))
    assert {key: row[key] for key in before} == before


@pytest.mark.parametrize("call", [(), ("--query", QUERY)])
def test_its_bytes_can_be_run_again(call, tmp_path):
    """With --query they are those of a record with question and documents."""
    (tmp_path / "in.jsonl").write_text(
        jsonl({"text": "It is nine."} if call else {"query": QUERY, "docs": ["It is nine."]})
    )
    failed = tmp_path / "failed.jsonl"
    compress("--record-timeout", "0", "--scorer", "bm25", "--errors", failed, *call, tmp_path / "in.jsonl")
    raw = json.loads(failed.read_text())["raw"]
    assert "It is nine." in str(compress("--scorer", "bm25", stdin=raw).records[0]["docs"])
