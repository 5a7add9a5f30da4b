"""The name that was probably meant, for error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'ratio'?` for the nearest of the names, or `""` where none is near.

    >>> did_you_mean("ratoi", ["ratio", "order"])
    "; did you mean 'ratio'?"
    """
    from difflib import get_close_matches

    known = {one.lower(): one for one in names}
    near = get_close_matches(name.lower(), known, n=1)  # at difflib's own measure of closeness, 0.6
    return f"; did you mean {known[near[0]]!r}?" if near else ""
