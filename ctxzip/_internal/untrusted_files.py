"""Reads whole JSON and TOML files that somebody else may have made: model cards, policies, config files."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_FILE = 50_000_000  # bytes; the largest that ships is a policy of 200,000
_MOST_DIGITS = 300  # of an integer that is finite as a float
_MAY_BE_LARGE = re.compile(r"[0-9.][eE]\+?[0-9]{2}|[0-9]{200}")  # only such a number can be infinite as a float


def read_json(path: Path) -> Any:
    """Return the value in a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large or not JSON, is nested too deeply, or has a number that is not finite as a float: `NaN` and
            `1e400`, which `json` accepts.
    """
    import json

    try:
        text = read_bounded(path)
        if not _MAY_BE_LARGE.search(text):  # a policy has thousands of numbers, and is read before the first record
            return json.loads(text, parse_constant=_finite)
        return json.loads(text, parse_constant=_finite, parse_float=_finite, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the table in a TOML file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large or not TOML, or is nested too deeply.
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


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"not a finite number: {literal}")
    return number


def _whole(literal: str) -> int:
    if len(literal) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(literal):,} digits")
    return int(literal)
