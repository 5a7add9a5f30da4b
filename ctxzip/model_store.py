"""Model folders: finds shipped and imported models by name, and checks their files against the model card.

A model folder holds `model.json` (the card), the graphs to run (`.onnx`) and their weights, and a tokenizer.json.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ctxzip._internal.suggestions import did_you_mean
from ctxzip._internal.untrusted_files import read_json
from ctxzip.errors import ModelError, UsageError
from ctxzip.settings import DEFAULT_MODEL

CARD = "model.json"
_ALIASES = {"mini": "ctxzip-mini", "nano": "ctxzip-nano"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_GRAPH_SUFFIX = ".onnx"
_USER_MODELS = "CTXZIP_MODELS"


def models_folder() -> Path:
    """Return the folder of the shipped models: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def user_models_folder() -> Path:
    """Return the folder of imported models, which need not exist; the variable `CTXZIP_MODELS` overrides it."""
    if path := os.environ.get(_USER_MODELS):
        return Path(path)
    import platformdirs

    return platformdirs.user_data_path("ctxzip") / "models"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with a model.

    Attributes:
        path: of the folder.
        card: the content of `model.json`.
        graph: name of the graph to run, where the user named one; None takes the one on the card.
    """

    path: Path
    card: dict[str, Any]
    graph: str | None = None

    @property
    def name(self) -> str:
        """The name on the card; without one, the name of the folder."""
        return str(self.card.get("name", self.path.name))

    @property
    def size(self) -> int:
        """Total size in bytes of the files on the card that exist."""
        paths = [self.path / file for file in self.card.get("files", {})]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def graph_for(self, device: str) -> str:
        """Return the name of the graph that runs on a device: the one that the user named, or the one on the card.

        Raises:
            ModelError: the card names no graph.
        """
        graphs = self.card.get("graphs")
        if not isinstance(graphs, dict) or "cpu" not in graphs:
            raise ModelError(f"{self.path / CARD}: no 'graphs' with one for 'cpu': not a model for ctxzip")
        return self.graph or str(graphs["cpu"] if device == "cpu" else graphs.get("cuda", graphs["cpu"]))

    def state(self, file: str) -> Literal["ok", "damaged", "missing"]:
        """Compare a file with its SHA-256 on the card.

        Raises:
            ModelError: the file is not on the card, or cannot be read.
        """
        path, expected = self.path / file, self.card.get("files", {}).get(file)
        if expected is None:
            raise ModelError(
                f"{path}: not on the card of the model {self.name}: add its SHA-256 to 'files' in {self.path / CARD}"
            )
        if not path.is_file():
            return "missing"
        try:
            return "ok" if sha256(path) == expected else "damaged"
        except OSError as error:
            raise ModelError(f"{path}: cannot read it: {error.strerror}") from error

    def verified(self, file: str) -> Path:
        """Return the path of a file after a check of its SHA-256, and of those of its weights (files `GRAPH.NAME`).

        Raises:
            ModelError: a file is missing, not on the card, cannot be read, or has another SHA-256.
        """
        for other in self.card.get("files", {}):
            if other.startswith(f"{file}."):
                self.verified(other)
        path, state = self.path / file, self.state(file)
        if state == "missing":
            raise ModelError(f"{path}: no such file of the model {self.name}: install it again")
        if state == "damaged":
            raise ModelError(
                f"{path}: damaged or replaced: its SHA-256 is not the one on the model card: install it again"
            )
        return path


def open_model(name: str = DEFAULT_MODEL) -> ModelFolder:
    """Return a model by its name or path.

    Args:
        name: a shipped model (`ctxzip-mini`, or `mini`), an imported model, a folder with a `model.json`, or a graph
            (`.onnx`) in such a folder. A name goes before a folder of that name; write `./NAME` for the folder.

    Raises:
        UsageError: there is no such model.
        ModelError: its card is not valid.
    """
    if folder := _folder_by_name(name):
        return read_model(folder)
    path, graph = Path(name), None
    if name.endswith(_GRAPH_SUFFIX) and path.is_file():
        path, graph = path.parent, path.name
    if not name or not (path / CARD).is_file():
        names = [*_ALIASES, *(folder.name for folder in installed_folders())]
        raise UsageError(
            f"no model {name!r}: expected {DEFAULT_MODEL} or a folder with a {CARD}; "
            f"`ctxzip models list` shows the names{did_you_mean(name, names)}",
            option="model",
        )
    return read_model(path, graph)


def scoring_graph(model: str, device: str) -> tuple[str, str | None]:
    """Return the name of the graph of a model that runs on a device, and its SHA-256 (None if not on the card).

    Raises:
        UsageError: there is no such model.
        ModelError: its card is not valid, or names no graph.
    """
    folder = open_model(model)
    file = folder.graph_for(device)
    return file, folder.card["files"].get(file)


def is_installed(name: str) -> bool:
    """Return whether a shipped or imported model has that name, so that `open_model` does not take it as a path."""
    return _folder_by_name(name) is not None


def read_model(path: Path, graph: str | None = None) -> ModelFolder:
    """Return the model in a folder.

    Args:
        path: of the folder.
        graph: name of the graph to run; None takes the one on the card.

    Raises:
        ModelError: its card cannot be read, is not a model card, or names files outside the folder.
    """
    card = path / CARD
    try:
        content = read_json(card)
    except OSError as error:
        raise ModelError(f"{card}: cannot read it: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{card}: not a model card: {error}") from error
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or not files:
        raise ModelError(f"{card}: not a model card: no 'files' with a SHA-256 for each: import the model again")
    for file, expected in files.items():
        if file != os.path.basename(file) or file in {"", os.curdir, os.pardir} or not isinstance(expected, str):
            raise ModelError(f"{card}: not a model card: {file!r} in 'files' is not a file beside it with its SHA-256")
    graphs = content.get("graphs")
    for device, file in graphs.items() if isinstance(graphs, dict) else ():
        if not isinstance(file, str) or file not in files:
            raise ModelError(f"{card}: not a model card: {file!r}, its graph for {device}, is not in 'files'")
    return ModelFolder(path, content, graph)


def installed_folders() -> list[Path]:
    """Return the folders of the shipped models, then of the imported ones, each sorted by name."""
    return [
        path
        for folder in (models_folder(), user_models_folder())
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if _NAME.fullmatch(path.name) and (path / CARD).is_file()
    ]


def import_folder(name: str) -> Path:
    """Return the folder for an imported model of that name; it need not exist.

    Raises:
        UsageError: the name has other characters than it may have, or is that of a shipped model.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"not a name for a model: {name!r}: use letters, digits, '.', '_' and '-', a letter or digit first"
        )
    taken = {*_ALIASES, *_ALIASES.values(), *(path.name for path in models_folder().iterdir())}
    if name.lower() in taken:
        raise UsageError(f"{name}: this is the name of a model that ships with ctxzip: choose another one")
    return user_models_folder() / name


@lru_cache(maxsize=4)
def read_tokenizer(path: Path) -> Any:
    """Return the `tokenizers.Tokenizer` of a tokenizer.json, without truncation and padding; cached and shared.

    Files made for an encoder often truncate at 128 tokens and pad, which would make counts wrong. Call `encode` and no
    batch method: those start threads, which a forked child lacks.

    Raises:
        ModelError: the file is not a tokenizer.
    """
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{path}: not a tokenizer.json: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = (
        True  # `[SEP]` in a document is text: a document cannot imitate the input's layout
    )
    return tokenizer


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_by_name(name: str) -> Path | None:
    """Return the folder of a shipped or imported model; None if no model has that name."""
    name = _ALIASES.get(name, name)
    if not _NAME.fullmatch(name):
        return None
    paths = (folder / name for folder in (models_folder(), user_models_folder()))
    return next((path for path in paths if (path / CARD).is_file()), None)
