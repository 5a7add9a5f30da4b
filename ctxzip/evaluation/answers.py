"""How answers are compared, as SQuAD does it: normalization, exact match and F1 (Rajpurkar et al. 2016)."""

from __future__ import annotations

import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Return a text in lower case, without punctuation, articles and repeated spaces.

    >>> normalize_answer("The  Ferry, an 'old' one!")
    'ferry old one'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def answer_exact_match(answer: str, gold: str) -> float:
    """Return 1 where two answers are equal after normalization, else 0.

    >>> answer_exact_match("The ferry.", "ferry")
    1.0
    """
    return float(normalize_answer(answer) == normalize_answer(gold))


def answer_f1(answer: str, gold: str) -> float:
    """Return the harmonic mean of precision and recall over the words of an answer, 0..1.

    >>> answer_f1("in the year 1901", "1901")
    0.5
    """
    words, wanted = normalize_answer(answer).split(), normalize_answer(gold).split()
    if not words or not wanted:
        return float(words == wanted)
    n_both = (Counter(words) & Counter(wanted)).total()
    return 2 * n_both / (len(words) + len(wanted))
