"""All steps of training on the fixtures, from labelled text to scores. Needs the extra `train`."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier

from ctxzip import compress
from ctxzip.errors import ModelError
from ctxzip.evaluation.answerability import ANSWERED, NEAR_MISS, OFF_TOPIC
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.evaluation.ranking import Ranked
from ctxzip.selection.adaptive.features import RANK_FEATURES
from ctxzip.selection.adaptive.forest import forest_as_json, forest_from_json
from ctxzip.selection.adaptive.policy_file import load_policy
from ctxzip.training.examples import load
from ctxzip.training.fit_policy import adjusted_floor, fit, workload
from ctxzip.training.model import JointModel, base_encoder, unit_logits
from ctxzip.training.quantize import fuse_and_smooth, probabilities, smoothing
from ctxzip.training.train import Recipe, batches, listwise_loss, tensors
from ctxzip.training.variations import chunked
from ctxzip.training.weights import graph_of, weights_of
from tests.conftest import FIXTURES
from tests.strategies import ranking_with


def step(name, *arguments, data, out):
    return subprocess.run(
        [sys.executable, "-m", "ctxzip.training", name, "--data", data, "--out", out, *arguments],
        check=True, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the results of every step of training on the fixtures."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    for part in ("train", "dev"):
        (data / part).mkdir()
        shutil.copy(FIXTURES / "requests.jsonl", data / part)
    step("prepare", data=data, out=out)
    step("train", "--steps", "6", "--minutes", "0", data=data, out=out)
    step("train", "--steps", "6", data=data, out=out)
    step("export", data=data, out=out)
    step("quantize", "--limit", "1", "--fp16", data=data, out=out)
    step("card", "--name", "trial", data=data, out=out)
    step("calibrate", "--limit", "6", data=data, out=out)
    step("policy", "--limit", "20", "--questions", "20", data=data, out=out)
    return out


def test_chunks_together_are_the_passages_and_keep_the_evidence():
    """Of every fixture: no character is lost, and the evidence is the same text."""
    rng = random.Random(3)
    for question in read_labelled(FIXTURES / "requests.jsonl"):
        found = chunked(question, rng)
        chunks = [passage.text for passage in found.request.passages]
        assert "".join(chunks) == "".join(passage.text for passage in question.request.passages)
        before, after = (
            "".join(one.request.passages[passage].text[start:end] for passage, start, end in one.evidence)
            for one in (question, found)
        )
        assert after == before


def test_the_listwise_loss_is_the_share_of_the_evidence():
    """Over windows with evidence, without the units that do not count."""
    logits = torch.log(torch.tensor([1.0, 3.0, 5.0, 9.0]))
    labels = torch.tensor([0.0, 0.9, 0.0, 0.0])
    counted, rows = torch.tensor([True, True, False, True]), torch.tensor([0, 0, 0, 1])
    assert float(listwise_loss(logits, labels, counted, rows, 2)) == pytest.approx(-np.log(3 / 4))


def test_some_windows_have_evidence(made):
    """Most have none, and no window is longer than the model allows."""
    examples = load(made / "examples.npz")
    relevant = [example.relevant for example in examples]
    assert 0 < sum(relevant) < len(relevant)
    assert max(len(example.ids) for example in examples) <= 384
    for example in examples:
        assert example.units.max() + 1 == len(example.labels)
        assert example.units[: example.n_first].max() == -1


def test_batches_have_every_window_once_and_at_most_so_many_tokens(made):
    """In an order that depends on the seed."""
    examples = load(made / "examples.npz")
    plan = batches(examples, 1_024, seed=1, epoch=0)
    assert sorted(index for batch in plan for index in batch) == list(range(len(examples)))
    assert all(tensors([examples[i] for i in batch])["input_ids"].numel() <= 1_024 for batch in plan if len(batch) > 1)
    assert plan == batches(examples, 1_024, seed=1, epoch=0) != batches(examples, 1_024, seed=2, epoch=0)


def test_a_stopped_run_is_resumed(made):
    """The first call had no time; the second finished."""
    rows = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    assert len([row for row in rows if "recipe" in row]) == 2
    assert torch.load(made / "checkpoint.pt")["step"] >= 1
    assert (made / "model.pt").is_file()


def test_the_logit_of_a_unit_is_the_mean_of_its_tokens():
    """A case worked by hand; tokens outside of units do not count."""
    logits = torch.tensor([[1.0, 3.0, 5.0, 100.0]])
    assert unit_logits(logits, torch.tensor([[0, 0, 1, -1]]), 2).tolist() == [2.0, 5.0]


def test_the_exported_graph_agrees_with_torch(made):
    """fp32 in ONNX Runtime against torch, on windows of different lengths."""
    model = JointModel(base_encoder()).eval()
    model.load_state_dict(torch.load(made / "model.pt"))
    graph = onnxruntime.InferenceSession(str(made / "model.fp32.onnx"), providers=["CPUExecutionProvider"])
    for example in load(made / "examples.npz")[:3]:
        batch = tensors([example])
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
        with torch.no_grad():
            expected = model(**inputs)
        found = graph.run(["token_logits", "window_logits"], {name: value.numpy() for name, value in inputs.items()})
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)


def test_the_mean_of_a_model_with_itself_is_the_model(made, tmp_path):
    """Every weight is equal, and it can be exported."""
    step("average", "--of", made, made, data=made, out=tmp_path)
    found, expected = torch.load(tmp_path / "model.pt"), torch.load(made / "model.pt")
    trained = weights_of(made / "model.fp32.onnx")
    assert len(trained) > 100
    for name in trained:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-6)
    step("export", data=made, out=tmp_path)
    assert (tmp_path / "model.fp32.onnx").is_file()


def test_the_trained_model_scores(made):
    """Its folder is accepted by --model."""
    assert Recipe().steps != json.loads((made / "model.json").read_text())["recipe"]["steps"] == 6
    result = compress(
        "When does the ferry leave?", ["Bread is baked. The ferry leaves at seven."], scorer="model", model=str(made)
    )
    assert result.scored.scores.probability.shape == (2,)
    assert result.scored.scorer == "trial"


@pytest.mark.parametrize("graph", ["model.fp32.onnx", "model.fp16.onnx"])
def test_a_graph_can_be_given_as_model(made, graph):
    """fp16 agrees with fp32; its embeddings are in a file of their own."""
    docs = ["Bread is baked. The ferry leaves at seven.", "The bridge is red."]
    ours, theirs = (
        compress("When does the ferry leave?", docs, scorer="model", device="cpu", model=str(path))
        for path in (made / graph, made / "model.fp32.onnx")
    )
    np.testing.assert_allclose(ours.scored.scores.probability, theirs.scored.scores.probability, atol=0.01)


def test_weights_beside_their_graph_are_verified_too(made, tmp_path):
    """Damaged embeddings are an error."""
    shutil.copytree(made, tmp_path / "mine")
    beside = tmp_path / "mine" / "model.fp16.onnx.embeddings"
    beside.write_bytes(b"x" + beside.read_bytes()[1:])
    with pytest.raises(ModelError, match=r"embeddings: damaged"):
        compress("x", ["x"], scorer="model", device="cpu", model=str(tmp_path / "mine" / "model.fp16.onnx"))


def test_the_sensitivity_table_has_every_part_and_variant(made):
    """Six layers of four parts; int8 weights alone change less than int8 throughout."""
    table = json.loads((made / "sensitivity.json").read_text())["parts"]
    assert set(table) == {
        f"{layer} {part}"
        for layer in range(6)
        for part in ("attention/self", "attention/output", "intermediate", "output")
    } | {"weights", "all, not smoothed", "all", "all, 8 bits"}
    assert table["weights"]["mean"] < table["all"]["mean"]


@pytest.mark.parametrize(("graph", "tolerance"), [("model.fp32.onnx", 1e-7), ("model.fp16.onnx", 1e-3)])
def test_the_weights_of_a_graph_are_the_trained_ones(made, graph, tolerance):
    """Up to the precision of the graph."""
    trained, found = torch.load(made / "model.pt"), weights_of(made / graph)
    assert {name for name in trained if "pooler" not in name} == set(found)
    for name, value in found.items():
        assert value.shape == trained[name].shape
        assert float((value - trained[name]).abs().max()) <= tolerance * max(1.0, float(trained[name].abs().max()))


def test_fusing_and_smoothing_do_not_change_the_probabilities(made, tmp_path):
    """Before anything is rounded."""
    windows = load(made / "examples.npz")[:12]
    source = made / "model.fp32.onnx"
    model = fuse_and_smooth(source, windows)
    assert sum(node.op_type == "MultiHeadAttention" for node in model.graph.node) == 6
    assert any(node.name.endswith("_smooth") for node in model.graph.node)
    onnx.save(model, tmp_path / "smoothed.onnx")
    for ours, theirs in zip(
        probabilities(tmp_path / "smoothed.onnx", windows), probabilities(source, windows), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_smoothing_brings_int8_nearer_to_fp32():
    """With a channel a hundred times as large as the others."""
    rng = np.random.default_rng(0)
    value, weight = rng.normal(size=(64, 32)), rng.normal(size=(32, 8))
    value[:, 3] *= 100
    weight[3] /= 100
    scale = smoothing(np.abs(value).max(axis=0), weight, [value])
    assert scale is not None

    def error(by):
        step, column = np.ptp(value / by) / 255, np.abs(weight * by[:, None]).max(axis=0) / 63
        found = np.rint(value / by / step) * step @ (np.rint(weight * by[:, None] / column) * column)
        return np.square(found - value @ weight).mean()

    assert error(scale) < error(np.ones(32)) / 4


def test_even_channels_are_not_smoothed():
    """No scale reduces the error."""
    even = np.linspace(-1, 1, 64)[:, None] * np.ones(32)
    assert smoothing(np.abs(even).max(axis=0), np.ones((32, 8)), [even]) is None


def test_training_does_not_start_from_int8_weights(made, tmp_path):
    """They are smoothed and rounded."""
    folder = tmp_path / "rounded"
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("*.fp32.onnx", "*.fp16*", "*.pt", "*.npz"))
    with pytest.raises(ModelError, match="it has int8 weights only"):
        graph_of(str(folder))


def test_a_smaller_model_is_distilled_from_a_larger_one(made, tmp_path):
    """Three of the layers; the recipe names them."""
    shutil.copy(made / "examples.npz", tmp_path)
    arguments = ("--steps", "3", "--start", str(made), "--teacher", str(made), "--layers", "0", "2", "5")
    step("train", *arguments, data=made, out=tmp_path)
    step("export", data=made, out=tmp_path)
    recipe = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])["recipe"]
    assert recipe["layers"] == [0, 2, 5]
    assert (tmp_path / "model.fp32.onnx").stat().st_size < 0.8 * (made / "model.fp32.onnx").stat().st_size


def test_frozen_layers_are_not_trained():
    """The embeddings and the lowest layers."""
    model = JointModel(base_encoder())
    model.freeze(2)
    trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith(("encoder.embeddings", "encoder.encoder.layer.1.")) for name in trainable)
    assert any(name.startswith("encoder.encoder.layer.2.") for name in trainable)


def test_the_trained_policy_is_applied(made):
    """It was fitted and calibrated for the graph beside it."""
    policy = load_policy(made / "policy.json")
    assert policy.depth_definition == "reach"
    assert policy.depth_forest is not None
    assert policy.answerability_forest is not None
    assert 0 <= policy.answerability_floor < 1
    result = compress(
        "When does the ferry leave?",
        ["Bread is baked. The ferry leaves at seven."],
        model=str(made),
        recall=0.8,
    )
    assert result.budget.mode == "recall"
    assert result.budget.guarantee is not None


def test_unanswerable_questions_are_predicted_where_there_are_enough():
    """From the low probability of their best unit; few answerable ones are mistaken for them."""
    rng = np.random.default_rng(2)
    questions, kinds = [], []
    for i in range(1_000):
        kinds.append((ANSWERED, ANSWERED, NEAR_MISS, OFF_TOPIC)[i % 4])
        best = rng.uniform(0.6, 1.0) if kinds[-1] == ANSWERED else rng.uniform(0.0, 0.5)
        some = ranking_with(sorted([best, best / 3, best / 9], reverse=True), relevance=(best,))
        questions.append(Ranked(f"set{i % 3}", some, np.array([0.3, 0.6, 1.0]), i % 3 if i % 4 < 2 else None))
    fitted = fit(questions, kinds, seed=1)
    assert fitted["emptied"][ANSWERED] <= 0.03
    assert min(fitted["emptied"][NEAR_MISS], fitted["emptied"][OFF_TOPIC]) >= 0.5
    assert forest_from_json(fitted["reach"], RANK_FEATURES).features == RANK_FEATURES
    # Questions outside of the fit, with low probabilities: the floor falls until at most 3% of them are emptied.
    strange = [question for question, kind in zip(questions, kinds, strict=True) if kind != ANSWERED]
    found = adjusted_floor(fitted, strange, [ANSWERED] * len(strange))
    assert found["floor"] < fitted["floor"]
    assert found["emptied"][ANSWERED] <= 0.03


def test_a_forest_agrees_with_scikit_learn():
    """The same probabilities from the arrays in the policy file."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 3)).astype(np.float32)
    labels = rows[:, 0] + rows[:, 1] * rows[:, 2] > 0
    model = GradientBoostingClassifier(n_estimators=20, init="zero", random_state=1).fit(rows, labels)
    content = forest_as_json([stage[0].tree_ for stage in model.estimators_], 0.1, ["a", "b", "c"])
    found = forest_from_json(content, ["a", "b", "c"]).probabilities(rows)
    np.testing.assert_allclose(found, model.predict_proba(rows)[:, 1], atol=1e-3)


def test_a_question_of_one_passage_gets_ten(tmp_path):
    """Its own and the nine most similar; its evidence spans stay right."""
    path = tmp_path / "small.jsonl"
    records = [
        {
            "query": f"When was ferry number {i} built?",
            "docs": [
                {"title": "", "text": f"Ferry number {i} was built in {1900 + i}. It is red.", "evidence": [[0, 30]]}
            ],
            "dataset": "small",
        }
        for i in range(15)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    sampled = workload([path], 5, seed=1)
    assert len(sampled) == 5
    for name, question in sampled:
        assert name == "small"
        assert len({passage.text for passage in question.request.passages}) == 10
        ((passage, start, end),) = question.evidence
        number = question.request.query.split()[4]
        assert question.request.passages[passage].text[start:end].startswith(f"Ferry number {number} was")
    assert [question.request for _, question in sampled] == [question.request for _, question in workload([path], 5, 1)]
