"""Dotted paths into raw JSON that is decoded level by level: find a path, get the value at it, replace the value."""

from __future__ import annotations

from functools import cache
from typing import Any

from ctxzip._internal.raw_json import Raw, decoded, json_type
from ctxzip.errors import InputError

Steps = tuple[str, ...]  # a path: keys of objects, and indices of arrays as decimal digits

ANY_KEY = "*"  # in a path: the only key of an object

_MISSING = object()


def find_path(record: dict[str, Any], paths: tuple[str, ...], wrapper: str = "") -> Steps | None:
    """Return the steps of the first dotted path whose value is not empty; else of the first that exists; else None.

    Args:
        record: parsed JSON.
        paths: in order. A path steps into objects by key and into arrays by index (`hits.0.body`); a key that
            itself contains dots goes before the steps; `*` steps into an object with a single key.
        wrapper: key of an object inside the record; paths are tried inside it first, then in the record.
    """
    first_empty = None
    for candidate in _candidates(paths, wrapper):
        steps = _with_the_only_key(record, candidate) if ANY_KEY in candidate else candidate
        node = record.get(steps[0], _MISSING) if len(steps) == 1 else _follow(record, steps)
        if node is _MISSING:
            continue
        if not _is_empty(node):
            return steps
        first_empty = first_empty or steps
    return first_empty


def value_at(node: Any, steps: Steps) -> Any:
    """Return the value at a path.

    Raises:
        KeyError, IndexError: there is no such path.
    """
    for step in steps:
        value = decoded(node)
        node = value[int(step)] if isinstance(value, list) else value[step]
    return node


def set_value(container: Any, steps: Steps, new: Any) -> None:
    """Replace the value at a path in `container`, which is changed; the containers on the way are copied."""
    head, *rest = steps
    key = int(head) if isinstance(container, list) else head
    if rest:
        inner = decoded(container[key])
        inner = list(inner) if isinstance(inner, list) else dict(inner)
        set_value(inner, tuple(rest), new)
        new = inner
    container[key] = new


def dotted(steps: Steps) -> str:
    """Return a path as error messages write it.

    >>> dotted(("hits", "0", "body"))
    '$.hits.0.body'
    """
    return ".".join(("$", *steps))


def expect_array(node: Any, json_path: str, of: str = "") -> list[Any]:
    """Return the values of an array.

    Raises:
        InputError: the value is not an array.
    """
    value = decoded(node)
    if not isinstance(value, list | tuple):
        raise InputError(f"expected an array{of} @ {json_path}, got {json_type(value)}")
    return list(value)


def expect_string(node: Any, json_path: str) -> str:
    """Return a string.

    Raises:
        InputError: the value is not a string.
    """
    value = decoded(node)
    if not isinstance(value, str):
        raise InputError(f"expected a string @ {json_path}, got {json_type(value)}")
    return value


@cache
def _candidates(paths: tuple[str, ...], wrapper: str) -> tuple[Steps, ...]:
    """Return the steps to try for dotted paths: inside the wrapper first, and as one key before as steps."""
    candidates: list[Steps] = []
    for prefix in ((wrapper,), ()) if wrapper else ((),):
        for path in paths:
            candidates += [(*prefix, path), (*prefix, *path.split("."))]
    return tuple(dict.fromkeys(candidates))


def _follow(node: Any, steps: Steps) -> Any:
    """Return the value at a path, or `_MISSING`."""
    for step in steps:
        value = decoded(node)
        if isinstance(value, dict) and step in value:
            node = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            node = value[int(step)]
        else:
            return _MISSING
    return node


def _with_the_only_key(record: dict[str, Any], steps: Steps) -> Steps:
    """Return a path with keys in place of `*`; unchanged where an object has several keys, so that it is not found."""
    node: Any = record
    keys: list[str] = []
    for step in steps:
        value = decoded(node)
        key = next(iter(value)) if step == ANY_KEY and isinstance(value, dict) and len(value) == 1 else step
        if not isinstance(value, dict) or key not in value:
            return steps
        keys.append(key)
        node = value[key]
    return tuple(keys)


_EMPTY_JSON = frozenset({b"null", b'""', b"[]", b"{}"})


def _is_empty(node: Any) -> bool:
    if isinstance(node, Raw):
        return memoryview(node).nbytes <= len(b"null") and bytes(node) in _EMPTY_JSON
    return node is None or node in ("", "[]", [], {})  # "[]": an empty list in a cell of a table
