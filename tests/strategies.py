"""Texts for property tests: arbitrary Unicode, and pieces of Markdown joined at random. Rankings and forests for examples."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ctxzip.datamodels import Ranking
from ctxzip.selection.adaptive.forest import Forest, forest_from_json

_PIECES = [
    "Ada Holm built the bridge in 1901. ", "It was closed, e.g. for Dr. Brandt, on 3. Oktober. ", "\n", "\n\n", "\r\n",
    "# Heading\n", "## Inner\n", "Title\n=====\n", "== Wiki ==\n", "- item one. And more.\n", "  - nested\n", "1. first\n",
    "> quoted. Twice.\n", ">\n", "> > deep\n", "```\n", "```python\nx = 1\n", "~~~\n", "    indented = code\n", "\tmake demo\n",
    "| a | b |\n", "|---|---|\n", "| 1 | 2 |\n", "+---+---+\n", "a\tb\n", "---\n", "***\n", "---\ntitle: x\n---\n",
    "橋は1901年に建てられた。「帰ろう。」と言った。", "다리는 낡았다. ", "Мост закрыт. ", "ง", "\u2028", "\u00a0", "\u200b", "\x00", "\x1c",
    "e\u0301", "\U0001f600", "....................", "!?!?!?", "http://a.b/c?d=e.f ", "no stop here", "  ",
]  # fmt: skip

plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
any_text = st.text(max_size=200)
blocky = st.lists(st.sampled_from(_PIECES) | plain.map(lambda text: text[:20]), max_size=25).map("".join)
texts = plain | blocky
words = st.sampled_from(["bridge", "Ada", "1901", "closed", "橋", "Мост", "item", "code", "x"])
queries = st.lists(words, min_size=1, max_size=5).map(" ".join) | plain.filter(lambda text: bool(text.strip()))


def ranking_with(probability, *, size=None, passage=None, relevance=(0.5,), kind="fact"):
    """Return a ranking with these probabilities, by default of units of one length in one passage."""
    n = len(probability)
    return Ranking(
        probability=np.array(probability, dtype=np.float32),
        size=np.array([100] * n if size is None else size, dtype=np.int64),
        passage=np.array([0] * n if passage is None else passage, dtype=np.int64),
        relevance=np.array(relevance, dtype=np.float32),
        kind=kind,
        complexity=0.5,
        needs_several_passages=False,
        word_coverage=(1.0, 1.0),
    )


def stump_json(features, at="units", threshold=-1.0, below=0.0, above=0.0):
    """Return a forest of one tree with two leaves, as JSON values."""
    tree = {
        "feature": [features.index(at), 0, 0],
        "threshold": [threshold, 0.0, 0.0],
        "left": [1, 1, 2],
        "right": [2, 1, 2],
        "value": [0.0, below, above],
    }
    return {"features": list(features), "steps": 1, "trees": [tree]}


def stump(features, *numbers) -> Forest:
    """Return a forest of one tree with two leaves."""
    return forest_from_json(stump_json(features, *numbers), features)
