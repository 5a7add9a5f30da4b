"""The fp32 graph -> the graphs that ship, and how much each layer suffers from int8.

Three ways for a matrix product: `fp32`; `weights`, which stores int8 and computes in fp32, at the speed
of fp32; `dynamic`, which also rounds what comes in to int8, at up to twice the speed. Weights have 7 bits
(`reduce_range`): on processors without VNNI, products of 8 by 8 bits overflow 16 and saturate
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html), so that scores would
depend on the machine.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxzip.training.examples import Example

_HEADS = ("/token/MatMul", "/window/Gemm")  # one column each: nothing to save
_PART = re.compile(r"layer\.(\d+)/(attention/self|attention/output|intermediate|output)/")


def quantize(source: Path, target: Path, *, in_fp32: Collection[str] = (), reduce_range: bool = True) -> None:
    """Write the int8 graph: embeddings and weights per channel.

    Args:
        source: the fp32 graph.
        target: where to write.
        in_fp32: parts (see `parts`) that compute in fp32, their weights stored as int8.
        reduce_range: 7 bits for weights that meet int8.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    products = parts(source)
    kept = [name for part in in_fp32 for name in products[part]]
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "stored.onnx"
        model = onnx.load(source)
        _store_as_int8(model.graph, kept)
        onnx.save(model, stored)
        quantize_dynamic(
            str(stored),
            str(target),
            per_channel=True,
            weight_type=QuantType.QInt8,
            reduce_range=reduce_range,
            nodes_to_exclude=[*_HEADS, *kept],
        )


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


def parts(source: Path) -> dict[str, list[str]]:
    """Return the products of every part of the encoder: `0 attention/self` and so on."""
    import onnx

    graph = onnx.load(source).graph
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


def probabilities(graph: Path, windows: Sequence[Example], threads: int | None = None) -> list[np.ndarray]:
    """Return the uncalibrated probability of every unit of every window, each run alone."""
    from ctxzip.odds import sigmoid
    from ctxzip.scoring.runtime import open_session

    session = open_session(graph, threads=threads)
    found = []
    for window in windows:
        n = len(window.ids)
        inputs = {
            "input_ids": window.ids[None].astype(np.int64),
            "attention_mask": np.ones((1, n), dtype=np.int64),
            "token_type_ids": (np.arange(n) >= window.n_first)[None].astype(np.int64),
        }
        (tokens,) = session.run(inputs, ["token_logits"])
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


def sensitivity(source: Path, windows: Sequence[Example], in_fp32: Collection[str] = ()) -> dict[str, dict[str, float]]:
    """Return how far probabilities move when one part alone is dynamic int8, and when all are, each way.

    The parts are those of `parts`; `weights` stores int8 and computes in fp32, `all` is dynamic int8
    throughout, `all, 8 bits` the same without `reduce_range`, `mixed` all but the parts `in_fp32`.
    """
    expected = probabilities(source, windows)
    every = list(parts(source))
    ways: dict[str, dict[str, Any]] = {
        **{part: {"in_fp32": [other for other in every if other != part]} for part in every},
        "weights": {"in_fp32": every},
        "all": {},
        "all, 8 bits": {"reduce_range": False},
        **({"mixed": {"in_fp32": in_fp32}} if in_fp32 else {}),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.onnx"
        for name, way in ways.items():
            quantize(source, graph, **way)
            found[name] = shift(probabilities(graph, windows), expected)
    return found
