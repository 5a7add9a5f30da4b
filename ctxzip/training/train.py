"""The training loop: resumable, deterministic by seed, bounded in time."""

from __future__ import annotations

import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ctxzip.training.model import JointModel, base_encoder, fast_bf16, unit_logits
from ctxzip.training.weights import graph_of, weights_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from ctxzip.training.examples import Example


_HALF = 0.5  # labels above are of evidence, smoothed or not


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyperparameters of a training run.

    Attributes:
        steps: optimizer steps; the learning rate falls to 0 at the last. None for one epoch.
        tokens: of a batch, padding included.
        learning_rate: the peak.
        warmup: share of the steps over which the learning rate rises, 0..1.
        window_weight: weight of the loss of the window logit; that of the units has weight 1.
        listwise_weight: weight of the listwise loss over the units of a window (`listwise_loss`).
        layers: indices of the encoder layers to use; None for all.
        frozen_layers: number of the lowest layers that are frozen, with the embeddings; None freezes nothing.
        average_last: share of the run, at its end, over which the weights are averaged, 0..1.
        start: model whose weights the run starts from; None for the base encoder.
        teacher: model whose probabilities are half of the target (knowledge distillation: Hinton et al. 2015).
        seed: of the order of the examples and of torch.
    """

    steps: int | None = None
    tokens: int = 4_096
    learning_rate: float = 1.5e-4
    warmup: float = 0.06
    window_weight: float = 0.5
    listwise_weight: float = 0.0
    layers: tuple[int, ...] | None = None
    frozen_layers: int | None = None
    average_last: float = 0.15
    start: str | None = None
    teacher: str | None = None
    seed: int = 7


def batches(examples: list[Example], tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """Return shuffled batches of indices of examples, with at most `tokens` tokens each, padding included.

    Examples are sorted by length inside shuffled chunks, so that batches need little padding and stay mixed.
    """
    rng = random.Random(seed + epoch)
    order = list(range(len(examples)))
    rng.shuffle(order)
    found: list[list[int]] = []
    for start in range(0, len(order), 4_096):
        batch: list[int] = []
        for index in sorted(order[start : start + 4_096], key=lambda i: len(examples[i].ids)):
            if batch and _padded(len(examples[index].ids)) * (len(batch) + 1) > tokens:
                found.append(batch)
                batch = []
            batch.append(index)
        found.append(batch)
    rng.shuffle(found)
    return found


def _padded(length: int) -> int:
    return -(-length // 32) * 32  # oneDNN compiles a primitive for every new shape


def tensors(chosen: list[Example]) -> dict[str, Any]:
    """Return the inputs and labels of one batch, padded to `(batch, length)`."""
    length = _padded(max(len(example.ids) for example in chosen))
    ids = np.zeros((len(chosen), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    types = np.zeros_like(ids)
    units = np.full_like(ids, -1)
    n_units = 0
    for row, example in enumerate(chosen):
        n = len(example.ids)
        ids[row, :n] = example.ids
        mask[row, :n] = 1
        types[row, example.n_first : n] = 1
        units[row, :n] = np.where(example.units >= 0, example.units + n_units, -1)
        n_units += len(example.labels)
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "token_type_ids": torch.from_numpy(types),
        "units": torch.from_numpy(units),
        "labels": torch.from_numpy(np.concatenate([example.labels for example in chosen])),
        "rows": torch.from_numpy(np.repeat(np.arange(len(chosen)), [len(example.labels) for example in chosen])),
        "unit_weight": torch.from_numpy(np.concatenate([example.weights for example in chosen])),
        "relevant": torch.tensor([example.relevant for example in chosen]),
    }


def train(examples: list[Example], recipe: Recipe, out: Path, minutes: float | None = None) -> JointModel:
    """Return the trained model; resume from `out/checkpoint.pt` where there is one.

    Writes `checkpoint.pt` every 200 steps, `metrics.jsonl` every 20, and `model.pt` (averaged weights) at the end.

    Args:
        examples: training windows.
        recipe: the hyperparameters.
        out: folder to write to.
        minutes: stop after this time, with a checkpoint; None for no limit.
    """
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = _Run(recipe, device, out / "checkpoint.pt")
    teacher = (
        None
        if recipe.teacher is None
        else _with_weights(recipe.teacher).eval().requires_grad_(requires_grad=False).to(device)
    )
    plan = batches(examples, recipe.tokens, recipe.seed, run.epoch)
    steps = recipe.steps or len(batches(examples, recipe.tokens, recipe.seed, 0))
    started = time.monotonic()
    tokens = 0
    losses: list[tuple[float, float]] = []
    with (out / "metrics.jsonl").open("a") as metrics:
        header = {"recipe": {**asdict(recipe), "steps": steps}, "examples": len(examples), "batches": len(plan)}
        metrics.write(json.dumps(header) + "\n")
        while run.step < steps:
            if run.at >= len(plan):
                run.epoch, run.at = run.epoch + 1, 0
                plan = batches(examples, recipe.tokens, recipe.seed, run.epoch)
            for group in run.optimizer.param_groups:
                group["lr"] = recipe.learning_rate * _schedule(run.step / steps, recipe.warmup)
            chosen = tensors([examples[i] for i in plan[run.at]])
            batch = {name: value.to(device) for name, value in chosen.items()}
            losses.append(_step(run, batch, recipe, teacher))
            tokens += batch["input_ids"].numel()
            run.step, run.at = run.step + 1, run.at + 1
            if run.step > (1 - recipe.average_last) * steps and run.step % 10 == 0:
                run.average_in()
            elapsed = time.monotonic() - started
            if run.step % 20 == 0:
                unit, window = np.mean(losses[-20:], axis=0)
                row = {"step": run.step, "unit_loss": round(float(unit), 4), "window_loss": round(float(window), 4)}
                speed = {"tokens_per_s": round(tokens / elapsed), "elapsed_s": round(elapsed)}
                metrics.write(json.dumps(row | speed) + "\n")
                metrics.flush()
                print(f"{row} of {steps} steps, {tokens / elapsed:.0f} tokens/s", file=sys.stderr)
            out_of_time = minutes is not None and elapsed > 60 * minutes
            if run.step % 200 == 0 or out_of_time:
                run.save()
            if out_of_time:
                break
    if run.average:
        run.model.load_state_dict(run.average)
    torch.save(run.model.state_dict(), out / "model.pt")
    return run.model


class _Run:
    """The state of a run: weights, optimizer, averaged weights, and its position in the examples.

    Args:
        recipe: the hyperparameters.
        device: to train on.
        checkpoint: file to resume from where it exists, and to save to.
    """

    def __init__(self, recipe: Recipe, device: torch.device, checkpoint: Path) -> None:
        self._checkpoint = checkpoint
        model = JointModel(base_encoder()) if recipe.start is None else _with_weights(recipe.start)
        if recipe.layers is not None:
            model.keep(recipe.layers)
        model.freeze(recipe.frozen_layers)
        self.model = model.to(device)
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        groups = [
            {"params": [p for p in trainable if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), fused=True)
        self.average: dict[str, torch.Tensor] = {}
        self.averaged = self.step = self.epoch = self.at = 0
        if checkpoint.exists():
            saved = torch.load(checkpoint, map_location=device)
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.average, self.averaged = saved["average"], saved["averaged"]
            self.step, self.epoch, self.at = saved["step"], saved["epoch"], saved["at"]

    def average_in(self) -> None:
        """Add the current weights to the average."""
        self.averaged += 1
        for name, value in self.model.state_dict().items():
            before = self.average.get(name, value.float().clone())
            self.average[name] = before.lerp(value.float(), 1 / self.averaged)

    def save(self) -> None:
        """Write the checkpoint."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        place = {"average": self.average, "averaged": self.averaged, "step": self.step, "epoch": self.epoch}
        torch.save({**state, **place, "at": self.at}, self._checkpoint)


def _with_weights(model: str) -> JointModel:
    """Return a model with the weights of a model folder."""
    loaded = JointModel(base_encoder())
    loaded.load_state_dict(weights_of(graph_of(model)), strict=False)
    return loaded


def _step(run: _Run, batch: dict[str, Any], recipe: Recipe, teacher: JointModel | None) -> tuple[float, float]:
    inputs = (batch["input_ids"], batch["attention_mask"], batch["token_type_ids"])
    labels, relevant = batch["labels"], batch["relevant"]
    device = batch["input_ids"].device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda" or fast_bf16()):
        token, window = run.model(*inputs)
        if teacher is not None:
            teacher_token, teacher_window = teacher(*inputs)
            labels = (labels + torch.sigmoid(unit_logits(teacher_token, batch["units"], len(labels)))) / 2
            relevant = (relevant + torch.sigmoid(teacher_window)) / 2
    logits = unit_logits(token, batch["units"], len(labels))
    weight = batch["unit_weight"]
    unit_loss = (bce(logits, labels, reduction="none") * weight).sum() / weight.sum()
    window_loss = bce(window, relevant)
    loss = unit_loss + recipe.window_weight * window_loss
    if recipe.listwise_weight:
        loss = loss + recipe.listwise_weight * listwise_loss(logits, labels, weight > 0, batch["rows"], len(relevant))
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    return float(unit_loss.detach()), float(window_loss.detach())


def listwise_loss(logits: Tensor, labels: Tensor, counted: Tensor, rows: Tensor, n_rows: int) -> Tensor:
    """Return the mean over windows with evidence of the negative log of the softmax share of their evidence.

    ListNet's top-one loss (Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach").

    Args:
        logits: `(n_units,)`.
        labels: `(n_units,)`, 0..1.
        counted: `(n_units,)` bool, False for units that are left out.
        rows: `(n_units,)`, the window of each unit.
        n_rows: number of windows.
    """
    exp = torch.where(counted, torch.exp(logits.clamp(-30, 30)), 0)
    zeros = torch.zeros(n_rows, device=logits.device)
    all_units = zeros.index_add(0, rows, exp)
    evidence = zeros.index_add(0, rows, torch.where(labels > _HALF, exp, 0))
    has_evidence = evidence > 0
    if not has_evidence.any():
        return zeros.sum()
    return (torch.log(all_units[has_evidence]) - torch.log(evidence[has_evidence])).mean()


def _schedule(done: float, warmup: float) -> float:
    return done / warmup if done < warmup else (1 - done) / (1 - warmup)
