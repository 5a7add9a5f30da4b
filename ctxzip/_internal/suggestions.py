"""The nearest known name to a misspelt one, for error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'ratio'?` for the nearest of the names, or `""` if none is near.

    >>> did_you_mean("ratoi", ["ratio", "order"])
    "; did you mean 'ratio'?"
    """
    from difflib import get_close_matches

    by_lower_case = {one.lower(): one for one in names}
    nearest = get_close_matches(name.lower(), by_lower_case, n=1)  # with difflib's default cutoff, 0.6
    return f"; did you mean {by_lower_case[nearest[0]]!r}?" if nearest else ""
