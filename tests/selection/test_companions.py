"""What belongs together comes together: steps of a procedure, sentences that refer back, titles, and introduced lists."""

from __future__ import annotations

import pytest

from ctxzip import Compressor, Settings, compress
from ctxzip.rendering.record import record
from ctxzip.selection.companions import Companions
from ctxzip.selection.procedure import in_runs, procedures
from ctxzip.splitting.anaphora import is_context_dependent
from tests.selection.test_select_within_budget import units_of

pytestmark = pytest.mark.usefixtures("models_read_once")

STEPS = """Replacing the belt

1. Switch the saw off.
2. Loosen the wheel. It turns to the left.
3. Take the old belt out.
4. Put the new belt on both wheels.
5. Tighten the wheel.

The saw is cleaned once a week. Belts last for a year. Oil is not needed."""
HOW = "How do I replace the belt of the saw?"
MUSEUM = "The baths are next door. The museum is in the old customs house. On Sundays it opens at eleven. A tram stops there."


def kept(query, text, **settings):
    return compress(query, [text], scorer="bm25", **settings).texts[0]


@pytest.mark.parametrize(
    ("texts", "runs"),
    [
        (["1. a", "2. b", "3. c"], [[0, 1, 2]]),
        (["x", "1) a", "it", "2) b", "y"], [[1, 2, 3, 4]]),
        (["Step 1: a", "Step 2: b"], [[0, 1]]),
        (["1. a", "3. c"], []),
        (["1. a", "2. b", "1. c", "2. d"], [[0, 1], [2, 3]]),
        (["1. a", "2. b", "- c"], [[0, 1]]),
        (["a", "b"], []),
    ],
)
def test_steps_are_numbered_without_gaps(texts, runs):
    """What is between two of them belongs to the run, and so do later paragraphs of the last item."""
    units = units_of(*[4] * len(texts), kinds=["list_item"] * len(texts))
    assert procedures(units, texts.__getitem__) == runs


def test_the_run_of_the_best_step_follows_it_in_the_order_of_distance():
    """The later of two neighbours comes first; units before the best step keep their places."""
    ranked, steps = in_runs([9, 3, 0, 5, 1, 2, 4], [[1, 2, 3, 4]])
    assert ranked == [9, 3, 4, 2, 1, 0, 5]
    assert steps == {4: 3, 2: 3, 1: 3}


def test_all_steps_are_kept_where_the_query_asks_how():
    """An automatic budget keeps the whole procedure, and no more of the text."""
    text = kept(HOW, STEPS)
    assert all(f"{number}. " in text for number in range(1, 6))
    assert "Oil" not in text


@pytest.mark.parametrize("query", ["Who made the belt of the saw?", "How long do belts last?"])
def test_other_queries_do_not_ask_for_the_steps(query):
    """They keep what scores."""
    assert "5. Tighten" not in kept(query, STEPS)


@pytest.mark.parametrize("limits", [{"max_tokens": 32}, {"max_sentences": 3}, {"ratio": 0.4}], ids=str)
def test_under_a_limit_the_steps_around_the_best_one_are_kept(limits):
    """In order and without gaps."""
    result = compress(HOW, [STEPS], scorer="bm25", **limits)
    numbers = [int(line[0]) for line in result.texts[0].splitlines() if line[:1].isdigit()]
    assert len(numbers) > 1
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_threshold_of_the_user_holds_for_steps_too():
    """Nothing is kept below it but the best unit."""
    result = compress(HOW, [STEPS], scorer="bm25", threshold=0.99)
    assert len(result.selection.kept) < 3


def test_a_sentence_that_refers_back_brings_the_one_before_it():
    """With the reason in the record, and only where there is room for it."""
    result = Compressor(Settings(scorer="bm25", explain=True)).compress("When does it open on Sundays?", [MUSEUM])
    assert result.texts[0] == "The museum is in the old customs house. On Sundays it opens at eleven."
    assert "context of [0, " in str(record(result))
    assert "customs house. On" in kept("When does it open on Sundays?", MUSEUM, max_tokens=18)
    assert kept("When does it open on Sundays?", MUSEUM, max_tokens=10) == "On Sundays it opens at eleven."
    assert kept("When does it open on Sundays?", MUSEUM, max_sentences=1) == "On Sundays it opens at eleven."


def test_the_sentence_before_is_of_the_same_paragraph():
    """Else it is about something else."""
    text = MUSEUM.replace("house. On", "house.\n\nOn")
    assert kept("When does it open on Sundays?", text) == "On Sundays it opens at eleven."


@pytest.mark.parametrize(
    ("sentence", "depends"),
    [
        ("It was built in 1902.", True),
        ("This means that tickets are sold out.", True),
        ("In 1912 they moved.", True),
        ("Er wurde 1902 gebaut.", True),
        ("Cela coûte cher.", True),
        ("It is known that bridges rust.", False),
        ("This policy applies to all staff.", False),
        ("Italy is large.", False),
        ("At nine the ferry leaves and it is full.", False),
    ],
)
def test_a_pronoun_as_a_subject_refers_back(sentence, depends):
    """In several languages."""
    assert is_context_dependent(sentence) is depends


def test_a_title_comes_along_where_there_is_room():
    """It does not count as a sentence."""
    text = (
        "Harbour Museum\n\n## Hours\n\nOn Sundays the house opens at eleven.\n\n## Fees\n\nA ticket costs five euros.\n"
    )
    query = "What does a ticket cost?"
    assert kept(query, text, max_sentences=1).startswith("Harbour Museum")
    assert "Museum" not in kept(query, text, max_tokens=10)


def test_a_first_line_that_is_no_title_does_not_come_along():
    """Such as an entry of a log."""
    texts = ["The ferry is late.\nIt rains."]
    units = units_of(5, 4)
    assert Companions(units, texts).title(1) is None


def test_a_row_has_at_least_the_score_of_the_line_above_its_table():
    """The line alone matches the query, and is kept with its best row only."""
    text = (
        "The fees for documents such as a passport:\n\n| Document | Fee |\n|---|---|\n| Identity card | 37 |\n| Passport | 70 |\n\n"
        "Documents are sent by mail."
    )
    result = compress("What is the fee for a passport?", [text], max_sentences=1)
    assert "| Passport | 70 |" in result.texts[0]
    scores = dict(
        zip(
            [text[unit.start : unit.end] for unit in result.scored.units], result.scored.scores.probability, strict=True
        )
    )
    assert scores["| Passport | 70 |"] >= scores["The fees for documents such as a passport:"]


def test_a_very_short_record_is_left_whole_by_an_automatic_budget_alone():
    """A limit, a profile and a query that nothing answers keep less."""
    text = "Bread is baked at nine. The ferry leaves at seven. It is red."
    query = "When does the ferry leave?"
    whole = compress(query, [text], scorer="bm25")
    assert whole.texts == (text,)
    assert whole.budget.reason.endswith("left as it was: at most 20 tokens")
    assert kept(query, text, max_sentences=1) == "The ferry leaves at seven."
    assert "Bread" not in kept(query, text, profile="aggressive")
    assert len(compress("Who painted it all?", [text.replace("It is red.", "No.")], scorer="bm25").selection.kept) < 3
    longer = text.replace("nine.", "nine in the house next to the harbour of the town.")
    assert "Bread" not in kept(query, longer)


def test_the_key_of_a_mapping_introduces_nothing():
    """The probability of `features:` says nothing about the entries under it."""
    config = "database:\n  primary:\n    port: 5432\n  replica:\n    port: 5433\nfeatures:\n  - name: dunning\n    enabled: true\n"
    found = compress("What is the port of the replica database?", [config], max_sentences=2, scorer="hybrid").texts[0]
    assert "port: 5433" in found
    assert "enabled" not in found


def test_the_first_key_of_a_mapping_is_no_title():
    """It would stand above an entry that is not its own."""
    config = "service:\n  name: search\n  replicas: 3\ndatabase:\n  host: db1.internal\n  pool: 5\ncache:\n  ttl: 300\n"
    found = kept("What is the host of the database?", config, max_sentences=1)
    assert "host: db1.internal" in found
    assert "service:" not in found
