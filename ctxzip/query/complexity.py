"""Tokenized query -> complexity: the probability that its evidence lies in more than one passage, by logistic regression.

The weights ship beside the model in `query.json`; `python -m ctxzip.training query` fits them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ctxzip._internal.untrusted_files import read_json
from ctxzip.model_store import open_model
from ctxzip.query.comparison import COMPARATIVES, TREATMENT_EFFECT
from ctxzip.query.multi_hop import COMPOUND_RELATION, RELATION
from ctxzip.query.vocabulary import AUXILIARIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctxzip.query.tokenized_query import TokenizedQuery

WEIGHTS_FILE = "query.json"

# Features that count matches in the normalized query. The names are keys of the weights file.
_COUNT_PATTERNS: dict[str, re.Pattern[str]] = {
    "relations": re.compile(rf"\b(?:{RELATION}|{COMPOUND_RELATION})\b"),
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
    "comparatives": re.compile(rf"\b{COMPARATIVES}\b"),
    "superlatives": re.compile(r"\b(?:\w{3,20}est|most|least|best|worst|first|last|only)\b"),
    "prepositions": re.compile(r"\b(?:in|on|at|by|for|with|from|to|during)\b"),
    "in_which": re.compile(r"\b(?:in|on|at|of|for|from|by|to|with) (?:what|which|whom)\b"),
    "years": re.compile(r"\b(?:1[0-9]|20)\d\ds?\b"),
    "numbers": re.compile(r"\b\d+"),
    "self": re.compile(r"\b(?:i|i'm|my|me|we|our|you|your)\b"),
}
_MAX_COUNT = 4


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A logistic regression.

    Attributes:
        intercept: log-odds of a query whose features are all 0.
        weights: log-odds by name of feature.
    """

    intercept: float
    weights: Mapping[str, float]


@cache
def linear_model() -> LinearModel:
    """Return the model that ships.

    Raises:
        ModelError: the weights file is missing or damaged.
    """
    content = read_json(open_model().verified(WEIGHTS_FILE))
    return LinearModel(content["intercept"], content["weights"])


def features_of(query: TokenizedQuery, kind: str) -> dict[str, float]:
    """Return the features of a query: counts of 0 to 4, log2(1 + number of words), and 0 or 1 for yes or no.

    Args:
        query: the query.
        kind: the kind that the rules found.
    """
    is_treatment_effect = bool(TREATMENT_EFFECT.search(query.question))
    features = {
        "words": math.log2(1 + len(query.normalized.split(" "))),
        "names": float(min(len(query.names), _MAX_COUNT)),
        "quotes": float(query.text.count('"') > 1),
        "commas": float(min(query.text.count(","), _MAX_COUNT)),
        "question_mark": float("?" in query.text),
        "late": float(query.question_word_index > 3),
        "auxiliary": float(query.question_word in AUXILIARIES),
        "statement": float(not query.question_word),
        "effect": float(kind == "comparison" and is_treatment_effect),
        "comparison": float(kind == "comparison" and not is_treatment_effect),
        "multi_hop": float(kind == "multi_hop"),
    }
    for word in ("who", "what", "which", "when", "where", "why", "how"):
        features[word] = float(query.question_word == word)
    for name, pattern in _COUNT_PATTERNS.items():
        features[name] = float(min(len(pattern.findall(query.normalized)), _MAX_COUNT))
    return features


def complexity_of(features: Mapping[str, float]) -> float:
    """Return the probability, 0..1, that a query with these features needs more than one passage."""
    model = linear_model()
    logit = model.intercept + sum(weight * features[name] for name, weight in model.weights.items())
    return 1 / (1 + math.exp(-logit))


def top_contributions(query: TokenizedQuery, features: Mapping[str, float]) -> tuple[str, ...]:
    """Return the words behind the one or two counts that add most to the log-odds, or the length of the query."""
    weights = linear_model().weights
    contributions = sorted(((weights.get(name, 0.0) * features[name], name) for name in _COUNT_PATTERNS), reverse=True)
    matches = (_COUNT_PATTERNS[name].search(query.normalized) for added, name in contributions[:2] if added > 0)
    words = tuple(dict.fromkeys(match.group() for match in matches if match))
    return words or (f"{len(query.words)} words",)
