"""Language identification on our own labelled texts."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

import pytest

from ctxzip import compress
from ctxzip.query.parse import parse_query
from ctxzip.splitting.language import UNKNOWN, detect_language
from tests.benchmarks.language_detectors import is_right, labelled

NEEDED = {"query": 0.97, "prose": 1.0, "short": 0.85, "mixed": 1.0, "code": 1.0, "name": 1.0}


def test_labelled_texts():
    """The accuracy for each kind of text is at least the one measured when the detector was chosen."""
    right = defaultdict(list)
    for text, language, kind in labelled():
        right[kind].append(is_right(detect_language(text), language, kind))
    shares = {kind: sum(found) / len(found) for kind, found in right.items()}
    assert shares.keys() == NEEDED.keys()
    assert {kind: share for kind, share in shares.items() if share < NEEDED[kind]} == {}


@pytest.mark.parametrize(
    "text", ["Was kostet die Karte?", "Comment ouvrir la porte ?", "paljonko lippu maksaa", "საქართველო"]
)
def test_a_query_in_another_language_is_not_english(text):
    """`ParsedQuery.english` is false for it."""
    assert not parse_query(text).english


@pytest.mark.parametrize("text", ["", " ", "42", "\x00", "?!", "\ud800", "v2.14.3", "a.b.c", "```\nder die das\n```"])
def test_a_text_without_words_has_no_language(text):
    """Numbers, punctuation, identifiers and code blocks are not words."""
    assert detect_language(text) == UNKNOWN


@pytest.mark.parametrize(
    ("query", "document", "warns"),
    [
        ("When is the bridge closed?", "Die Brücke wird am Montag gesperrt und am Freitag geöffnet.", True),
        ("Wann wird die Brücke gesperrt?", "The bridge is closed on Monday and opens again on Friday.", True),
        ("When is the bridge closed?", "The bridge is closed on Monday and opens again on Friday.", False),
        ("Wann wird die Brücke gesperrt?", "Die Brücke wird am Montag gesperrt und am Freitag geöffnet.", False),
        ("bridge", "E107 0.12 0.15", False),
    ],
)
def test_a_query_and_documents_in_different_languages_give_one_warning(query, document, warns):
    """One per record, however many documents it has."""
    result = compress(query, [document, document], scorer="bm25")
    assert sum(warning.code == "language_mismatch" for warning in result.warnings) == warns


def test_english_does_not_load_py3langid():
    """Loading it takes most of a second."""
    code = (
        "import sys\nfrom ctxzip.splitting.language import detect_language\n"
        "print(detect_language('When is the bridge closed?'), detect_language('The ferry leaves at nine, and there is no other.'))\n"
        "print('py3langid' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["en", "en", "False"]
