"""What a result is written as. Apart from the records, so that `--help` need not build them."""

from __future__ import annotations

from typing import Literal

# The record that came, one prompt-ready context, or another library's record.
To = Literal["jsonl", "text", "markdown", "messages", "langchain", "llamaindex", "haystack"]
CONTEXTS: frozenset[str | None] = frozenset({"text", "markdown"})
