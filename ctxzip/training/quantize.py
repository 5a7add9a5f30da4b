"""The fp32 graph -> the graphs that ship, and how much each layer suffers from int8.

Three ways for a matrix product: `fp32`; `weights`, which stores int8 and rounds what comes in by blocks of 32,
at the speed of fp32; `dynamic`, which rounds what comes in with one step for all of it, in a tenth of the time
(ONNX Runtime 1.31, 224 tokens, 1,536 by 384: 2.3 and 0.24 ms). Weights have 7 bits
(`reduce_range`): on processors without VNNI, products of 8 by 8 bits overflow 16 and saturate
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html), so that scores would
depend on the machine.

`lean` readies a graph for that. It fuses attention, which saves 7% of the time
(16.1 ms in place of 17.4 for 224 tokens on one core). And it smooths:
a few channels are ten times as large as the others, and leave those few of the 256 steps that a whole
window shares; what they are too large by is moved into the weights (SmoothQuant: Xiao et al. 2023).
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.evaluation.labelled import spread

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ctxzip.training.examples import Example

_HEADS = ("/token/MatMul", "/window/Gemm")  # one column each: nothing to save
_PART = re.compile(r"layer\.(\d+)/(attention/self|attention/output|intermediate|output)/")
_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the unevenness that may move into the weights
_SEARCHED = 24  # windows, spread over all, that the share is chosen on
_SHAPE = {"num_heads": 12, "hidden_size": 384}  # of all-MiniLM-L6-v2
_MASK = 4  # inputs of MultiHeadAttention before the mask
_NOTHING = 1e-5  # smaller maxima are of channels that are always 0


def lean(source: Path, windows: Sequence[Example]) -> Any:
    """Return the ONNX model of an fp32 graph, fused and smoothed: the same function for windows that run alone.

    Args:
        source: the fp32 graph.
        windows: that maxima are taken of; of training, for what ships is judged on the others.
    """
    model = _fused(source)
    _smooth(model, windows)
    return model


def quantize(model: Any, target: Path, *, in_fp32: Collection[str] = (), reduce_range: bool = True) -> None:
    """Write the int8 graph: embeddings and weights per channel. It reads no mask: windows run alone.

    Args:
        model: of `lean`; stays as it is.
        target: where to write.
        in_fp32: parts (see `parts`) of which only the weights are stored as int8.
        reduce_range: 7 bits for weights that meet int8.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    products = parts(model)
    kept = [name for part in in_fp32 for name in products[part]]
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "stored.onnx"
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        _store_as_int8(copy.graph, kept)
        onnx.save(copy, stored)
        quantize_dynamic(
            str(stored),
            str(target),
            per_channel=True,
            weight_type=QuantType.QInt8,
            reduce_range=reduce_range,
            nodes_to_exclude=[*_HEADS, *kept],
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # behind operators of ONNX Runtime's own
        )


def _fused(source: Path) -> Any:
    """Return the graph with attention in one operator, without a mask, for windows that run alone have no padding."""
    from onnx import helper
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    options.use_multi_head_attention = True
    options.enable_embed_layer_norm = False
    options.enable_skip_layer_norm = False  # slow on the CPU: see `open_session`
    fused = optimize_model(str(source), "bert", **_SHAPE, opt_level=0, optimization_options=options)
    for node in fused.model.graph.node:
        if node.op_type == "MultiHeadAttention":
            del node.input[_MASK:]
    fused.prune_graph(allow_remove_graph_inputs=True)
    fused.model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return fused.model


def _smooth(model: Any, windows: Sequence[Example]) -> None:
    """Divide what goes into the products by a number a channel, and multiply their weights by it.

    The number is a maximum of the channel to the power of a share, over one of the weights to the power
    of the rest; of the shares that which changes least what comes out on some windows, none being one.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    products: dict[str, list[Any]] = {}
    names = {name for part in parts(model).values() for name in part}
    for node in graph.node:
        if node.name in names:
            products.setdefault(node.input[0], []).append(node)
    largest, seen = _inputs(model, list(products), windows)
    for name, nodes in products.items():
        each = [numpy_helper.to_array(weights[node.input[1]]) for node in nodes]
        scale = smoothing(largest[name], np.concatenate(each, axis=1), seen[name])
        if scale is None:
            continue
        for node, weight in zip(nodes, each, strict=True):
            weights[node.input[1]].CopyFrom(numpy_helper.from_array(weight * scale[:, None], node.input[1]))
        graph.initializer.append(numpy_helper.from_array(1 / scale, f"{name}_smoothing"))
        smoothed = helper.make_node("Mul", [name, f"{name}_smoothing"], [f"{name}_smoothed"], name=f"{name}_smooth")
        graph.node.insert(min(list(graph.node).index(node) for node in nodes), smoothed)
        for node in nodes:
            node.input[0] = f"{name}_smoothed"


def _inputs(
    model: Any, names: Sequence[str], windows: Sequence[Example]
) -> tuple[dict[str, np.ndarray], dict[str, list[np.ndarray]]]:
    """Return of some tensors the largest value of each channel, and the tensors of some of the windows."""
    import onnx
    from onnx import helper

    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    largest: dict[str, np.ndarray] = {}
    seen: dict[str, list[np.ndarray]] = {name: [] for name in names}
    searched = set(spread(range(len(windows)), _SEARCHED))
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(shown, graph := Path(folder) / "graph.onnx")
        for at, found in enumerate(_run(graph, windows, names)):
            for name, (value,) in zip(names, found, strict=True):
                channels = np.abs(value).max(axis=0)
                largest[name] = np.maximum(largest.get(name, channels), channels)
                if at in searched:
                    seen[name].append(value)
    return largest, seen


def smoothing(largest: np.ndarray, weight: np.ndarray, seen: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return what each channel is divided by, `(n_channels,)`, or None where smoothing does not help.

    Args:
        largest: `(n_channels,)`, of what goes in.
        weight: `(n_channels, n_columns)`.
        seen: `(n_tokens, n_channels)` each, what goes in.
    """
    heaviest = np.maximum(np.abs(weight).max(axis=1), _NOTHING)
    largest = np.maximum(largest, _NOTHING)
    scales: list[np.ndarray | None] = [None]
    scales += [(largest**share / heaviest ** (1 - share)).astype(np.float32) for share in _SHARES]

    exact = [value @ weight for value in seen]

    def error(scale: np.ndarray | None) -> float:
        by = np.ones_like(heaviest) if scale is None else scale
        rounded = _rounded_weight(weight * by[:, None])
        found = (_rounded_input(value / by) @ rounded for value in seen)
        return float(sum(np.square(one - other).sum() for one, other in zip(found, exact, strict=True)))

    return min(scales, key=error)


def _rounded_input(value: np.ndarray) -> np.ndarray:
    """Return what DynamicQuantizeLinear makes of a tensor."""
    low, high = min(float(value.min()), 0.0), max(float(value.max()), 0.0)
    step = (high - low) / 255
    zero = np.rint(-low / step)
    return (np.clip(np.rint(value / step) + zero, 0, 255) - zero) * step


def _rounded_weight(weight: np.ndarray) -> np.ndarray:
    """Return a weight of 7 bits a column."""
    step = np.abs(weight).max(axis=0) / 63
    return np.rint(weight / step) * step


def to_fp16(source: Path, target: Path) -> None:
    """Write the fp16 graph for CUDA; it reads int64 and gives fp32, as the others do.

    The embeddings of words, half of all weights, lie in a file beside it, `TARGET.embeddings`, so
    that no file is too large for a repository.
    """
    import onnx
    from onnx.external_data_helper import set_external_data, write_external_data_tensors
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    (beside := target.with_name(f"{target.name}.embeddings")).unlink(missing_ok=True)
    set_external_data(largest, beside.name)
    onnx.save(write_external_data_tensors(model, str(target.parent)), target)


def parts(model: Any) -> dict[str, list[str]]:
    """Return the products of every part of the encoder: `0 attention/self` and so on."""
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    found: dict[str, list[str]] = {}
    for node in graph.node:
        match = _PART.search(node.name)
        if node.op_type == "MatMul" and match and node.input[1] in weights:
            found.setdefault(f"{match[1]} {match[2]}", []).append(node.name)
    return found


def _store_as_int8(graph: Any, products: Collection[str]) -> None:
    """Put int8 weights and a DequantizeLinear in front of the named products."""
    from onnx import helper, numpy_helper

    chosen = [node for node in graph.node if node.name in products]
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in chosen:
        name = node.input[1]
        weight = numpy_helper.to_array(stored[name])
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-12).astype(np.float32) / 127
        rounded = np.clip(np.rint(weight / scale), -127, 127).astype(np.int8)
        graph.initializer.remove(stored[name])
        graph.initializer.extend(
            [
                numpy_helper.from_array(rounded, f"{name}_quantized"),
                numpy_helper.from_array(scale, f"{name}_scale"),
                numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}_zero_point"),
            ]
        )
        inputs = [f"{name}_quantized", f"{name}_scale", f"{name}_zero_point"]
        dequantize = helper.make_node("DequantizeLinear", inputs, [name], name=f"{node.name}_weight", axis=1)
        graph.node.insert(list(graph.node).index(node), dequantize)


def _run(graph: Path, windows: Sequence[Example], outputs: Sequence[str]) -> Iterator[list[np.ndarray]]:
    """Yield the named outputs for every window, each run alone."""
    from ctxzip.scoring.onnx_sessions import open_session

    session = open_session(graph)
    for window in windows:
        n = len(window.ids)
        inputs = {
            "input_ids": window.ids[None].astype(np.int64),
            "attention_mask": np.ones((1, n), dtype=np.int64),
            "token_type_ids": (np.arange(n) >= window.n_first)[None].astype(np.int64),
        }
        yield session.run(inputs, outputs)


def probabilities(graph: Path, windows: Sequence[Example]) -> list[np.ndarray]:
    """Return the uncalibrated probability of every unit of every window."""
    from ctxzip._internal.logits import sigmoid

    found = []
    for window, (tokens,) in zip(windows, _run(graph, windows, ["token_logits"]), strict=True):
        inside = window.units >= 0
        sums = np.bincount(window.units[inside], tokens[0][inside], minlength=len(window.labels))
        counts = np.bincount(window.units[inside], minlength=len(window.labels))
        found.append(sigmoid(sums / np.maximum(counts, 1)))
    return found


def shift(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> dict[str, float]:
    """Return how far probabilities moved.

    Returns:
        `mean` and `largest` absolute difference, and `best`: the share of windows, of those with two
        units or more, in which another unit comes first.
    """
    moved = np.concatenate([np.abs(a - b) for a, b in zip(found, expected, strict=True)])
    several = [(a, b) for a, b in zip(found, expected, strict=True) if len(a) > 1]
    return {
        "mean": round(float(moved.mean()), 5),
        "largest": round(float(moved.max()), 4),
        "best": round(float(np.mean([a.argmax() != b.argmax() for a, b in several])), 4),
    }


def sensitivity(source: Path, model: Any, windows: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Return how far probabilities move when one part alone is dynamic int8, and when all are, each way.

    The parts are those of `parts`; `weights` is none, `all` is dynamic int8 throughout, `all, 8 bits`
    the same without `reduce_range`, `all, not smoothed` what it would be without `lean`.

    Args:
        source: the fp32 graph, which the others are compared with.
        model: of `lean`.
        windows: to compare on.
    """
    expected = probabilities(source, windows)
    every = list(parts(model))
    ways: dict[str, tuple[Any, Mapping[str, Any]]] = {
        **{part: (model, {"in_fp32": [other for other in every if other != part]}) for part in every},
        "weights": (model, {"in_fp32": every}),
        "all, not smoothed": (_fused(source), {}),
        "all": (model, {}),
        "all, 8 bits": (model, {"reduce_range": False}),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.onnx"
        for name, (fp32, way) in ways.items():
            quantize(fp32, graph, **way)
            found[name] = shift(probabilities(graph, windows), expected)
    return found
