"""The processor time of compression grows in proportion to the length of a text, whatever its layout, and to the number of texts."""

from __future__ import annotations

import json
import random
from time import process_time
from typing import TYPE_CHECKING, Any

import pytest

from ctxzip import compress

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxzip.settings import SettingsDict

QUERY = "How do I reset the pump valve?"
# Linear time gives 4, quadratic time 16. Reusing the words that are cached gives up to 6.
MOST_TIMES = 8
MEASUREMENTS = 3  # most measurements, because other processes disturb one of them


def _lines(form: str, separator: str = "\n") -> Callable[[int], str]:
    """Return a function that repeats a form, with the number of each repetition in the place of `#`."""
    return lambda n: separator.join(form.replace("#", str(i)) for i in range(n))


def _sentence_with(word: str) -> str:
    return f"The pump key is {word}. The bread is baked daily by a man."


def _hexadecimal(n: int) -> str:
    return random.Random(0).randbytes(n // 2).hex()


# The size of the shorter text, in repetitions or characters: large enough that quadratic time shows where it was.
LAYOUTS: dict[str, tuple[int, Callable[[int], str]]] = {
    "hexadecimal word": (2_000, lambda n: _sentence_with(_hexadecimal(n))),
    "word of one letter": (4_000, lambda n: _sentence_with("x" * n)),
    "camel case word": (4_000, lambda n: _sentence_with("aB" + "x" * n)),
    "word of accents": (2_000, lambda n: _sentence_with("é" * n)),
    "dotted name": (4_000, lambda n: _sentence_with("a.b" * (n // 3))),
    "path": (4_000, lambda n: _sentence_with("/a" * (n // 2))),
    "spaces in a sentence": (4_000, lambda n: f"The pump{' ' * n}is here."),
    "indented line": (4_000, lambda n: f"The pump\n{' ' * n}is here.\nIt is red."),
    "exclamation marks": (4_000, lambda n: _sentence_with("!" * n)),
    "open comments of markup": (2_000, lambda n: "<p>pump</p><p>valve</p>" + "<!-- pump " * n),
    "target of a makefile": (2_000, lambda n: f"a = 1\nall:{'x' * n}!\n\tpump valve\nb = 2\n"),
    "words on one line": (600, _lines("pump#: valve:", " ")),
    "prose": (2_000, _lines("The pump valve of the old town is red and # years old.", " ")),
    "the same sentence": (3_000, _lines("The pump valve of the old town is red and new.", " ")),
    "paragraphs below one step": (
        2_000,
        lambda n: (
            f"1. Open the pump.\n\n{_lines('The pump # is in the port of the old town by the sea.', chr(10) * 2)(n)}"
        ),
    ),
    "short lines": (600, _lines("pump # valve")),
    "steps": (600, lambda n: "\n".join(f"{i % 99 + 1}. Open pump valve {i} now." for i in range(n))),
    "keys with values": (600, _lines("key#: value # pump")),
    "keys with two colons": (600, _lines("pump#: value: #")),
    "keys": (600, _lines("key#:")),
    "headings": (600, _lines("## Heading pump #", "\n\n")),
    "titles": (600, _lines("Pump title #", "\n\n")),
    "nested items": (600, lambda n: "\n".join("  " * (i % 8) + f"- item {i} pump" for i in range(n))),
    "introductions of items": (1_500, _lines("The parts of pump # are:\n\n- valve #\n")),
    "lines with a colon": (2_000, _lines("The parts of the pump number # are as follows:")),
    "questions and answers": (1_500, _lines("Anna: Is the pump # on?\nBert: Yes the valve # is.")),
    "rows of HTML": (1_500, lambda n: f"<table>{_lines('<tr><td>pump #</td><td>#</td></tr>')(n)}</table>"),
    "JSON": (600, lambda n: json.dumps({f"key{i}": f"the pump value number {i}" for i in range(n)}, indent=1)),
    "YAML": (600, _lines("pump#:\n  valve: #\n  name: x#")),
    "sections of settings": (300, _lines("[pump#]\nvalve = #\nname = 3")),
    "definitions": (300, _lines("def pump#(x):\n    return x + #", "\n\n")),
    "rows with bars": (600, lambda n: f"| a | b |\n|---|---|\n{_lines('| pump # | # |')(n)}"),
    "rows between rules": (600, lambda n: f"+---+---+\n{_lines('| pump # of the old town by the sea | # |')(n)}"),
    "tables with captions": (300, _lines("Table #. Pump #\n\n| a | b |\n|---|---|\n| # | x |", "\n\n")),
    "log": (600, lambda n: "\n".join(f"2024-05-01 10:00:{i % 60:02} INFO pump {i} started" for i in range(n))),
    "comma-separated values": (600, lambda n: f"id,name,value\n{_lines('#,pump #,3')(n)}"),
    "traces": (300, _lines("Caused by: java.lang.PumpException: #\n    at a.b.C#(X.java:1)\n    at a.b.D(X.java:2)")),
    "code blocks": (600, _lines("```\npump #\n```")),
    "quotes": (600, _lines("> pump valve # is here.")),
    "indented paragraphs": (300, _lines("- pump #\n\n    continued text of valve # that is prose here", "\n\n")),
}


def _documents(n: int) -> list[str]:
    return [
        f"The pump {i} is in the port of town {i % 97}. The valve {i} is red and {i % 13} years old." for i in range(n)
    ]


# A question, documents and options of a size, by the limits that visit every document or unit.
REQUESTS: dict[str, Callable[[int], tuple[str, list[Any], SettingsDict]]] = {
    "many documents": lambda n: (QUERY, _documents(n), {}),
    "a ceiling on a context": lambda n: (QUERY, _documents(n), {"max_tokens": 15 * n, "to": "text"}),
    "a ceiling on one document": lambda n: (QUERY, [" ".join(_documents(n))], {"max_tokens": 15 * n}),
    "neighbours": lambda n: (QUERY, _documents(n), {"max_tokens": 10 * n, "around": 2}),
    "reasons": lambda n: (QUERY, _documents(n), {"ratio": 0.3, "explain": True}),
    "the best documents": lambda n: (QUERY, _documents(n), {"ratio": 0.3, "top_docs": n // 2, "order": "relevance"}),
    "near-duplicates": lambda n: (QUERY, ["The pump valve of the old town is red."] * n, {"ratio": 0.5}),
    "a comparison": lambda n: ("Compare pump 3 and pump 7 of the town?", _documents(n), {"ratio": 0.3}),
    "a unit above the ceiling": lambda n: (QUERY, ["pump " * 5 * n], {"max_tokens": n}),
    "a word above the ceiling": lambda n: (QUERY, ["pump " + "x" * 20 * n], {"max_tokens": n}),
    "a long question": lambda n: (" ".join(_documents(n)), _documents(n // 10), {"ratio": 0.5}),
    "many names": lambda n: ("Compare " + " and ".join(f"Anna Bert{i}" for i in range(n)), _documents(50), {}),
    "long titles": lambda n: (QUERY, [{"title": "pump " * n, "text": "The pump is red."}] * 5, {"ratio": 0.5}),
}
REQUEST_SIZE = 3_000


# What the regular expressions of all rules begin with, end with or repeat. Each is repeated to a text.
PIECES = [
    *"aA1 \n\t\r.,-_\"'([{<|:;?!#$%&*+=/\\@^~`«„“”‘’é中。「かاक",
    *[
        "́",
        "\u200b",
        "\u2028",
        "\x0b",
        "a\xad",
        "\r\n",
        "\n\n",
        "---",
        "**",
        "__",
        "``",
        "::",
        "//",
        "/*",
        "*/",
        "<!--",
        "-->",
        "](",
    ],
    *(
        "a ",
        "A ",
        "1 ",
        "a.",
        "A.",
        "1.",
        "1,",
        "a\n",
        "A\n",
        " \n",
        "a: ",
        "a=",
        "| ",
        "<a>",
        "Ab ",
        "a,b\n",
        "- ",
        "-\n",
        "(a) ",
        "i. ",
    ),
    *(
        "'a",
        "a-",
        "/a",
        "a@a.",
        "Caused by: ",
        "    at ",
        "\n  at a.b(C)",
        "```\n",
        "def f():\n",
        "Q: ",
        "# ",
        "===\n",
        "---\n",
        "+--",
    ),
    *(
        "e.g. ",
        "No. ",
        "12:00",
        "2024-01-01 ",
        "http://",
        "www.a",
        "C:\\",
        "<td>",
        "</td>",
        "&amp;",
        "SELECT ",
        "a(",
        "![",
        "[^1]",
        "kg. ",
    ),
    *(
        "key: value\n",
        "key:\n  - a\n",
        "The pump valve ",
        "Fig. 3 ",
        "<document_content>",
        "<source>x</source>",
        "...",
        "1) ",
        "IV. ",
    ),
]
PIECES_SIZE = 3_000  # characters
FORMS: dict[str, Callable[[str], tuple[str, list[Any], SettingsDict]]] = {
    "a document": lambda text: (QUERY, [text], {}),
    "the end of a document": lambda text: (QUERY, [f"The pump valve is red. {text}"], {}),
    "a question": lambda text: (f"{text} pump", ["The pump valve is red. It is new."], {}),
    "a title": lambda text: (QUERY, [{"title": text, "text": "The pump is red. It is new."}], {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_no_repeated_piece_takes_more_than_its_length(form: str) -> None:
    """A regular expression that looks for an end from every beginning takes four times as long as it may."""
    slow = {}
    for piece in PIECES:
        requests = [FORMS[form](piece * (n * PIECES_SIZE // len(piece))) for n in (1, 4)]
        short, long = (_time(*request) for request in requests)
        if long > 0.2 and long > 9 * short:  # less is noise
            short, long = (min(_time(*request) for _ in range(MEASUREMENTS)) for request in requests)
            if long > 9 * short:
                slow[piece] = (short, long)
    assert not slow


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_time_is_proportional_to_the_length(layout: str) -> None:
    """A text of four times the length takes about four times as long."""
    n, text = LAYOUTS[layout]
    _check_growth(lambda size: (QUERY, [text(size)], {}), n)


@pytest.mark.slow
@pytest.mark.parametrize("request_of", REQUESTS)
def test_time_is_proportional_to_the_size_of_a_request(request_of: str) -> None:
    """Four times the documents, units or words of the question take about four times as long."""
    _check_growth(REQUESTS[request_of], REQUEST_SIZE)


def _check_growth(request_of: Callable[[int], tuple[str, list[Any], SettingsDict]], n: int) -> None:
    short, long = request_of(n), request_of(4 * n)
    short_time = min(_time(*short), _time(*short))
    long_time = _time(*long)
    for _ in range(MEASUREMENTS - 1):
        if long_time < MOST_TIMES * short_time:
            break
        long_time = min(long_time, _time(*long))
    assert long_time < MOST_TIMES * short_time


def _time(query: str, documents: list[Any], options: SettingsDict) -> float:
    """Return the seconds of processor time that a compression takes."""
    settings: SettingsDict = {**options, "scorer": "bm25"}
    start = process_time()
    compress(query, documents, **settings)
    return process_time() - start
