"""The weights of an exported graph, int8 or not -> a state dictionary, to train on from a model that ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ctxzip.shipped import open_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_QUANTIZED = "_quantized"


def graph_of(model: str) -> Path:
    """Return the graph with the most exact weights that a model folder has."""
    folder = open_model(model)
    names = ("model.fp32.onnx", "model.fp16.onnx", "model.int8.onnx")
    return folder.verified(next((name for name in names if (folder.path / name).is_file()), names[-1]))


def averaged(models: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights of models of one shape (model soups: Wortsman et al. 2022).

    Raises:
        KeyError: their weights have other names.
    """
    found = [weights_of(graph_of(model)) for model in models]
    return {name: torch.stack([weights[name] for weights in found]).mean(dim=0) for name in found[0]}


def weights_of(graph: Path) -> dict[str, torch.Tensor]:
    """Return the weights that `export` wrote, under their names in `JointModel`.

    int8 weights come back as the values they stand for, which differ from the trained ones by half
    a quantization step at most.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(graph)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = {name: value for name, value in stored.items() if "." in name and not name.endswith(_SUFFIXES)}
    for name in [name for name in stored if name.endswith(_QUANTIZED)]:
        weights[name.removesuffix(_QUANTIZED)] = _dequantized(stored, name.removesuffix(_QUANTIZED))
    weights |= {name: value for name, value in stored.items() if name.startswith("onnx::")}
    found = {name: value for name, value in weights.items() if not name.startswith("onnx::")}
    for node in model.graph.node:
        # A linear layer without its bias is a product with a transposed weight that lost its name.
        if node.op_type in {"MatMul", "MatMulInteger"}:
            weight = node.input[1].removesuffix(_QUANTIZED)
            if weight.startswith("onnx::"):
                found[_module(node.name) + ".weight"] = weights[weight].T
            elif weight == "window.weight":
                found[weight] = weights[weight].T
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in found.items()}


_SUFFIXES = (_QUANTIZED, "_scale", "_zero_point")


def _dequantized(stored: dict[str, np.ndarray], name: str) -> np.ndarray:
    values = stored[name + _QUANTIZED].astype(np.float32) - stored[name + "_zero_point"].astype(np.float32)
    return values * stored[name + "_scale"]


def _module(node: str) -> str:
    """Return the module of a node: `/encoder/encoder/layer.0/output/dense/MatMul_quant` is `encoder.encoder...`."""
    return ".".join(part for part in node.split("/")[1:-1])
