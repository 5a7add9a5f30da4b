"""A compressor that was used before a fork works in the child, as under `gunicorn --preload` and multiprocessing."""

from __future__ import annotations

import os
import subprocess
import sys
from threading import Lock

import pytest

from ctxzip._internal.thread_pool import ThreadPool
from ctxzip.errors import ModelError
from ctxzip.scoring.onnx_sessions import Session

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")

_SCRIPT = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of a fork with threads, which this tests
from ctxzip import Compressor, Settings
from ctxzip.reading.schemas import SHAPES
from ctxzip.reading.detection import to_request

def kept(docs):
    request = to_request({"query": "When does the ferry leave?", "docs": docs}, SHAPES)
    return compressor.compress(request).texts

settings = eval(sys.argv[1])
compressor = Compressor(Settings(device="cpu", max_sentences=1, **settings))
first = ["Bread is baked. The ferry leaves at seven.", "It is red. The hut opened."]
expected = kept(first)
child = os.fork()
if child == 0:
    signal.alarm(30)
    new = kept(["The ferry leaves at nine. It is blue.", "Water is wet."])
    same = kept(first) == expected and new == ("The ferry leaves at nine.", "")
    os._exit(0 if same else 1)
_, status = os.waitpid(child, 0)
assert kept(first) == expected
sys.exit(0 if status == 0 else f"the child ended with status {status}")
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_child_scores_as_its_parent_does(threads):
    """Threads do not survive a fork, and the child must not wait for those of its parent."""
    settings = {"scorer": "hybrid", "model": "nano", "threads": threads}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, repr(settings)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_forked_child_opens_the_score_cache_for_itself(tmp_path):
    """SQLite forbids it to use the connection of its parent."""
    settings = {"scorer": "hybrid", "model": "nano", "threads": 2, "cache": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, repr(settings)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pool_starts_no_thread_before_the_first_call_and_works_again_after_it_was_closed():
    """Results are in order; a pool of one thread runs in the thread of the caller."""
    pool = ThreadPool(3)
    assert pool._executors == {}
    for _ in range(2):
        assert list(pool.map(str, range(20))) == list(map(str, range(20)))
        assert len(pool._executors) == 1
        pool.close()
        assert pool._executors == {}
    pool.close()
    single = ThreadPool(1)
    assert list(single.map(lambda _: os.getpid(), range(2))) == [os.getpid()] * 2
    assert single._executors == {}


def test_a_session_with_threads_of_its_own_is_refused_in_a_forked_child():
    """A graph on CUDA, or with several threads in one operation, would fail or never return."""
    session = Session("cuda:0", frozenset(), session=None, lock=Lock(), process=os.getpid() + 1)
    with pytest.raises(ModelError, match="before this process was forked: load it after the fork"):
        session.run({}, [])
