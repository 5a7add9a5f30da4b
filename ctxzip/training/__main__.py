"""Train a model: `python -m ctxzip.training STEP --data DIR --out DIR`, the steps in this order.

prepare     DATA/train/*.jsonl.gz -> OUT/examples.npz: the training windows
train       -> OUT/model.pt; resumes from OUT/checkpoint.pt; --teacher distils another model
average     the mean of the weights of the models of --of -> OUT/model.pt
export      -> OUT/model.fp32.onnx
quantize    DATA/train -> OUT/model.int8.onnx, smoothed; with --fp16 also OUT/model.fp16.onnx; DATA/dev -> OUT/sensitivity.json
card        -> OUT/model.json, the model card; it keeps an earlier calibration
calibrate   DATA/dev/*.jsonl.gz -> the calibration in OUT/model.json
query       DATA/train/*.jsonl.gz -> OUT/query.json: the weights of the complexity of questions
policy      DATA/train, DATA/dev -> OUT/policy.json: the adaptive budget, fitted on train, its guarantee calibrated on dev
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip.datamodels import NOT_ENGLISH
from ctxzip.model_store import ModelFolder, models_folder, open_model, read_tokenizer, sha256
from ctxzip.query.complexity import WEIGHTS_FILE as QUERY_WEIGHTS
from ctxzip.settings import DEFAULT_MODEL
from ctxzip.training.training_sets import SETS, TrainingSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.evaluation.labelled import Labelled
    from ctxzip.evaluation.ranking import Ranked
    from ctxzip.scoring.windows import WindowBuilder
    from ctxzip.training.examples import Example

_WINDOW_LENGTH = 384  # tokens, at run time
_TRAINING_LENGTHS = (256, 384)  # tokens; a model that learned both can run at either
_OFF_TOPIC_SHARE = (
    0.25  # of the answered questions, that a policy is fitted on with documents of others too; more cost time
)
_COMPARED_WINDOWS = 100  # on which the parts of the int8 graph are compared with the fp32 graph
_TOKENIZER = "tokenizer.json"
_FP32, _INT8, _FP16 = "model.fp32.onnx", "model.int8.onnx", "model.fp16.onnx"
_LIMITS = [
    "English only.",
    "Evidence that only another document connects to the question is found in a second pass or not at all.",
    "Steps whose purpose is only in their heading, and dates that must be compared, are often lost.",
    "Rows of tables and lines of code are scored by words shared with the question more than by meaning.",
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
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with train/ and dev/ of labelled questions in the common form"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--limit", type=int, help="questions of each file at most; prepare, quantize: the first ones; select: tokens"
    )
    parser.add_argument("--times", type=float, default=1.0, help="prepare: multiplies the copies of every question")
    parser.add_argument("--without", nargs="*", default=[], metavar="SET", help="prepare: leave these sets out")
    parser.add_argument("--minutes", type=float, help="train: stop after this time, with a checkpoint")
    parser.add_argument(
        "--steps",
        type=int,
        help="train: optimizer steps, at the last of which the learning rate is 0 (default: one epoch)",
    )
    parser.add_argument("--learning-rate", type=float, default=1.5e-4, help="train: the peak")
    parser.add_argument("--listwise", type=float, default=0.0, help="train: weight of the listwise loss")
    parser.add_argument("--start", metavar="MODEL", help="train: start from the weights of this model (fp32 or fp16)")
    parser.add_argument("--of", nargs="*", default=[], metavar="MODEL", help="average: models with the same layers")
    parser.add_argument(
        "--layers", type=int, nargs="*", metavar="N", help="train: use only these layers of --start or of the base"
    )
    parser.add_argument(
        "--frozen-layers", type=int, metavar="N", help="train: freeze the embeddings and the lowest N layers"
    )
    parser.add_argument(
        "--teacher", metavar="MODEL", help="train: half of the target is the probabilities of this model (fp32 or fp16)"
    )
    parser.add_argument("--fp16", action="store_true", help="quantize: also write the graph for CUDA")
    parser.add_argument("--name", default=DEFAULT_MODEL, help="card: name of the model")
    parser.add_argument("--shipped", action="store_true", help="card: leave out the fp32 graph")
    parser.add_argument(
        "--scores", type=Path, metavar="FILE", help="card: scores, as `ctxzip eval --json FILE` writes them"
    )
    parser.add_argument("--questions", type=int, default=2_000, help="policy: questions of each training set")
    parser.add_argument(
        "--keep-forests",
        action="store_true",
        help="policy: take the forests of OUT/policy.json and only calibrate the guarantee anew, on dev",
    )
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

    known = SETS.get(_set(path), TrainingSet())
    shown_as = replace(known, times=known.times * options.times, second_passes=known.second_passes * options.times)
    return list(
        examples_of(
            path,
            _builders(_TRAINING_LENGTHS),
            random.Random(options.seed),
            shown_as=shown_as,
            first_pass=load_scorer(Settings(scorer=MODEL, threads=1, device="cpu")) if shown_as.second_passes else None,
            limit=options.limit,
        )
    )


def _builders(lengths: Sequence[int]) -> list[WindowBuilder]:
    from ctxzip.scoring.windows import WindowBuilder

    tokenizer = read_tokenizer(models_folder() / DEFAULT_MODEL / _TOKENIZER)
    return [WindowBuilder(tokenizer, length) for length in lengths]


def _train(options: argparse.Namespace) -> None:
    from ctxzip.training.examples import load
    from ctxzip.training.train import Recipe, train

    recipe = Recipe(
        steps=options.steps,
        learning_rate=options.learning_rate,
        layers=None if options.layers is None else tuple(options.layers),
        frozen_layers=options.frozen_layers,
        listwise_weight=options.listwise,
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
    model.load_state_dict(averaged(options.of), strict=False)  # the encoder has a pooler, which no graph has
    torch.save(model.state_dict(), options.out / "model.pt")
    recipe = {"recipe": {"average_of": options.of, "layers": None}}
    (options.out / "metrics.jsonl").write_text(json.dumps(recipe) + "\n")


def _export(options: argparse.Namespace) -> None:
    from ctxzip.training.export import export

    layers = _metrics(options.out)[0]["recipe"]["layers"]
    export(options.out / "model.pt", options.out / _FP32, layers=layers)


def _quantize(options: argparse.Namespace) -> None:
    from ctxzip.training.examples import examples_of
    from ctxzip.training.quantize import fuse_and_smooth, quantize, sensitivity, to_fp16

    def windows(folder: str, limit: int) -> list[Example]:
        return [
            window
            for path in _files(options.data / folder)
            for window in examples_of(
                path,
                _builders([_WINDOW_LENGTH]),
                random.Random(options.seed),
                shown_as=TrainingSet(),
                limit=options.limit or limit,
            )
        ]

    source = options.out / _FP32
    model = fuse_and_smooth(source, windows("train", 8))
    quantize(model, options.out / _INT8)
    if options.fp16:
        to_fp16(source, options.out / _FP16)
    compared = windows("dev", 4)
    compared = random.Random(options.seed).sample(compared, min(_COMPARED_WINDOWS, len(compared)))
    table = sensitivity(source, model, compared)
    (options.out / "sensitivity.json").write_text(
        json.dumps({"windows": len(compared), "parts": table}, indent=2) + "\n"
    )
    for part, differences in table.items():
        print(f"{part:24} " + "  ".join(f"{name} {value:.5f}" for name, value in differences.items()))


def _query(options: argparse.Namespace) -> None:
    from ctxzip.training.fit_complexity import fit

    fitted = fit(_files(options.data / "train"), options.seed)
    (options.out / QUERY_WEIGHTS).write_text(json.dumps(fitted, indent=2) + "\n")
    print(json.dumps(fitted), file=sys.stderr)


def _card(options: argparse.Namespace) -> None:
    from ctxzip.selection.adaptive.policy_lookup import POLICY

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
        "contexts": True,
        "second_pass": True,
        # `calibrate` replaces it.
        "calibration": {"unit": 1.0, "bias": 0.0, "relevance": 1.0},
        "recipe": [row["recipe"] for row in metrics if "recipe" in row][-1],
        "last_losses": metrics[-1],
        "data": {_set(path): SETS.get(_set(path), TrainingSet()).licence for path in _files(options.data / "train")},
    }
    for file, kept in (
        # Written by hand or by other steps.
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
    """Return the recall in percent at each ratio of the words, by method and set, from the JSON of `ctxzip eval`."""
    arguments = measured["arguments"]
    options = [f"--method {name}" for name in arguments["method"]] + [f"--model {name}" for name in arguments["model"]]
    limit = f" --limit {arguments['limit']}" if arguments["limit"] else ""
    if arguments["threshold_data"]:
        limit += f" --threshold-data train --threshold-limit {arguments['threshold_limit']}"
    return {
        "command": f"ctxzip eval {' '.join(options)}{limit} {' '.join(Path(name).name for name in arguments['data'])}",
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
    from ctxzip.evaluation.answerability import ANSWERED, OFF_TOPIC, kind_of, off_topic
    from ctxzip.evaluation.calibration import RECALLS, CalibrationData, ScoredBy, as_text
    from ctxzip.evaluation.calibration import fit as calibrated
    from ctxzip.evaluation.questions import read_questions
    from ctxzip.evaluation.ranking import rank_questions
    from ctxzip.scoring.pipeline import ScoringPipeline
    from ctxzip.selection.adaptive.depth import FITTED_DEPTH
    from ctxzip.selection.adaptive.guarantee import min_queries
    from ctxzip.selection.adaptive.policy_lookup import POLICY
    from ctxzip.settings import HYBRID, Settings
    from ctxzip.training.fit_policy import adjusted_floor, fit, whole_list, workload

    scoring = ScoringPipeline(Settings(tokenizer="words", scorer=HYBRID, model=str(options.out), prefilter="off"))

    def ranked(labelled: Sequence[tuple[str, Labelled]]) -> list[Ranked | None]:
        return rank_questions(scoring, labelled, _print_progress)

    if options.keep_forests:
        earlier = json.loads((options.out / POLICY).read_text())
        fitted = {key: earlier[key] for key in ("fitted_on", "emptied", "floor", "reach", "answerable")}
    else:
        labelled = workload(_files(options.data / "train"), options.questions, options.seed)
        answered = [(name, question) for name, question in labelled if question.need != "none"]
        swapped = off_topic(answered, _OFF_TOPIC_SHARE, random.Random(options.seed))
        kinds = [*(kind_of(question) for _, question in labelled), *(OFF_TOPIC for _ in swapped)]
        pairs = zip(ranked([*labelled, *swapped]), kinds, strict=True)
        with_units = [(one, kind) for one, kind in pairs if one is not None]
        fitted = fit([one for one, _ in with_units], [kind for _, kind in with_units], options.seed)
    sets = [one for one in read_questions([options.data / "dev"], options.limit)[0] if one.answerable]
    # A question counts once: of two forms of a set, the one with ten passages a question is used.
    names = {one.name for one in sets}
    sets = [one for one in sets if f"{one.name}_rag10" not in names]
    dev = [(one.name, whole_list(one.name, question)) for one in sets for question in one.questions]
    found = [(one, kind_of(question)) for one, (_, question) in zip(ranked(dev), dev, strict=True) if one is not None]
    fitted |= adjusted_floor(fitted, [one for one, _ in found], [kind for _, kind in found])
    print(json.dumps({key: fitted[key] for key in ("fitted_on", "emptied", "floor")}), file=sys.stderr)
    english = [one for one, kind in found if kind == ANSWERED and one.kind != NOT_ENGLISH]  # as the model is
    policy = calibrated(
        CalibrationData(english, sets),
        ScoredBy(scoring.scorer_name, scoring.settings.splitter, scoring.model_sha256),
        definition=FITTED_DEPTH,
        recalls=[recall for recall in RECALLS if min_queries(recall) <= len(english)],
        fitted=fitted,
    )
    (options.out / POLICY).write_text(as_text(policy))


def _print_progress(name: str, done: int, total: int) -> None:
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
