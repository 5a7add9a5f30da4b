"""Sentences of many languages, and what no border falls into."""

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

from ctxzip.splitting.protected import mended
from ctxzip.splitting.sentences import sentence_spans, splitter_for
from tests.benchmarks.sentence_splitters import TEXTS, measured
from tests.strategies import any_text, texts

LANGUAGES = ["en", "de", "fr", "ru", "el", "ja", "th", "und"]
ROWS = [json.loads(line) for line in Path(TEXTS).read_text(encoding="utf-8").splitlines()]

_ATOMS = [
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
assembled = st.lists(st.tuples(st.sampled_from(_BETWEEN), st.sampled_from(_ATOMS)), min_size=1, max_size=12)


def sentences(text, lang):
    return [text[start:end] for start, end in sentence_spans(text, splitter_for(lang)[0])]


def covers_once(text, spans):
    """Whether spans are increasing, not empty, trimmed, and leave out nothing but space."""
    at = 0
    for start, end in spans:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.parametrize("lang", sorted({row["lang"] for row in ROWS}))
def test_borders_of_a_language_are_found(lang):
    """All but a few of the texts with abbreviations, units, dates, quotations and code are split as people split them."""
    rows = [row for row in ROWS if row["lang"] == lang]
    exact, f1 = measured(rows, lambda text, lang: sentence_spans(text, splitter_for(lang)[0]))[lang]
    assert exact >= (0.75 if lang == "ko" else 0.95 if lang == "en" else 1)
    assert f1 >= 0.94


def test_a_language_that_is_not_detected_is_split_nearly_as_well():
    """By the abbreviations of all languages."""
    rows = [row for row in ROWS if row["lang"] not in {"zh", "ja", "ko"}]
    exact, f1 = measured(rows, lambda text, _: sentence_spans(text, splitter_for("und")[0]))["all"]
    assert exact >= 0.93
    assert f1 >= 0.98


@given(texts | any_text, st.sampled_from(LANGUAGES))
def test_every_character_is_in_one_span_whatever_the_language(text, lang):
    """On arbitrary Unicode, and on blocks joined at random."""
    covers_once(text, sentence_spans(text, splitter_for(lang)[0]))


@given(assembled, st.sampled_from(LANGUAGES))
def test_no_border_lies_inside_an_atom(parts, lang):
    """Whatever stands around it, and whatever language was detected."""
    text = ""
    atoms = []
    for between, atom in parts:
        text += between
        atoms.append((len(text), len(text) + len(atom)))
        text += atom
    spans = sentence_spans(text, splitter_for(lang)[0])
    covers_once(text, spans)
    borders = [(end, start) for (_, end), (start, _) in pairwise(spans)]
    torn = [text[at:stop] for at, stop in atoms for end, start in borders if at < end and start < stop]
    assert not torn


@given(texts | any_text, st.sampled_from(LANGUAGES))
def test_numbers_addresses_and_code_of_arbitrary_texts_are_whole(text, lang):
    """As plain patterns find them."""
    spans = sentence_spans(text, splitter_for(lang)[0])
    borders = [(end, start) for (_, end), (start, _) in pairwise(spans)]
    for pattern in (r"[0-9]+(?:[.,:][0-9]+)+", r"https?://[!-~]+[a-z0-9]", r"[a-z]+@[a-z]+\.[a-z]+"):
        for match in re.finditer(pattern, text):
            assert not [end for end, start in borders if match.start() < end and start < match.end()]


@given(st.text(st.sampled_from("ab.!? \n\"'“”„«»([])¿*`1_/"), max_size=60), st.data())
def test_any_spans_are_mended_to_spans_that_cover_the_text(text, data):
    """Whatever a splitter proposes."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)) | {0, len(text)})
    proposed = []
    for start, end in pairwise(cuts):
        piece = text[start:end]
        if piece.strip():
            proposed.append((start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())))
    covers_once(text, mended(text, proposed))


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
def test_opening_marks_go_with_what_they_open(text, expected, lang):
    """In every language."""
    assert sentences(text, lang) == expected


def test_opening_marks_are_moved_from_where_a_splitter_leaves_them():
    """To the span that they open."""
    text = "Er ging. „Komm!“ Sie (er) blieb. ¿Y? **Nun** ja."
    cuts = [0, 10, 17, 34, 39, len(text)]
    proposed = [(start, start + len(text[start:end].rstrip())) for start, end in pairwise(cuts)]
    found = [text[start:end] for start, end in mended(text, proposed)]
    assert found == ["Er ging.", "„Komm!“", "Sie (er) blieb.", "¿Y?", "**Nun** ja."]


def test_small_letters_begin_sentences_where_there_are_no_capitals():
    """As in a chat."""
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
    """On what makes other splitters hang."""
    text = mark * 20_000
    start = process_time()
    spans = sentence_spans(text, splitter_for(lang)[0])
    assert process_time() - start < 10
    covers_once(text, spans)


def test_spacy_is_not_imported_unless_it_is_named():
    """It takes over a second."""
    code = (
        "import sys; from ctxzip.splitting.sentences import splitter_for, sentence_spans\n"
        "for lang in ('en', 'de', 'ja', 'ru', 'th', 'und'): sentence_spans('a. B. c', splitter_for(lang)[0])\n"
        "assert 'spacy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
