"""What the model said is kept, and nothing that is wrong with the place where it is kept loses a record."""

from __future__ import annotations

import ast
import compileall
import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctxzip.cli.run_summary import Report
from ctxzip.cli.stream_progress import Meter, Progress
from ctxzip.datamodels import Passage, Request, Scores, ScoringInput, Unit
from ctxzip.model_store import open_model
from ctxzip.scoring.cached_scorer import SCORING_CODE, CachedScorer, code_digest, identity
from ctxzip.scoring.joint import JointScorer
from ctxzip.scoring.loading import load_scorer
from ctxzip.scoring.score_cache import FILE, ScoreCache
from ctxzip.settings import Settings
from tests.conftest import ROOT, compress, ctxzip, jsonl

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

    def truncation_warnings(self, request):
        return self._model.truncation_warnings(request)

    def close(self):
        self._model.close()


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


_PRINT_IDENTITY = (
    "from ctxzip.model_store import open_model; from ctxzip.scoring.cached_scorer import identity; "
    "print(identity(open_model('nano'), 'cpu'))"
)


def identity_of(folder):
    """Return the identity of a model as the copy of ctxzip in a folder computes it."""
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_IDENTITY],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def package(tmp_path):
    """A copy of ctxzip whose code may be changed."""
    shutil.copytree(ROOT / "ctxzip", tmp_path / "ctxzip", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models").symlink_to(ROOT / "models")
    return tmp_path


def test_a_change_of_the_code_that_scores_is_another_identity(package):
    """So that no score of before the change is served; other code does not matter."""
    before = identity_of(package)
    assert identity_of(package) == before
    with (package / "ctxzip" / "rendering" / "formats.py").open("a") as other:
        other.write("\nCHANGED = 1\n")
    assert identity_of(package) == before
    windows = package / "ctxzip" / "scoring" / "windows.py"
    windows.write_text(windows.read_text("utf-8").replace("TITLE_SHARE = 0.2", "TITLE_SHARE = 0.3"), "utf-8")
    assert identity_of(package) != before


def test_an_installation_without_sources_has_an_identity_that_changes_with_its_code(package):
    """Compiled modules alone, as some builds ship them; the same in every process."""
    windows = package / "ctxzip" / "scoring" / "windows.py"
    changed = windows.read_text("utf-8").replace("TITLE_SHARE = 0.2", "TITLE_SHARE = 0.3")
    found: list[str] = []
    for source in (windows.read_text("utf-8"), changed):
        windows.write_text(source, "utf-8")
        folder = package / f"compiled-{len(found)}"
        shutil.copytree(package / "ctxzip", folder / "ctxzip", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "models").symlink_to(ROOT / "models")
        assert compileall.compile_dir(folder, quiet=1, legacy=True, force=True)
        for path in folder.rglob("*.py"):
            path.unlink()
        found.append(identity_of(folder))
        assert identity_of(folder) == found[-1]
    assert found[0] != found[1]


def test_an_installation_in_a_zip_file_has_the_identity_of_its_sources(package):
    """The loader is asked, and no path is opened."""
    archive = package / "archive" / "packed.zip"
    archive.parent.mkdir()
    shutil.make_archive(str(archive.with_suffix("")), "zip", package, "ctxzip")
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import ctxzip
from ctxzip.scoring.cached_scorer import SCORING_CODE, code_digest
assert ".zip" in ctxzip.__file__
print(code_digest(SCORING_CODE))"""
    done = subprocess.run(
        [sys.executable, "-c", code, archive],
        cwd=archive.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == code_digest(SCORING_CODE)


def test_all_code_that_may_change_a_score_is_part_of_the_identity():
    """What its modules import of ctxzip is listed too, or is known not to matter."""
    harmless = {
        "ctxzip",  # its version is in the identity by itself
        "ctxzip.errors",
        "ctxzip._internal.cores",  # numbers of threads change no score
        "ctxzip._internal.suggestions",
        "ctxzip._internal.thread_pool",
        "ctxzip.scoring.loading",  # chooses the scorer; imported for its types
        "ctxzip.scoring.score_cache",  # its file has a version of its own
    }
    imported = set()
    for name in SCORING_CODE:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ctxzip":
                imported.add(str(node.module))
    assert imported - harmless <= set(SCORING_CODE)
    assert not harmless & set(SCORING_CODE)


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


def test_a_scorer_that_was_closed_has_no_threads_and_no_open_file_and_scores_again(tmp_path):
    """As `Compressor.close` leaves it."""
    before = set(threading.enumerate())
    scorer = load_scorer(
        Settings(scorer="hybrid", model="nano", threads=3, device="cpu", cache=str(tmp_path / "cache"))
    )
    expected = scorer.score([ScoringInput(REQUEST, UNITS)])
    assert set(threading.enumerate()) > before
    scorer.close()
    assert set(threading.enumerate()) == before
    # An open connection in WAL mode keeps two files beside the database.
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [FILE]
    assert same(scorer.score([ScoringInput(REQUEST, UNITS)])[0], expected[0])
    other = replace(REQUEST, query="What is baked?")
    assert same(
        scorer.score([ScoringInput(other, UNITS)])[0],
        load_scorer(Settings(scorer="hybrid", model="nano", device="cpu")).score([ScoringInput(other, UNITS)])[0],
    )
    scorer.close()


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
