"""Where the models that ship with ctxzip lie, and whether their files are what their card says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctxzip.errors import ModelError, UsageError

DEFAULT_MODEL = "ctxzip-mini"


def models_folder() -> Path:
    """Return the folder of the shipped models: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with a model and its card, `model.json`."""

    path: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """The name on the card."""
        return str(self.card.get("name", self.path.name))

    def verified(self, file: str) -> Path:
        """Return the path of one of its files.

        Raises:
            ModelError: the file is missing, not on the card, or its SHA-256 is another.
        """
        path = self.path / file
        expected = self.card.get("files", {}).get(file)
        if expected is None or not path.is_file():
            raise ModelError(f"{path}: no such file of the model {self.name}")
        if sha256(path) != expected:
            raise ModelError(f"{path}: damaged or foreign: its SHA-256 is not the one on the card: install it again")
        return path


def open_model(name: str = DEFAULT_MODEL) -> ModelFolder:
    """Return a shipped model by its name, or the model in the folder of that name.

    Raises:
        UsageError: no such model.
        ModelError: its card cannot be read.
    """
    path = models_folder() / name if (models_folder() / name).is_dir() else Path(name)
    card = path / "model.json"
    if not card.is_file():
        raise UsageError(f"no model {name!r}: expected {DEFAULT_MODEL} or a folder with a model.json (--model)")
    try:
        return ModelFolder(path, json.loads(card.read_text("utf-8")))
    except ValueError as error:
        raise ModelError(f"{card}: not a model card: {error}") from error


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
