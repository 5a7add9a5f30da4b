"""Query text -> parsed query: its kind, complexity and entities, from its words alone, without the passages.

Rules find the kinds that words show ("how many", "difference between", "the mother of the director of"). A linear model finds
multi-hop queries that no rule covers. Both know English only: a query in another language is of kind `other`.

Patterns are bounded or anchored and see at most 1,000 code points, so that no query takes long.
"""

from __future__ import annotations

from functools import lru_cache

from ctxzip.datamodels import ParsedQuery
from ctxzip.query.asks_for_steps import asks_for_steps
from ctxzip.query.comparison import TREATMENT_EFFECT, compared_entities
from ctxzip.query.complexity import complexity_of, features_of, top_contributions
from ctxzip.query.kinds import classify_by_rules
from ctxzip.query.tokenized_query import MAX_CHARACTERS, join_quoted, tokenize
from ctxzip.splitting.language import ENGLISH, UNKNOWN, detect_language

# Probabilities of the linear model; models/README.md has the measurements.
_MULTI_HOP_THRESHOLD = 0.5  # from here on a query of `_MAY_BE_MULTI_HOP` is multi-hop
_SECOND_PASS_THRESHOLD = 0.3  # from here on a second pass is worth its time

_MAY_BE_MULTI_HOP = frozenset({"fact", "list", "time_scoped"})  # kinds that the linear model may change to multi_hop
_WITHOUT_TRAINING_DATA = frozenset({"code", "summary"})  # no labelled set of queries holds them
_UNKNOWN_COMPLEXITY = 0.5


def parse_query(query: str) -> ParsedQuery:
    """Parse a query; only its first 1,000 code points count.

    >>> parse_query("Where was the director of Red Harbour born?").reason
    "multi-hop ('director of')"
    """
    return _parse(query[:MAX_CHARACTERS])


@lru_cache(maxsize=256)  # several stages parse the same query, which takes a tenth of the time of BM25 on ten passages
def _parse(query: str) -> ParsedQuery:
    tokenized = tokenize(query)
    if not tokenized.words:
        return ParsedQuery("other", 0.0, "no words")
    if (language := detect_language(query)) not in {ENGLISH, UNKNOWN}:
        return ParsedQuery(
            "other",
            _UNKNOWN_COMPLEXITY,
            f"not English ({language})",
            tokenized.names,
            english=False,
            asks_for_steps=asks_for_steps(query, english=False),
        )
    kind, reason = classify_by_rules(tokenized)
    compared = compared_entities(tokenized) if kind == "comparison" else ()
    features = features_of(tokenized, kind)
    complexity = _UNKNOWN_COMPLEXITY if kind in _WITHOUT_TRAINING_DATA else complexity_of(features)
    if kind in _MAY_BE_MULTI_HOP and complexity >= _MULTI_HOP_THRESHOLD:
        kind, reason = "multi_hop", f"probably multi-hop ({join_quoted(top_contributions(tokenized, features))})"
    if compared:
        reason = f"comparison of two entities ({join_quoted(compared)})"
    needs_several = kind == "multi_hop" or (kind == "comparison" and not TREATMENT_EFFECT.search(tokenized.question))
    may_need_several = kind not in _WITHOUT_TRAINING_DATA and complexity >= _SECOND_PASS_THRESHOLD
    other_names = (name for name in tokenized.names if not any(name in entity for entity in compared))
    return ParsedQuery(
        kind,
        complexity,
        reason,
        (*compared, *other_names),
        needs_several_passages=needs_several,
        may_need_several_passages=needs_several or may_need_several,
        asks_for_steps=asks_for_steps(tokenized.question, english=True),
    )


def query_features(query: str) -> dict[str, float]:
    """Return the features of a query, by name, as the linear model takes them (`complexity.features_of`)."""
    tokenized = tokenize(query)
    return features_of(tokenized, classify_by_rules(tokenized)[0])
