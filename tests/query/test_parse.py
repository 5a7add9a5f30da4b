"""How a question is read."""

from __future__ import annotations

import ast
import math
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.query.complexity import linear
from ctxzip.query.parse import _parse, features, kind_of, parse_query
from tests.conftest import ROOT

KINDS = {
    "fact", "multi_hop", "comparison", "list", "time_scoped", "definition",
    "how_why", "summary", "yes_no", "code", "keywords", "other",
}  # fmt: skip
# Each is also read in lower case and without its last mark, as people type.
QUESTIONS = {
    "fact": [
        "Who built the bridge?",
        "When does the ferry leave?",
        "Where is the Marlow ferry moored?",
        "How long is the Hallam footbridge?",
        "In what year did the Marlow Sound ferry Kestrel switch to battery power?",
        "What is the exception to the rule?",
        "What is the name of the ferry?",
        "Can you tell me when the office opens?",
        "The old lock was designed by whom?",
    ],
    "multi_hop": [
        "Where was the director of Red Harbour born?",
        "Where was the mother of the director of Red Harbour born?",
        "In which town was the architect of the Velden Street Library born?",
        "When did Ines Holm's father die?",
        "Who is the paternal grandfather of Ines Holm?",
        "What is the population of the country where Ines Holm was born?",
        "Who owns the ship that carried the lamp to Askby?",
        "Which singer attended the same school as Ines Holm?",
    ],
    "comparison": [
        "Which bridge is longer, the old one or the new one?",
        "Which reservoir holds more water when full, Lenmoor or Askby?",
        "Were Ines Holm and Pieter Dahl from the same country?",
        "Is Lenmoor or Askby older?",
        "What is the difference between a lock and a weir?",
        "What do Lenmoor and Askby have in common?",
        "What is the effect of resin A compared to resin B?",
        "postgres vs mysql",
    ],
    "list": [
        "How many locks are there?",
        "List the harbour masters",
        "Which towns are on the ferry line?",
        "What are the three sources of the river?",
    ],
    "time_scoped": [
        "Who was harbour master in 1968?",
        "Which company ran the ferry from 1968 to March 1971?",
        "What was the name of the ferry before May 1934?",
    ],
    "definition": ["What is a weir?", "What does weir mean?", "Who was Ines Holm?", "Define ebb tide"],
    "how_why": [
        "How do I change the filter?",
        "Why was the bridge closed?",
        "What caused the north lift pump to trip?",
        "I would like to know how to change the filter.",
    ],
    "summary": ["Summarize the minutes", "Give me a short overview of the talks", "Tell me about the old ferry"],
    "yes_no": [
        "Is the pool heated?",
        "Is it true that the pool is heated?",
        "The bridge was built in 1968.",
        "Can I get a refund?",
    ],
    "code": ["What does `tallow lock` do?", "Why does read_all() return nothing?", "how do i catch a stack trace"],
    "keywords": ["bridge opening hours", "ferry Orrin timetable winter", "Beyoncé age"],
    "other": ["Yes, I do.", "Thanks!", "I don't have that form."],
}


def typed(question: str) -> str:
    """Return a question as people type it."""
    return question.lower().rstrip("?.!")


@pytest.mark.parametrize(("kind", "question"), [(kind, q) for kind, questions in QUESTIONS.items() for q in questions])
def test_a_question_is_read_by_its_words(kind, question):
    """The words name the kind."""
    assert kind_of(question) == kind


@pytest.mark.parametrize(("kind", "question"), [(kind, q) for kind, questions in QUESTIONS.items() for q in questions])
def test_capitals_and_question_marks_are_not_needed(kind, question):
    """People type so."""
    assert kind_of(typed(question)) == kind


@pytest.mark.parametrize(
    "error", ["tallow build fails with LockError", "push fails with error E4102, how do I clear it?"]
)
def test_an_error_message_is_code(error):
    """Whatever is asked about it."""
    assert kind_of(error) == "code"


def test_a_sentence_without_a_question_is_a_claim():
    """It is true or false, and its verb says so."""
    read = parse_query("There was terror in the streets of the old town that night")
    assert (read.kind, read.reason) == ("yes_no", "a claim, true or false ('was')")


def test_a_bridge_that_no_rule_names_is_seen_by_its_shape():
    """The linear model decides, and the words that moved it are told."""
    read = parse_query("The Kestrel was designed by a Danish naval architect known for which other ferry named Askby?")
    assert read.kind == "multi_hop"
    assert read.complexity >= 0.5
    assert read.reason.startswith("more than one step likely ('")


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("Who is older, Ines Holm or Pieter Dahl?", "two entities compared ('Ines Holm', 'Pieter Dahl')"),
        ("What is the difference between a lock and a weir?", "two entities compared ('lock', 'weir')"),
        ("Where was the director of Red Harbour born?", "a step inside a step ('director of')"),
        ("How many locks are there?", "several things or a count asked for ('how many')"),
        ("Who was harbour master in 1968?", "a fact at a time ('in 1968')"),
        ("What does `tallow` do?", "code or an error message ('`tallow`')"),
        ("Who built the bridge?", "one fact asked for ('who')"),
        ("", "no words"),
    ],
)
def test_the_reason_quotes_the_words_that_decided(question, why):
    """A person can see how a question was read, and why it was not read as meant."""
    assert parse_query(question).reason == why


@pytest.mark.parametrize(
    ("question", "entities"),
    [
        ('Who wrote "The Lamp at Askby"?', ("The Lamp at Askby",)),
        ("Did Ines Holm sail to the Isle of Marlow?", ("Ines Holm", "Isle of Marlow")),
        ("Who is taller, Ines Holm or Pieter van Dahl?", ("Ines Holm", "Pieter van Dahl")),
        ("who is taller ines holm or pieter van dahl", ("ines holm", "pieter van dahl")),
        ("Who ran Askby's ferry in Dec 1934?", ("Askby",)),
        ("Who built the bridge?", ()),
    ],
)
def test_entities_are_names_quotations_and_what_is_compared(question, entities):
    """As written, in their order; dates and the first word of a question are none."""
    assert parse_query(question).entities == entities


@pytest.mark.parametrize(
    "question",
    [
        "Who is older, Ines Holm or Pieter Dahl?",
        "What do Lenmoor and Askby have in common?",
        "Where was the director of Red Harbour born?",
        "What is the population of the country where Ines Holm was born?",
    ],
)
def test_comparisons_and_steps_need_several_places(question):
    """Each side, and each step, has a passage of its own."""
    assert parse_query(question).several_places


@pytest.mark.parametrize(
    "question",
    [
        "Who built the bridge?",
        "Who was harbour master in 1968?",
        "Who is the director of Red Harbour?",
        "What is the name of the ship that carried the lamp?",
        "What is the effect of resin A compared to resin B?",
        "If I am the spouse of a veteran, where do I apply?",
        "bridge opening hours",
    ],
)
def test_single_facts_need_one_place(question):
    """A link that is itself asked for, a trial's effect, and a question about oneself are no steps."""
    assert not parse_query(question).several_places


def test_a_query_of_two_steps_is_more_complex_than_one_of_one():
    """The fitted weights order what anyone would."""
    one = parse_query("Who is the director of Red Harbour?")
    two = parse_query("Where was the director of Red Harbour born?")
    three = parse_query("Where was the mother of the director of the film that won at Askby born?")
    assert one.complexity < two.complexity < three.complexity


@pytest.mark.parametrize(
    "question", ["Summarize the minutes", "What does `tallow lock` do?", "Wer hat die Brücke gebaut?"]
)
def test_what_the_model_has_not_seen_is_of_unknown_complexity(question):
    """No labelled set holds summaries, code or other languages: neither simple nor complex."""
    assert parse_query(question).complexity == 0.5


@pytest.mark.parametrize(
    "question",
    [
        "Wer hat die Brücke gebaut?",
        "wer hat die brücke gebaut",
        "Quelle farine la coopérative de Saint-Orlan utilise-t-elle pour son pain de garde ?",
        "¿Qué feria se celebra antes en el año, la de la Miel de Arbelo o la del Queso de Tormeda?",
        "Chi ha costruito il ponte?",
        "Quem construiu a ponte?",
        "wie heeft de brug gebouwd",
        "Кто построил мост?",
        "橋はいつ建てられたか。",
        "다리는 누가 지었나요?",
    ],
)
def test_another_language_is_said_to_be_one(question):
    """The rules know English alone."""
    read = parse_query(question)
    assert (read.kind, read.english, read.several_places) == ("other", False, False)
    assert read.reason.startswith("not English (")


@pytest.mark.parametrize(
    "question",
    [
        "Who is Björk?",
        "Beyoncé age",
        "la la land soundtrack",
        "Ludwig van Beethoven",
        "What does TNF-α do in β-cells?",
        "Where does El Camino Real de los Tejas end?",
        "Los Angeles population",
        "Is Los Angeles in California?",
        "Tenacious D was formed in Los Angeles, California.",
        "Do MIT students pay tuition?",
        "MIT license vs GPL",
        "mit acceptance rate",
        "Uma Thurman movies",
        "Was Che Guevara a doctor?",
        "Is EST before PST?",
        "IST to EST conversion",
        "FOI request deadline",
        "WER metric speech recognition",
        "Wat Pho opening hours",
        "Who sang Je Ne Regrette Rien?",
    ],
)
def test_foreign_names_do_not_make_a_question_foreign(question):
    """Names keep their accents and particles in English."""
    assert parse_query(question).english


@pytest.mark.parametrize("query", ["", " \n\t", "?", "...", "👍", "\ud800", "\x00"])
def test_a_query_without_words_is_no_question(query):
    """Nor is it complex."""
    read = parse_query(query)
    assert (read.kind, read.complexity, read.entities) == ("other", 0.0, ())


def test_at_most_a_thousand_code_points_are_read():
    """What stands behind them changes nothing."""
    start = "Who built the bridge " + "x" * 979
    assert parse_query(start + " and compare `it` with 橋" * 50_000) == parse_query(start)


@pytest.mark.parametrize(
    "query",
    [
        *(
            part * (1_000_000 // len(part))
            for part in ("a", "A", " ", "'", '"', "_", "-", "a'", "A of ", "? who ", "more between ", "which of a and ")
        ),
        *(
            part * 300
            for part in (
                "is x or ",
                "both x and ",
                "are a and ",
                "the a that ",
                "father's ",
                "who is the father of ",
                "a, or ",
            )
        ),
        "is " + "a and " * 150 + "same time",
    ],
)
def test_no_pattern_backtracks_without_end_on_a_hostile_query(query):
    """It takes at most a hundred times as long as a plain text of the length that is read, measured beside it."""
    plain = "In which year was the library on Velden Street in the old harbour of Askby opened to the public? " * 20
    assert _seconds(query) < 100 * _seconds(plain)


def _seconds(query):
    """Return the CPU time of the fastest of three runs, none of them from the cache."""
    best = math.inf
    for _ in range(3):
        _parse.cache_clear()
        started = time.thread_time()
        parse_query(query)
        best = min(best, time.thread_time() - started)
    return best


@given(st.text())
def test_any_text_can_be_read(text):
    """Whatever it is, it has a kind, a reason, and a complexity from 0 to 1."""
    read = parse_query(text)
    assert read.kind in KINDS
    assert read.reason
    assert 0 <= read.complexity <= 1


WORDS = sorted({word for questions in QUESTIONS.values() for question in questions for word in question.split()})


@given(
    st.lists(st.sampled_from([*WORDS, "?", ",", ".", '"', "'", "(", "die", "la", "1968"]), max_size=60).map(" ".join)
)
def test_any_words_in_any_order_are_read_the_same_twice(text):
    """Reading keeps nothing, and the parts agree with the whole."""
    read = parse_query(text)
    assert read == parse_query(text)
    assert read.kind == kind_of(text)
    assert not read.several_places or read.kind in {"multi_hop", "comparison"}
    assert read.english or read.kind == "other"


@given(st.text())
def test_features_are_finite_numbers_under_the_same_names(text):
    """What is fitted on them finds each in every question."""
    found = features(text)
    assert found.keys() == features("Who built the bridge?").keys()
    assert all(0 <= value < 100 for value in found.values())


def test_every_weight_has_its_feature():
    """A weight that is not used would be a silent loss."""
    assert linear().weights.keys() <= features("").keys()


def test_features_count_what_they_are_named_for():
    """Worked by hand."""
    found = features('Which film, "Red Harbour" or Askby, was directed by the father of Ines in 1968?')
    expected = {
        "words": 4.0,  # log2 of 1 + 15
        "names": 3.0,
        "quotes": 1.0,
        "commas": 2.0,
        "question_mark": 1.0,
        "which": 1.0,
        "who": 0.0,
        "relations": 1.0,
        "of": 1.0,
        "ors": 1.0,
        "participles": 1.0,
        "years": 1.0,
        "numbers": 1.0,
    }
    assert {name: found[name] for name in expected} == expected


def test_reading_a_question_imports_nothing_heavy():
    """The standard library alone, and where the weights lie."""
    modules = set()
    for path in (ROOT / "ctxzip" / "query").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ours = {module for module in modules if module.startswith("ctxzip")}
    assert {module for module in ours if not module.startswith("ctxzip.query.")} == {
        "ctxzip.datamodels",
        "ctxzip.model_store",
        "ctxzip.splitting.language",
    }
    assert {module.split(".")[0] for module in modules - ours} <= sys.stdlib_module_names
