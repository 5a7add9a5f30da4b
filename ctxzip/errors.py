"""Every exception that ctxzip raises on purpose.

CtxzipError                     caught once, at the edge of the command line
├── UsageError                  the call is wrong: an option, a limit, a file name     exit 2
├── InputError                  a record is wrong: the place, the problem, the remedy  exit 1
└── BackendError                something that scores or splits cannot run             exit 3
    ├── ModelError              a model or tokenizer file is missing or damaged
    └── MissingDependencyError  an optional package is not installed

The options that an error is about are data, not text. They have the names of Python (`max_tokens`); the command line
spells them as it does (`--max-tokens`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NO_VALUE: Final = object()


class CtxzipError(Exception):
    """Base of every error that ctxzip raises on purpose; its text is one line for a person.

    >>> str(UsageError("expected a number of at least 0", option="max_tokens", value=-3))
    'max_tokens=-3: expected a number of at least 0'
    >>> str(InputError("no question", option=("query", "query_field")))
    'no question (query, query_field)'

    Args:
        message: where, what and the remedy, in one line; without the names of options.
        option: the option that the error is about, or that mends it; several in the order of their weight.
        value: of the first option, where the error is about this value.

    Attributes:
        message: as given.
        options: the options, by their names in Python.
        value: as given.
    """

    exit_code = 1

    def __init__(self, message: str, *, option: str | Iterable[str] = (), value: object = _NO_VALUE) -> None:
        super().__init__(message)
        self.message = message
        self.options = (option,) if isinstance(option, str) else tuple(option)
        self.value = value

    def __str__(self) -> str:
        return self.text()

    def text(self, spelled: Callable[[str], str] = str, assign: str = "=") -> str:
        """Return the message with its options: a value in front of it, other options behind it in brackets.

        Args:
            spelled: spells the name of an option.
            assign: text between an option and its value.
        """
        if self.value is _NO_VALUE:
            return with_options(self.message, self.options, spelled)
        first, *others = self.options
        return with_options(f"{spelled(first)}{assign}{self.value}: {self.message}", others, spelled)


def with_options(message: str, options: Iterable[str], spelled: Callable[[str], str] = str) -> str:
    """Return a message with the names of options behind it, in brackets.

    >>> with_options("no documents", ["docs_field"])
    'no documents (docs_field)'
    """
    names = ", ".join(map(spelled, options))
    return f"{message} ({names})" if names else message


class UsageError(CtxzipError):
    """The call itself is wrong: an option, a limit, a file name."""

    exit_code = 2


class InputError(CtxzipError):
    """A record cannot be used. The message has the place, the problem and the remedy."""

    exit_code = 1


class BackendError(CtxzipError):
    """Something that scores, splits or counts cannot run here."""

    exit_code = 3


class ModelError(BackendError):
    """A model or tokenizer file is missing, damaged or not the one on the model card."""


class MissingDependencyError(BackendError):
    """An optional package or language pipeline is needed and not installed."""
