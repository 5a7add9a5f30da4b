"""Hints for error messages: a key of a record that is nearly one of the expected names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CUTOFF = 0.8  # similarity of difflib, 0..1


def similar_key_hint(record: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the end of an error message that names the first similar key, or `""`; dotted names are skipped.

    >>> similar_key_hint({"contexs": [], "id": 1}, ["docs", "contexts"])
    "; 'contexs' is nearly 'contexts'"
    >>> similar_key_hint({"id": 1}, ["docs", "contexts"])
    ''
    """
    from difflib import get_close_matches

    names = [name for name in names if "." not in name]
    for key in record:
        similar = get_close_matches(key.lower(), names, n=1, cutoff=_CUTOFF)
        if similar:
            return f"; {key!r} is nearly {similar[0]!r}"
    return ""
