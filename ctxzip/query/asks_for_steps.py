"""Query -> whether it asks for the steps of a procedure."""

from __future__ import annotations

import re

_ENGLISH = re.compile(
    r"\bhow (?:(?:do|can|could|should|would|must|may|might|shall|will) |does one |to )(?!we know\b|you know\b)"
    r"|\bhow (?:is|are) .{3,80}(?:ed|en|ne|un|ght|out|off|in|up)\b\W*$"
    r"|\b(?:steps?|procedure|instructions?|recipe|stages?) (?:to|for|of|in)\b"
    r"|\bwhat (?:(?:do|must|should|shall|can) (?:i|we|you|one) (?:have to )?do|to do)\b"
    r"|\bwhat (?:is|are) the (?:\S+ ){0,3}(?:steps?|procedure|instructions?|stages?)\b",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\bwie \w+ (?:ich|man|wir|du|sie)\b|\bwie (?:wird|werden|geht)\b|\b(?:schritte|anleitung)\b"  # German
    r"|\bcomment (?:\w+(?:er|ir|re)|(?:puis|dois|peut|faut|fait)-\w+|on|je)\b|\b(?:étapes|marche à suivre)\b"  # French
    r"|\bc[oó]mo (?:se|puedo|debo|hago|hay|posso|devo|faço|faz|\w+[aei]r)\b|\bpas(?:s?os)\b"  # Spanish, Portuguese
    r"|\bcome (?:si|posso|devo|faccio|\w+(?:are|ere|ire))\b|\bpassaggi\b"  # Italian
    r"|\bhoe (?:\w+ )?(?:ik|je|men|we|moet|kan|kun)\b|\bstappen\b",  # Dutch
    re.IGNORECASE,
)


def asks_for_steps(query: str, *, english: bool) -> bool:
    """Return whether a query asks how something is done; and in six more languages.

    >>> asks_for_steps("How do I replace the filter?", english=True), asks_for_steps("How long is it?", english=True)
    (True, False)
    """
    return bool((_ENGLISH if english else _OTHERS).search(query))
