"""The shipped joint models, and the windows that are their input."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip import Compressor, Settings, compress
from ctxzip.datamodels import RecordWarning, ScoringInput, Unit
from ctxzip.errors import ModelError, UsageError
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.model_store import models_folder, open_model, read_tokenizer
from ctxzip.scoring.loading import load_scorer
from ctxzip.scoring.sibling_rows import sibling_match
from ctxzip.scoring.windows import NO_UNIT, WindowBuilder
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from tests.conftest import FIXTURES
from tests.conftest import compress as run_compress
from tests.strategies import queries, texts

TOKENIZER = read_tokenizer(models_folder() / "ctxzip-mini" / "tokenizer.json")


_SPECIAL = ("PAD", "UNK", "CLS", "SEP", "MASK")


def units_of(passages):
    english, _ = splitter_for("en")
    return [
        Unit(index, span.start, span.end, 0, span.kind)
        for index, (_, text) in enumerate(passages)
        for span in split_into_spans(text, english)
    ]


@pytest.mark.parametrize("mark", ["[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]"])
def test_text_cannot_imitate_the_layout_of_the_input(mark):
    """A special token in the question, a title or a text is text: its marks are where the layout has them only."""
    passages = [(f"Ferry {mark}", f"It leaves {mark} at seven. {mark} Bread is baked.")]
    (window,) = WindowBuilder(TOKENIZER, 128).build(f"When {mark} does it leave?", passages, units_of(passages))
    special = [token for token in window.ids if token in {TOKENIZER.token_to_id(f"[{name}]") for name in _SPECIAL}]
    assert special == [TOKENIZER.token_to_id(f"[{name}]") for name in ("CLS", "SEP", "SEP")]


longer = texts.map(lambda text: text * 20)


@given(
    queries | longer,
    st.lists(st.tuples(texts | longer, texts.map(lambda text: text * 3)), max_size=4),
    st.lists(texts | longer, max_size=2),
    st.sampled_from([16, 24, 64, 256]),
    st.none() | st.lists(texts | longer, max_size=3).map(tuple),
)
def test_every_token_of_every_unit_is_in_exactly_one_window(query, passages, evidence, length, context):
    """With evidence and contexts, too; and no window is longer than the model's input."""
    units = units_of(passages)
    contexts = None if context is None else [context] * len(units)
    windows = WindowBuilder(TOKENIZER, length).build(query, passages, units, evidence, contexts)
    for index, (_, text) in enumerate(passages):
        if any(unit.passage == index for unit in units):
            tokens = [
                token
                for window in windows
                if window.passage == index
                for token, unit in zip(window.ids, window.units, strict=True)
                if unit != NO_UNIT
            ]
            assert tokens == TOKENIZER.encode(text, add_special_tokens=False).ids
    for window in windows:
        assert len(window.ids) == len(window.units) <= length
        assert all(units[unit].passage == window.passage for unit in window.units if unit != NO_UNIT)


def test_a_window_is_query_title_and_units():
    """Worked by hand."""
    passages = [("Ferry", "It leaves at seven. It is red.")]
    (window,) = WindowBuilder(TOKENIZER, 64).build("When?", passages, units_of(passages))
    assert TOKENIZER.decode(window.ids, skip_special_tokens=False) == (
        "[CLS] when? [SEP] ferry : it leaves at seven. it is red. [SEP]"
    )
    assert window.n_first == 4
    assert window.units == (-1,) * 6 + (0,) * 5 + (1,) * 4 + (-1,)


def test_the_context_of_the_first_unit_follows_the_title():
    """In each window that of its own first unit; a long one is cut, its outer parts first."""
    passages = [("Hut", "It has nine beds. Dogs are welcome.")]
    contexts = [("rooms:",), ("prices:", "pets:")]
    builder = WindowBuilder(TOKENIZER, 17)
    windows = builder.build("Dogs?", passages, units_of(passages), contexts=contexts)
    assert [TOKENIZER.decode(window.ids, skip_special_tokens=False) for window in windows] == [
        "[CLS] dogs? [SEP] hut : rooms : it has nine beds. [SEP]",
        "[CLS] dogs? [SEP] hut : prices pets : dogs are welcome. [SEP]",
    ]


def test_a_quarter_of_a_window_is_for_the_text():
    """Even where query, title and evidence are all so long that they would fill it."""
    passages = [("a title " * 100, "eleven " * 1_000)]
    for evidence in ([], ["found " * 200], ["found " * 200] * 2):
        window = WindowBuilder(TOKENIZER, 256).build("why " * 300, passages, units_of(passages), evidence)[0]
        assert sum(unit != NO_UNIT for unit in window.units) >= 64


def test_windows_end_between_units_where_possible():
    """A unit is split only where it alone is longer than a window."""
    passages = [("", "One two three four five six. Seven eight nine eight. " + "eleven " * 30)]
    windows = WindowBuilder(TOKENIZER, 16).build("x", passages, units_of(passages))
    assert [sorted(set(window.units) - {NO_UNIT}) for window in windows][:3] == [[0, 1], [2], [2]]


# Requests that lose needed evidence with a fifth of the tokens.
LOST = {"two-hops-library-architect", "how-to-dispenser-filter"}


def test_hybrid_lowers_the_logit_of_the_model_by_the_log_of_the_bm25_rank():
    """Computed from the scores of both and the weights on the card; equal scores have the same rank. Rows lose more."""
    (question,) = (one for one in read_labelled(FIXTURES / "requests.jsonl") if one.request.id == "table-hut-beds")
    units = units_of([(passage.title, passage.text) for passage in question.request.passages])
    by_model, by_bm25, by_hybrid = (
        load_scorer(Settings(scorer=name, device="cpu"))
        .score([ScoringInput(question.request, units)])[0]
        .probability.astype(np.float64)
        for name in ("model", "bm25", "hybrid")
    )
    weights = open_model().card["hybrid"]
    ranks = np.array([1 + sum(other > one for other in by_bm25) for one in by_bm25])
    logits = np.log(by_model / (1 - by_model))
    expected = weights["model"] * logits - weights["bm25_rank"] * np.log(ranks) + weights["bias"]
    siblings = sibling_match(question.request, units)
    assert siblings.min() == 0
    expected -= weights["sibling_rows"] * (1 - siblings)
    has_logit = (by_model > 1e-6) & (by_model < 1 - 1e-6)
    assert has_logit.sum() > 20
    np.testing.assert_allclose(by_hybrid[has_logit], 1 / (1 + np.exp(-expected[has_logit])), rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["model", "hybrid"])
def test_evidence_survives_at_a_fifth_of_the_tokens(scorer):
    """Except for these requests."""
    compressor = Compressor(Settings(scorer=scorer, ratio=0.2))
    lost = {
        question.request.id
        for question in read_labelled(FIXTURES / "requests.jsonl")
        if question.need != "none" and not question.found(compressor.compress(question.request))
    }
    assert lost == LOST


def test_scores_do_not_depend_on_threads(labelled):
    """Within 1e-4; the selected units are the same."""
    request = labelled[0]
    one, two = (compress(request["query"], request["docs"], scorer="model", threads=n) for n in (1, 2))
    np.testing.assert_allclose(one.scored.scores.probability, two.scored.scores.probability, atol=1e-4)
    assert one.selection.kept == two.selection.kept


def test_the_scores_of_a_request_do_not_depend_on_earlier_requests(labelled):
    """A compressor that was used before gives the same scores as a new one."""
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
    """An empty document has the relevance 0."""
    relevance = compress("ferry", docs, scorer="model").scored.scores.relevance
    assert [value > 1e-6 for value in relevance] == [bool(doc) for doc in docs]


def test_a_query_longer_than_its_share_of_a_window_is_a_warning():
    """A query is never cut without a warning."""
    result = compress("When does the ferry leave " * 100, ["The ferry leaves."], scorer="model")
    assert [warning.code for warning in result.warnings] == ["query_truncated"]


def test_a_query_with_fewer_characters_than_its_share_may_have_more_tokens():
    """The letters of a Korean syllable are tokens."""
    query = "한국 " * 30
    builder = WindowBuilder(TOKENIZER, 256)
    assert len(TOKENIZER.encode(query, add_special_tokens=False)) > 128 > len(query)
    assert builder.truncation_warnings(query, [])
    assert builder.truncation_warnings("When?", ["한국 " * 15])


def test_a_title_longer_than_its_share_of_a_window_is_a_warning(tmp_path):
    """With a cache, too, whether its scores are new or stored."""
    docs = [{"title": "The ferry " * 90, "text": "It leaves at seven."}, {"title": "Bus " * 90, "text": "It is red."}]
    for cache in (None, None, tmp_path, tmp_path):
        result = compress("When does the ferry leave?", docs, scorer="model", cache=cache)
        text = "titles of more than 75 tokens: the model takes the first 75"
        assert result.warnings == (RecordWarning("title_truncated", text),)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(models_folder() / "ctxzip-mini", tmp_path / "mine")
    return tmp_path / "mine"


def test_a_model_can_be_named_by_its_folder(folder):
    """Here it is a copy of a shipped one."""
    assert run_compress("--scorer", "model", "--model", folder, stdin='{"query":"x","docs":["x y"]}\n').code == 0


@pytest.mark.parametrize("file", ["model.int8.onnx", "tokenizer.json"])
def test_a_damaged_file_is_an_error_and_exits_3(folder, file):
    """Its SHA-256 is not the one on the card."""
    with (folder / file).open("ab") as damaged:
        damaged.write(b" ")
    run = run_compress("--scorer", "model", "--model", folder, stdin='{"query":"x","docs":["x y"]}\n')
    assert run.code == 3
    assert f"{folder / file}: damaged or replaced" in run.err


def test_a_model_card_without_a_calibration_is_an_error(folder):
    """It may be of another kind of model."""
    card = json.loads((folder / "model.json").read_text())
    del card["calibration"]
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="no 'calibration' for a joint model"):
        compress("x", ["x"], scorer="model", model=str(folder))


def test_a_model_that_does_not_exist_is_a_usage_error(tmp_path):
    """A file that is no model card is a model error."""
    with pytest.raises(UsageError, match="no model 'mega': expected ctxzip-mini or a folder"):
        open_model("mega")
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ModelError, match="not a model card"):
        open_model(str(tmp_path))


def test_scoring_imports_no_package_of_training():
    """Neither torch nor the others."""
    code = "import sys; from ctxzip import compress; compress('x', ['x y'], scorer='model'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not set(done.stdout.split()) & {"torch", "transformers", "sentence_transformers", "onnx", "sklearn"}
