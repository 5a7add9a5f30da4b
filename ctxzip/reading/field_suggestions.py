"""What a record has that is nearly what was looked for: for error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def suggestion(record: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return which key looks most like one of the names, as the end of a sentence, or nothing.

    >>> suggestion({"contexs": [], "id": 1}, ["docs", "contexts"])
    "; 'contexs' is nearly 'contexts'"
    >>> suggestion({"id": 1}, ["docs", "contexts"])
    ''
    """
    from difflib import get_close_matches

    names = [name for name in names if "." not in name]
    for key in record:
        near = get_close_matches(key.lower(), names, n=1, cutoff=0.8)
        if near:
            return f"; {key!r} is nearly {near[0]!r}"
    return ""
