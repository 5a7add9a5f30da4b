"""The calls whose output is kept in `expected/`, byte for byte. All score with BM25, which needs no model."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ctxzip import __version__
from tests.conftest import FIXTURES, ROOT, ctxzip

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "expected"
_REQUESTS = os.path.relpath(FOLDER / "requests.jsonl", ROOT)
_TABLE = os.path.relpath(FOLDER / "requests.csv", ROOT)
_BROKEN = os.path.relpath(FIXTURES / "broken.jsonl", ROOT)
_COMPRESS = ("compress", "--scorer", "bm25", "--quiet")

# File of the expected output -> arguments; paths are relative to the root of the repository.
CASES: dict[str, tuple[str, ...]] = {
    "jsonl.jsonl": (*_COMPRESS, "--max-tokens", "40", _REQUESTS),
    "auto_budget.jsonl": (*_COMPRESS, _REQUESTS),
    "explain.jsonl": (*_COMPRESS, "--max-sentences", "4", "--explain", _REQUESTS),
    "text.txt": (*_COMPRESS, "--max-sentences", "2", "--to", "text", "--mark-gaps", _REQUESTS),
    "markdown.md": (*_COMPRESS, "--max-sentences", "2", "--to", "markdown", "--mark-gaps", _REQUESTS),
    "messages.jsonl": (*_COMPRESS, "--max-sentences", "2", "--to", "messages", _REQUESTS),
    "langchain.jsonl": (*_COMPRESS, "--max-sentences", "2", "--to", "langchain", _REQUESTS),
    "llamaindex.jsonl": (*_COMPRESS, "--max-sentences", "2", "--to", "llamaindex", _REQUESTS),
    "haystack.jsonl": (*_COMPRESS, "--max-sentences", "2", "--to", "haystack", _REQUESTS),
    "errors.jsonl": (*_COMPRESS, "--max-sentences", "1", _BROKEN),
    "table.csv": (*_COMPRESS, "--max-sentences", "1", _TABLE),
    "score.jsonl": ("score", "--scorer", "bm25", "--quiet", _REQUESTS),
    "inspect.txt": ("inspect", "--scorer", "bm25", "--quiet", "--max-sentences", "2", _REQUESTS),
}


def output(name: str) -> bytes:
    """Return what the call of one case writes to stdout, with `VERSION` in place of the version of ctxzip."""
    out = ctxzip(*CASES[name], cwd=ROOT).out
    return re.sub(rb'("version"+:"+)' + re.escape(__version__.encode()), rb"\1VERSION", out)
