"""Quantization of the fp32 graph, and the sensitivity of each layer to int8.

There are three kinds of matrix products: `fp32`; `weights`, with int8 weights and activations that are rounded in blocks
of 32, about as fast as fp32; `dynamic`, with int8 weights and one scale for all activations of a window, which is the
fastest (models/README.md, "quantize"). Weights have 7 bits (`reduce_range`): on processors without VNNI, products of 8
by 8 bits overflow 16 bits and saturate
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html), so that scores would depend on the
machine.

`fuse_and_smooth` fuses the attention of a graph and smooths it: a few channels of the activations are ten times as large as the
others, which leaves these few of the 256 steps of the scale. Smoothing moves that factor into the weights (SmoothQuant:
Xiao et al. 2023).
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

_HEADS = ("/token/MatMul", "/window/Gemm")  # one column each, too small to gain from int8
_PART = re.compile(r"layer\.(\d+)/(attention/self|attention/output|intermediate|output)/")
_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # exponents that are tried: how much of the factor moves into the weights
_SEARCH_WINDOWS = 24  # windows, spread over all, on which the exponent is chosen
_SHAPE = {"num_heads": 12, "hidden_size": 384}  # of all-MiniLM-L6-v2
_MASK_INPUT = 4  # index of the mask among the inputs of MultiHeadAttention
_MIN_SCALE = 1e-5  # smaller maxima are those of channels that are always 0


def fuse_and_smooth(source: Path, windows: Sequence[Example]) -> Any:
    """Return the ONNX model of an fp32 graph, fused and smoothed; it computes the same for windows that run alone.

    Args:
        source: the fp32 graph.
        windows: training windows, for the maxima of the activations.
    """
    model = _fused(source)
    _smooth(model, windows)
    return model


def quantize(model: Any, target: Path, *, in_fp32: Collection[str] = (), reduce_range: bool = True) -> None:
    """Write the int8 graph: embeddings and weights per channel. It has no mask input: windows run alone.

    Args:
        model: the return value of `fuse_and_smooth`; it is not changed.
        target: file to write.
        in_fp32: parts (see `parts`) of which only the weights are int8.
        reduce_range: whether weights have 7 bits in products with int8 activations.
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
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # after operators of ONNX Runtime's own domain
        )


def _fused(source: Path) -> Any:
    """Return the graph with fused attention and without mask: windows that run alone have no padding."""
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
            del node.input[_MASK_INPUT:]
    fused.prune_graph(allow_remove_graph_inputs=True)
    fused.model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return fused.model


def _smooth(model: Any, windows: Sequence[Example]) -> None:
    """Divide the inputs of the products by a scale for each channel, and multiply their weights by it, in place.

    The scale is the maximum of the channel to the power of a share, divided by the maximum of its weights to the power of
    1 minus the share. The share with the smallest rounding error on some windows is taken; no smoothing is one choice.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    products: dict[str, list[Any]] = {}
    names = {name for part in parts(model).values() for name in part}
    for node in graph.node:
        if node.name in names:
            products.setdefault(node.input[0], []).append(node)
    largest, samples = _inputs(model, list(products), windows)
    for name, nodes in products.items():
        each = [numpy_helper.to_array(weights[node.input[1]]) for node in nodes]
        scale = smoothing(largest[name], np.concatenate(each, axis=1), samples[name])
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
    """Return, for each named tensor, the maximum of each channel, and its values in some of the windows."""
    import onnx
    from onnx import helper

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    largest: dict[str, np.ndarray] = {}
    samples: dict[str, list[np.ndarray]] = {name: [] for name in names}
    searched = set(spread(range(len(windows)), _SEARCH_WINDOWS))
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(copy, graph := Path(folder) / "graph.onnx")
        for at, found in enumerate(_run(graph, windows, names)):
            for name, (value,) in zip(names, found, strict=True):
                channels = np.abs(value).max(axis=0)
                largest[name] = np.maximum(largest.get(name, channels), channels)
                if at in searched:
                    samples[name].append(value)
    return largest, samples


def smoothing(largest: np.ndarray, weight: np.ndarray, samples: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the scale of each channel, `(n_channels,)`, or None where smoothing does not reduce the error.

    Args:
        largest: `(n_channels,)`, maxima of the inputs.
        weight: `(n_channels, n_columns)`.
        samples: `(n_tokens, n_channels)` each, inputs.
    """
    heaviest = np.maximum(np.abs(weight).max(axis=1), _MIN_SCALE)
    largest = np.maximum(largest, _MIN_SCALE)
    scales: list[np.ndarray | None] = [None]
    scales += [(largest**share / heaviest ** (1 - share)).astype(np.float32) for share in _SHARES]

    exact = [value @ weight for value in samples]

    def error(scale: np.ndarray | None) -> float:
        by = np.ones_like(heaviest) if scale is None else scale
        rounded = _rounded_weight(weight * by[:, None])
        found = (_rounded_input(value / by) @ rounded for value in samples)
        return float(sum(np.square(one - other).sum() for one, other in zip(found, exact, strict=True)))

    return min(scales, key=error)


def _rounded_input(value: np.ndarray) -> np.ndarray:
    """Return a tensor as DynamicQuantizeLinear rounds it."""
    low, high = min(float(value.min()), 0.0), max(float(value.max()), 0.0)
    step = (high - low) / 255
    zero = np.rint(-low / step)
    return (np.clip(np.rint(value / step) + zero, 0, 255) - zero) * step


def _rounded_weight(weight: np.ndarray) -> np.ndarray:
    """Return a weight rounded to 7 bits, with a scale for each column."""
    step = np.abs(weight).max(axis=0) / 63
    return np.rint(weight / step) * step


def to_fp16(source: Path, target: Path) -> None:
    """Write the fp16 graph for CUDA; its inputs are int64 and its outputs fp32, as in the other graphs.

    The word embeddings, half of all weights, are in a file of their own, `TARGET.embeddings`, so that no file is too large
    for a repository.
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
    """Return the names of the matrix products of every part of the encoder: `0 attention/self` and so on."""
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
    """Return the uncalibrated probabilities of the units of every window, `(n_units,)` each."""
    from ctxzip._internal.logits import sigmoid

    found = []
    for window, (tokens,) in zip(windows, _run(graph, windows, ["token_logits"]), strict=True):
        inside = window.units >= 0
        sums = np.bincount(window.units[inside], tokens[0][inside], minlength=len(window.labels))
        counts = np.bincount(window.units[inside], minlength=len(window.labels))
        found.append(sigmoid(sums / np.maximum(counts, 1)))
    return found


def shift(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> dict[str, float]:
    """Return how far the probabilities of windows differ from the expected ones.

    Returns:
        `mean` and `largest`, the absolute difference, 0..1; `best`, the share of the windows with at least two units in
        which another unit is the best.
    """
    differences = np.concatenate([np.abs(a - b) for a, b in zip(found, expected, strict=True)])
    several = [(a, b) for a, b in zip(found, expected, strict=True) if len(a) > 1]
    return {
        "mean": round(float(differences.mean()), 5),
        "largest": round(float(differences.max()), 4),
        "best": round(float(np.mean([a.argmax() != b.argmax() for a, b in several])), 4),
    }


def sensitivity(source: Path, model: Any, windows: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Return how far probabilities change when one part, or all parts, are dynamic int8 (see `shift`).

    The keys are those of `parts`, and `weights` (no part), `all` (all parts), `all, 8 bits` (without `reduce_range`)
    and `all, not smoothed`.

    Args:
        source: the fp32 graph, the reference.
        model: the return value of `fuse_and_smooth`.
        windows: to compare on.
    """
    expected = probabilities(source, windows)
    every = list(parts(model))
    variants: dict[str, tuple[Any, Mapping[str, Any]]] = {
        **{part: (model, {"in_fp32": [other for other in every if other != part]}) for part in every},
        "weights": (model, {"in_fp32": every}),
        "all, not smoothed": (_fused(source), {}),
        "all": (model, {}),
        "all, 8 bits": (model, {"reduce_range": False}),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.onnx"
        for name, (variant, options) in variants.items():
            quantize(variant, graph, **options)
            found[name] = shift(probabilities(graph, windows), expected)
    return found
