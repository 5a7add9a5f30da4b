"""Table rows and lines of one group -> how well each one matches the words of the query that few of them have."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.scoring.terms import terms
from ctxzip.splitting.language import detect_language
from ctxzip.splitting.lines import SPEAKER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Request, Unit

_ROWS = frozenset({"table_row", "line"})
_MIN_ROWS = 3
_RARE = 1 / 3  # of the rows: a word in more of them does not tell them apart


def sibling_match(request: Request, units: Sequence[Unit]) -> NDArray[np.float64]:
    """Return for each unit its share of the match of the best of its siblings, `(n_units,)`, 0..1.

    Siblings are the rows or lines with the same heading or header. A match is the sum of the weights (idf) of the
    query's words that a row has and most of its siblings do not. It is 1 for other units, and where no sibling has such a word.
    """
    found = np.ones(len(units))
    siblings: defaultdict[tuple[int, str, int | None], list[int]] = defaultdict(list)
    for i, unit in enumerate(units):
        if unit.kind in _ROWS:
            siblings[unit.passage, unit.kind, unit.parent].append(i)
    groups = [group for group in siblings.values() if len(group) >= _MIN_ROWS and not _are_turns(request, units, group)]
    if not groups:
        return found
    language = detect_language(request.query)
    query = frozenset(terms(request.query, language))
    for group in groups:
        rows = [
            query.intersection(terms(request.passages[units[i].passage].text[units[i].start : units[i].end], language))
            for i in group
        ]
        counts = Counter(word for row in rows for word in row)
        weights = {word: np.log(len(group) / n) for word, n in counts.items() if n <= max(1, _RARE * len(group))}
        match = np.array([sum(weights.get(word, 0.0) for word in row) for row in rows])
        if match.any():
            found[group] = match / match.max()
    return found


def _are_turns(request: Request, units: Sequence[Unit], group: Sequence[int]) -> bool:
    """Return whether most lines are turns of speakers, where an answer does not repeat the words of a question."""
    texts = [request.passages[units[i].passage].text[units[i].start : units[i].end] for i in group]
    return 2 * sum(bool(SPEAKER.match(text.lstrip())) for text in texts) > len(texts)
