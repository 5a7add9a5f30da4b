"""How the command line spells options that errors name as Python does: `max_tokens` is `--max-tokens`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.errors import CtxzipError, with_options

if TYPE_CHECKING:
    from ctxzip.reading.origin import BadRecord

_OTHER_NAMES = {"cache_size_mb": "cache_size", "json_file": "json", "run_file": "run", "titles": "keep_titles"}


def spelled(option: str) -> str:
    """Return the option of the command line for a name in Python.

    >>> spelled("max_tokens"), spelled("cache_size_mb")
    ('--max-tokens', '--cache-size')
    """
    return "--" + _OTHER_NAMES.get(option, option).replace("_", "-")


def error_text(error: CtxzipError) -> str:
    """Return the text of an error for somebody who typed the options.

    >>> from ctxzip.errors import UsageError
    >>> error_text(UsageError("expected a number of at least 0", option="max_tokens", value=-3))
    '--max-tokens -3: expected a number of at least 0'
    """
    return error.text(spelled, " ")


def with_options_spelled(bad: BadRecord) -> BadRecord:
    """Return a bad record whose message names the options as they are typed."""
    return replace(bad, message=with_options(bad.message, bad.options, spelled), options=()) if bad.options else bad
