"""Sentences of many languages, and the protected tokens that no sentence boundary splits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.splitting.protected import with_whole_tokens
from ctxzip.splitting.sentences import sentence_spans, splitter_for
from tests.benchmarks.sentence_splitters import TEXTS, measured
from tests.strategies import any_text, texts

LANGUAGES = ["en", "de", "fr", "ru", "el", "ja", "th", "und"]
ROWS = [json.loads(line) for line in Path(TEXTS).read_text(encoding="utf-8").splitlines()]

_PROTECTED = [
    "3.14", "1,250.75", "20.000", "12.03.2021", "2021-03-12", "14:30", "10.30", "v2.14.3", "2.14.3", "192.168.10.4",
    "/usr/local/lib/site.py", "./bin/start.sh", "C:\\data\\report.v2.txt", "https://docs.example.org/a.b/c.html?x=1.2#d",
    "help.desk@example.org", "com.example.store.Basket", "report.final.v2.docx", "`list.sort(). Then return`", "`a. B`",
    "12. März 2021", "3. Oktober", "3. October", "12 March 2021", "March 12, 2021", "5 p. m.", "10.30 Uhr",
    "(see p. 4. The rest is lost.)", "[He laughed. They did not.]", "“Wait. I am here.”", "„Halt. Wer da?“", "«Sí. Mañana.»",
]  # fmt: skip
_BETWEEN = [
    " ",
    ". ",
    "! ",
    "? ",
    " The bridge is old. ",
    " Der Zug kam. ",
    " и мост. ",
    ", ",
    "\n",
    " z. B. ",
    " etc. ",
    " ... ",
]
assembled = st.lists(st.tuples(st.sampled_from(_BETWEEN), st.sampled_from(_PROTECTED)), min_size=1, max_size=12)


def sentences(text, lang):
    return [text[start:end] for start, end in sentence_spans(text, splitter_for(lang)[0])]


def covers_once(text, spans):
    """Check that spans are increasing, not empty and trimmed, and that only white space is between them."""
    at = 0
    for start, end in spans:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.parametrize("lang", sorted({row["lang"] for row in ROWS}))
def test_sentence_boundaries_of_a_language(lang):
    """Nearly all labelled texts with abbreviations, units, dates, quotations and code are split correctly."""
    rows = [row for row in ROWS if row["lang"] == lang]
    exact, f1 = measured(rows, lambda text, lang: sentence_spans(text, splitter_for(lang)[0]))[lang]
    assert exact >= (0.75 if lang == "ko" else 0.95 if lang == "en" else 1)
    assert f1 >= 0.94


def test_text_of_an_unknown_language_is_split_nearly_as_well():
    """The abbreviations of all languages are used for it."""
    rows = [row for row in ROWS if row["lang"] not in {"zh", "ja", "ko"}]
    exact, f1 = measured(rows, lambda text, _: sentence_spans(text, splitter_for("und")[0]))["all"]
    assert exact >= 0.93
    assert f1 >= 0.98


@given(texts | any_text, st.sampled_from(LANGUAGES))
def test_every_character_is_in_one_span_whatever_the_language(text, lang):
    """Holds for arbitrary Unicode, and for blocks joined at random."""
    covers_once(text, sentence_spans(text, splitter_for(lang)[0]))


@given(assembled, st.sampled_from(LANGUAGES))
def test_no_boundary_is_inside_a_protected_token(parts, lang):
    """Holds for any text around it and for any language."""
    text = ""
    protected = []
    for between, token in parts:
        text += between
        protected.append((len(text), len(text) + len(token)))
        text += token
    spans = sentence_spans(text, splitter_for(lang)[0])
    covers_once(text, spans)
    boundaries = [(end, start) for (_, end), (start, _) in pairwise(spans)]
    split = [text[at:stop] for at, stop in protected for end, start in boundaries if at < end and start < stop]
    assert not split


@given(texts | any_text, st.sampled_from(LANGUAGES))
def test_numbers_and_addresses_in_arbitrary_texts_are_not_split(text, lang):
    """Simple patterns find them here."""
    spans = sentence_spans(text, splitter_for(lang)[0])
    boundaries = [(end, start) for (_, end), (start, _) in pairwise(spans)]
    for pattern in (r"[0-9]+(?:[.,:][0-9]+)+", r"https?://[!-~]+[a-z0-9]", r"[a-z]+@[a-z]+\.[a-z]+"):
        for match in re.finditer(pattern, text):
            assert not [end for end, start in boundaries if match.start() < end and start < match.end()]


@given(st.text(st.sampled_from("ab.!? \n\"'“”„«»([])¿*`1_/"), max_size=60), st.data())
def test_corrected_spans_still_cover_the_text(text, data):
    """Holds for any output of a splitter."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)) | {0, len(text)})
    proposed = []
    for start, end in pairwise(cuts):
        piece = text[start:end]
        if piece.strip():
            proposed.append((start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())))
    covers_once(text, with_whole_tokens(text, proposed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Er ging. „Komm!“ Sie blieb.", ["Er ging.", "„Komm!“", "Sie blieb."]),
        ("Il partit. « Viens ! » Elle resta.", ["Il partit.", "« Viens ! »", "Elle resta."]),
        ("Se fue. ¿Y ella? ¡No!", ["Se fue.", "¿Y ella?", "¡No!"]),
        ("It ends. (It does.) **Now** it ends.", ["It ends.", "(It does.)", "**Now** it ends."]),
        ("It ends. [Note: It does.] So.", ["It ends.", "[Note: It does.]", "So."]),
    ],
)
@pytest.mark.parametrize("lang", ["de", "fr", "es", "und"])
def test_opening_marks_belong_to_the_sentence_that_they_open(text, expected, lang):
    """Holds for quotation marks, brackets, Spanish marks and emphasis, in every language."""
    assert sentences(text, lang) == expected


def test_an_opening_mark_at_the_end_of_a_span_moves_to_the_next():
    """Splitters often leave it in the span before the one that it opens."""
    text = "Er ging. „Komm!“ Sie (er) blieb. ¿Y? **Nun** ja."
    cuts = [0, 10, 17, 34, 39, len(text)]
    proposed = [(start, start + len(text[start:end].rstrip())) for start, end in pairwise(cuts)]
    found = [text[start:end] for start, end in with_whole_tokens(text, proposed)]
    assert found == ["Er ging.", "„Komm!“", "Sie (er) blieb.", "¿Y?", "**Nun** ja."]


def test_lower_case_letters_begin_sentences_in_a_text_without_capitals():
    """Such as a chat."""
    assert sentences("hola. la puerta está abierta? sí, art. 5 lo dice.", "es") == [
        "hola.",
        "la puerta está abierta?",
        "sí, art. 5 lo dice.",
    ]


@pytest.mark.parametrize("lang", ["de", "el", "und"])
@pytest.mark.parametrize(
    "mark",
    ["!?", ".)", "?", '."', "..[111 ", "a.", ". ", "a. ", "2. ", "a.[1] ", "`", "` ", "(", "( ", "“ ", "._", "'.", "A. ", "3. A", "ab.\n", "1 ", " »"],
)  # fmt: skip
def test_rules_take_linear_time(lang, mark):
    """Also on repeated marks, on which other splitters take quadratic time."""
    text = mark * 20_000
    start = process_time()
    spans = sentence_spans(text, splitter_for(lang)[0])
    assert process_time() - start < 10
    covers_once(text, spans)


def test_spacy_is_not_imported_unless_it_is_named():
    """Importing it takes over a second."""
    code = (
        "import sys; from ctxzip.splitting.sentences import splitter_for, sentence_spans\n"
        "for lang in ('en', 'de', 'ja', 'ru', 'th', 'und'): sentence_spans('a. B. c', splitter_for(lang)[0])\n"
        "assert 'spacy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


_MARKS = st.text(st.sampled_from("\"'“”„‘«»([{¿¡*_…."), min_size=1, max_size=4)


@given(
    before=st.sampled_from(["", "1 ", "Abb. ", "Sie sagt: "]),
    marks=_MARKS,
    behind=st.sampled_from(["2", "A", "Das ist alles.", "I", "„Ja“"]),
    lang=st.sampled_from([*LANGUAGES, "it", "nl", "pl", "cs"]),
)
def test_a_stop_behind_marks_alone_is_split_or_not(before, marks, behind, lang):
    """There is no word that the stop could abbreviate; every character is in a sentence or white space."""
    text = f"{before}{marks}. {behind}"
    at = 0
    for start, end in sentence_spans(text, splitter_for(lang)[0]):
        assert not text[at:start].strip()
        at = end
    assert not text[at:].strip()
