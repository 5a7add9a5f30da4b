"""Shorten retrieved context before a language model reads it.

>>> from ctxzip import compress
>>> result = compress("When did Ada Holm build it?", ["The bridge is red. Ada Holm built it in 1901."], max_sentences=1)
>>> result.texts
('Ada Holm built it in 1901.',)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Compressor", "Passage", "Request", "Result", "Settings", "__version__", "compress"]

if TYPE_CHECKING:
    from ctxzip.compressor import Compressor, compress
    from ctxzip.datamodels import Passage, Request
    from ctxzip.rendering.result import Result
    from ctxzip.settings import Settings

_MODULES = {
    "Compressor": "ctxzip.compressor",
    "Passage": "ctxzip.datamodels",
    "Request": "ctxzip.datamodels",
    "Result": "ctxzip.rendering.result",
    "Settings": "ctxzip.settings",
    "compress": "ctxzip.compressor",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import ctxzip` and `ctxzip --version` are fast."""
    if name not in _MODULES:
        raise AttributeError(f"module 'ctxzip' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
