"""What the model said is kept, and nothing that is wrong with the place where it is kept loses a record."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ctxzip.cli.run_summary import Report
from ctxzip.cli.stream_progress import Meter, Progress
from ctxzip.datamodels import Passage, Request, Scores, ScoringInput, Unit
from ctxzip.model_store import open_model
from ctxzip.scoring.cached_scorer import CachedScorer, identity
from ctxzip.scoring.joint import JointScorer
from ctxzip.scoring.score_cache import FILE, ScoreCache
from tests.conftest import compress, ctxzip, jsonl

FERRY = Passage("The ferry leaves at seven. It is red.", title="Ferry")
BREAD = Passage("Bread is baked here.")
REQUEST = Request("When does the ferry leave?", (FERRY, BREAD))
UNITS = (Unit(0, 0, 26, 6, "sentence"), Unit(0, 27, 37, 4, "sentence"), Unit(1, 0, 20, 5, "sentence"))
RECORDS = jsonl(
    {"query": REQUEST.query, "docs": [FERRY.text, BREAD.text]},
    {"query": "What is baked?", "docs": [{"text": BREAD.text, "title": "Bread"}, "", FERRY.text]},
)


class Counting:
    """The model that ships, and how many passages it was asked about each time."""

    has_second_pass = False
    batch_tokens = 1024
    warning: str | None = None

    def __init__(self, *, alone: bool = True) -> None:
        self._model = JointScorer(open_model("nano"), device="cpu")
        self.name, self.device, self.runs_alone = self._model.name, self._model.device, alone
        self.asked: list[int] = []

    def score(self, batch):
        self.asked += [len(item.request.passages) for item in batch]
        return self._model.score(batch)

    def close(self):
        pass

    def truncation_warnings(self, request):
        return self._model.truncation_warnings(request)


@pytest.fixture(scope="module")
def models():
    return Counting(), Counting(alone=False)


@pytest.fixture(params=[True, False], ids=["alone", "in batches"])
def model(request, models):
    found: Counting = models[not request.param]
    found.asked.clear()
    return found


def same(one: Scores, other: Scores) -> bool:
    return (
        one.probability.tolist() == other.probability.tolist()
        and one.relevance.tolist() == other.relevance.tolist()
        and one.warnings == other.warnings
    )


def test_nothing_is_read_twice(model, tmp_path):
    """Not even by the process after this one, and the scores are the same to the last bit."""
    expected = model.score([ScoringInput(REQUEST, UNITS)])
    first = CachedScorer(model, "mine", ScoreCache(tmp_path, 1)).score([ScoringInput(REQUEST, UNITS)])
    model.asked.clear()
    again = CachedScorer(model, "mine", ScoreCache(tmp_path, 1)).score([ScoringInput(REQUEST, UNITS)])
    assert model.asked == []
    assert same(expected[0], first[0])
    assert same(expected[0], again[0])


def test_only_new_passages_are_read_where_the_others_do_not_matter(model, tmp_path):
    """Where the last bit depends on what else is in the batch, all of them are."""
    cached = CachedScorer(model, "mine", ScoreCache(tmp_path, 1))
    cached.score([ScoringInput(replace(REQUEST, passages=(FERRY,)), UNITS[:2])])
    model.asked.clear()
    (found,) = cached.score([ScoringInput(REQUEST, UNITS)])
    assert model.asked == [1 if model.runs_alone else 2]
    assert same(found, model.score([ScoringInput(REQUEST, UNITS)])[0])


@pytest.mark.parametrize(
    ("other", "units"),
    [
        ({"query": "When does the bus leave?"}, UNITS),
        ({"passages": (replace(FERRY, title="Bus"), replace(BREAD, text="Bread is eaten here."))}, UNITS),
        ({"evidence": ("The ferry is late.",)}, UNITS),
        ({}, (Unit(0, 0, 37, 10, "sentence"), Unit(1, 0, 8, 2, "sentence"))),
    ],
    ids=["question", "passage", "second pass", "units"],
)
def test_whatever_a_score_depends_on_is_part_of_its_key(models, tmp_path, other, units):
    """Another query, passage, second pass or splitter is scored anew."""
    model = models[0]
    cached = CachedScorer(model, "mine", ScoreCache(tmp_path, 1))
    cached.score([ScoringInput(REQUEST, UNITS)])
    model.asked.clear()
    evidence = other.pop("evidence", ())
    cached.score([ScoringInput(replace(REQUEST, **other), units, evidence)])
    assert model.asked == [2]


def test_every_model_and_device_has_scores_of_its_own():
    """So do two graphs of one model."""
    mini, nano = open_model("mini"), open_model("nano")
    names = [identity(mini, "cpu"), identity(mini, "cuda:0"), identity(nano, "cpu")]
    names.append(identity(replace(mini, graph="model.fp16.onnx"), "cpu"))
    assert len(set(names)) == 4
    assert identity(mini, "cuda:0") == identity(mini, "cuda:1")


def test_a_warning_about_the_question_is_said_from_the_cache_too(models, tmp_path):
    """And said for a request without any documents, of which nothing is kept."""
    long = replace(REQUEST, query="When does the ferry leave " * 60)
    for _ in range(2):
        cached = CachedScorer(models[0], "mine", ScoreCache(tmp_path, 1))
        for found in cached.score([ScoringInput(long, UNITS), ScoringInput(replace(long, passages=()), ())]):
            assert found.warnings[0].code == "query_truncated"


def test_a_passage_brings_no_warning_about_another_one(models, tmp_path):
    """It was first scored beside one whose title is cut."""
    titled = replace(FERRY, title="The ferry " * 60)
    cached = CachedScorer(models[0], "mine", ScoreCache(tmp_path, 1))
    (both,) = cached.score([ScoringInput(replace(REQUEST, passages=(titled, BREAD)), UNITS)])
    (alone,) = cached.score([ScoringInput(replace(REQUEST, passages=(BREAD,)), (replace(UNITS[2], passage=0),))])
    assert both.warnings[0].code == "title_truncated"
    assert alone.warnings == ()


def test_the_command_line_writes_the_same_with_a_cache_and_without(tmp_path):
    """And what `ctxzip score` kept is enough for `ctxzip compress`."""
    expected = compress("--quiet", "--model", "nano", stdin=RECORDS)
    ctxzip("score", "--quiet", "--model", "nano", "--cache", tmp_path, stdin=RECORDS)
    kept = (tmp_path / FILE).read_bytes()
    run = compress("--quiet", "--model", "nano", "--cache", tmp_path, stdin=RECORDS)
    assert (run.code, run.out, run.err) == (0, expected.out, "")
    assert (tmp_path / FILE).read_bytes() == kept


def test_what_was_used_longest_ago_goes_first(tmp_path):
    """The file stays within its size; what was asked for counts as used."""
    now = [0.0]
    cache = ScoreCache(tmp_path, 1, clock=lambda: now[0])
    keys = [number.to_bytes(32, "big") for number in range(150)]
    for key in keys:
        now[0] += 10_000
        cache.put({key: bytes(20_000)})
        cache.get([keys[0]])
    there = [key in cache.get([key]) for key in keys]
    assert there[0]
    assert there[1:] == sorted(there[1:])
    assert 20 < sum(there) < 50
    assert (tmp_path / FILE).stat().st_size <= 1_100_000
    assert cache.warning is None


def test_several_processes_write_at_once(tmp_path):
    """Into a cache that none of them found there; nothing is lost but what came too late."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom ctxzip.scoring.score_cache import ScoreCache\n"
        "cache = ScoreCache(Path(sys.argv[1]), 10)\n"
        "for n in range(40):\n    cache.put({sys.argv[2].encode() + bytes([n, m]): bytes(100) for m in range(20)})\n"
        "    cache.get([b'a' + bytes([n, 0])])\n"
        "print(cache.warning)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path, name], stdout=subprocess.PIPE, text=True)
        for name in "abcd"
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in running] == ["None"] * 4
    keys = [name.encode() + bytes([n, m]) for name in "abcd" for n in range(40) for m in range(20)]
    assert len(ScoreCache(tmp_path, 10).get(keys)) > 0.9 * len(keys)


def spoil(folder, how):
    if how == "no folder":
        folder.write_text("a file")
        return
    folder.mkdir()
    if how == "no database":
        (folder / FILE).write_bytes(b"this is no database at all" * 100)
        return
    with closing(sqlite3.connect(folder / FILE)) as file, file:
        file.execute("CREATE TABLE scores (name TEXT)" if how == "another database" else "PRAGMA user_version = 9")


@pytest.mark.parametrize("how", ["no folder", "no database", "another database", "another version"])
def test_what_cannot_be_used_is_said_and_left_alone(tmp_path, how):
    """Nothing is found there and nothing is written."""
    spoil(tmp_path / "cache", how)
    before = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    cache = ScoreCache(tmp_path / "cache", 1)
    cache.put({b"key": b"value"})
    assert cache.get([b"key"]) == {}
    assert "cannot be used" in str(cache.warning)
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == before


def test_a_cache_that_cannot_be_used_is_no_reason_to_fail(tmp_path):
    """It is said once on stderr, and the output is whole."""
    spoil(tmp_path / "cache", "no database")
    run = compress("--model", "nano", "--cache", tmp_path / "cache", stdin=RECORDS)
    assert run.code == 0
    assert len(run.records) == 2
    assert run.err.count("cannot be used") == run.err.count("--cache") == 1


def test_a_value_that_is_not_what_was_written_is_never_used(tmp_path):
    """SQLite has no checksums; a bit that turned would be another score."""
    cache = ScoreCache(tmp_path, 1)
    cache.put({b"key": b"a value that stands in the file"})
    assert cache.get([b"key"]) == {b"key": b"a value that stands in the file"}
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute("UPDATE scores SET value = CAST(replace(value, 'stands', 'sounds') AS BLOB)")
    assert cache.get([b"key"]) == {}
    assert "a value is not what was written" in str(cache.warning)
    cache.put({b"key": b"anew"})
    assert cache.get([b"key"]) == {}


def test_what_shows_late_is_said_late_and_once(capsys):
    """A card at once, a damaged cache when it is met."""
    told = ["no card"]
    report = Report(quiet=False, progress=Progress(Meter([]), quiet=True), scorer_warning=lambda: "; ".join(told))
    told.append("no cache")
    for _ in range(2):
        report.sum_up()
    assert capsys.readouterr().err.splitlines()[:2] == ["ctxzip: warning: no card", "ctxzip: warning: no cache"]
    assert report.statistics()["scorer_warning"] == "no card; no cache"


def test_scores_that_are_kept_are_float32(tmp_path, models):
    """As those of the model are, so that nothing behind them is computed otherwise."""
    (found,) = CachedScorer(models[0], "mine", ScoreCache(tmp_path, 1)).score([ScoringInput(REQUEST, UNITS)])
    assert found.probability.dtype == found.relevance.dtype == np.float32
