"""Dotted paths into JSON that is opened level by level: find what stands there, read it, replace it."""

from __future__ import annotations

from functools import cache
from typing import Any

from ctxzip._internal.raw_json import Raw, kind, opened
from ctxzip.errors import InputError

_MISSING = object()


def find(record: dict[str, Any], paths: tuple[str, ...], inside: str = "") -> tuple[str, ...] | None:
    """Return the first of the dotted paths that the record has, as its steps; an empty one only for want of better.

    A path steps into objects by key and into arrays by index (`hits.0.body`); a key that holds the
    dots itself is found first. Where `inside` names an object of the record, its own paths go before
    those of the record.
    """
    empty = None
    for steps in _candidates(paths, inside):
        node = record.get(steps[0], _MISSING) if len(steps) == 1 else _at(record, steps)
        if node is _MISSING:
            continue
        if not _is_empty(node):
            return steps
        empty = empty or steps
    return empty


def get(node: Any, steps: tuple[str, ...]) -> Any:
    """Return what stands at the steps, which are there."""
    for step in steps:
        value = opened(node)
        node = value[int(step)] if isinstance(value, list) else value[step]
    return node


def put(container: Any, steps: tuple[str, ...], new: Any) -> None:
    """Put `new` at the path, opening what stands on the way; `container` is changed."""
    head, *rest = steps
    key = int(head) if isinstance(container, list) else head
    if rest:
        inner = opened(container[key])
        inner = list(inner) if isinstance(inner, list) else dict(inner)
        put(inner, tuple(rest), new)
        new = inner
    container[key] = new


def array(node: Any, where: str, of: str = "") -> list[Any]:
    """Return the values of an array, or raise InputError."""
    value = opened(node)
    if not isinstance(value, list | tuple):
        raise InputError(f"expected an array{of} @ {where}, got {kind(value)}")
    return list(value)


def string(node: Any, where: str) -> str:
    """Return a string, or raise InputError."""
    value = opened(node)
    if not isinstance(value, str):
        raise InputError(f"expected a string @ {where}, got {kind(value)}")
    return value


@cache
def _candidates(paths: tuple[str, ...], inside: str) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    for prefix in ((inside,), ()) if inside else ((),):
        for dotted in paths:
            found += [(*prefix, dotted), (*prefix, *dotted.split("."))]
    return tuple(dict.fromkeys(found))


def _at(node: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        value = opened(node)
        if isinstance(value, dict) and step in value:
            node = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            node = value[int(step)]
        else:
            return _MISSING
    return node


_NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})


def _is_empty(node: Any) -> bool:
    if isinstance(node, Raw):
        return memoryview(node).nbytes <= len(b"null") and bytes(node) in _NOTHING
    return node is None or node in ("", "[]", [], {})  # "[]" in a cell of a table
