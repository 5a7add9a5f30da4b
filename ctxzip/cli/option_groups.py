"""A command takes a few records of options in place of dozens of parameters."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for typer in which each parameter that is a record of options is replaced by its fields.

    typer builds options from a signature. The record is a dataclass of which every field is an option, annotated with
    `typer.Option` or `typer.Argument`; its module must not postpone the evaluation of annotations.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Size:
    ...     width: int = 1
    ...     height: int = 2
    >>> @grouped
    ... def area(size: Size, color: str = "red") -> None:
    ...     print(size, color)
    >>> list(inspect.signature(area).parameters)
    ['width', 'height', 'color']
    >>> area(width=5, height=2, color="blue")
    Size(width=5, height=2) blue
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: one.annotation for name, one in signature.parameters.items() if is_dataclass(one.annotation)
    }
    names = {name: [field.name for field in fields(group)] for name, group in groups.items()}

    @wraps(command)
    def expanded(**values: Any) -> None:
        records = {name: group(**{field: values.pop(field) for field in names[name]}) for name, group in groups.items()}
        command(**records, **values)

    parameters = [
        inner
        for one in signature.parameters.values()
        for inner in (_fields(groups[one.name]) if one.name in groups else [one])
    ]
    expanded.__signature__ = signature.replace(parameters=[_by_name(one) for one in parameters])  # type: ignore[attr-defined]
    expanded.__annotations__ = {one.name: one.annotation for one in parameters}
    return expanded


def _fields(group: Any) -> Iterator[inspect.Parameter]:
    for field in fields(group):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field.type)


def _by_name(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
