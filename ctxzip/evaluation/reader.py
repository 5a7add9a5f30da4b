"""A language model that answers from full and from compressed context: any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

from ctxzip.errors import BackendError, UsageError
from ctxzip.evaluation.outcomes import key, normalised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.evaluation.labelled import Labelled

_TIMEOUT_S = 120  # a small model on a laptop reads ten pages in less
_MAX_TOKENS = 64  # of an answer: labelled ones are a few words
_PROMPT = "Answer the question from the documents alone, with as few words as possible: no sentence, no explanation."


class Reader:
    """Asks an endpoint, once for each question and context.

    Args:
        url: of the endpoint, up to and without `/chat/completions`.
        model: name that the endpoint knows it by.
        token: sent as a bearer token, or None.

    Raises:
        UsageError: the URL is none of http or https.
    """

    def __init__(self, url: str, model: str, token: str | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(
                "expected a URL of http or https, such as http://localhost:8080/v1", option="reader", value=url
            )
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        self._token = token
        self._full: dict[str, dict[str, float]] = {}  # by question: every method begins from the same context

    def compare(self, question: Labelled, texts: Sequence[str]) -> dict[str, float]:
        """Return exact match and F1 (0 or 1, 0..1) of the answers from all documents and from what is left of them.

        Args:
            question: with answers.
            texts: what is left of each document.

        Raises:
            BackendError: the endpoint cannot be reached, or answers something else.
        """
        about = key(question)
        if about not in self._full:
            whole = self._scores(question, [passage.text for passage in question.request.passages])
            self._full[about] = {f"reader_{name}_full": value for name, value in whole.items()}
        return {**self._full[about], **{f"reader_{name}": v for name, v in self._scores(question, texts).items()}}

    def _scores(self, question: Labelled, texts: Sequence[str]) -> dict[str, float]:
        answer = self._ask(question.request.query, "\n\n".join(text for text in texts if text))
        return {
            "exact": max(float(normalised(answer) == normalised(gold)) for gold in question.answers),
            "f1": max(answer_f1(answer, gold) for gold in question.answers),
        }

    def _ask(self, query: str, context: str) -> str:
        asked = {
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
        request = urllib.request.Request(self._url, json.dumps(asked).encode(), headers)  # noqa: S310  # checked above
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
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


def answer_f1(answer: str, gold: str) -> float:
    """Return the harmonic mean of precision and recall of the words of an answer (Rajpurkar et al. 2016).

    >>> answer_f1("in the year 1901", "1901")
    0.5
    """
    words, wanted = normalised(answer).split(), normalised(gold).split()
    if not words or not wanted:
        return float(words == wanted)
    n_both = (Counter(words) & Counter(wanted)).total()
    return 2 * n_both / (len(words) + len(wanted))
