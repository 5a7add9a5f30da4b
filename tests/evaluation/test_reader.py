"""A language model behind a URL: which hosts it is sent to."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ctxzip.datamodels import Passage, Request
from ctxzip.errors import BackendError, UsageError
from ctxzip.evaluation.labelled import Labelled
from ctxzip.evaluation.reader import Reader
from tests.conftest import FIXTURES, ctxzip

QUESTION = Labelled(Request("Which hut opened?", (Passage("The hut opened."),)), (), "any", answers=("the hut",))


@contextmanager
def server(answer):
    """An HTTP server on a port of its own that answers with status, headers and JSON, and keeps what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def answered(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.command, self.path, self.headers.get("Authorization")))
            status, headers, content = answer(self)
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answered  # noqa: N815  # names of the base class

        def log_message(self, *_):
            """Write nothing to stderr."""

    seen: list[tuple[str, str, str | None]] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found.server_port, seen
        finally:
            found.shutdown()
            thread.join()


def completion(_):
    return 200, {}, {"choices": [{"message": {"content": "the hut"}}]}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_to_another_host_is_followed(status):
    """The token and the documents were meant for the first one; the message names the other."""
    with server(completion) as (theirs, stolen):
        there = f"http://127.0.0.1:{theirs}/v1/chat/completions"
        with server(lambda _: (status, {"Location": there}, {})) as (ours, asked):
            reader = Reader(f"http://127.0.0.1:{ours}/v1", "small", "secret")
            with pytest.raises(
                BackendError, match=f"redirects to another host, http://127.0.0.1:{theirs}: nothing was"
            ):
                reader.compare(QUESTION, ["The hut opened."])
        assert [token for _, _, token in asked] == ["Bearer secret"]
        assert stolen == []


def test_a_redirect_within_the_host_is_followed():
    """As an endpoint that was moved to another path may answer."""

    def moved(handler):
        return completion(handler) if handler.path == "/v2" else (302, {"Location": "/v2"}, {})

    with server(moved) as (port, asked):
        found = Reader(f"http://127.0.0.1:{port}/v1", "small").compare(QUESTION, ["The hut opened."])
    assert found["reader_exact"] == 1
    assert [path for _, path, _ in asked] == ["/v1/chat/completions", "/v2"] * 2


@pytest.mark.parametrize(
    "url", ["https://me:secret@host.example/v1", "HTTPS://me:secret@h/v1", "me:secret@h", "http://me:secret@[::1"]
)
def test_a_password_in_the_address_is_refused_and_not_shown(url):
    """Errors and reports show the address."""
    with pytest.raises(UsageError) as caught:
        Reader(url, "m")
    assert "secret" not in str(caught.value)
    assert "CTXZIP_READER_TOKEN" in str(caught.value)


@pytest.mark.parametrize("url", ["http://[::1", "ftp://host.example", "host.example"])
def test_an_address_that_is_none_of_http_is_a_usage_error(url):
    with pytest.raises(UsageError, match="expected a URL of http or https"):
        Reader(url, "m")


def test_a_key_is_in_no_error(tmp_path, monkeypatch):
    """The endpoint is not there, and there is no report either."""
    monkeypatch.setenv("CTXZIP_READER_TOKEN", "sk-secret")
    call = ("--reader", "http://127.0.0.1:9/v1", "--reader-model", "m", "--json", tmp_path / "scores.json")
    run = ctxzip("eval", "--method", "bm25", "--limit", "1", *call, FIXTURES / "requests.jsonl")
    assert run.code == 3
    assert "sk-secret" not in run.err + run.out.decode()
    assert not (tmp_path / "scores.json").exists()
