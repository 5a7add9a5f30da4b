"""How likely a question needs several places: a small linear model over counts in its words.

Its weights lie beside the model, in `query.json`; `python -m ctxzip.training query` fits them.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ctxzip.model_store import open_model
from ctxzip.query.comparison import COMPARATIVE, EFFECT
from ctxzip.query.multi_hop import FAR_RELATION, RELATION
from ctxzip.query.question_words import AUXILIARY, Reading, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

WEIGHTS = "query.json"

_COUNTED: dict[str, re.Pattern[str]] = {
    "relations": re.compile(rf"\b(?:{RELATION}|{FAR_RELATION})\b"),
    "possessives": re.compile(r"\b[^\W_]{1,30}'s?(?= )"),
    "of": re.compile(r"\bof\b"),
    "relatives": re.compile(r"(?<=\S )(?:that|who|whose|whom|which|where)\b"),
    "participles": re.compile(r"\b[a-z]{3,20}(?:ed|own|ade|tten|ing) (?:by|in|at|for|as|on|from|with|to)\b"),
    "told": re.compile(
        r"\b(?:starring|stars|featuring|features|containing|including|based on|known (?:as|for)|best known|called|named)\b"
    ),
    "articles": re.compile(r"\ban? (?=[a-z])"),
    "ands": re.compile(r"\band\b"),
    "ors": re.compile(r"\bor\b"),
    "also": re.compile(r"\b(?:also|another|other)\b"),
    "same": re.compile(r"\b(?:same|both|common)\b"),
    "comparatives": re.compile(rf"\b{COMPARATIVE}\b"),
    "superlatives": re.compile(r"\b(?:\w{3,20}est|most|least|best|worst|first|last|only)\b"),
    "prepositions": re.compile(r"\b(?:in|on|at|by|for|with|from|to|during)\b"),
    "in_which": re.compile(r"\b(?:in|on|at|of|for|from|by|to|with) (?:what|which|whom)\b"),
    "years": re.compile(r"\b(?:1[0-9]|20)\d\ds?\b"),
    "numbers": re.compile(r"\b\d+"),
    "self": re.compile(r"\b(?:i|i'm|my|me|we|our|you|your)\b"),
}
_COUNT_AT_MOST = 4
UNKNOWN = 0.5
UNSEEN = words_of("code summary")  # no labelled set holds them
# From here on a fact is read as multi_hop. On the first 1,500 questions of the labelled train sets, rules and model together then expect several places for
# 99% of 2wiki, 68% of hotpotqa, 82% of musique, and 4.0% of the seven single-place sets (evidence_inference aside: EFFECT).
SEVERAL_STEPS = 0.5
# From here on a second look is worth its time. Of hotpotqa (dev) 83% are looked at twice, and 13% of five single-fact sets; 67
# and 6% are read as several places.
MAYBE_SEVERAL = 0.3
MAY_HIDE_STEPS = words_of("fact list time_scoped")


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model of the log-odds that a question needs several places."""

    intercept: float
    weights: Mapping[str, float]


@cache
def linear() -> Linear:
    """Return the weights that ship.

    Raises:
        ModelError: the file is missing or damaged.
    """
    content = json.loads(open_model().verified(WEIGHTS).read_text("utf-8"))
    return Linear(content["intercept"], content["weights"])


def features_of(reading: Reading, kind: str) -> dict[str, float]:
    """Return what the linear model sees: counts up to 4, the logarithm of the words, and 1 for what is so.

    Args:
        reading: of at least one word.
        kind: by the rules.
    """
    found = {
        "words": math.log2(1 + len(reading.said.split(" "))),
        "names": float(min(len(reading.names), _COUNT_AT_MOST)),
        "quotes": float(reading.text.count('"') > 1),
        "commas": float(min(reading.text.count(","), _COUNT_AT_MOST)),
        "question_mark": float("?" in reading.text),
        "late": float(reading.asks_at > 3),
        "auxiliary": float(reading.asks in AUXILIARY),
        "statement": float(not reading.asks),
        "effect": float(kind == "comparison" and bool(EFFECT.search(reading.asked))),
        "comparison": float(kind == "comparison" and not EFFECT.search(reading.asked)),
        "multi_hop": float(kind == "multi_hop"),
    }
    for word in ("who", "what", "which", "when", "where", "why", "how"):
        found[word] = float(reading.asks == word)
    for name, pattern in _COUNTED.items():
        found[name] = float(min(len(pattern.findall(reading.said)), _COUNT_AT_MOST))
    return found


def complexity_of(found: Mapping[str, float]) -> float:
    """Return the chance that a question with such features needs several places, 0..1."""
    model = linear()
    logit = model.intercept + sum(weight * found[name] for name, weight in model.weights.items())
    return 1 / (1 + math.exp(-logit))


def movers(reading: Reading, found: Mapping[str, float]) -> tuple[str, ...]:
    """Return the words that moved the complexity up the most."""
    weights = linear().weights
    moved = sorted(((weights.get(name, 0.0) * found[name], name) for name in _COUNTED), reverse=True)
    matches = (_COUNTED[name].search(reading.said) for moves, name in moved[:2] if moves > 0)
    words = tuple(dict.fromkeys(match.group() for match in matches if match))
    return words or (f"{len(reading.words)} words",)
