"""Reads the weights of an exported graph as a state dictionary, so that training can start from a shipped model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ctxzip.errors import ModelError
from ctxzip.model_store import open_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_GRAPHS = ("model.fp32.onnx", "model.fp16.onnx")


def graph_of(model: str) -> Path:
    """Return the most exact graph of a model folder that has unsmoothed float weights.

    Raises:
        ModelError: there is none; int8 graphs have smoothed and rounded weights.
    """
    folder = open_model(model)
    name = next((name for name in _GRAPHS if (folder.path / name).is_file()), None)
    if name is None:
        raise ModelError(f"{folder.path}: it has int8 weights only: expected one of {', '.join(_GRAPHS)}")
    return folder.verified(name)


def averaged(models: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights of models of one shape (model soups: Wortsman et al. 2022).

    Raises:
        KeyError: the names of their weights differ.
    """
    found = [weights_of(graph_of(model)) for model in models]
    return {name: torch.stack([weights[name] for weights in found]).mean(dim=0) for name in found[0]}


def weights_of(graph: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a graph that `export` wrote, in fp32, by their names in `JointModel`."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(graph)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found = {name: value for name, value in stored.items() if "." in name}
    for node in model.graph.node:
        # The export stores the weight of a linear layer transposed and without its name.
        if node.op_type == "MatMul" and node.input[1].startswith("onnx::"):
            found[_module(node.name) + ".weight"] = stored[node.input[1]].T
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in found.items()}


def _module(node: str) -> str:
    """Return the name of the module of a node: `/encoder/encoder/layer.0/output/dense/MatMul` is `encoder.encoder...`."""
    return ".".join(part for part in node.split("/")[1:-1])
