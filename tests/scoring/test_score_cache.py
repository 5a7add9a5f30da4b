"""The cache of model scores: the scores are the same with it, and a damaged cache loses no record."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ctxzip.cli.run_summary import Report
from ctxzip.cli.stream_progress import Meter, Progress
from ctxzip.datamodels import Passage, Request, Scores, ScoringInput, Unit
from ctxzip.model_store import open_model
from ctxzip.scoring.cached_scorer import CachedScorer
from ctxzip.scoring.joint import JointScorer
from ctxzip.scoring.loading import load_scorer
from ctxzip.scoring.score_cache import CACHE_FILE, ScoreCache
from ctxzip.settings import Settings
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
    """Wraps a shipped model and records the number of passages of each input."""

    has_second_pass = False
    batch_tokens = 1024
    warning: str | None = None

    def __init__(self, *, is_batch_independent: bool = True) -> None:
        self._model = JointScorer(open_model("nano"), device="cpu")
        self.name, self.device = self._model.name, self._model.device
        self.is_batch_independent = is_batch_independent
        self.n_passages: list[int] = []

    def score(self, batch):
        self.n_passages += [len(item.request.passages) for item in batch]
        return self._model.score(batch)

    def truncation_warnings(self, request):
        return self._model.truncation_warnings(request)

    def close(self):
        self._model.close()


@pytest.fixture(scope="module")
def models():
    return Counting(), Counting(is_batch_independent=False)


@pytest.fixture(params=[True, False], ids=["batch independent", "batch dependent"])
def model(request, models):
    counting: Counting = models[not request.param]
    counting.n_passages.clear()
    return counting


def same(one: Scores, other: Scores) -> bool:
    return (
        one.probability.tolist() == other.probability.tolist()
        and one.relevance.tolist() == other.relevance.tolist()
        and one.warnings == other.warnings
    )


def test_no_passage_is_scored_twice(model, tmp_path):
    """With a new cache object on the same file, too; the scores are the same to the last bit."""
    expected = model.score([ScoringInput(REQUEST, UNITS)])
    first = CachedScorer(model, "mine", ScoreCache(tmp_path, 1)).score([ScoringInput(REQUEST, UNITS)])
    model.n_passages.clear()
    again = CachedScorer(model, "mine", ScoreCache(tmp_path, 1)).score([ScoringInput(REQUEST, UNITS)])
    assert model.n_passages == []
    assert same(expected[0], first[0])
    assert same(expected[0], again[0])


def test_the_model_scores_only_new_passages_of_a_request(model, tmp_path):
    """All passages, where the last bit of a score may depend on the batch."""
    cached = CachedScorer(model, "mine", ScoreCache(tmp_path, 1))
    cached.score([ScoringInput(replace(REQUEST, passages=(FERRY,)), UNITS[:2])])
    model.n_passages.clear()
    (found,) = cached.score([ScoringInput(REQUEST, UNITS)])
    assert model.n_passages == [1 if model.is_batch_independent else 2]
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
def test_the_key_covers_all_that_a_score_depends_on(models, tmp_path, other, units):
    """With another query, title, text, evidence or units, a passage is scored again."""
    model = models[0]
    cached = CachedScorer(model, "mine", ScoreCache(tmp_path, 1))
    cached.score([ScoringInput(REQUEST, UNITS)])
    model.n_passages.clear()
    evidence = other.pop("evidence", ())
    cached.score([ScoringInput(replace(REQUEST, **other), units, evidence)])
    assert model.n_passages == [2]


def test_a_truncation_warning_is_the_same_with_cached_scores(models, tmp_path):
    """Also for a request without documents, which has nothing in the cache."""
    long = replace(REQUEST, query="When does the ferry leave " * 60)
    for _ in range(2):
        cached = CachedScorer(models[0], "mine", ScoreCache(tmp_path, 1))
        for found in cached.score([ScoringInput(long, UNITS), ScoringInput(replace(long, passages=()), ())]):
            assert found.warnings[0].code == "query_truncated"


def test_a_cached_passage_has_no_warning_about_another_passage(models, tmp_path):
    """It was first scored beside one whose title is too long."""
    titled = replace(FERRY, title="The ferry " * 60)
    cached = CachedScorer(models[0], "mine", ScoreCache(tmp_path, 1))
    (both,) = cached.score([ScoringInput(replace(REQUEST, passages=(titled, BREAD)), UNITS)])
    (alone,) = cached.score([ScoringInput(replace(REQUEST, passages=(BREAD,)), (replace(UNITS[2], passage=0),))])
    assert both.warnings[0].code == "title_truncated"
    assert alone.warnings == ()


def test_the_command_line_writes_the_same_with_a_cache_and_without(tmp_path):
    """`ctxzip compress` finds the scores that `ctxzip score` stored."""
    expected = compress("--quiet", "--model", "nano", stdin=RECORDS)
    ctxzip("score", "--quiet", "--model", "nano", "--cache", tmp_path, stdin=RECORDS)
    kept = (tmp_path / CACHE_FILE).read_bytes()
    run = compress("--quiet", "--model", "nano", "--cache", tmp_path, stdin=RECORDS)
    assert (run.code, run.out, run.err) == (0, expected.out, "")
    assert (tmp_path / CACHE_FILE).read_bytes() == kept


def test_a_scorer_that_was_closed_has_no_threads_and_no_open_file_and_scores_again(tmp_path):
    """`Compressor.close` closes its scorer."""
    before = set(threading.enumerate())
    scorer = load_scorer(
        Settings(scorer="hybrid", model="nano", threads=3, device="cpu", cache=str(tmp_path / "cache"))
    )
    expected = scorer.score([ScoringInput(REQUEST, UNITS)])
    assert set(threading.enumerate()) > before
    scorer.close()
    assert set(threading.enumerate()) == before
    # An open connection in WAL mode keeps two files beside the database.
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [CACHE_FILE]
    assert same(scorer.score([ScoringInput(REQUEST, UNITS)])[0], expected[0])
    other = replace(REQUEST, query="What is baked?")
    assert same(
        scorer.score([ScoringInput(other, UNITS)])[0],
        load_scorer(Settings(scorer="hybrid", model="nano", device="cpu")).score([ScoringInput(other, UNITS)])[0],
    )
    scorer.close()


def test_the_least_recently_used_values_are_deleted_first(tmp_path):
    """The file stays within its size; a value that was read counts as used."""
    now = [0.0]
    cache = ScoreCache(tmp_path, 1, clock=lambda: now[0])
    keys = [number.to_bytes(32, "big") for number in range(150)]
    for key in keys:
        now[0] += 10_000
        cache.put({key: bytes(20_000)})
        cache.get([keys[0]])
    is_stored = [key in cache.get([key]) for key in keys]
    assert is_stored[0]
    assert is_stored[1:] == sorted(is_stored[1:])
    assert 20 < sum(is_stored) < 50
    assert (tmp_path / CACHE_FILE).stat().st_size <= 1_100_000
    assert cache.warning is None


def test_several_processes_write_at_the_same_time(tmp_path):
    """Into a new cache; only values that waited too long for a lock are lost."""
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


def damage(folder, how):
    if how == "no folder":
        folder.write_text("a file")
        return
    folder.mkdir()
    if how == "no database":
        (folder / CACHE_FILE).write_bytes(b"this is no database at all" * 100)
        return
    statements = {
        "another database": "CREATE TABLE scores (name TEXT)",
        "another version": "PRAGMA user_version = 9",
        "a view that never ends": """
            CREATE VIEW scores AS WITH RECURSIVE n(key, value, used) AS (
                SELECT x'00', x'00', 0 UNION ALL SELECT key, value, used + 1 FROM n
            ) SELECT * FROM n WHERE used < 0;
            PRAGMA user_version = 1""",
        "a trigger": """
            CREATE TABLE scores (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
            CREATE TRIGGER lies AFTER INSERT ON scores BEGIN DELETE FROM scores; END;
            PRAGMA user_version = 1""",
    }
    with closing(sqlite3.connect(folder / CACHE_FILE)) as file, file:
        file.executescript(statements[how])


@pytest.mark.parametrize(
    "how",
    ["no folder", "no database", "another database", "another version", "a view that never ends", "a trigger"],
)
def test_a_file_that_is_no_cache_is_reported_and_not_changed(tmp_path, how):
    """No value is found in it."""
    damage(tmp_path / "cache", how)
    before = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    cache = ScoreCache(tmp_path / "cache", 1)
    cache.put({b"key": b"value"})
    assert cache.get([b"key"]) == {}
    assert "cannot be used" in str(cache.warning)
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == before


def test_a_cache_that_cannot_be_used_loses_no_record(tmp_path):
    """There is one warning on stderr."""
    damage(tmp_path / "cache", "no database")
    run = compress("--model", "nano", "--cache", tmp_path / "cache", stdin=RECORDS)
    assert run.code == 0
    assert len(run.records) == 2
    assert run.err.count("cannot be used") == run.err.count("--cache") == 1


def test_a_damaged_value_is_never_used(tmp_path):
    """SQLite has no checksums, and a wrong bit would be a wrong score."""
    cache = ScoreCache(tmp_path, 1)
    cache.put({b"key": b"a value that stands in the file"})
    assert cache.get([b"key"]) == {b"key": b"a value that stands in the file"}
    with closing(sqlite3.connect(tmp_path / CACHE_FILE)) as file, file:
        file.execute("UPDATE scores SET value = CAST(replace(value, 'stands', 'sounds') AS BLOB)")
    assert cache.get([b"key"]) == {}
    assert "the checksum of a value is wrong" in str(cache.warning)
    cache.put({b"key": b"anew"})
    assert cache.get([b"key"]) == {}


def test_a_warning_that_appears_late_is_printed_once(capsys):
    """A GPU that cannot be used is known at the start, a damaged cache only later."""
    warnings = ["no GPU"]
    report = Report(quiet=False, progress=Progress(Meter([]), quiet=True), scorer_warning=lambda: "; ".join(warnings))
    warnings.append("no cache")
    for _ in range(2):
        report.sum_up()
    assert capsys.readouterr().err.splitlines()[:2] == ["ctxzip: warning: no GPU", "ctxzip: warning: no cache"]
    assert report.statistics()["scorer_warning"] == "no GPU; no cache"


def test_cached_scores_are_float32(tmp_path, models):
    """Like those of the model, so that later stages compute the same."""
    (found,) = CachedScorer(models[0], "mine", ScoreCache(tmp_path, 1)).score([ScoringInput(REQUEST, UNITS)])
    assert found.probability.dtype == found.relevance.dtype == np.float32
