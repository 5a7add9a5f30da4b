"""The second pass of queries whose evidence is in several passages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctxzip import Compressor
from ctxzip.datamodels import Passage, Request, Scores, ScoringInput, Unit
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.second_pass import best_of_passages, combined, second_input, sentence_with_title

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


def test_evidence_is_the_best_unit_of_each_of_the_two_best_passages():
    """The best first."""
    assert best_of_passages(UNITS, scores(0.2, 0.4, 0.9, 0.3)) == [2, 1]


def test_a_heading_is_no_evidence():
    """It states nothing by itself."""
    units = [Unit(0, 0, 5, 1, "heading"), *UNITS[1:]]
    assert best_of_passages(units, scores(0.9, 0.1, 0.3, 0.2)) == [2, 3]


def test_evidence_has_the_title_in_front():
    """Where the passage has a title."""
    assert second_input(ScoringInput(REQUEST, UNITS), scores(0.1, 0.0, 0.9, 0.2)).evidence == (
        "Red Harbour: Red Harbour was directed by Ines Holm.",
        "Bread is baked here.",
    )
    assert sentence_with_title(REQUEST, UNITS[3]) == "Bread is baked here."


def test_a_long_block_is_cut_to_its_first_code_points():
    """All of its words would be terms of the BM25 query."""
    code = " ".join(f"name_{n}" for n in range(10_000))
    request = Request("Who named it?", (Passage(code, "Names"),))
    assert len(sentence_with_title(request, Unit(0, 0, len(code), 1, "code"))) == 2_000


def test_both_passes_have_the_same_weight():
    """Worked by hand: odds of 1/4 and 2/3 have the geometric mean 0.408."""
    assert combined(scores(0.2, 0.0, 1.0, 0.0), scores(0.4, 0.0, 0.0, 0.0)).probability.tolist() == pytest.approx(
        [0.2899, 0.0, 0.5, 0.0], abs=1e-4
    )


def test_a_second_pass_scores_two_fifths_of_a_long_request():
    """And all of a short request."""
    text = f"It is {'far ' * 300}away."
    long = replace(REQUEST, passages=(Passage(text),) * 6)
    units = [Unit(i, 0, len(text), 300, "sentence") for i in range(6)]
    first = scores(0.1, 0.9, 0.2, 0.1, 0.1, 0.1)
    assert second_input(ScoringInput(long, units), first).max_characters == 2_907  # of 7,266
    assert second_input(ScoringInput(REQUEST, UNITS), scores(0.1, 0.0, 0.9, 0.2)).max_characters is None


def test_bm25_adds_the_terms_of_the_evidence_to_the_query():
    """A name in the evidence leads to the passage about it."""
    evidence = ("Red Harbour: Red Harbour was directed by Ines Holm.",)
    inputs = [ScoringInput(REQUEST, UNITS), ScoringInput(REQUEST, UNITS, evidence)]
    first, second = Bm25Scorer().score(inputs)
    assert first.probability[0] < second.probability[0]
    assert second.probability[0] > second.probability[3]


class Recording:
    """Gives every unit the same probability, and records the evidence of each input."""

    name = "recording"
    device = "cpu"
    warning: str | None = None
    batch_tokens = 0
    has_second_pass = True

    def __init__(self):
        self.evidence = []

    def score(self, batch):
        self.evidence += [item.evidence for item in batch]
        return [
            Scores(np.full(len(item.units), 0.5, np.float32), np.full(len(item.request.passages), 0.5, np.float32))
            for item in batch
        ]

    def close(self):
        """Nothing to free."""


def passes(query, docs, *, has_second_pass=True):
    scorer = Recording()
    scorer.has_second_pass = has_second_pass
    Compressor(scorer=scorer).compress(to_request({"query": query, "docs": docs}, SHAPES))
    return scorer.evidence


def test_a_single_fact_has_one_pass():
    """A second one would cost time and find nothing."""
    assert passes("When does the ferry leave?", ["At seven.", "It is red."]) == [()]


def test_a_fact_that_may_be_multi_hop_has_two_passes():
    """The query describes its subject and does not name it."""
    assert len(passes("What party was the man who largely repealed the Black Act a member of?", ["A.", "B."])) == 2


def test_a_query_that_needs_several_passages_has_two_passes():
    """The second pass gets the evidence of the first."""
    first, second = passes("Which bridge is older, the Orrin Bridge or the Tallow Bridge?", ["At seven.", "It is red."])
    assert first == ()
    assert second == ("At seven.", "It is red.")


@pytest.mark.parametrize(
    ("docs", "has_second_pass"),
    [(["The only document."], True), (["One.", "Two."], False)],
    ids=["one document", "bm25"],
)
def test_there_is_one_pass_for_one_document_or_a_scorer_without_a_second_pass(docs, has_second_pass):
    """A second one would find nothing."""
    assert passes(
        "Which bridge is older, the Orrin Bridge or the Tallow Bridge?", docs, has_second_pass=has_second_pass
    ) == [()]
