"""The second look at questions whose evidence stands in several places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctxzip import Compressor
from ctxzip.datamodels import Passage, Request, Scores, Unit
from ctxzip.reading.detection import SHAPES, to_request
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.second_pass import best_of_passages, combined, informed, sentence_with_title

PASSAGES = (
    Passage("Ines Holm was born in 1931. She sang.", title="Ines Holm"),
    Passage("Red Harbour was directed by Ines Holm.", title="Red Harbour"),
    Passage("Bread is baked here."),
)
UNITS = [
    Unit(0, 0, 27, 8, "sentence"),
    Unit(0, 28, 37, 3, "sentence"),
    Unit(1, 0, 38, 8, "sentence"),
    Unit(2, 0, 20, 5, "sentence"),
]
REQUEST = Request("When was the director of Red Harbour born?", PASSAGES)


def scores(*probability):
    return Scores(np.array(probability, dtype=np.float32), np.zeros(3, dtype=np.float32))


def test_the_best_unit_of_each_of_the_two_best_passages_is_told():
    """The best first; a second unit of the same passage says little more."""
    assert best_of_passages(UNITS, scores(0.2, 0.4, 0.9, 0.3)) == [2, 1]


def test_a_heading_is_not_told():
    """It is no evidence."""
    units = [Unit(0, 0, 5, 1, "heading"), *UNITS[1:]]
    assert best_of_passages(units, scores(0.9, 0.1, 0.3, 0.2)) == [2, 3]


def test_what_is_told_has_the_title_in_front():
    """Where there is one."""
    assert informed(REQUEST, UNITS, scores(0.1, 0.0, 0.9, 0.2)).found == (
        "Red Harbour: Red Harbour was directed by Ines Holm.",
        "Bread is baked here.",
    )
    assert sentence_with_title(REQUEST, UNITS[3]) == "Bread is baked here."


def test_of_a_long_block_its_head_is_told():
    """BM25 would be asked for every word of it, once for every unit."""
    code = " ".join(f"name_{n}" for n in range(10_000))
    request = Request("Who named it?", (Passage(code, "Names"),))
    assert len(sentence_with_title(request, Unit(0, 0, len(code), 1, "code"))) == 2_000


def test_both_looks_count_the_same():
    """A case worked by hand: odds of 1/4 and 2/3 have the mean 0.408."""
    assert combined(scores(0.2, 0.0, 1.0, 0.0), scores(0.4, 0.0, 0.0, 0.0)).probability.tolist() == pytest.approx(
        [0.2899, 0.0, 0.5, 0.0], abs=1e-4
    )


def test_a_second_look_reads_what_the_found_sentences_lead_to():
    """Two fifths of a long request, all of a short one."""
    text = f"It is {'far ' * 300}away."
    long = replace(REQUEST, passages=(Passage(text),) * 6)
    units = [Unit(i, 0, len(text), 300, "sentence") for i in range(6)]
    first = scores(0.1, 0.9, 0.2, 0.1, 0.1, 0.1)
    assert informed(long, units, first).read_characters == 2_907  # of 7,266
    assert informed(REQUEST, UNITS, scores(0.1, 0.0, 0.9, 0.2)).read_characters is None


def test_bm25_is_asked_for_what_was_found_too():
    """A name that the question does not say leads to the passage about it."""
    told = replace(REQUEST, found=("Red Harbour: Red Harbour was directed by Ines Holm.",))
    first, second = Bm25Scorer().score([(REQUEST, UNITS), (told, UNITS)])
    assert first.probability[0] < second.probability[0]
    assert second.probability[0] > second.probability[3]


class Recording:
    """Says that every unit is as likely as the next, and remembers what it was asked."""

    name = "recording"
    device = "cpu"
    notice: str | None = None
    batch_tokens = 0
    second_looks = True

    def __init__(self):
        self.asked = []

    def score(self, batch):
        self.asked += [request.found for request, _ in batch]
        return [
            Scores(np.full(len(units), 0.5, np.float32), np.full(len(request.passages), 0.5, np.float32))
            for request, units in batch
        ]

    def close(self):
        """Nothing to free."""


def looks(query, docs, *, reads_what_was_found=True):
    scorer = Recording()
    scorer.second_looks = reads_what_was_found
    Compressor(scorer=scorer).compress(to_request({"query": query, "docs": docs}, SHAPES))
    return scorer.asked


def test_a_single_fact_is_looked_for_once():
    """And pays nothing."""
    assert looks("When does the ferry leave?", ["At seven.", "It is red."]) == [()]


def test_a_fact_that_may_hide_a_step_is_looked_for_twice():
    """What it asks about is described, not named."""
    assert len(looks("What party was the man who largely repealed the Black Act a member of?", ["A.", "B."])) == 2


def test_a_question_of_several_places_is_looked_for_twice():
    """The second time with what the first found."""
    first, second = looks("Which bridge is older, the Orrin Bridge or the Tallow Bridge?", ["At seven.", "It is red."])
    assert first == ()
    assert second == ("At seven.", "It is red.")


@pytest.mark.parametrize(
    ("docs", "reads"), [(["The only document."], True), (["One.", "Two."], False)], ids=["one document", "bm25"]
)
def test_a_second_look_is_not_taken_where_it_cannot_help(docs, reads):
    """There is no second place, or the scorer does not read what was found."""
    assert looks("Which bridge is older, the Orrin Bridge or the Tallow Bridge?", docs, reads_what_was_found=reads) == [
        ()
    ]
