"""Labelled questions in several record shapes."""

from __future__ import annotations

import gzip
import json

import pytest

from ctxzip.errors import InputError, UsageError
from ctxzip.evaluation.questions import read_questions
from tests.conftest import FIXTURES, ctxzip, jsonl
from tests.evaluation.labelled_examples import SMALL

ANSWERED = {
    "question": "When does the ferry leave?",
    "answers": ["Seven", "7 o'clock"],
    "contexts": ["Bread is baked at 17 o'clock. The ferry leaves at seven. At Sevenoaks it stops.", "seven."],
}


def test_every_occurrence_of_an_answer_is_evidence(tmp_path):
    """As whole words in any case; a question without one is unanswerable."""
    path = tmp_path / "mine.jsonl"
    path.write_text(jsonl(ANSWERED, ANSWERED | {"answers": ["nine"]}, ANSWERED | {"answers": []}))
    (labelled,), n_weak = read_questions([path])
    assert n_weak == 1
    first, second, third = labelled.questions
    assert [first.request.passages[i].text[a:b] for i, a, b in first.evidence] == ["seven", "seven"]
    assert (first.need, second.need, third.need) == ("any", "none", "none")


def test_an_answer_is_matched_at_word_boundaries_in_any_alphabet(tmp_path):
    """And once, also where the record has it twice."""
    record = {"query": "Кто?", "answers": ["кот", "КОТ"], "docs": ["Собака, который лаял, и кот. Été, née."]}
    path = tmp_path / "mine.jsonl"
    path.write_text(jsonl(record, record | {"answers": ["n\u00e9"]}))
    (labelled,), _ = read_questions([path])
    assert [question.evidence for question in labelled.questions] == [((0, 24, 27),), ()]


def test_an_answer_in_a_script_without_spaces_is_found(tmp_path):
    """It has no word boundaries; `answer` may be one text, and the file may be gzipped."""
    record = {"query": "橋はいつ?", "answer": "一九六八年", "docs": ["橋は一九六八年に建てられた。"]}
    path = tmp_path / "mine.jsonl"  # gzip is detected by content
    path.write_bytes(gzip.compress(jsonl(record).encode()))
    (labelled,), _ = read_questions([path])
    assert labelled.questions[0].evidence == ((0, 2, 7),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"query": "Who?", "docs": ["One."]}\n', r"line 1: no labels: expected 'evidence' in \$.docs, "),
        ('{"query": "Who?", "docs": ["One."], "answers": [1]}\n', "line 1: no labels"),
        ("\n{\n", "line 2: "),
        ('{"query": "Who?", "answers": []}\n', "line 1: .*docs"),
    ],
)
def test_a_record_without_labels_is_refused(tmp_path, content, message):
    """With place, problem and remedy."""
    path = tmp_path / "mine.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_questions([path])
    with pytest.raises(UsageError, match="no such file"):
        read_questions([tmp_path / "none.jsonl"])


@pytest.mark.parametrize("name", ["hotpotqa.json", "hotpotqa-hf.jsonl"])
def test_supporting_facts_of_hotpotqa_are_the_evidence(name):
    """In the published array and in the form of Hugging Face; every fact is needed."""
    (labelled,), n_weak = read_questions([FIXTURES / "shapes" / name])
    assert n_weak == 0
    first, second = labelled.questions[:2]
    assert [first.request.passages[i].text[a:b] for i, a, b in first.evidence] == [
        "On Sundays it opens at half past eight and sells rolls only."
    ]
    assert [second.request.passages[i].text[a:b] for i, a, b in second.evidence] == [
        "The lock gates at Thornlea are made of oak."
    ]
    assert {question.need for question in labelled.questions} <= {"all", "none"}


def test_empty_sentences_count_in_supporting_facts(tmp_path):
    """They keep their index; facts of documents that were not retrieved are skipped."""
    record = {
        "question": "When was the footbridge painted?",
        "context": [["Footbridge", ["It is of larch.", "", "It was painted in 1998."]]],
        "supporting_facts": [["Footbridge", 2], ["Lock gates", 0], ["Footbridge", 9]],
    }
    path = tmp_path / "mine.jsonl"
    path.write_text(jsonl(record))
    (labelled,), _ = read_questions([path])
    (question,) = labelled.questions
    assert [question.request.passages[i].text[a:b] for i, a, b in question.evidence] == ["It was painted in 1998."]


def test_supporting_facts_in_another_form_are_refused(tmp_path):
    """With place and expected form."""
    path = tmp_path / "mine.jsonl"
    path.write_text(jsonl({"question": "When?", "context": [["A", ["One."]]], "supporting_facts": ["A"]}))
    with pytest.raises(InputError, match=r"line 1: expected \[\[title, number of the sentence\], \.\.\.\] @"):
        read_questions([path])


def test_eval_takes_records_with_answers_and_warns(tmp_path):
    """An array in the record shape of another library."""
    records = [
        {"question": "When does the ferry leave?", "answers": ["seven"], "ctxs": [{"title": "", "text": text}]}
        for text in ("Bread is baked. The ferry leaves at seven.", "The ferry leaves at seven. It is red.")
    ]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(records, indent=1))
    run = ctxzip("eval", "--method", "bm25", path)
    assert run.code == 0
    assert b"mine" in run.out
    assert "2 questions have answers and no spans" in run.err


def test_sets_of_files_with_the_same_name_have_the_folder_in_theirs(tmp_path):
    """A file that is given twice is one set."""
    for folder in ("dev", "train"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "small.jsonl").write_text(jsonl(SMALL))
    (tmp_path / "dev" / "answered.jsonl").write_text(jsonl({"query": "When?", "docs": ["At ten."], "answer": "ten"}))
    named = [tmp_path / "dev" / "small.jsonl", tmp_path / "train", tmp_path / "dev" / "small.jsonl"]
    answered = tmp_path / "dev" / "answered.jsonl"
    sets, n_weak = read_questions([*named, answered, answered])
    names = [str(tmp_path / "dev" / "small"), str(tmp_path / "train" / "small"), "answered"]
    assert [labelled.name for labelled in sets] == names
    assert n_weak == 1
    with pytest.raises(UsageError, match="no such file or folder"):
        read_questions([tmp_path / "test"])
