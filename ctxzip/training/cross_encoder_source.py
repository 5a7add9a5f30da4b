"""The source of an imported model: finds, checks and loads a cross-encoder of sentence-transformers.

Heavy imports are in the functions that need them, so that a wrong call is refused without them.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxzip.errors import MissingDependencyError, ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_WEIGHTS = "*.safetensors"
_NOT_NEEDED = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack", "*.py"]
_LONGEST_WINDOW = 512  # tokens; a unit with its neighbours is rarely longer, and attention is quadratic
_SHORTEST_WINDOW = 64  # tokens; half of it is for the question


def find(source: str, progress: Callable[[str], None]) -> Path:
    """Return the folder of a cross-encoder; an id of the Hugging Face Hub is downloaded.

    Args:
        source: a folder, or `owner/name` where there is no such folder.
        progress: called with a line before a download.

    Raises:
        UsageError: there is no such folder.
        MissingDependencyError: the extra `train` is not installed.
        ModelError: it cannot be downloaded, or needs code of its own.
    """
    if not os.path.exists(source) and not _HUB_ID.fullmatch(source):
        raise UsageError(f"{source}: no such folder: name one, or owner/name of the Hugging Face Hub")
    _need_train_extra()
    folder = Path(source)
    if not folder.exists():
        progress(f"{source}: no such folder here: downloading from the Hugging Face Hub")
        folder = _downloaded(source)
    _check_folder(folder, source)
    return folder


def _need_train_extra() -> None:
    try:
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()  # before transformers is imported
        import onnx  # noqa: F401
        import sentence_transformers  # noqa: F401
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # that of the weights
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"importing a model needs the packages of training ({error}): pip install 'ctxzip[train]'"
        ) from error


def _downloaded(repository: str) -> Path:
    """Return the local copy of a repository of the Hugging Face Hub, without code and without other formats."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(repository, ignore_patterns=[*_NOT_NEEDED, "*.bin"]))
        if not list(folder.rglob(_WEIGHTS)):
            folder = Path(snapshot_download(repository, allow_patterns=["*.bin"], ignore_patterns=_NOT_NEEDED))
    except Exception as error:  # a dozen classes of several libraries
        raise ModelError(
            f"{repository}: no such folder here, and the download from the Hugging Face Hub failed: {first_line(error)}"
        ) from error
    return folder


def _check_folder(folder: Path, source: str) -> None:
    """Refuse a folder without a model, or with code of its own, which older sentence-transformers would run."""
    modules = folder / "modules.json"
    if not (folder / "config.json").is_file() and not modules.is_file():
        raise UsageError(f"{source}: not a folder of sentence-transformers: no config.json and no modules.json in it")
    if not modules.is_file():
        return
    try:
        types = [str(module["type"]) for module in json.loads(modules.read_text("utf-8"))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{modules}: not a list of modules: {error}") from error
    for kind in types:
        if not kind.startswith("sentence_transformers."):
            raise ModelError(f"{source}: needs code of its own ({kind}), which ctxzip does not run")


def loaded(folder: Path, source: str) -> Any:
    """Return the `CrossEncoder`, in fp32 on the CPU.

    Raises:
        ModelError: it cannot be loaded, or is not a cross-encoder with one logit.
    """
    import torch
    from sentence_transformers import CrossEncoder

    try:
        model = CrossEncoder(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"attn_implementation": "eager"},
            activation_fn=torch.nn.Sigmoid(),
        )
    except Exception as error:  # the libraries raise many kinds on broken files
        raise ModelError(f"{source}: sentence-transformers cannot load it: {first_line(error)}") from error
    config = model.model.config if getattr(model, "model", None) is not None else None
    kinds = (config and config.architectures) or ["none"]
    if config is None or not kinds[0].endswith("ForSequenceClassification"):
        raise ModelError(
            f"{source}: not a cross-encoder: its architecture is {kinds[0]}, which has no logit for a pair"
        )
    if config.num_labels != 1:
        raise ModelError(f"{source}: has {config.num_labels} labels: ctxzip scores with one logit")
    if window_length(model) < _SHORTEST_WINDOW:
        raise ModelError(
            f"{source}: its window is {window_length(model)} tokens: a question and a sentence need {_SHORTEST_WINDOW}"
        )
    model.model.float().eval()
    return model


def window_length(model: Any) -> int:
    """Return the window length of a cross-encoder in tokens."""
    positions = getattr(model.model.config, "max_position_embeddings", None) or _LONGEST_WINDOW
    return int(min(model.tokenizer.model_max_length, positions, _LONGEST_WINDOW))


def license_of(folder: Path) -> str | None:
    """Return the licence in the front matter of the README; None where there is none."""
    try:
        readme = (folder / "README.md").read_text("utf-8")
    except (OSError, ValueError):
        return None
    front = re.match(r"---\n(.*?)^---$", readme, re.DOTALL | re.MULTILINE)
    found = re.search(r"^license:[ \t]*(\S+)[ \t]*$", front[1], re.MULTILINE) if front else None
    return found[1].strip("'\"") if found else None


def first_line(error: Exception) -> str:
    """Return the first line of the message of an error."""
    return (str(error) or type(error).__name__).strip().partition("\n")[0]
