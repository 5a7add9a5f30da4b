"""Cross-encoders with one logit: how pairs are built, and how logits become probabilities."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, processors

from ctxzip.datamodels import Passage, RecordWarning, Request, ScoringInput, Unit
from ctxzip.errors import ModelError
from ctxzip.model_store import ModelFolder, models_folder, open_model, sha256
from ctxzip.scoring.cross_encoder import CrossEncoderScorer, PairBuilder
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from tests.strategies import queries, texts

SHIPPED = models_folder() / "ctxzip-mini" / "tokenizer.json"
TOKENIZER = Tokenizer.from_file(str(SHIPPED))
TEXT = "Bread is baked. It leaves at seven. It is red."


def units_of(passages):
    english, _ = splitter_for("en")
    return [
        Unit(index, span.start, span.end, 0, span.kind)
        for index, (_, text) in enumerate(passages)
        for span in split_into_spans(text, english)
    ]


def decoded(pair):
    return TOKENIZER.decode(pair.ids, skip_special_tokens=False)


@given(
    queries, st.lists(st.tuples(texts, texts.map(lambda text: text * 3)), max_size=4), st.sampled_from([24, 64, 256])
)
def test_every_token_of_a_unit_is_in_one_of_its_pairs(query, passages, length):
    """In order, none left out, and no pair is longer than the model's input."""
    units = units_of(passages)
    pairs = PairBuilder(TOKENIZER, length).build(query, passages, units)
    assert [pair.unit for pair in pairs] == sorted(pair.unit for pair in pairs)
    for pair in pairs:
        assert len(pair.ids) == len(pair.types) <= length
    for index, unit in enumerate(units):
        own = [pair for pair in pairs if pair.unit == index]
        in_pairs = " ".join(str(token) for pair in own for token in pair.ids[pair.types.index(1) : -1])
        title, text = passages[unit.passage]
        encoding = TOKENIZER.encode(text, add_special_tokens=False)
        starts = [u.start for u in units if u.passage == unit.passage]
        of_unit = [
            token
            for token, (_, end) in zip(encoding.ids, encoding.offsets, strict=True)
            if max(sum(start <= end - 1 for start in starts) - 1, 0) == starts.index(unit.start)
        ]
        if len(own) <= 1 or not title.strip():
            assert " ".join(map(str, of_unit)) in in_pairs
        assert bool(own) == bool(of_unit)


def test_a_pair_is_query_title_and_unit_between_its_neighbours():
    """Worked by hand."""
    passages = [("Ferry", TEXT)]
    pairs = PairBuilder(TOKENIZER, 64).build("When?", passages, units_of(passages))
    assert [decoded(pair) for pair in pairs] == [
        "[CLS] when? [SEP] ferry : bread is baked. it leaves at seven. [SEP]",
        "[CLS] when? [SEP] ferry : bread is baked. it leaves at seven. it is red. [SEP]",
        "[CLS] when? [SEP] ferry : it leaves at seven. it is red. [SEP]",
    ]
    assert pairs[0].types == (0,) * 4 + (1,) * 12


def test_neighbours_are_left_out_where_they_do_not_fit():
    """The following unit is left out first; units of other passages are never added."""
    passages = [("", TEXT), ("", "It sank.")]
    units = units_of(passages)
    narrow = PairBuilder(TOKENIZER, 17)
    assert (
        decoded(narrow.build("When?", passages, units)[1])
        == "[CLS] when? [SEP] bread is baked. it leaves at seven. [SEP]"
    )
    assert [decoded(pair) for pair in narrow.build("When?", passages, units)][2:] == [
        "[CLS] when? [SEP] it leaves at seven. it is red. [SEP]",
        "[CLS] when? [SEP] it sank. [SEP]",
    ]


def test_a_unit_longer_than_a_pair_is_split_over_several_pairs():
    """Every token is in one of them, without neighbours."""
    passages = [("", "Here it is. Then " + "eleven " * 30)]
    pairs = PairBuilder(TOKENIZER, 16).build("x", passages, units_of(passages))
    assert [(pair.unit, decoded(pair).count("eleven")) for pair in pairs] == [(0, 0), (1, 11), (1, 12), (1, 7)]


def test_pairs_have_the_special_tokens_of_the_tokenizer():
    """RoBERTa has two separators between the texts, and one token type."""
    tokenizer = Tokenizer.from_file(str(SHIPPED))
    tokenizer.post_processor = processors.RobertaProcessing(sep=("[SEP]", 102), cls_token=("[CLS]", 101))
    passages = [("", "It sank.")]
    (pair,) = PairBuilder(tokenizer, 64).build("When?", passages, units_of(passages))
    assert decoded(pair) == "[CLS] when? [SEP] [SEP] it sank. [SEP]"
    assert pair.types == (0,) * 9


# Writes a graph without the package onnx, in the wire format of protobuf; the field numbers are those of onnx.proto.
def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def node(operator, inputs, output, *attributes):
    return field(
        1,
        b"".join(field(1, name) for name in inputs)
        + field(2, output)
        + field(4, operator)
        + b"".join(field(5, attribute) for attribute in attributes),
    )


def tensor(name, kind, dimensions):
    shape = b"".join(field(1, field(2, dimension)) for dimension in dimensions)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def graph(token, inputs=("input_ids", "attention_mask", "token_type_ids"), output="logits", factor=4.0):
    """Return a model whose logit is `factor` times the count of `token` in the text, minus 2."""
    to_float = field(1, "to") + field(3, 1) + field(20, 2)
    axes = field(1, "axes") + field(8, 1) + field(20, 7)
    nodes = [
        node("Equal", [inputs[0], "token"], "same"),
        node("Cast", ["same"], "one", to_float),
        node("Cast", [inputs[2]], "text", to_float),
        node("Mul", ["one", "text"], "found"),
        node("ReduceSum", ["found"], "count", axes),
        node("Mul", ["count", "factor"], "scaled"),
        node("Sub", ["scaled", "two"], output),
    ]
    constants = [
        field(2, 7) + field(8, "token") + field(9, np.int64(token).tobytes()),
        field(2, 1) + field(8, "factor") + field(9, np.float32(factor).tobytes()),
        field(2, 1) + field(8, "two") + field(9, np.float32(2).tobytes()),
    ]
    body = [
        *nodes,
        field(2, "toy"),
        *(field(5, constant) for constant in constants),
        *(field(11, tensor(name, 7, ["batch", "length"])) for name in inputs),
        field(12, tensor(output, 1, ["batch", "one"])),
    ]
    return field(1, 7) + field(8, field(2, 11)) + field(7, b"".join(body))


def model_folder(folder, content, **changes):
    """Write a model folder whose graph is `content` and whose card has some changes, and return its name."""
    folder.mkdir(exist_ok=True)
    shutil.copy(SHIPPED, folder / "tokenizer.json")
    (folder / "model.fp32.onnx").write_bytes(content)
    card = {
        "name": "toy",
        "kind": "cross_encoder",
        "files": {name: sha256(folder / name) for name in ("tokenizer.json", "model.fp32.onnx")},
        "window_length": 64,
        "calibration": {"unit": 1.0, "bias": 0.5},
        "graphs": {"cpu": "model.fp32.onnx"},
        "alone": [],
        **changes,
    }
    (folder / "model.json").write_text(json.dumps(card))
    return str(folder)


SEVEN = TOKENIZER.token_to_id("seven")


@pytest.fixture
def toy(tmp_path):
    return model_folder(tmp_path / "toy", graph(SEVEN))


def input_of(*passages, query="When?"):
    return ScoringInput(
        Request(query, tuple(Passage(text, title=title) for title, text in passages)), units_of(passages)
    )


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def test_a_unit_has_the_calibrated_probability_of_its_pair(toy):
    """Worked by hand: `seven` is in the pairs of all three units of the first passage, and not in that of the second."""
    (scores,) = CrossEncoderScorer(open_model(toy)).score([input_of(("", TEXT), ("", "It sank."))])
    near, far = sigmoid(4 - 2 + 0.5), sigmoid(-2 + 0.5)
    np.testing.assert_allclose(scores.probability, [near, near, near, far], rtol=1e-6)
    np.testing.assert_allclose(scores.relevance, [near, far], rtol=1e-6)
    assert scores.probability.dtype == scores.relevance.dtype == np.float32


def test_a_split_unit_has_the_logit_of_its_best_pair(toy):
    """The word is at its very end."""
    (scores,) = CrossEncoderScorer(open_model(toy)).score([input_of(("", "eleven " * 200 + "seven"))])
    np.testing.assert_allclose(scores.probability, [sigmoid(2.5)], rtol=1e-6)


def test_the_scores_of_a_request_do_not_depend_on_other_requests_threads_or_batches(toy, tmp_path):
    """To the last bit, whether pairs are batched or not."""
    batch = [input_of(("", TEXT * n), ("Title", "It sank at seven. " * n)) for n in range(1, 5)]
    unbatched = model_folder(tmp_path / "unbatched", graph(SEVEN), alone=["model.fp32.onnx"])
    expected = [scores.probability.tolist() for scores in CrossEncoderScorer(open_model(toy)).score(batch)]
    for scorer in (
        CrossEncoderScorer(open_model(toy), threads=2),
        CrossEncoderScorer(open_model(toy), batch_tokens=40),
        CrossEncoderScorer(open_model(unbatched), threads=3),
    ):
        assert [scores.probability.tolist() for scores in scorer.score(batch[::-1])] == expected[::-1]
        assert [scorer.score([one])[0].probability.tolist() for one in batch] == expected


@pytest.mark.parametrize("passages", [[], [("", "")], [("Title", " \n ")]])
def test_a_request_without_text_is_no_error(toy, passages):
    """Its passages have the relevance 0."""
    (scores,) = CrossEncoderScorer(open_model(toy)).score([input_of(*passages)])
    assert scores.relevance.tolist() == [0.0] * len(passages)
    assert not scores.probability.any()


def test_a_query_longer_than_half_of_the_window_is_a_warning(toy):
    """Its first and its last tokens are used."""
    long = "first " + "word " * 60 + "last"
    (scores,) = CrossEncoderScorer(open_model(toy)).score([input_of(("", "It sank."), query=long)])
    text = "the query has 62 tokens: the model takes its first and last 16"
    assert scores.warnings == (RecordWarning("query_truncated", text),)
    (pair,) = PairBuilder(TOKENIZER, 64).build(long, [("", "It sank.")], units_of([("", "It sank.")]))
    assert decoded(pair) == f"[CLS] first {'word ' * 30}last [SEP] it sank. [SEP]"


def test_the_scorer_has_the_name_of_the_model_and_its_device(toy):
    """They are written to records."""
    scorer = CrossEncoderScorer(open_model(toy), device="cpu")
    assert (scorer.name, scorer.device, scorer.warning) == ("toy", "cpu", None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calibration": {"unit": 1.0}}, "no 'bias' for a cross-encoder: import it again"),
        ({"calibration": None}, "for a cross-encoder"),
        ({"window_length": "long"}, "for a cross-encoder"),
        ({"window_length": 8}, "needs a window_length of more than 8"),
        ({"graphs": {}}, "no 'graphs'"),
        ({"graphs": {"cpu": "other.onnx"}}, "'other.onnx', its graph for cpu, is not in 'files'"),
    ],
)
def test_a_model_card_that_is_not_complete_is_an_error(tmp_path, changes, message):
    """The message names what is missing."""
    with pytest.raises(ModelError, match=message):
        CrossEncoderScorer(open_model(model_folder(tmp_path / "toy", graph(SEVEN), **changes)))


def test_a_file_that_is_no_tokenizer_is_an_error(toy):
    """Even where its SHA-256 is the one on the card."""
    model = open_model(toy)
    (model.path / "tokenizer.json").write_text("{}")
    files = {**model.card["files"], "tokenizer.json": sha256(model.path / "tokenizer.json")}
    with pytest.raises(ModelError, match=r"not a tokenizer\.json"):
        CrossEncoderScorer(ModelFolder(model.path, {**model.card, "files": files}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no graph", "ONNX Runtime cannot run it"),
        (graph(SEVEN, inputs=("input_ids", "pixels", "token_type_ids")), "its graph has the inputs input_ids, pixels"),
        (graph(SEVEN, output="scores"), "its graph cannot score a pair of 10 tokens"),
        (graph(SEVEN, factor=np.inf), "or infinite ones"),
    ],
)
def test_a_graph_of_another_kind_is_an_error(tmp_path, content, message):
    """Not an exception of ONNX Runtime."""
    with pytest.raises(ModelError, match=message):
        CrossEncoderScorer(open_model(model_folder(tmp_path / "toy", content))).score(
            [input_of(("", "Ferries sink at seven."))]
        )


def test_compress_uses_a_cross_encoder_by_its_folder(toy):
    """Without importing a package that only training needs."""
    code = (
        "import sys; from ctxzip import compress; "
        f"r = compress('When?', ['Bread is baked. ' * 3 + 'At seven.'], scorer='model', model={toy!r}, ratio=0.3); "
        "print(r.scored.scorer, r.texts); assert not set(sys.modules) & {'torch', 'onnx', 'transformers'}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("toy ")
