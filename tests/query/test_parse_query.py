"""Parsing of queries: kind, complexity, entities, language."""

from __future__ import annotations

import ast
import math
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.query.complexity import linear_model
from ctxzip.query.kinds import KINDS
from ctxzip.query.parse import _parse, parse_query, query_features
from tests.conftest import ROOT

# By kind. Each is also parsed in lower case and without its last punctuation mark.
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


@pytest.mark.parametrize(("kind", "question"), [(kind, q) for kind, questions in QUESTIONS.items() for q in questions])
def test_the_kind_of_a_question(kind, question):
    """The words of the question determine it."""
    assert parse_query(question).kind == kind


@pytest.mark.parametrize(("kind", "question"), [(kind, q) for kind, questions in QUESTIONS.items() for q in questions])
def test_the_kind_does_not_depend_on_capitals_and_question_marks(kind, question):
    """Many people type neither."""
    assert parse_query(question.lower().rstrip("?.!")).kind == kind


@pytest.mark.parametrize(
    "error", ["tallow build fails with LockError", "push fails with error E4102, how do I clear it?"]
)
def test_an_error_message_is_code(error):
    """With or without a question about it."""
    assert parse_query(error).kind == "code"


def test_a_statement_is_a_claim():
    """Its verb distinguishes it from keywords."""
    parsed = parse_query("There was terror in the streets of the old town that night")
    assert (parsed.kind, parsed.reason) == ("yes_no", "claim, true or false ('was')")


def test_the_linear_model_finds_multi_hop_questions_that_no_rule_covers():
    """The reason quotes the words with the largest contributions."""
    parsed = parse_query(
        "The Kestrel was designed by a Danish naval architect known for which other ferry named Askby?"
    )
    assert parsed.kind == "multi_hop"
    assert parsed.complexity >= 0.5
    assert parsed.reason.startswith("probably multi-hop ('")


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Who is older, Ines Holm or Pieter Dahl?", "comparison of two entities ('Ines Holm', 'Pieter Dahl')"),
        ("What is the difference between a lock and a weir?", "comparison of two entities ('lock', 'weir')"),
        ("Where was the director of Red Harbour born?", "multi-hop ('director of')"),
        ("How many locks are there?", "list or count ('how many')"),
        ("Who was harbour master in 1968?", "fact at a given time ('in 1968')"),
        ("What does `tallow` do?", "code or error message ('`tallow`')"),
        ("Who built the bridge?", "single fact ('who')"),
        ("", "no words"),
    ],
)
def test_the_reason_quotes_the_words_that_decided(question, reason):
    """A user can see why a query was classified as it was."""
    assert parse_query(question).reason == reason


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
def test_entities_are_names_quotations_and_compared_things(question, entities):
    """As written, in order; neither dates nor the capitalized first word of a question."""
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
def test_comparisons_and_multi_hop_questions_need_several_passages(question):
    """Each compared thing and each hop may have a passage of its own."""
    assert parse_query(question).needs_several_passages


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
def test_single_facts_need_one_passage(question):
    """So do a relation that is itself the answer, the effect of a treatment, and a question about oneself."""
    assert not parse_query(question).needs_several_passages


def test_complexity_rises_with_the_number_of_hops():
    """One, two and three hops."""
    one = parse_query("Who is the director of Red Harbour?")
    two = parse_query("Where was the director of Red Harbour born?")
    three = parse_query("Where was the mother of the director of the film that won at Askby born?")
    assert one.complexity < two.complexity < three.complexity


@pytest.mark.parametrize(
    "question", ["Summarize the minutes", "What does `tallow lock` do?", "Wer hat die Brücke gebaut?"]
)
def test_the_complexity_of_kinds_without_training_data_is_a_half(question):
    """No labelled set of queries holds summaries, code or other languages."""
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
def test_a_query_that_is_not_english_is_detected(question):
    """No rule applies to it."""
    parsed = parse_query(question)
    assert (parsed.kind, parsed.english, parsed.needs_several_passages) == ("other", False, False)
    assert parsed.reason.startswith("not English (")


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
def test_an_english_query_with_names_of_other_languages_is_english(question):
    """Names keep their accents and particles in English."""
    assert parse_query(question).english


@pytest.mark.parametrize("query", ["", " \n\t", "?", "...", "👍", "\ud800", "\x00"])
def test_a_query_without_words_is_of_kind_other_and_not_complex(query):
    """Punctuation, emoji, surrogates and control characters are not words."""
    parsed = parse_query(query)
    assert (parsed.kind, parsed.complexity, parsed.entities) == ("other", 0.0, ())


def test_at_most_a_thousand_code_points_are_parsed():
    """Later ones change nothing."""
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
def test_no_pattern_backtracks_catastrophically(query):
    """A hostile query takes at most a hundred times as long as ordinary text that fills the 1,000 code points."""
    ordinary = "In which year was the library on Velden Street in the old harbour of Askby opened to the public? " * 20
    assert _seconds(query) < 100 * _seconds(ordinary)


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
def test_any_text_can_be_parsed(text):
    """It has a kind, a reason, and a complexity from 0 to 1."""
    parsed = parse_query(text)
    assert parsed.kind in KINDS
    assert parsed.reason
    assert 0 <= parsed.complexity <= 1


WORDS = sorted({word for questions in QUESTIONS.values() for question in questions for word in question.split()})


@given(
    st.lists(st.sampled_from([*WORDS, "?", ",", ".", '"', "'", "(", "die", "la", "1968"]), max_size=60).map(" ".join)
)
def test_the_fields_of_a_parsed_query_agree(text):
    """For any words in any order; parsing again, without the cache, gives the same."""
    parsed = parse_query(text)
    assert parsed == _parse.__wrapped__(text[:1_000])
    assert not parsed.needs_several_passages or parsed.kind in {"multi_hop", "comparison"}
    assert parsed.may_need_several_passages or not parsed.needs_several_passages
    assert parsed.english or parsed.kind == "other"


@given(st.text())
def test_every_query_has_the_same_features(text):
    """As finite numbers under the same names."""
    features = query_features(text)
    assert features.keys() == query_features("Who built the bridge?").keys()
    assert all(0 <= value < 100 for value in features.values())


def test_every_weight_has_its_feature():
    """A weight without a feature would be ignored silently."""
    assert linear_model().weights.keys() <= query_features("").keys()


def test_the_features_of_a_query():
    """Counted by hand."""
    features = query_features('Which film, "Red Harbour" or Askby, was directed by the father of Ines in 1968?')
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
    assert {name: features[name] for name in expected} == expected


def test_the_query_package_imports_nothing_heavy():
    """Only the standard library, the records and the model store."""
    modules = set()
    for path in (ROOT / "ctxzip" / "query").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    internal = {module for module in modules if module.startswith("ctxzip")}
    assert {module for module in internal if not module.startswith("ctxzip.query.")} == {
        "ctxzip._internal.untrusted_files",  # the weights of the complexity
        "ctxzip.datamodels",
        "ctxzip.model_store",
        "ctxzip.splitting.language",
    }
    assert {module.split(".")[0] for module in modules - internal} <= sys.stdlib_module_names
