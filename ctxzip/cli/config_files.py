"""Config files: where they are found, and which keys and values they may have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxzip._internal.suggestions import did_you_mean
from ctxzip._internal.untrusted_files import LARGEST_FILE, read_toml
from ctxzip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typer.core import TyperOption

NAMED = "CTXZIP_CONFIG"  # in the environment: the one file to read
PROJECT = "ctxzip.toml"
PYPROJECT = "pyproject.toml"
USER = "config.toml"  # in the user's config folder
# Metavars of options that no config file may set: they decide which file is overwritten, and where documents and a token
# are sent.
_OF_ONE_CALL = frozenset({"FILE", "DIR", "URL"})
_ANCHORED = frozenset({"policy", "model", "tokenizer"})  # may be a path, relative to the folder of the config file
_LOADED = _ANCHORED | {"splitter"}  # may load code or weights from a path, which a project file may not choose


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The content of one file: options of `ctxzip compress` for all commands, and a table a command.

    Attributes:
        path: of the file.
        table: its content, or that of `[tool.ctxzip]`.
        trusted: whether the user chose the file. A project file may come with a folder that somebody else made.
    """

    path: str
    table: dict[str, Any]
    trusted: bool = True

    def value(self, command: tuple[str, ...], key: str, *, shared: bool) -> Any:
        """Return the value of an option of a command, None where there is none.

        Args:
            command: its name, the group in front: `("models", "import")`.
            key: the option without its dashes.
            shared: whether a value outside of all tables applies to it too.
        """
        table: Any = self.table
        for step in command:
            table = table.get(step, {})
        found = table.get(key)
        if found is None and shared:
            found = self.table.get(key)
        if self.trusted and key in _ANCHORED and isinstance(found, str):
            there = os.path.normpath(os.path.join(os.path.dirname(self.path), os.path.expanduser(found)))
            return there if os.path.exists(there) and (key == "policy" or "/" in found or "." in found) else found
        return found


def config_files() -> list[ConfigFile]:
    """Return the files in force, in order of precedence.

    The nearest `ctxzip.toml`, or `pyproject.toml` with a table `[tool.ctxzip]`, from the working folder
    upwards, which is not trusted, then `config.toml` in the user's config folder. `CTXZIP_CONFIG` names one file in
    place of both.

    Raises:
        UsageError: a file cannot be read, or is not TOML.
    """
    if named := os.environ.get(NAMED):
        return [ConfigFile(named, _read(named))]
    return [file for file in (_project(), _user()) if file is not None]


def user_path() -> str:
    """Return the path of the user's config file, which need not exist."""
    import platformdirs

    return str(platformdirs.user_config_path("ctxzip") / USER)


def _user() -> ConfigFile | None:
    path = user_path()
    return ConfigFile(path, _read(path)) if os.path.isfile(path) else None


def _project() -> ConfigFile | None:
    try:
        folder = os.getcwd()
    except OSError:  # it was removed
        return None
    while True:
        path = os.path.join(folder, PROJECT)
        if os.path.isfile(path):
            return ConfigFile(path, _read(path), trusted=False)
        path = os.path.join(folder, PYPROJECT)
        if os.path.isfile(path) and _mentions_us(path):
            tools = _read(path).get("tool")
            table = tools.get("ctxzip") if isinstance(tools, dict) else None
            if isinstance(table, dict):
                return ConfigFile(path, table, trusted=False)
            if table is not None:
                raise UsageError(f"{path}: [tool.ctxzip] is not a table")
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _mentions_us(path: str) -> bool:
    """Return whether a pyproject.toml mentions ctxzip: another one is not parsed, and may be broken."""
    try:
        with open(path, "rb") as stream:
            return b"ctxzip" in stream.read(LARGEST_FILE)
    except OSError:
        return False


def _read(path: str) -> dict[str, Any]:
    try:
        return read_toml(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot read: {error.strerror}") from error
    except ValueError as error:  # also what is not UTF-8
        raise UsageError(f"{path}: not TOML: {error}") from error


def check(file: ConfigFile, shared: Mapping[str, TyperOption], commands: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise UsageError for a key that names no option, a value that its option cannot have, or a path in a project file.

    Args:
        file: all of it is checked, whatever command runs.
        shared: options that are allowed outside of the tables.
        commands: by name: the options of a command by key, or for a group its commands.
    """
    for where, key, value, known in _entries(file.table, "", {**commands, **shared}):
        if key not in known:
            alike = [name for name, one in known.items() if isinstance(one, dict) == isinstance(value, dict)]
            raise UsageError(f"{file.path}: unknown key {where}{key}{did_you_mean(key, alike)}")
        problem = _problem(known[key], value) or ("" if file.trusted else _path_problem(known[key], key, value))
        if problem:
            raise UsageError(f"{file.path}: {where}{key}: {problem}")


def _entries(table: dict[str, Any], where: str, known: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield every key with its table, its value and the keys that are allowed there."""
    for key, value in table.items():
        inner = known.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            yield from _entries(value, f"{where}{key}.", inner)
        else:
            yield where, key, value, known


def _problem(option: Any, value: Any) -> str:
    """Return why an option cannot have a value of this kind, or an empty string; the option itself checks the value."""
    if isinstance(option, dict):
        return "expected a table of options"
    if option.metavar in _OF_ONE_CALL and option.name not in _ANCHORED:
        return f"names a file, folder or address of one call: give it as {option.opts[0]}"
    if option.is_flag:
        return "" if isinstance(value, bool) else "expected true or false"
    values = value if option.multiple and isinstance(value, list) else [value]
    if any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in values):
        return "expected a string or a number" + (", or an array of them" if option.multiple else "")
    return ""


def _path_problem(option: Any, key: str, value: Any) -> str:
    """Return why a project file may not set an option to this value: it names code or weights by path; or an empty string."""
    path = next((one for one in (value if isinstance(value, list) else [value]) if _is_path(key, str(one))), None)
    if path is None:
        return ""
    return (
        f"{path!r} is a path, and a project file may name only what is installed, since a stranger may have written it: "
        f"give it as {option.opts[0]}, or set it in {user_path()} or in a file that {NAMED} names"
    )


def _is_path(key: str, value: str) -> bool:
    """Return whether an option with this value would load code or weights from a path, also from one without a slash."""
    if key not in _LOADED:
        return False
    if key == "policy":
        return True
    if key == "splitter":
        value = value.removeprefix("spacy:")
    elif key == "tokenizer":
        from ctxzip.tokens import is_tokenizer_name

        if is_tokenizer_name(value):
            return False
    else:
        from ctxzip.model_store import is_installed

        if is_installed(value):
            return False
    return any(mark in value for mark in "/\\~") or os.path.exists(value)
