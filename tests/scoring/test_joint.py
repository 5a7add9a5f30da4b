"""The model that ships, and the windows that it reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ctxzip import Compressor, Settings, compress
from ctxzip.datamodels import RecordWarning, ScoringInput, Unit
from ctxzip.errors import ModelError, UsageError
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.model_store import models_folder, open_model
from ctxzip.scoring.loading import load_scorer
from ctxzip.scoring.windows import NO_UNIT, WindowBuilder
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from tests.conftest import FIXTURES
from tests.conftest import compress as run_compress
from tests.strategies import queries, texts

TOKENIZER = Tokenizer.from_file(str(models_folder() / "ctxzip-mini" / "tokenizer.json"))


def units_of(passages):
    english, _ = splitter_for("en")
    return [
        Unit(index, span.start, span.end, 0, span.kind)
        for index, (_, text) in enumerate(passages)
        for span in split_into_spans(text, english)
    ]


longer = texts.map(lambda text: text * 20)


@given(
    queries | longer,
    st.lists(st.tuples(texts | longer, texts.map(lambda text: text * 3)), max_size=4),
    st.lists(texts | longer, max_size=2),
    st.sampled_from([16, 24, 64, 256]),
)
def test_every_token_of_every_unit_is_in_exactly_one_window(query, passages, found, length):
    """None is lost, none is read twice, and no window is longer than the model reads: also at a second look."""
    units = units_of(passages)
    windows = WindowBuilder(TOKENIZER, length).build(query, passages, units, found)
    for index, (_, text) in enumerate(passages):
        if any(unit.passage == index for unit in units):
            read = [
                token
                for window in windows
                if window.passage == index
                for token, unit in zip(window.ids, window.units, strict=True)
                if unit != NO_UNIT
            ]
            assert read == TOKENIZER.encode(text, add_special_tokens=False).ids
    for window in windows:
        assert len(window.ids) == len(window.units) <= length
        assert all(units[unit].passage == window.passage for unit in window.units if unit != NO_UNIT)


def test_a_window_is_question_title_and_units():
    """A case worked by hand."""
    passages = [("Ferry", "It leaves at seven. It is red.")]
    (window,) = WindowBuilder(TOKENIZER, 64).build("When?", passages, units_of(passages))
    assert TOKENIZER.decode(window.ids, skip_special_tokens=False) == (
        "[CLS] when? [SEP] ferry : it leaves at seven. it is red. [SEP]"
    )
    assert window.n_first == 4
    assert window.units == (-1,) * 6 + (0,) * 5 + (1,) * 4 + (-1,)


def test_a_quarter_of_a_window_is_for_the_text_whatever_stands_before_it():
    """A question, a title and sentences found that all are long would fill it; then no text would ever be read."""
    passages = [("a title " * 100, "eleven " * 1_000)]
    for found in ([], ["found " * 200], ["found " * 200] * 2):
        window = WindowBuilder(TOKENIZER, 256).build("why " * 300, passages, units_of(passages), found)[0]
        assert sum(unit != NO_UNIT for unit in window.units) >= 64


def test_windows_break_between_units_where_they_can():
    """A unit is cut only where it alone is longer than a window."""
    passages = [("", "One two three four five six. Seven eight nine eight. " + "eleven " * 30)]
    windows = WindowBuilder(TOKENIZER, 16).build("x", passages, units_of(passages))
    assert [sorted(set(window.units) - {NO_UNIT}) for window in windows][:3] == [[0, 1], [2], [2]]


# What needs several places, or years compared, or the steps under a heading, is beyond this model.
BEYOND = {
    "model": {
        "how-to-dispenser-filter",
        "code-tallowry-lock-error",
        "table-sensor-limits",
        "table-hut-beds",
        "japanese-museum-closed-day",
        "chinese-bridge-length",
        "comparison-reservoirs",
    },
    "hybrid": {
        "chinese-bridge-length",
        "two-hops-library-architect",
        "how-to-dispenser-filter",
        "near-duplicates-bridge-closure",
    },
}


def test_hybrid_takes_from_the_model_by_the_rank_of_bm25():
    """Worked out from what both say alone and the weights on the card; equal ranks count alike."""
    (question,) = (one for one in read_labelled(FIXTURES / "requests.jsonl") if one.request.id == "table-hut-beds")
    units = units_of([(passage.title, passage.text) for passage in question.request.passages])
    alone, words, both = (
        load_scorer(Settings(scorer=name, device="cpu"))
        .score([ScoringInput(question.request, units)])[0]
        .probability.astype(np.float64)
        for name in ("model", "bm25", "hybrid")
    )
    weights = open_model().card["hybrid"]
    ranks = np.array([1 + sum(other > one for other in words) for one in words])
    expected = weights["model"] * np.log(alone / (1 - alone)) - weights["bm25_rank"] * np.log(ranks) + weights["bias"]
    sure = (alone > 1e-6) & (alone < 1 - 1e-6)
    assert sure.sum() > 20
    np.testing.assert_allclose(both[sure], 1 / (1 + np.exp(-expected[sure])), rtol=1e-3)


@pytest.mark.parametrize("scorer", ["model", "hybrid"])
def test_evidence_survives_at_a_fifth_of_the_tokens(scorer):
    """Of every request but those that are known to be beyond it."""
    compressor = Compressor(Settings(scorer=scorer, ratio=0.2))
    lost = {
        question.request.id
        for question in read_labelled(FIXTURES / "requests.jsonl")
        if question.need != "none" and not question.found(compressor.compress(question.request))
    }
    assert lost <= BEYOND[scorer]


def test_scores_do_not_depend_on_threads(labelled):
    """To 1e-4, and the kept sets exactly."""
    request = labelled[0]
    one, two = (compress(request["query"], request["docs"], scorer="model", threads=n) for n in (1, 2))
    np.testing.assert_allclose(one.scored.scores.probability, two.scored.scores.probability, atol=1e-4)
    assert one.selection.kept == two.selection.kept


def test_what_a_request_scores_does_not_depend_on_the_requests_around_it(labelled):
    """The last of many is as if it were alone."""
    compressor = Compressor(Settings(scorer="model"))
    for request in labelled[:3]:
        together = compress(request["query"], request["docs"], scorer="model")
        compressor.compress(together.request)
        assert (
            compressor.compress(together.request).scored.scores.probability.tolist()
            == together.scored.scores.probability.tolist()
        )


@pytest.mark.parametrize("docs", [[], [""], ["", "The ferry."]])
def test_empty_documents_are_no_error(docs):
    """Probability 0 for what is not there."""
    relevance = compress("ferry", docs, scorer="model").scored.scores.relevance
    assert [value > 1e-6 for value in relevance] == [bool(doc) for doc in docs]


def test_a_query_longer_than_its_share_of_a_window_is_a_warning():
    """Nothing is cut in silence."""
    result = compress("When does the ferry leave " * 100, ["The ferry leaves."], scorer="model")
    assert [warning.code for warning in result.warnings] == ["query_truncated"]


def test_a_syllable_may_be_several_tokens():
    """The letters of a Korean syllable are."""
    query = "한국 " * 30  # fewer characters than a question may have tokens
    builder = WindowBuilder(TOKENIZER, 256)
    assert len(TOKENIZER.encode(query, add_special_tokens=False)) > 128 > len(query)
    assert builder.truncation_warnings(query, [])
    assert builder.truncation_warnings("When?", ["한국 " * 15])


def test_a_title_longer_than_its_share_of_a_window_is_a_warning(tmp_path):
    """The same with a cache."""
    docs = [{"title": "The ferry " * 60, "text": "It leaves at seven."}, {"title": "Bus " * 60, "text": "It is red."}]
    for cache in (None, None, tmp_path, tmp_path):
        result = compress("When does the ferry leave?", docs, scorer="model", cache=cache)
        text = "titles of more than 50 tokens: the model takes the first 50"
        assert result.warnings == (RecordWarning("title_truncated", text),)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(models_folder() / "ctxzip-mini", tmp_path / "mine")
    return tmp_path / "mine"


def test_a_model_is_named_by_its_folder(folder):
    """A copy scores as the original does."""
    assert run_compress("--scorer", "model", "--model", folder, stdin='{"query":"x","docs":["x y"]}\n').code == 0


@pytest.mark.parametrize("file", ["model.int8.onnx", "tokenizer.json"])
def test_a_damaged_file_is_an_error_and_exits_3(folder, file):
    """Its hash is not the one on the card."""
    with (folder / file).open("ab") as damaged:
        damaged.write(b" ")
    run = run_compress("--scorer", "model", "--model", folder, stdin='{"query":"x","docs":["x y"]}\n')
    assert run.code == 3
    assert f"{folder / file}: damaged or replaced" in run.err


def test_a_card_without_what_a_joint_model_needs_is_an_error(folder):
    """Another kind of model, say."""
    card = json.loads((folder / "model.json").read_text())
    del card["calibration"]
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="no 'calibration' for a joint model"):
        compress("x", ["x"], scorer="model", model=str(folder))


def test_a_model_that_is_not_there_is_a_usage_error(tmp_path):
    """The message says what is expected."""
    with pytest.raises(UsageError, match="no model 'mega': expected ctxzip-mini or a folder"):
        open_model("mega")
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ModelError, match="not a model card"):
        open_model(str(tmp_path))


def test_no_torch_is_needed():
    """Nor anything else of training."""
    code = "import sys; from ctxzip import compress; compress('x', ['x y'], scorer='model'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not set(done.stdout.split()) & {"torch", "transformers", "sentence_transformers", "onnx", "sklearn"}
