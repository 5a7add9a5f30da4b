"""Trained weights -> ONNX graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ctxzip.training.model import JointModel, base_encoder

if TYPE_CHECKING:
    from pathlib import Path

_OPSET = 17


def export(weights: Path, target: Path, layers: int | None = None) -> None:
    """Write the fp32 graph: ids, mask and types in, `token_logits` and `window_logits` out."""
    model = JointModel(base_encoder(layers)).eval()
    model.load_state_dict(torch.load(weights))
    ids = torch.ones(2, 16, dtype=torch.long)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "length"} for name in [*names, "token_logits"]}
    with torch.no_grad():
        torch.onnx.export(
            model,
            (ids, ids, torch.zeros_like(ids)),
            str(target),
            input_names=names,
            output_names=["token_logits", "window_logits"],
            dynamic_axes={**axes, "window_logits": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )


def quantize(source: Path, target: Path) -> None:
    """Write the int8 graph: weights and embeddings per channel, activations as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(source), str(target), per_channel=True, weight_type=QuantType.QInt8)
