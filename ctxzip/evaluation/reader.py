"""A reader: a language model that answers from the full and from the compressed context.

Any endpoint with OpenAI's chat completions API will do.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ctxzip._internal.terminal_text import visible
from ctxzip.errors import BackendError, UsageError
from ctxzip.evaluation.answers import answer_exact_match, answer_f1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.evaluation.labelled import Labelled

_TIMEOUT_S = 120  # a small model on a laptop needs less for ten pages
_MAX_TOKENS = 64  # of an answer; labelled answers are a few words
_PROMPT = "Answer the question from the documents alone, with as few words as possible: no sentence, no explanation."


class Reader:
    """A client of one endpoint; it sends one request for each question and context.

    Args:
        url: base URL of the endpoint, without `/chat/completions`.
        model: the name of the model at the endpoint.
        token: the bearer token, or None.

    Raises:
        UsageError: no URL of http or https, or one with a user name.
    """

    def __init__(self, url: str, model: str, token: str | None = None) -> None:
        if "@" in url:  # errors and reports would show the password
            raise UsageError(
                "expected a URL without user name and password; $CTXZIP_READER_TOKEN is the key", option="reader"
            )
        try:
            is_http = urlsplit(url).scheme in {"http", "https"}
        except ValueError:  # [::1
            is_http = False
        if not is_http:
            raise UsageError(
                "expected a URL of http or https, such as http://localhost:8080/v1", option="reader", value=url
            )
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        self._token = token
        self._full: dict[str, dict[str, float]] = {}  # by question key: the full context is the same for every method

    def compare(self, question: Labelled, texts: Sequence[str]) -> dict[str, float]:
        """Return exact match (0 or 1) and F1 (0..1) of the answers from the full and from the compressed documents.

        Args:
            question: with labelled answers.
            texts: the kept text of each document.

        Raises:
            BackendError: the endpoint cannot be reached, redirects to another host, or its response is not a chat completion.
        """
        key = question.key
        if key not in self._full:
            full = self._scores(question, [passage.text for passage in question.request.passages])
            self._full[key] = {f"reader_{name}_full": value for name, value in full.items()}
        return {**self._full[key], **{f"reader_{name}": v for name, v in self._scores(question, texts).items()}}

    def _scores(self, question: Labelled, texts: Sequence[str]) -> dict[str, float]:
        answer = self._ask(question.request.query, "\n\n".join(text for text in texts if text))
        return {
            "exact": max(answer_exact_match(answer, gold) for gold in question.answers),
            "f1": max(answer_f1(answer, gold) for gold in question.answers),
        }

    def _ask(self, query: str, context: str) -> str:
        body = {
            "model": self._model,
            "temperature": 0,
            "max_tokens": _MAX_TOKENS,
            "messages": [
                {"role": "system", "content": _PROMPT},
                {"role": "user", "content": f"Documents:\n{context}\n\nQuestion: {query}"},
            ],
        }
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers)  # noqa: S310  # checked above
        try:
            with urllib.request.build_opener(_SameHost).open(request, timeout=_TIMEOUT_S) as response:
                found: Any = json.load(response)
            answer = found["choices"][0]["message"]["content"]
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise BackendError(str(reason), option="reader", value=self._url) from error
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise BackendError(
                f"the answer is no chat completion: {error!r}", option="reader", value=self._url
            ) from error
        return answer if isinstance(answer, str) else ""


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to another scheme, host or port: the token and the documents are meant for one endpoint."""

    def redirect_request(  # the parameters are those of the base class
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if _origin(newurl) != _origin(req.full_url):
            scheme, host, port = _origin(newurl)
            raise BackendError(
                f"--reader {req.full_url}: it redirects to another host, {visible(f'{scheme}://{host}:{port}')}: "
                "nothing was sent there; give that address to --reader if you trust it"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL.

    >>> _origin("HTTPS://Example.org/v1")
    ('https', 'example.org', 443)
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
