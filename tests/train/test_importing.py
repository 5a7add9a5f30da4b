"""A tiny cross-encoder is built, imported and used. Needs the extra `train`."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import onnx
import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import (  # type: ignore[import-not-found, unused-ignore]
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertTokenizerFast,
)

from ctxzip.datamodels import Passage, Request, ScoringInput, Unit
from ctxzip.errors import ModelError, UsageError
from ctxzip.model_store import open_model, sha256
from ctxzip.scoring.cross_encoder import CrossEncoderScorer
from ctxzip.training import cross_encoder_source
from ctxzip.training import import_cross_encoder as importing
from ctxzip.training.import_cross_encoder import FP32, INT8, import_cross_encoder
from tests.conftest import compress, ctxzip, jsonl

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "?", ":"),
    *("the", "ferry", "leaves", "leave", "at", "seven", "when", "does", "bread", "is", "baked", "red"),
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
]
CONFIG = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
}
QUERY = "When does the ferry leave?"
TEXTS = ["The ferry leaves at seven.", "Bread is baked, bread is red.", "Leaves: 7 a8c"]


def save(folder, kind=BertForSequenceClassification, seed=1, spread=0.2, **config):
    """Write a model as `save_pretrained` of transformers does: weights, configuration, tokenizer."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=256)
    torch.manual_seed(seed)
    kind(BertConfig(**{**CONFIG, "num_labels": 1, "initializer_range": spread, **config})).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A folder that CrossEncoder saved."""
    folder = tmp_path_factory.mktemp("sources")
    CrossEncoder(str(save(folder / "raw")), device="cpu").save_pretrained(str(folder / "cross-encoder"))
    readme = folder / "cross-encoder" / "README.md"
    readme.write_text("---\ntags:\n- reranker\nlicense: mit\n---\n# A cross-encoder\n")
    return folder / "cross-encoder"


@pytest.fixture(autouse=True)
def user_models(tmp_path, monkeypatch):
    monkeypatch.setenv("CTXZIP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "models"


@pytest.fixture
def tiny(source):
    return import_cross_encoder(str(source), "tiny")


def scored(model, texts=TEXTS):
    request = Request(QUERY, tuple(Passage(text) for text in texts))
    units = [Unit(i, 0, len(text), 0, "sentence") for i, text in enumerate(texts)]
    (scores,) = CrossEncoderScorer(open_model(str(model)), device="cpu").score([ScoringInput(request, units)])
    return scores.probability


def test_it_scores_as_torch_does(source, tiny):
    """To 1e-3 in fp32, on texts whose probabilities differ."""
    expected = CrossEncoder(str(source), device="cpu").predict([(QUERY, text) for text in TEXTS])
    assert np.ptp(expected) > 0.02
    np.testing.assert_allclose(scored(tiny.path / FP32), expected, atol=1e-3)
    assert tiny.fp32_difference < 1e-3


def test_the_import_writes_a_model_folder(tiny, user_models):
    """The card lists every file and the licence; no other file is left."""
    assert [path.name for path in user_models.iterdir()] == ["tiny"]
    card = json.loads((tiny.path / "model.json").read_text())
    assert (card["name"], card["kind"], card["window_length"]) == ("tiny", "cross_encoder", 256)
    assert (card["base"]["license"], card["base"]["architecture"]) == ("mit", "BertForSequenceClassification")
    assert card["files"] == {path.name: sha256(path) for path in tiny.path.iterdir() if path.name != "model.json"}
    assert card["graphs"] == {"cpu": tiny.graph, "cuda": FP32}
    (imported,) = onnx.load(tiny.path / FP32).opset_import
    assert imported.version == 17


def test_int8_runs_on_the_cpu_where_it_agrees_with_fp32(tmp_path, monkeypatch):
    """And fp32 where it does not."""
    monkeypatch.setattr(importing, "_INT8_DIFFERENCE", 1.0)
    monkeypatch.setattr(importing, "_TIE", 1.0)
    kept = import_cross_encoder(str(save(tmp_path / "one")), "kept")
    assert kept.graph == INT8
    assert json.loads((kept.path / "model.json").read_text())["alone"] == [INT8]
    assert 0 < kept.int8_difference < 0.1
    np.testing.assert_allclose(scored("kept"), scored(kept.path / FP32), atol=0.1)
    monkeypatch.setattr(importing, "_INT8_DIFFERENCE", 0.0)
    left = import_cross_encoder(str(tmp_path / "one"), "left")
    assert left.graph == FP32
    assert sorted(path.name for path in left.path.iterdir()) == [FP32, "model.json", "tokenizer.json"]
    assert scored("left").tolist() == scored(left.path / FP32).tolist()


def test_the_command_line_imports_lists_shows_verifies_and_scores(source):
    """The folder on stdout, progress on stderr."""
    run = ctxzip("models", "import", source, "--as", "tiny")
    assert run.code == 0, run.err
    folder = run.out.decode().strip()
    assert folder == os.path.join(os.environ["CTXZIP_MODELS"], "tiny")
    assert "torch and fp32 differ by at most" in run.err
    assert [line for line in run.err.splitlines() if not line.startswith("ctxzip: ")] == []
    assert ctxzip("models", "list").out.decode().splitlines()[-1].split()[:2] == ["tiny", "cross_encoder"]
    assert ", mit\n" in ctxzip("models", "show", "tiny").out.decode()
    assert ctxzip("models", "verify", "tiny").code == 0
    (record,) = compress(
        "--scorer", "model", "--model", "tiny", stdin=jsonl({"query": QUERY, "docs": [" ".join(TEXTS)]})
    ).records
    assert record["ctxzip"]["scorer"] == "tiny"
    with open(os.path.join(folder, FP32), "ab") as graph:
        graph.write(b" ")
    run = ctxzip("models", "verify", "tiny")
    assert run.code == 3
    assert f"damaged  tiny  {FP32}" in run.out.decode()


def test_an_existing_name_is_refused_unless_forced(tmp_path, tiny, user_models):
    """With --force it is replaced."""
    other = save(tmp_path / "other", seed=2)
    before = (tiny.path / FP32).read_bytes()
    with pytest.raises(UsageError, match="a model of this name exists"):
        import_cross_encoder(str(other), "tiny")
    assert (tiny.path / FP32).read_bytes() == before
    import_cross_encoder(str(other), "tiny", force=True)
    assert (tiny.path / FP32).read_bytes() != before
    assert [path.name for path in user_models.iterdir()] == ["tiny"]


def folder_with(source, target, **files):
    shutil.copytree(source, target)
    for name, content in files.items():
        (target / name.replace("_json", ".json").replace("_safetensors", ".safetensors")).write_text(content)
    return target


CODE = [{"idx": 0, "name": "0", "path": "", "type": "evil.Module"}]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config_json": "{"}, "cannot load it"),
        ({"model_safetensors": "weights"}, "cannot load it"),
        ({"modules_json": json.dumps(CODE)}, r"needs code of its own \(evil\.Module\), which ctxzip does not run"),
        ({"modules_json": '{"0": "Transformer"}'}, "not a list of modules"),
    ],
)
def test_a_broken_source_is_refused(source, tmp_path, user_models, files, message):
    """In one line; no file is left, and an older model of the same name is not changed."""
    (user_models / "tiny").mkdir(parents=True)
    (user_models / "tiny" / "older").touch()
    with pytest.raises(ModelError, match=message) as caught:
        import_cross_encoder(str(folder_with(source, tmp_path / "bad", **files)), "tiny", force=True)
    assert "\n" not in str(caught.value)
    assert [str(path.relative_to(user_models)) for path in user_models.rglob("*")] == ["tiny", "tiny/older"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"num_labels": 3}, "has 3 labels: ctxzip scores with one logit"),
        ({"kind": BertModel}, "not a cross-encoder: its architecture is BertModel"),
        ({"max_position_embeddings": 32}, "its window is 32 tokens"),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path, user_models, made, message):
    """Rather than loaded with a head of random weights."""
    with pytest.raises(ModelError, match=message):
        import_cross_encoder(str(save(tmp_path / "other", **made)), "other")
    assert not list(user_models.iterdir())


def test_an_export_with_other_probabilities_is_refused(source, user_models, monkeypatch):
    """For example because sentence-transformers adds a prompt that the graph does not have."""

    def with_prompt(*arguments):
        model = cross_encoder_source.loaded(*arguments)
        model.prompts, model.default_prompt_name = {"query": "seven, seven, seven: "}, "query"
        return model

    monkeypatch.setattr(importing, "loaded", with_prompt)
    with pytest.raises(ModelError, match="the exported graph differs from torch by"):
        import_cross_encoder(str(source), "prompted")
    assert not list(user_models.iterdir())


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nope", UsageError, "nope: no such folder"),
        ("../nope", UsageError, "no such folder"),
        (".", UsageError, "not a folder of sentence-transformers"),
        ("nobody/nothing", ModelError, "the download from the Hugging Face Hub failed"),
    ],
)
def test_a_missing_source_is_refused(tmp_path, user_models, monkeypatch, name, error, message):
    """A path is never taken for an id of the Hub; a line is printed before a download."""
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []
    with pytest.raises(error, match=message):
        import_cross_encoder(name, "new", say=lines.append)
    assert not user_models.exists()
    assert [line for line in lines if "downloading" in line] == lines[: name == "nobody/nothing"]


def test_an_interrupt_leaves_no_files(source, user_models):
    """Also after the fp32 graph is written."""

    def interrupt(message):
        if message == "quantizing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_cross_encoder(str(source), "tiny", say=interrupt)
    assert not list(user_models.iterdir())


def test_a_folder_that_cannot_be_written_is_refused(source, tmp_path, monkeypatch):
    """Before the model is loaded."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("CTXZIP_MODELS", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"cannot write: .* \(CTXZIP_MODELS names another folder\)"):
        import_cross_encoder(str(source), "tiny")
