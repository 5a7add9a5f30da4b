"""Reads whole JSON and TOML files that somebody else may have made: model cards, policies, config files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_FILE = 50_000_000  # bytes; the largest that ships is a policy of 200,000


def read_json(path: Path) -> Any:
    """Return the value in a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large, or not JSON: also `NaN` and `Infinity`, which `json` accepts, and what is nested too deeply.
    """
    import json

    try:
        return json.loads(read_bounded(path), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the table in a TOML file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large, or not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(read_bounded(path))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_bounded(path: str | Path) -> str:
    """Return the UTF-8 text of a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has more than `LARGEST_FILE` bytes, or is not UTF-8.
    """
    with open(path, "rb") as stream:
        data = stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE:,} bytes")
    return data.decode("utf-8")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"not a number: {constant}")
