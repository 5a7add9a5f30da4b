"""`answerable` in records, `--min-answerable` and its exit code."""

from __future__ import annotations

import json

import pytest

from ctxzip import compress
from ctxzip.errors import UsageError
from ctxzip.selection.budget_from_limits import NO_ANSWER
from tests.conftest import FIXTURES, ctxzip

CONTRACT = (
    "The lease begins on the first of May. The rent is due on the third day of each month. Pets are not allowed in the "
    "flat. The deposit is three months of rent and is paid back when the keys are returned."
)
ASKED = "When is the rent due?"
OFF_TOPIC = "What is the capital of France?"


def lines(*queries):
    return "".join(json.dumps({"query": query, "docs": [CONTRACT]}) + "\n" for query in queries).encode()


def answerable(query, **limits):
    probability = compress(query, [CONTRACT], **limits).budget.answerable
    assert probability is not None
    return probability


@pytest.mark.parametrize("limits", [{}, {"max_sentences": 2}, {"ratio": 0.5}, {"recall": 0.8}])
def test_the_probability_of_an_answer_is_reported_under_every_limit(limits):
    """It is higher where a sentence answers."""
    asked, off_topic = (answerable(query, **limits) for query in (ASKED, OFF_TOPIC))
    assert 0 <= off_topic < 0.5 < asked <= 1


def test_a_question_that_probably_nothing_answers_has_a_warning():
    """A limit keeps what it allows all the same."""
    result = compress(OFF_TOPIC, [CONTRACT], max_sentences=2)
    assert "low_relevance" in [warning.code for warning in result.warnings]
    assert len(result.selection.kept) == 2
    assert compress(ASKED, [CONTRACT], max_sentences=2).warnings == ()


@pytest.mark.parametrize("limits", [{}, {"max_sentences": 2}, {"recall": 0.8}])
def test_min_answerable_empties_a_record_under_every_limit(limits):
    """Without a guarantee; `empty` decides what is kept."""
    result = compress(OFF_TOPIC, [CONTRACT], min_answerable=0.5, **limits)
    assert result.texts == ("",)
    assert result.budget.no_answer == NO_ANSWER
    assert result.budget.guarantee is None
    best = compress(OFF_TOPIC, [CONTRACT], min_answerable=0.5, empty="keep-best", **limits)
    assert len(best.selection.kept) == 1
    assert any(compress(ASKED, [CONTRACT], min_answerable=0.5, **limits).texts)


@pytest.mark.parametrize("query", ["Wann ist die Miete für die Wohnung fällig?", "Quand faut-il payer le loyer ?"])
def test_where_it_is_not_known_min_answerable_has_no_effect_and_the_record_says_so(query):
    """The model does not read other languages."""
    result = compress(query, [CONTRACT], min_answerable=1.0, max_sentences=1)
    assert result.budget.answerable is None
    assert any(result.texts)
    assert "answerable_unknown" in [warning.code for warning in result.warnings]


@pytest.mark.parametrize("scorer", ["bm25", "model"])
def test_scorers_without_a_policy_of_their_own_do_not_know_it(scorer):
    """`min_answerable` with such a scorer is an error."""
    with pytest.raises(UsageError, match=f"the scorer {scorer} does not tell"):
        compress(ASKED, [CONTRACT], min_answerable=0.5, scorer=scorer)
    assert compress(ASKED, [CONTRACT], scorer=scorer).budget.answerable is None


def test_it_is_not_known_where_no_document_is_in_english():
    """The model does not read them."""
    german = (
        "Die Miete für die Wohnung ist am dritten Tag des Monats fällig. Haustiere sind in der Wohnung nicht erlaubt."
    )
    assert compress(ASKED, [german]).budget.answerable is None
    assert compress(ASKED, [german, CONTRACT]).budget.answerable is not None


def test_it_is_not_known_if_the_deadline_has_passed():
    """BM25 has scored the units then."""
    assert compress(ASKED, [CONTRACT], deadline_ms=0).budget.answerable is None


def test_a_record_that_is_answered_is_the_same_with_min_answerable():
    """Also a very short one, which an automatic budget leaves whole."""
    short = "The rent is due on Monday. Pets are not allowed."
    for text in (short, CONTRACT):
        assert compress(ASKED, [text], min_answerable=0.0).texts == compress(ASKED, [text]).texts


@pytest.mark.parametrize("documents", [[], [""], [" "]])
def test_a_record_without_text_is_unanswerable(documents):
    """A script should retrieve again."""
    line = json.dumps({"query": ASKED, "docs": documents}) + "\n"
    assert ctxzip("compress", "--min-answerable", "0.1", stdin=line).code == 4
    assert ctxzip("compress", stdin=line).code == 0


def test_the_context_of_an_unanswerable_prompt_is_dropped():
    """Whatever its share is; the instruction and the question are kept."""
    prompt = FIXTURES / "shapes" / "segments.jsonl"
    run = ctxzip("compress", "--min-answerable", "1", "--segment-budget", "context=0.6", prompt)
    assert run.code == 4
    texts = [(segment["type"], segment["text"]) for record in run.records for segment in record["segments"]]
    assert not any(text for kind, text in texts if kind == "context")
    assert all(text for kind, text in texts if kind in {"instruction", "question"})


def test_what_empty_keeps_is_reported_where_it_exceeds_or_misses_a_limit():
    """The best unit is larger than a ratio allows, or does not fit at all."""
    for limits, code in (({"ratio": 0.05}, "over_ratio"), ({"max_tokens": 3}, "nothing_fits")):
        result = compress(OFF_TOPIC, [CONTRACT], min_answerable=1.0, empty="keep-best", **limits)
        assert {warning.code for warning in result.warnings} == {"no_answer", code}


@pytest.mark.parametrize("value", ["-0.1", "1.5"])
def test_a_probability_is_from_0_to_1(value):
    """As every probability."""
    run = ctxzip("compress", f"--min-answerable={value}", stdin=lines(ASKED))
    assert run.code == 2
    assert f"--min-answerable {value}: expected a number from 0 to 1" in run.err


@pytest.mark.parametrize(
    ("queries", "code", "unanswered"),
    [([OFF_TOPIC], 4, 1), ([OFF_TOPIC, OFF_TOPIC], 4, 2), ([OFF_TOPIC, ASKED], 0, 1), ([ASKED], 0, 0), ([], 0, 0)],
)
def test_the_exit_code_is_4_if_no_record_is_answered(queries, code, unanswered, tmp_path):
    """So that a script can retrieve again; the records are output in any case."""
    stats = tmp_path / "stats.json"
    run = ctxzip("compress", "--min-answerable", "0.5", "--stats", stats, stdin=lines(*queries))
    assert run.code == code
    assert len(run.out.splitlines()) == len(queries)
    assert json.loads(stats.read_text())["unanswered"] == unanswered
    assert (f"{unanswered} without an answer" in run.err) == (unanswered > 0)


def test_a_record_that_could_not_be_used_counts_more():
    """The exit code is 1."""
    assert ctxzip("compress", "--min-answerable", "0.5", stdin=lines(OFF_TOPIC) + b"{\n").code == 1


def test_without_min_answerable_the_exit_code_is_0():
    """Also where the automatic budget keeps nothing."""
    assert ctxzip("compress", stdin=lines(OFF_TOPIC)).code == 0


def test_select_decides_as_compress_does():
    """From scored records, without the model."""
    scored = ctxzip("score", stdin=lines(OFF_TOPIC, ASKED)).out
    options = ("--min-answerable", "0.5", "-n", "1")
    assert (
        ctxzip("select", *options, stdin=scored).out == ctxzip("compress", *options, stdin=lines(OFF_TOPIC, ASKED)).out
    )


def test_documents_in_no_known_language_have_a_probability():
    """A line of a log is no German text."""
    result = compress("What is the code?", ["E107 42", "X9-11"], model="nano")
    assert set(result.scored.prepared.languages) == {"und"}
    assert result.budget.answerable is not None
