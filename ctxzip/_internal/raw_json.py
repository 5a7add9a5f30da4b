"""JSON that comes out as it went in: only what is looked at is decoded, all else stays bytes.

msgspec reads one level at a time and keeps each value as `msgspec.Raw`, so 1.0, 1e5, a 30-digit
integer and an escaped letter are written back byte for byte. What msgspec refuses but `json` takes
(NaN, Infinity, lone surrogates) is read by `json` instead, with number literals kept as `Raw`.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ctxzip.errors import InputError

Raw = msgspec.Raw

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_ARRAY = msgspec.json.Decoder(list[Raw])
_SCALAR = msgspec.json.Decoder()


def parse(data: bytes) -> Any:
    """Return the value of one JSON text, opened one level (see `opened`).

    Raises:
        InputError: not UTF-8, not JSON, cut off, or nested too deeply; says where.
    """
    try:
        str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"invalid UTF-8 at byte {error.start + 1}: convert the input to UTF-8 (iconv -t UTF-8)"
        ) from error
    try:
        return opened(Raw(data))
    except RecursionError as error:
        raise InputError("JSON nested too deeply") from error


def _parse_tolerantly(text: str) -> Any:
    """Read what `json` takes, opened one level, its inner values as the bytes that mean the same."""
    try:
        value = json.loads(text, parse_float=_literal, parse_int=_literal, parse_constant=_literal)
        if isinstance(value, dict):
            return {key: Raw(_encode_tolerantly(inner)) for key, inner in value.items()}
        return [Raw(_encode_tolerantly(inner)) for inner in value] if isinstance(value, list) else value
    except RecursionError as error:
        raise InputError("JSON nested too deeply") from error
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise InputError(
                "the JSON is cut off: the line ends inside a value (one JSON object a line is expected; jq -c makes it so)"
            ) from error
        remedy = "one JSON object a line is expected" + ("" if error.pos else "; plain text needs a query")
        raise InputError(
            f"invalid JSON at character {error.pos + 1}: {error.msg}: {remedy}", option=() if error.pos else "query"
        ) from error


def _literal(number: str) -> Raw:
    return Raw(number.encode())


def opened(node: Any) -> Any:
    """Open a value one level: an object's or array's own values stay `Raw`; numbers stay `Raw` too.

    What is not `Raw` is returned as it is.

    >>> opened(opened(Raw(b'{"a": [1.0, "b"]}'))["a"])[1:]
    [<msgspec.Raw object at ...>]
    """
    if not isinstance(node, Raw):
        return node
    view = memoryview(node)
    head = bytes(view[:64]).lstrip()[:1] or bytes(view).lstrip()[:1]
    try:
        if head == b"{":
            return _OBJECT.decode(view)
        if head == b"[":
            return _ARRAY.decode(view)
        value = _SCALAR.decode(view)
    except msgspec.DecodeError:
        return _parse_tolerantly(str(view, "utf-8"))
    return value if head in (b'"', b"n", b"t", b"f") else node


def encode(node: Any) -> bytes:
    """Return the compact JSON of dicts, lists, strings, numbers and `Raw`, on one line."""
    try:
        encoded = msgspec.json.encode(node)
    except UnicodeEncodeError:
        encoded = _encode_tolerantly(node)
    # Values copied from an indented document hold its line breaks.
    return msgspec.json.format(encoded, indent=-1) if b"\n" in encoded or b"\r" in encoded else encoded


def _encode_tolerantly(node: Any) -> bytes:
    """Encode as `encode` does, with lone surrogates escaped: UTF-8 has no bytes for them."""
    if isinstance(node, dict):
        pairs = (_encode_tolerantly(key) + b":" + _encode_tolerantly(value) for key, value in node.items())
        return b"{" + b",".join(pairs) + b"}"
    if isinstance(node, list | tuple):
        return b"[" + b",".join(map(_encode_tolerantly, node)) + b"]"
    return json.dumps(node).encode() if isinstance(node, str) else msgspec.json.encode(node)


def kind(node: Any) -> str:
    """Name the JSON type of a value for an error message."""
    value = opened(node)
    if value is None:
        return "null"
    if isinstance(value, Raw | int | float) and not isinstance(value, bool):
        return "a number"
    for types, name in ((bool, "a boolean"), (str, "a string"), (dict, "an object"), (list | tuple, "an array")):
        if isinstance(value, types):
            return name
    return f"a Python {type(value).__name__}"
