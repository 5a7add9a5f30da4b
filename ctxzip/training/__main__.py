"""Make a model: `python -m ctxzip.training prepare|train|export|calibrate --data DIR --out DIR`.

prepare     DATA/train/*.jsonl.gz -> OUT/examples.npz
train       -> OUT/model.pt; goes on from OUT/checkpoint.pt
export      -> OUT/model.fp32.onnx and OUT/model.int8.onnx
calibrate   DATA/dev/*.jsonl.gz -> OUT/model.json, the card
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from ctxzip import __version__
from ctxzip.shipped import DEFAULT_MODEL, ModelFolder, models_folder, sha256

_WINDOW_LENGTH = 256  # tokens, as many as the base was made to read
_TOKENIZER = "tokenizer.json"


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(
        prog="python -m ctxzip.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["prepare", "train", "export", "calibrate"])
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and dev/ in the common form")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="stop training after this long, with a checkpoint")
    parser.add_argument("--steps", type=int, help="optimiser steps; the learning rate falls to 0 at the last")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, help="questions of each file")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    {"prepare": _prepare, "train": _train, "export": _export, "calibrate": _calibrate}[options.step](options)


def _prepare(options: argparse.Namespace) -> None:
    import tokenizers

    from ctxzip.scoring.windows import WindowBuilder
    from ctxzip.training.examples import examples_of, save

    tokenizer = tokenizers.Tokenizer.from_file(str(models_folder() / DEFAULT_MODEL / _TOKENIZER))
    builder = WindowBuilder(tokenizer, _WINDOW_LENGTH)
    examples = []
    for path in _files(options.data / "train"):
        found = list(examples_of(path, builder, random.Random(options.seed), options.limit))
        print(f"{path.name:32} {len(found):7} windows {sum(len(example.ids) for example in found):10} tokens")
        examples += found
    save(examples, options.out / "examples.npz")


def _train(options: argparse.Namespace) -> None:
    from ctxzip.training.examples import load
    from ctxzip.training.train import Recipe, train

    recipe = Recipe(seed=options.seed, **({"steps": options.steps} if options.steps else {}))
    train(load(options.out / "examples.npz"), recipe, options.out, options.minutes)


def _export(options: argparse.Namespace) -> None:
    from ctxzip.training.export import export, quantize

    export(options.out / "model.pt", options.out / "model.fp32.onnx")
    quantize(options.out / "model.fp32.onnx", options.out / "model.int8.onnx")


def _calibrate(options: argparse.Namespace) -> None:
    from ctxzip.scoring.joint import JointScorer
    from ctxzip.training.calibrate import calibrate
    from ctxzip.training.train import Recipe

    shutil.copy(models_folder() / DEFAULT_MODEL / _TOKENIZER, options.out / _TOKENIZER)
    metrics = [json.loads(line) for line in (options.out / "metrics.jsonl").read_text().splitlines()]
    recipe = {name: metrics[0]["recipe"][name] for name in (field.name for field in fields(Recipe))}
    card: dict[str, Any] = {
        "name": DEFAULT_MODEL,
        "version": __version__,
        "kind": "joint",
        "base": {"name": "sentence-transformers/all-MiniLM-L6-v2", "license": "Apache-2.0"},
        "files": {file: sha256(options.out / file) for file in ("model.int8.onnx", _TOKENIZER)},
        "window_length": _WINDOW_LENGTH,
        "calibration": {"unit": 1.0, "passage": 0.0, "bias": 0.0, "relevance": 1.0},
        "recipe": recipe,
        "last_losses": metrics[-1],
        "data": [path.name.partition(".")[0] for path in _files(options.data / "train")],
    }
    scorer = JointScorer(ModelFolder(options.out, card))
    card["calibration"] = calibrate(scorer, _files(options.data / "dev"), options.limit)
    (options.out / "model.json").write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps(card["calibration"]), file=sys.stderr)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl*"))


if __name__ == "__main__":
    main()
