"""Imports a cross-encoder of sentence-transformers: exports, quantizes and compares it, and writes its model folder.

The folder is written atomically. Heavy imports are in the functions that need them, so that a wrong call is refused
without them.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip.errors import CtxzipError, ModelError, UsageError
from ctxzip.model_store import CARD, ModelFolder, import_folder, sha256
from ctxzip.training.cross_encoder_source import find, first_line, license_of, loaded, window_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ctxzip.datamodels import ScoringInput
    from ctxzip.scoring.cross_encoder import CrossEncoderScorer

FP32 = "model.fp32.onnx"
INT8 = "model.int8.onnx"
_TOKENIZER = "tokenizer.json"
_OPSET = 17
_LARGEST_GRAPH = 2**31 - 2**20  # bytes; a protobuf file holds 2 GiB

# The largest difference of a probability. From torch to ONNX Runtime only the order of additions may change; int8 may
# change a probability a little, but not the order of the texts.
_FP32_DIFFERENCE = 1e-3
_INT8_DIFFERENCE = 0.1
_TIE = 0.02  # texts whose fp32 probabilities are closer have no order

# A question, a text that answers it, a text on the same subject, and a text on another one.
_CHECKED = (
    (
        "When does the ferry leave?",
        "The ferry leaves the north quay at seven in the morning.",
        "The ferry was painted red two summers ago.",
        "Rye bread is baked for an hour.",
    ),
    (
        "Who designed the town library?",
        "The library was designed by the architect Ines Moreau.",
        "The library is closed on Mondays.",
        "Rainfall in March was below the mean of ten years.",
    ),
    (
        "How much did the new pump cost?",
        "Replacing the pump cost 4,200 euros, labour included.",
        "The old pump had tripped on overload three times.",
        "The choir rehearses in the school hall.",
    ),
    (
        "Is the bridge open to lorries?",
        "No vehicle above 3.5 tonnes may cross the bridge.",
        "The bridge has four stone arches.",
        "Tomatoes need six hours of sun a day.",
    ),
    (
        "Why was the match called off?",
        "The referee stopped the match because the pitch was under water.",
        "The match had drawn a crowd of nine hundred.",
        "The printer is out of toner again.",
    ),
    (
        "Which port does the server listen on?",
        "By default the server listens on port 8443.",
        "The server writes its log to a file of its own.",
        "Herring was landed here until 1968.",
    ),
)


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported cross-encoder.

    Attributes:
        path: the model folder.
        graph: name of the graph that runs on the CPU.
        n_pairs: number of pairs of question and text on which the graphs were compared.
        fp32_difference: largest difference of a probability between torch and the fp32 graph.
        int8_difference: the same between the fp32 and the int8 graph.
        same_order: whether int8 ranks the texts of every question as fp32 does.
    """

    path: Path
    graph: str
    n_pairs: int
    fp32_difference: float
    int8_difference: float
    same_order: bool


def import_cross_encoder(
    source: str, name: str, *, force: bool = False, say: Callable[[str], None] = lambda _: None
) -> Imported:
    """Write a model folder for a cross-encoder with one logit.

    Args:
        source: a folder of sentence-transformers; where there is no such folder, `owner/name` on the Hugging Face Hub,
            which is downloaded. Code that comes with a model is never run.
        name: of the model in the folder of the user's models.
        force: replace a model of that name.
        say: called with a line before every step that takes long.

    Raises:
        UsageError: the name cannot be used, or there is no such source.
        MissingDependencyError: the extra `train` is not installed.
        ModelError: the source is not a cross-encoder with one logit, or the exported graph gives other probabilities.
        CtxzipError: the disk is full.
    """
    target = import_folder(name)
    if target.exists() and not force:
        raise UsageError(f"{target}: a model of this name exists: choose another name, or pass --force")
    folder = find(source, say)
    with _without_library_warnings(), _replacing(target) as work:
        model = loaded(folder, source)
        say("exporting to ONNX")
        _write_tokenizer(model, work / _TOKENIZER, source)
        _export(model, work / FP32, source)
        card = _card(model, source, name, folder)
        _add(card, work, _TOKENIZER, FP32)
        expected = _torch_probabilities(model)
        fp32 = _graph_probabilities(work, card, FP32)
        fp32_difference = float(abs(fp32 - expected).max())
        if not fp32_difference <= _FP32_DIFFERENCE:
            raise ModelError(
                f"{source}: the exported graph differs from torch by {fp32_difference:.2g} in probability, where "
                f"{_FP32_DIFFERENCE:g} is allowed: it has a prompt, a module or a tokenizer that ctxzip does not support"
            )
        _fit_window(work, card, source)
        say("quantizing")
        int8_difference, same_order = _quantized(work, card, fp32)
        card["graphs"] = {"cpu": INT8 if INT8 in card["files"] else FP32, "cuda": FP32}
        card["checked"] = {
            "pairs": expected.size,
            "torch_to_fp32": float(f"{fp32_difference:.2g}"),
            "fp32_to_int8": float(f"{int8_difference:.2g}"),
            "same_order": same_order,
        }
        (work / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return Imported(target, card["graphs"]["cpu"], expected.size, fp32_difference, int8_difference, same_order)


def _write_tokenizer(model: Any, target: Path, source: str) -> None:
    import tokenizers

    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"{source}: its tokenizer cannot be written as tokenizer.json: save the model with a fast tokenizer"
        )
    tokenizer = tokenizers.Tokenizer.from_str(backend.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(target))


def _export(model: Any, target: Path, source: str) -> None:
    """Write the fp32 graph. Inputs: ids, mask and, where the model has them, token types; output: `logits`."""
    import inspect

    import torch

    encoder = model.model
    if 4 * encoder.num_parameters() > _LARGEST_GRAPH:
        raise ModelError(f"{source}: {encoder.num_parameters():,} parameters do not fit into a graph of 2 GiB")
    known = inspect.signature(encoder.forward).parameters
    names = ["input_ids", "attention_mask"]
    if "token_type_ids" in model.tokenizer.model_input_names and "token_type_ids" in known:
        names.append("token_type_ids")

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            """Return `(batch, 1)`."""
            return self.encoder(**dict(zip(names, inputs, strict=True))).logits

    ids = torch.ones(2, 16, dtype=torch.long)
    inputs = {"input_ids": ids, "attention_mask": ids, "token_type_ids": torch.zeros_like(ids)}
    try:
        with torch.no_grad():
            torch.onnx.export(
                Logits(),
                tuple(inputs[name] for name in names),
                str(target),
                input_names=names,
                output_names=["logits"],
                dynamic_axes={**{name: {0: "batch", 1: "length"} for name in names}, "logits": {0: "batch"}},
                opset_version=_OPSET,
                dynamo=False,
            )
    except Exception as error:  # architectures that cannot be traced raise many kinds
        raise ModelError(f"{source}: cannot be exported to ONNX: {first_line(error)}") from error


def _quantized(work: Path, card: dict[str, Any], fp32: NDArray[np.float32]) -> tuple[float, bool]:
    """Write the int8 graph and enter it on the card, where it agrees with fp32.

    Weights of 8 bits can overflow in the 16-bit sums of CPUs without VNNI; where the comparison fails, weights of 7 bits
    are tried, which cannot.

    Returns:
        The largest difference of a probability, and whether the order of the texts is the same.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    difference, same_order = 1.0, False
    for seven_bits in (False, True):
        quantize_dynamic(
            work / FP32, work / INT8, per_channel=True, reduce_range=seven_bits, weight_type=QuantType.QInt8
        )
        _add(card, work, INT8)
        try:
            int8 = _graph_probabilities(work, card, INT8)
        except ModelError:  # it cannot be run, or gives nan
            continue
        difference = float(abs(int8 - fp32).max())
        gaps, gaps_int8 = (found[:, :, None] - found[:, None, :] for found in (fp32, int8))
        same_order = not ((gaps > _TIE) & (gaps_int8 <= 0)).any()
        if same_order and difference < _INT8_DIFFERENCE:
            card["alone"] = [INT8]
            card["quantization"] = f"dynamic int8, weights of {7 if seven_bits else 8} bits per channel"
            return difference, same_order
    del card["files"][INT8]
    (work / INT8).unlink()
    return difference, same_order


def _torch_probabilities(model: Any) -> NDArray[np.float32]:
    """Return the probabilities by sentence-transformers, `(n_questions, 3)`."""
    pairs = [(question, text) for question, *texts in _CHECKED for text in texts]
    probabilities: NDArray[np.float32] = model.predict(pairs, show_progress_bar=False).reshape(len(_CHECKED), -1)
    return probabilities


def _graph_probabilities(work: Path, card: dict[str, Any], graph: str) -> NDArray[np.float32]:
    """Return the probabilities by ctxzip with one of the graphs, `(n_questions, 3)`."""
    import numpy as np

    batch = [_input(question, texts) for question, *texts in _CHECKED]
    return np.stack([scores.probability for scores in _scorer(work, card, graph).score(batch)])


def _fit_window(work: Path, card: dict[str, Any], source: str) -> None:
    """Score a pair of the full window length; shorten the window by two tokens where the graph has fewer positions.

    RoBERTa counts positions from the one after its padding id: 514 positions are 512 tokens.
    """
    for _ in range(2):
        try:
            _scorer(work, card, FP32).score([_input("When?", ["word " * card["window_length"]])])
        except ModelError:
            card["window_length"] -= 2
        else:
            return
    raise ModelError(f"{source}: its graph cannot score a pair of {card['window_length']} tokens")


def _scorer(work: Path, card: dict[str, Any], graph: str) -> CrossEncoderScorer:
    from ctxzip.scoring.cross_encoder import CrossEncoderScorer

    ready = {**card, "graphs": {"cpu": graph}, "alone": [graph] if graph == INT8 else []}
    return CrossEncoderScorer(ModelFolder(work, ready), device="cpu")


def _input(question: str, texts: list[str]) -> ScoringInput:
    """Return a request in which every text is a passage of one unit."""
    from ctxzip.datamodels import Passage, Request, ScoringInput, Unit

    units = [Unit(i, 0, len(text), 0, "sentence") for i, text in enumerate(texts)]
    return ScoringInput(Request(question, tuple(Passage(text) for text in texts)), units)


def _card(model: Any, source: str, name: str, folder: Path) -> dict[str, Any]:
    return {
        "name": name,
        "version": __version__,
        "kind": "pairwise",
        "base": {"name": source, "license": license_of(folder), "architecture": model.model.config.architectures[0]},
        "files": {},
        "window_length": window_length(model),
        "calibration": {"unit": 1.0, "bias": 0.0},
        "limits": [
            "The probabilities are not calibrated on labelled data.",
            "It scores a sentence with its neighbours, not with its whole passage.",
        ],
    }


def _add(card: dict[str, Any], work: Path, *files: str) -> None:
    card["files"].update({file: sha256(work / file) for file in files})


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces `target` on success, and is removed on failure."""
    beside = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{target}: cannot write: {error.strerror} (CTXZIP_MODELS names another folder)") from error
    try:
        yield beside
        older = beside.with_suffix(".old")
        if target.exists():
            target.rename(older)
        try:
            beside.rename(target)
        except OSError:
            if older.exists():
                older.rename(target)
            raise
        shutil.rmtree(older, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise CtxzipError(f"{target}: cannot write: {error.strerror or error}") from error
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


@contextmanager
def _without_library_warnings() -> Iterator[None]:
    """Hide the warnings of the exporter and of the quantizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
