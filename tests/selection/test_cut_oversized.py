"""A unit above the ceiling is cut into lines or clauses, and the piece that answers is kept with its headings."""

from __future__ import annotations

import json

import pytest

from ctxzip.compressor import Compressor
from ctxzip.rendering.record import record
from ctxzip.settings import Settings

CLAUSES = "; ".join(f"the fee of hall {n} is {n + 20} crowns a day" for n in range(30))
SENTENCE = f"In this town {CLAUSES}."
DOCUMENT = f"# Bread\n\nRye is baked daily.\n\n# Fees\n\n{SENTENCE}\n"


def kept(query, document, **settings):
    """Return the text that is kept, the result, and its own part of the record."""
    result = Compressor(Settings(scorer="bm25", **settings)).compress(query, [document])
    return result.texts[0], result, json.loads(record(result))["ctxzip"]


@pytest.mark.parametrize("number", [0, 7, 29])
def test_the_clause_that_answers_is_kept_within_the_ceiling(number):
    """With the heading above its sentence, not with that of another section."""
    text, result, _ = kept(f"What is the fee of hall {number}?", DOCUMENT, max_tokens=30)
    assert f"the fee of hall {number} is {number + 20} crowns" in text
    assert "# Fees\n\n" in text
    assert "Rye" not in text
    assert result.tokens_out <= 30


def test_the_best_piece_has_the_probability_of_its_unit():
    """The others have less, and those of other units have theirs."""
    whole = Compressor(Settings(scorer="bm25")).compress("What is the fee of hall 7?", [DOCUMENT]).scored
    cut = kept("What is the fee of hall 7?", DOCUMENT, max_tokens=30)[1].scored
    text = DOCUMENT
    by_text = {text[unit.start : unit.end]: float(p) for unit, p in zip(cut.units, cut.scores.probability, strict=True)}
    of_whole = {
        text[unit.start : unit.end]: float(p) for unit, p in zip(whole.units, whole.scores.probability, strict=True)
    }
    pieces = {piece: p for piece, p in by_text.items() if piece not in of_whole}
    best = max(pieces, key=pieces.__getitem__)
    assert "hall 7 " in best
    assert pieces[best] == pytest.approx(of_whole[SENTENCE])
    assert sorted(pieces.values())[-2] < pieces[best]
    assert {piece: p for piece, p in by_text.items() if piece in of_whole} == {
        piece: p for piece, p in of_whole.items() if piece != SENTENCE
    }


def test_pieces_of_a_unit_without_a_word_of_the_question_have_none_either():
    """A probability of 0 has no log-odds."""
    settings = Settings(scorer="bm25", max_tokens=30)
    scored = (
        Compressor(settings).compress("When does the ferry leave?", ["The ferry leaves at seven.", SENTENCE]).scored
    )
    found = [p for unit, p in zip(scored.units, scored.scores.probability, strict=True) if unit.passage == 1]
    assert len(found) > 5
    assert not any(found)


def test_words_of_the_language_of_the_question_count():
    """Ordnungen has the stem of Ordnung in German only."""
    clauses = "; ".join(
        f"die Gebühr der {word} beträgt {n} Kronen am Tag" for n, word in enumerate(["Halle", "Ordnungen", "Wiese"] * 6)
    )
    text, _, _ = kept(
        "Wie hoch ist die Gebühr einer Ordnung?", f"In der Stadt gilt, {clauses}.", max_tokens=25, lang="de"
    )
    assert "Ordnungen" in text
