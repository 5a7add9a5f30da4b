"""Tables in text, at the borders of what is one: separated values, columns, and terms with explanations."""

from __future__ import annotations

import pytest

from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans


def kinds(text, lang="en"):
    return [span.kind for span in split_into_spans(text, splitter_for(lang)[0])]


def pieces(text, lang="en"):
    return [text[span.start : span.end] for span in split_into_spans(text, splitter_for(lang)[0])]


def test_a_quoted_header_of_names_is_a_header_and_one_of_numbers_is_none():
    assert kinds('"order","customer","total"\n"1001","Ada Holm","14"\n"1002","Bo Lund","22"\n')[0] == "table_header"
    assert kinds('"1000","Ada Holm","14"\n"1001","Bo Lund","22"\n"1002","Cy Berg","7"\n') == ["line"] * 3


@pytest.mark.parametrize(("n_rows", "is_table"), [(7, False), (8, True)])
def test_four_fifths_of_the_lines_are_enough(n_rows, is_table):
    """Of ten lines the others have another number of cells."""
    rows = [f"{i},pump,red,{i}" for i in range(n_rows)] + ["a,b"] * (10 - n_rows)
    assert (kinds("\n".join(rows)) == ["line"] * 10) == is_table


def test_half_of_the_commas_may_be_followed_by_a_space():
    """Addresses are in cells."""
    rows = [f"{i},Quay {i}, Osby" for i in range(5)]
    assert kinds("\n".join(rows)) == ["line"] * 5


def test_a_question_is_no_term_with_an_explanation():
    """The lines below it are its answer, or another question."""
    question = "Is it open?\n    It is open from ten to four on all days but Monday.\n"
    term = "Lock Keeper\n    It is the person who opens the gates of the lock by day.\n"
    assert kinds(question * 3) != kinds(term * 3)


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("de", "Die Frist steht im Gesetz (vgl. S. 14). Sie ist kurz.", ["Die Frist steht im Gesetz (vgl. S. 14).", "Sie ist kurz."]),
        ("de", "Der Plan (Abb. 3) ist alt. „Vgl. Art. 12“ steht darin.", ["Der Plan (Abb. 3) ist alt.", "„Vgl. Art. 12“ steht darin."]),
        ("en", "The plan is old (cf. Fig. 3). It is red.", ["The plan is old (cf. Fig. 3).", "It is red."]),
    ],
)  # fmt: skip
def test_an_abbreviation_behind_an_opening_mark_ends_no_sentence(lang, text, expected):
    assert pieces(text, lang) == expected
