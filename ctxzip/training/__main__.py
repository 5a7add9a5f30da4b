"""Make a model: `python -m ctxzip.training STEP --data DIR --out DIR`, the steps in this order.

prepare     DATA/train/*.jsonl.gz -> OUT/examples.npz
train       -> OUT/model.pt; goes on from OUT/checkpoint.pt; with --teacher it learns from another model too
average     the mean of the weights of --of -> OUT/model.pt
export      -> OUT/model.fp32.onnx
quantize    DATA/train -> OUT/model.int8.onnx, smoothed, and, with --fp16, OUT/model.fp16.onnx; OUT/sensitivity.json with DATA/dev
card        -> OUT/model.json, with the calibration of `calibrate` where there is one
calibrate   DATA/dev/*.jsonl.gz -> the calibration in OUT/model.json
query       DATA/train/*.jsonl.gz -> OUT/query.json: the weights of how complex a question is
policy      DATA/train, DATA/dev -> OUT/policy.json: the adaptive budget fitted on train, its promises calibrated on dev
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip.model_store import ModelFolder, models_folder, open_model, sha256
from ctxzip.query.complexity import WEIGHTS as QUERY_WEIGHTS
from ctxzip.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from ctxzip.training.examples import Example

_WINDOW_LENGTH = 256  # tokens, as many as the base was made to read
_TOKENIZER = "tokenizer.json"
_FP32, _INT8, _FP16 = "model.fp32.onnx", "model.int8.onnx", "model.fp16.onnx"
# How often a question of each set is shown, and how often in a second look. The sets whose questions need
# several places are small and hard, those of one paragraph large and easy.
_MIX = {
    "2wiki": (2.0, 1.4),
    "hotpotqa": (1.0, 0.7),
    "musique": (1.0, 0.7),
    "evidence_inference": (1.0, 0),
    "timeqa": (1.4, 0),
    "doc2dial": (0.4, 0),
    "bioasq": (0.25, 0),
    "squad": (0.6, 0),
    "qed": (0.6, 0),
    "nq_oracle": (0.5, 0),
    "multispanqa": (1.0, 0),
    "selqa": (0.15, 0),
    "fever": (0.06, 0),
}

_LICENCES = {
    "squad": "CC BY-SA 4.0",
    "qed": "CC BY-SA 3.0",
    "nq_oracle": "CC BY-SA 3.0 / MIT",
    "multispanqa": "CC BY-SA 3.0",
    "hotpotqa": "CC BY-SA 4.0",
    "2wiki": "Apache-2.0",
    "musique": "CC BY 4.0",
    "fever": "CC BY-SA 3.0",
    "timeqa": "BSD-3-Clause",
    "selqa": "Apache-2.0",
    "bioasq": "CC BY 2.5",
    "evidence_inference": "MIT",
    "doc2dial": "Apache-2.0 / CC BY 3.0",
}

_LIMITS = [
    "English only.",
    "A step that only another document explains is seen at a second look, or not at all.",
    "Steps under a heading that says what they are for, and dates that must be compared, are often lost.",
    "Rows of tables and lines of code are scored by their words more than by their sense.",
]


def main() -> None:
    """Run one step."""
    steps = {
        "prepare": _prepare,
        "train": _train,
        "average": _average,
        "export": _export,
        "quantize": _quantize,
        "query": _query,
        "card": _card,
        "calibrate": _calibrate,
        "policy": _policy,
    }
    parser = argparse.ArgumentParser(
        prog="python -m ctxzip.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=steps)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and dev/ in the common form")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, help="questions of each file; prepare, quantize: the first")
    parser.add_argument("--times", type=float, default=1.0, help="prepare: so many times the usual mix")
    parser.add_argument("--without", nargs="*", default=[], metavar="SET", help="prepare: leave these sets out")
    parser.add_argument("--minutes", type=float, help="train: stop after this long, with a checkpoint")
    parser.add_argument(
        "--steps", type=int, help="train: optimiser steps, at the last of which the learning rate is 0 (one pass)"
    )
    parser.add_argument("--learning-rate", type=float, default=1.5e-4, help="train: at its peak")
    parser.add_argument("--start", metavar="MODEL", help="train: begin with the weights of this model (fp32 or fp16)")
    parser.add_argument("--of", nargs="*", default=[], metavar="MODEL", help="average: models of one shape")
    parser.add_argument(
        "--layers", type=int, nargs="*", metavar="N", help="train: only these layers of --start or of the base"
    )
    parser.add_argument(
        "--frozen-layers", type=int, metavar="N", help="train: keep the embeddings and N layers as they are"
    )
    parser.add_argument(
        "--teacher", metavar="MODEL", help="train: learn the logits of this model beside the labels (fp32 or fp16)"
    )
    parser.add_argument("--fp16", action="store_true", help="quantize: write the graph for CUDA too")
    parser.add_argument("--name", default=DEFAULT_MODEL, help="card: of the model")
    parser.add_argument("--shipped", action="store_true", help="card: without the fp32 graph, which can be made again")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="card: what `ctxzip eval --json FILE` wrote")
    parser.add_argument("--questions", type=int, default=2_000, help="policy: of each set that the budget is fitted on")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    steps[options.step](options)


def _prepare(options: argparse.Namespace) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial

    from ctxzip.training.examples import save

    files = [path for path in _files(options.data / "train") if _set(path) not in options.without]
    examples = []
    with ProcessPoolExecutor() as pool:
        for path, found in zip(files, pool.map(partial(_examples, options), files), strict=True):
            print(f"{_set(path):24} {len(found):7} windows {sum(len(example.ids) for example in found):10} tokens")
            examples += found
    save(examples, options.out / "examples.npz")


def _examples(options: argparse.Namespace, path: Path) -> list[Example]:
    from ctxzip.scoring.loading import load_scorer
    from ctxzip.settings import MODEL, Settings
    from ctxzip.training.examples import examples_of

    times, second_looks = _MIX.get(_set(path), (1.0, 0.0))
    return list(
        examples_of(
            path,
            _builder(),
            random.Random(options.seed),
            times=times * options.times,
            second_looks=second_looks * options.times,
            first=load_scorer(Settings(scorer=MODEL, threads=1, device="cpu")) if second_looks else None,
            limit=options.limit,
        )
    )


def _builder() -> Any:
    import tokenizers

    from ctxzip.scoring.windows import WindowBuilder

    tokenizer = tokenizers.Tokenizer.from_file(str(models_folder() / DEFAULT_MODEL / _TOKENIZER))
    return WindowBuilder(tokenizer, _WINDOW_LENGTH)


def _train(options: argparse.Namespace) -> None:
    from ctxzip.training.examples import load
    from ctxzip.training.train import Recipe, train

    recipe = Recipe(
        steps=options.steps,
        learning_rate=options.learning_rate,
        layers=None if options.layers is None else tuple(options.layers),
        frozen_layers=options.frozen_layers,
        start=options.start,
        teacher=options.teacher,
        seed=options.seed,
    )
    train(load(options.out / "examples.npz"), recipe, options.out, options.minutes)


def _average(options: argparse.Namespace) -> None:
    import torch

    from ctxzip.training.model import JointModel, base_encoder
    from ctxzip.training.weights import averaged

    model = JointModel(base_encoder())
    model.load_state_dict(averaged(options.of), strict=False)  # the encoder has parts that no graph needs
    torch.save(model.state_dict(), options.out / "model.pt")
    recipe = {"recipe": {"average_of": options.of, "layers": None}}
    (options.out / "metrics.jsonl").write_text(json.dumps(recipe) + "\n")


def _export(options: argparse.Namespace) -> None:
    from ctxzip.training.export import export

    layers = _metrics(options.out)[0]["recipe"]["layers"]
    export(options.out / "model.pt", options.out / _FP32, layers=layers)


def _quantize(options: argparse.Namespace) -> None:
    from ctxzip.training.examples import examples_of
    from ctxzip.training.quantize import lean, quantize, sensitivity, to_fp16

    def windows(folder: str, limit: int) -> list[Example]:
        return [
            window
            for path in _files(options.data / folder)
            for window in examples_of(path, _builder(), random.Random(options.seed), limit=options.limit or limit)
        ]

    source = options.out / _FP32
    model = lean(source, windows("train", 8))
    quantize(model, options.out / _INT8)
    if options.fp16:
        to_fp16(source, options.out / _FP16)
    judged = windows("dev", 4)
    table = sensitivity(source, model, judged)
    (options.out / "sensitivity.json").write_text(json.dumps({"windows": len(judged), "parts": table}, indent=2) + "\n")
    for part, moved in table.items():
        print(f"{part:24} " + "  ".join(f"{name} {value:.5f}" for name, value in moved.items()))


def _query(options: argparse.Namespace) -> None:
    from ctxzip.training.fit_complexity import fit

    fitted = fit(_files(options.data / "train"), options.seed)
    (options.out / QUERY_WEIGHTS).write_text(json.dumps(fitted, indent=2) + "\n")
    print(json.dumps(fitted), file=sys.stderr)


def _card(options: argparse.Namespace) -> None:
    from ctxzip.selection.adaptive.policies import POLICY

    shutil.copy(models_folder() / DEFAULT_MODEL / _TOKENIZER, options.out / _TOKENIZER)
    metrics = _metrics(options.out)
    files = [path.name for path in sorted(options.out.glob("model.fp16*"))] + [_INT8, _FP32, _TOKENIZER]
    files += [file for file in (QUERY_WEIGHTS, POLICY) if (options.out / file).is_file()]
    if options.shipped:
        files.remove(_FP32)
    card: dict[str, Any] = {
        "name": options.name,
        "version": __version__,
        "kind": "joint",
        "base": {"name": "sentence-transformers/all-MiniLM-L6-v2", "license": "Apache-2.0"},
        "files": {file: sha256(options.out / file) for file in files},
        "graphs": {"cpu": _INT8, **({"cuda": _FP16} if _FP16 in files else {})},
        "alone": [_INT8],
        "language": "en",
        "window_length": _WINDOW_LENGTH,
        "second_look": True,
        # Until `calibrate` has seen the graph.
        "calibration": {"unit": 1.0, "bias": 0.0, "relevance": 1.0},
        "recipe": [row["recipe"] for row in metrics if "recipe" in row][-1],
        "last_losses": metrics[-1],
        "data": {_set(path): _LICENCES.get(_set(path), "not stated") for path in _files(options.data / "train")},
    }
    for file, kept in (
        # Written by hand or by other steps, and kept.
        ("model.json", ("calibration", "hybrid", "calibration_error", "tried", "left_out", "limits")),
        ("sensitivity.json", ("parts",)),
    ):
        if (options.out / file).is_file():
            older = json.loads((options.out / file).read_text())
            card |= {"sensitivity" if key == "parts" else key: older[key] for key in kept if key in older}
    if options.scores is not None:
        card["scores"] = _scores(json.loads(options.scores.read_text()))
    card.setdefault("limits", _LIMITS)
    (options.out / "model.json").write_text(json.dumps(card, indent=2) + "\n")


def _scores(measured: dict[str, Any]) -> dict[str, Any]:
    """Return, of what `ctxzip eval` wrote, the recall in percent at each ratio of the words, by method and set."""
    asked = measured["arguments"]
    options = [f"--method {name}" for name in asked["method"]] + [f"--model {name}" for name in asked["model"]]
    limit = f" --limit {asked['limit']}" if asked["limit"] else ""
    if asked["threshold_data"]:
        limit += f" --threshold-data train --threshold-limit {asked['threshold_limit']}"
    return {
        "command": f"ctxzip eval {' '.join(options)}{limit} {' '.join(Path(name).name for name in asked['data'])}",
        **{
            method: {
                name: " ".join(f"{100 * value:.1f}" for value in numbers["recall"].values())
                for name, numbers in {**found["sets"], "mean": found["mean"]}.items()
            }
            for method, found in measured["methods"].items()
        },
    }


def _calibrate(options: argparse.Namespace) -> None:
    from ctxzip.scoring.joint import JointScorer
    from ctxzip.training.fit_calibration import calibrate

    folder = open_model(str(options.out))
    scorer = JointScorer(ModelFolder(folder.path, folder.card), device="cpu")
    calibration, hybrid, errors = calibrate(scorer, _files(options.data / "dev"), options.limit)
    card = {**folder.card, "calibration": calibration, "hybrid": hybrid, "calibration_error": errors}
    (options.out / "model.json").write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps({"calibration": calibration, "hybrid": hybrid, "pooled": errors["pooled"]}), file=sys.stderr)


def _policy(options: argparse.Namespace) -> None:
    from ctxzip.evaluation.calibration import RECALLS, as_text
    from ctxzip.evaluation.calibration import fit as calibrated
    from ctxzip.evaluation.questions import read_questions
    from ctxzip.evaluation.ranking import rank_questions
    from ctxzip.scoring.pipeline import ScoringPipeline
    from ctxzip.selection.adaptive.depth import REACH
    from ctxzip.selection.adaptive.policies import POLICY
    from ctxzip.settings import HYBRID, Settings
    from ctxzip.training.fit_policy import fit, settled, whole_list, workload

    scoring = ScoringPipeline(Settings(tokenizer="words", scorer=HYBRID, model=str(options.out), prefilter="off"))
    asked = workload(_files(options.data / "train"), options.questions, options.seed)
    ranked = rank_questions(scoring, asked, _told)
    seen = [(found, question) for found, (_, question) in zip(ranked, asked, strict=True) if found is not None]
    fitted = fit([found for found, _ in seen], [question.need != "none" for _, question in seen], options.seed)
    sets = [one for one in read_questions([options.data / "dev"], options.limit)[0] if one.answerable]
    # A question counts once: where it stands among ten passages, that is how it is asked.
    names = {one.name for one in sets}
    sets = [one for one in sets if f"{one.name}_rag10" not in names]
    asked = [(one.name, whole_list(one.name, question)) for one in sets for question in one.questions]
    ranked = rank_questions(scoring, asked, _told)
    unseen = [(found, question) for found, (_, question) in zip(ranked, asked, strict=True) if found is not None]
    fitted |= settled(fitted, [found for found, _ in unseen], [question.need != "none" for _, question in unseen])
    print(json.dumps({key: fitted[key] for key in ("fitted_on", "emptied", "floor")}), file=sys.stderr)
    policy = calibrated(
        [found for found, question in unseen if question.need != "none"],
        sets,
        definition=REACH,
        scorer=scoring.scorer_name,
        splitter=scoring.settings.splitter,
        model_sha256=scoring.model_sha256,
        n_weak=0,
        recalls=RECALLS,
        fitted=fitted,
    )
    (options.out / POLICY).write_text(as_text(policy))


def _told(name: str, done: int, total: int) -> None:
    if done % 200 == 0 or done == total:
        print(f"{name}: {done} of {total} questions scored", file=sys.stderr)


def _metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl*"))


def _set(path: Path) -> str:
    return path.name.partition(".")[0]


if __name__ == "__main__":
    main()
