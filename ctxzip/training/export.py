"""Exports trained weights as the fp32 ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ctxzip.training.model import JointModel, base_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OPSET = 17


def export(weights: Path, target: Path, layers: Sequence[int] | None = None) -> None:
    """Write the fp32 graph. Inputs: ids, mask and token types; outputs: `token_logits` and `window_logits`.

    Args:
        weights: the state dictionary, `model.pt`.
        target: the graph to write.
        layers: of the encoder, where the model has only some; None for all.
    """
    encoder = base_encoder()
    encoder.set_attn_implementation("eager")  # a plain graph, which every ONNX Runtime can fuse
    model = JointModel(encoder).eval()
    if layers is not None:
        model.keep(layers)
    model.load_state_dict(torch.load(weights, map_location="cpu"))
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
