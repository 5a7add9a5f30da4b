"""What kind of question it is and how complex, from its words alone.

Rules name the kind where words name it ("how many", "difference between", "the mother of the director
of"). Whether a question needs several places is more often in its shape than in a word: there a small
linear model decides and says which words moved it. English only; a question in another
language is `other` and says so. Nothing here looks at the passages.

Every pattern is bounded or anchored and reads at most 1,000 code points, so that no question is slow.
"""

from __future__ import annotations

from functools import lru_cache

from ctxzip.datamodels import ParsedQuery
from ctxzip.query.comparison import EFFECT, sides_of
from ctxzip.query.complexity import (
    MAY_HIDE_STEPS,
    MAYBE_SEVERAL,
    SEVERAL_STEPS,
    UNKNOWN,
    UNSEEN,
    complexity_of,
    features_of,
    movers,
)
from ctxzip.query.kinds import by_rules
from ctxzip.query.question_words import READ, quoted, read
from ctxzip.splitting.language import ENGLISH, detect
from ctxzip.splitting.language import UNKNOWN as UNKNOWN_LANGUAGE


def kind_of(query: str) -> str:
    """Name the kind of a question.

    >>> [kind_of(q) for q in ("Who built the bridge?", "Why is it closed?", "bridge opening hours")]
    ['fact', 'how_why', 'keywords']
    """
    return parse_query(query).kind


def parse_query(query: str) -> ParsedQuery:
    """Read a question: its kind, how complex it is, and why.

    >>> parse_query("Where was the director of Red Harbour born?").reason
    "a step inside a step ('director of')"
    """
    return _parse(query[:READ])


@lru_cache(maxsize=256)  # every stage asks, and a question takes a tenth of what BM25 takes for its ten passages
def _parse(query: str) -> ParsedQuery:
    reading = read(query)
    if not reading.words:
        return ParsedQuery("other", 0.0, "no words")
    if (language := detect(query)) not in {ENGLISH, UNKNOWN_LANGUAGE}:
        return ParsedQuery("other", UNKNOWN, f"not English ({language})", reading.names, english=False)
    kind, why = by_rules(reading)
    sides = sides_of(reading) if kind == "comparison" else ()
    found = features_of(reading, kind)
    complexity = UNKNOWN if kind in UNSEEN else complexity_of(found)
    if kind in MAY_HIDE_STEPS and complexity >= SEVERAL_STEPS:
        kind, why = "multi_hop", f"more than one step likely ({quoted(movers(reading, found))})"
    if sides:
        why = f"two entities compared ({quoted(sides)})"
    several = kind == "multi_hop" or (kind == "comparison" and not EFFECT.search(reading.asked))
    return ParsedQuery(
        kind,
        complexity,
        why,
        (*sides, *(name for name in reading.names if not any(name in side for side in sides))),
        several_places=several,
        maybe_several=several or (kind not in UNSEEN and complexity >= MAYBE_SEVERAL),
    )


def features(query: str) -> dict[str, float]:
    """Return what the linear model sees of a question: counts, lengths, and the word that asks."""
    reading = read(query)
    return features_of(reading, by_rules(reading)[0])
