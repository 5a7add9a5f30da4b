"""What kind of question it is, from its words alone.

English only; a question in another language is `other`. Nothing depends on the kind yet: it is
reported, so that people can see how a question was read.
"""

from __future__ import annotations

import re

OTHER = "other"

# Tried in order; the first match names the kind. The order matters: "which of the two is older"
# is a comparison before it is a fact, "how many" a count before it is a how.
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("code", r"`|\w\(\)|\b(?:traceback|exception|stack trace|stderr|segfault)\b|(?-i:\b[A-Z]\w*(?:Error|Exception)\b)"),
        ("summary", r"^\W*(?:summari[sz]e|give (?:me )?an overview|overview of|tl;?dr)\b"),
        (
            "comparison",
            r"\b(?:versus|vs\.?|compared? (?:to|with)|difference between|in common|both)\b"
            r"|\b(?:same|more|less|fewer|first|earlier|later|older|younger|larger|smaller|higher|longer)\b.*\bor\b",
        ),
        ("list", r"^\W*(?:list|name|enumerate)\b|\bhow (?:many|much)\b|^\W*(?:what|which) (?:are|were)\b"),
        ("how_why", r"^\W*(?:how (?:do|does|did|can|could|should|would|to|is|are|was|were)\b|why\b|explain\b)"),
        ("definition", r"^\W*(?:define\b|what (?:is|are) (?:an? )?[\w-]+\W*$|what does .* (?:mean|stand for)\b)"),
        ("time_scoped", r"\bin (?:\d{4}|january|february|march|april|may|june|july|august|september|october|november|december)\b"
                        r"|\b(?:before|after|between|since|until|from) (?:\w+ )?\d{4}\b"),
        ("yes_no", r"^\W*(?:is|are|was|were|do|does|did|can|could|will|would|has|have|had|should|may|must)\b"),
        ("fact", r"\b(?:who|whom|whose|when|where|which|what|how)\b"),
    )
)  # fmt: skip
_KEYWORDS_AT_MOST = 4  # words; without a question mark, "bridge opening hours", "ferry orrin timetable winter"
_READ = 1_000  # code points; what is longer is a prompt, and the rules must not read it again and again


def kind_of(query: str) -> str:
    """Name the kind of a question.

    One of code, summary, comparison, list, how_why, definition, time_scoped, yes_no, fact, keywords, other.

    >>> [kind_of(q) for q in ("Who built the bridge?", "Why is it closed?", "bridge opening hours")]
    ['fact', 'how_why', 'keywords']
    """
    query = query[:_READ]
    for kind, pattern in _RULES:
        if pattern.search(query):
            return kind
    words = query.split()
    return "keywords" if query.isascii() and "?" not in query and len(words) <= _KEYWORDS_AT_MOST else OTHER
