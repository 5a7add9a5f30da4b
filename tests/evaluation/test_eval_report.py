"""`ctxzip eval --report` and `--baseline`: metrics of each question, averaged, bootstrapped, compared in pairs."""

from __future__ import annotations

import html
import itertools
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest

from ctxzip.evaluation.answers import normalize_answer
from ctxzip.evaluation.baseline import changes, paired_p
from ctxzip.evaluation.metrics import ndcg, reliability
from ctxzip.evaluation.outcomes import METRICS, estimate
from tests.conftest import FIXTURES, ctxzip, jsonl

# Lead ranks A1, B1, A2, B2, A3, B3; the first two sentences of a document have three words each, and auto keeps some of them.
LABELLED = {
    "query": "Which <script>alert(1)</script>?",
    "answers": ["The hut!", "yes"],
    "need": "all",
    "docs": [
        {
            "title": "A",
            "text": "The hut opened. The bridge closed. A well froze over in the night.",
            "evidence": [[0, 15]],
        },
        {
            "title": "B",
            "text": "The mill burned. The tower stands. A boat sank in the old harbour.",
            "evidence": [[17, 34]],
        },
    ],
}
UNANSWERABLE = {
    "query": "Who?",
    "docs": [{"text": "A fire burned.", "evidence": []}],
}


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A folder with labelled data and the report of lead on it."""
    folder = tmp_path_factory.mktemp("reported")
    (folder / "small.jsonl").write_text(jsonl(LABELLED, UNANSWERABLE))
    run = ctxzip("eval", "--method", "lead", "--report", folder / "report", folder / "small.jsonl")
    assert run.code == 0, run.err
    return folder


def test_every_metric_by_hand(reported):
    """Auto keeps the first sentences of both documents: one span of two, and the answer."""
    found = json.loads((reported / "report" / "numbers.json").read_text())["methods"]["lead"]
    values = found["sets"]["small"]["questions"][0]["values"]
    kept = round(values["auto_kept_fraction"] * 26)
    assert kept in {3, 6, 9}
    assert values == {
        "recall_at_10": 0, "recall_at_20": 0, "recall_at_30": 0, "auto_recall": 0, "auto_any_recall": 1,
        "auto_answer_recall": 1, "auto_kept_fraction": kept / 26, "auto_kept_tokens": (kept + kept // 3) / 32,
        "average_precision": (1 + 2 / 4) / 2, "ndcg_at_10": 1,
    }  # fmt: skip
    assert found["sets"]["small"]["questions"][1]["values"] == {"false_keep": 1}
    assert found["metrics"]["false_keep"] == {"mean": 1, "interval": [1, 1], "n": 1}
    words = found["sets"]["small"]["words_per_kept_evidence"]
    assert words > kept


def test_the_report_shows_plot_and_misses_and_runs_no_script(reported):
    """One line a method, and the text that was lost."""
    page = (reported / "report" / "index.html").read_text("utf-8")
    assert page.count("<polyline") == 1
    assert '<blockquote dir="auto">The tower stands.</blockquote>' in page
    assert "script-src 'none'" in html.unescape(page)
    assert "<script" not in page
    assert "<bdi>Which &lt;script&gt;alert(1)&lt;/script&gt;?</bdi>" in page
    assert not re.search(r'(src|href)="', page)


def test_a_run_is_compared_with_an_earlier_one(reported, tmp_path):
    """The same run passes; a metric that was better by more than the tolerance before does not."""
    call = ("eval", "--method", "lead", reported / "small.jsonl", "--baseline")
    numbers = reported / "report" / "numbers.json"
    same = ctxzip(*call, numbers)
    assert same.code == 0
    assert same.out.decode().splitlines()[-1] == "none of 11 metrics is worse by more than 1 points"
    before = json.loads(numbers.read_text())
    before["methods"]["lead"]["sets"]["small"]["questions"][0]["values"]["recall_at_20"] = 1
    (tmp_path / "before.json").write_text(json.dumps(before))
    worse = ctxzip(*call, tmp_path / "before.json")
    assert worse.code == 1
    assert "lead: recall_at_20" in worse.out.decode()
    assert worse.out.decode().splitlines()[-1] == "1 of 11 metrics are worse by more than 1 points"
    assert ctxzip(*call, tmp_path / "before.json", "--tolerance", "1").code == 0


def test_a_run_without_a_method_or_set_of_the_baseline_does_not_pass(reported, tmp_path):
    """It would hide what got worse."""
    before = json.loads((reported / "report" / "numbers.json").read_text())
    lead = before["methods"]["lead"]
    lead["sets"]["other"] = lead["sets"]["small"]
    before["methods"]["bm25"] = lead
    (tmp_path / "before.json").write_text(json.dumps(before))
    run = ctxzip("eval", "--method", "lead", reported / "small.jsonl", "--baseline", tmp_path / "before.json")
    assert run.code == 1
    assert "in the baseline and not in this run: method bm25, set other" in run.out.decode()


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 2, "No such file or directory"),
        ("{", 1, "not what `ctxzip eval --json` writes"),
        ("[]", 1, "not what `ctxzip eval --json` writes"),
        ('{"methods": {"bm25": {"sets": {}}}}', 1, "no method and question in common with this run"),
    ],
)
def test_a_file_that_is_not_a_baseline_is_an_error_of_one_line(reported, tmp_path, content, code, message):
    """No traceback."""
    if content is not None:
        (tmp_path / "old.json").write_text(content)
    run = ctxzip("eval", "--method", "lead", reported / "small.jsonl", "--baseline", tmp_path / "old.json")
    assert run.code == code
    assert message in run.err
    assert run.err.count("\n") == 1


def test_keeping_more_words_is_worse_and_every_set_has_the_same_weight():
    """A set of one question counts as much as a set of two; questions that only one run has are left out."""

    def run(**sets):
        questions = {
            name: {
                "questions": [{"key": str(i), "values": {"auto_kept_fraction": value}} for i, value in enumerate(of)]
            }
            for name, of in sets.items()
        }
        return {"methods": {"m": {"sets": questions}}}

    (change,) = changes(run(a=[0.1], b=[0.2, 0.4], gone=[0.0]), run(a=[0.5], b=[0.2, 0.4, 0.9], new=[1.0]), 0.1)
    assert change.before == pytest.approx(0.2)
    assert change.after == pytest.approx(0.4)
    assert (change.n, change.worse) == (3, True)


def test_the_randomisation_test_agrees_with_all_sign_flips():
    """All 2^8 sign flips of eight differences."""
    differences = np.array([0.5, -0.2, 0.4, 0.1, 0.0, 0.3, -0.1, 0.2])
    flips = np.array(list(itertools.product((-1, 1), repeat=8)))
    exact = (np.abs(flips @ differences) >= abs(differences.sum()) - 1e-12).mean()
    assert paired_p(differences) == pytest.approx(exact, abs=0.02)


def test_an_interval_of_a_proportion_is_about_two_standard_errors_wide():
    """And the same in every run."""
    values = [[1.0] * 60 + [0.0] * 40]
    found = estimate(values)
    assert found == estimate(values)
    assert found is not None
    assert (found.mean, found.n) == (0.6, 100)
    assert found.high - found.low == pytest.approx(2 * 1.96 * (0.6 * 0.4 / 100) ** 0.5, rel=0.1)


def test_ndcg_counts_the_best_ten_only():
    """Two of three positives have the first two ranks, the third a rank after the tenth."""
    scores = np.arange(12, 0, -1) / 12
    labels = np.zeros(12, dtype=bool)
    labels[[0, 1, 11]] = True
    assert ndcg(scores, labels, 10) == pytest.approx((1 + 1 / np.log2(3)) / (1 + 1 / np.log2(3) + 1 / 2))
    assert ndcg(scores, np.zeros(12, dtype=bool), 10) == 0


def test_reliability_leaves_empty_bins_out():
    """Weights count within a bin and between bins."""
    points = reliability(np.array([0.1, 0.12, 0.9]), np.array([0, 1, 1]), np.array([3.0, 1.0, 4.0]))
    assert points == [(pytest.approx(0.105), pytest.approx(0.25), 0.5), (0.9, 1.0, 0.5)]


@pytest.mark.parametrize(("text", "same"), [("The U.S.", "us"), ("an apple, a day", "apple day"), ("Ana", "ana")])
def test_answers_are_compared_as_squad_does(text, same):
    """Articles are words, not letters."""
    assert normalize_answer(text) == same


def test_every_metric_of_the_fixtures_is_between_0_and_1(tmp_path):
    """On the questions of the fixtures, under BM25, for every metric."""
    assert set(METRICS) >= {"auto_recall", "false_keep"}
    ctxzip("eval", "--method", "bm25", "--json", tmp_path / "out.json", FIXTURES / "requests.jsonl")
    found = json.loads((tmp_path / "out.json").read_text())["methods"]["bm25"]["metrics"]
    assert set(found) == {name for name in METRICS if not name.startswith("reader_")}
    assert all(0 <= low <= one["mean"] <= high <= 1 for one in found.values() for low, high in [one["interval"]])


@pytest.fixture
def endpoint():
    """A chat endpoint that answers with the first words of the documents, and records the requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append((self.path, self.headers["Authorization"], body))
            context = body["messages"][-1]["content"].removeprefix("Documents:\n")
            words = " ".join(context.split()[:2])
            response = json.dumps(
                {"choices": [{"message": {"content": words}}]} if server.sane else {"error": "?"}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        sane = True

        def __init__(self) -> None:
            super().__init__(("127.0.0.1", 0), Handler)
            self.requests: list[tuple[str, str | None, Any]] = []

    with Server() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_reader_answers_from_full_and_from_compressed_context(reported, endpoint, tmp_path, monkeypatch):
    """Only for answerable questions, and once for the full context."""
    monkeypatch.setenv("CTXZIP_READER_TOKEN", "secret")
    url = f"http://127.0.0.1:{endpoint.server_port}/v1/"
    call = ("eval", "--method", "lead", "--method", "oracle", "--reader", url, "--reader-model", "small")
    run = ctxzip(*call, "--json", tmp_path / "out.json", reported / "small.jsonl")
    assert run.code == 0, run.err
    assert [path for path, _, _ in endpoint.requests] == ["/v1/chat/completions"] * 3
    assert {token for _, token, _ in endpoint.requests} == {"Bearer secret"}
    assert {body["model"] for _, _, body in endpoint.requests} == {"small"}
    first, second, _ = (body["messages"][-1]["content"] for _, _, body in endpoint.requests)
    assert first == (
        "Documents:\nThe hut opened. The bridge closed. A well froze over in the night.\n\n"
        "The mill burned. The tower stands. A boat sank in the old harbour.\n\n"
        f"Question: {LABELLED['query']}"
    )
    assert second.startswith("Documents:\nThe hut opened.\n\n")
    numbers = json.loads((tmp_path / "out.json").read_text())["methods"]["lead"]["metrics"]
    assert {name: numbers[name]["mean"] for name in numbers if name.startswith("reader_")} == {
        "reader_exact_full": 1, "reader_f1_full": 1, "reader_exact": 1, "reader_f1": 1,
    }  # fmt: skip
    endpoint.sane = False
    run = ctxzip(*call, reported / "small.jsonl")
    assert run.code == 3
    assert run.err == f"ctxzip: --reader {url}chat/completions: the answer is no chat completion: KeyError('choices')\n"


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [("ftp://localhost", 2, "expected a URL of http or https"), ("http://127.0.0.1:9/v1", 3, "Connection refused")],
)
def test_a_reader_that_cannot_be_reached_is_an_error_of_one_line(reported, url, code, message):
    """With the address."""
    run = ctxzip("eval", "--method", "lead", "--reader", url, reported / "small.jsonl")
    assert run.code == code
    assert run.err.startswith(f"ctxzip: --reader {url}")
    assert message in run.err
    assert run.err.count("\n") == 1
