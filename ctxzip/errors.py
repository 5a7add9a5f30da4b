"""Every exception that ctxzip raises on purpose.

CtxzipError                     caught once, at the edge of the command line
├── UsageError                  the call is wrong: an option, a limit, a file name     exit 2
├── InputError                  a record is wrong: says where, what and the remedy     exit 1
└── BackendError                something that scores or splits cannot run             exit 3
    ├── ModelError              a model or tokenizer file is missing or damaged
    └── MissingDependencyError  an optional package is not installed
"""


class CtxzipError(Exception):
    """Base of every error that ctxzip raises on purpose; its text is one line for a person."""

    exit_code = 1


class UsageError(CtxzipError):
    """The call itself is wrong: an option, a limit, a file name."""

    exit_code = 2


class InputError(CtxzipError):
    """A record cannot be used. The text says where, what and what to do about it."""

    exit_code = 1


class BackendError(CtxzipError):
    """Something that scores, splits or counts cannot run here."""

    exit_code = 3


class ModelError(BackendError):
    """A model or tokenizer file is missing, damaged or foreign."""


class MissingDependencyError(BackendError):
    """An optional package or language pipeline is needed and not installed."""
