"""Lossless JSON: values are decoded level by level, and those that are not decoded stay the bytes of the input.

msgspec decodes one level at a time and keeps each inner value as `msgspec.Raw`, so 1.0, 1e5, a 30-digit integer and
an escaped letter are written back byte for byte. JSON that msgspec refuses but `json` accepts (NaN, Infinity, lone
surrogates) is decoded by `json` instead, with number literals kept as `Raw`.
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
    """Return the value of one JSON text, decoded one level (see `decoded`).

    Raises:
        InputError: it is not UTF-8, not JSON, cut off, or nested too deeply; with the position.
    """
    try:
        str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"invalid UTF-8 at byte {error.start + 1}: convert the input to UTF-8 (iconv -t UTF-8)"
        ) from error
    try:
        return decoded(Raw(data))
    except RecursionError as error:
        raise InputError("JSON nested too deeply") from error


def _parse_tolerantly(text: str) -> Any:
    """Decode one level with `json`; inner values are encoded again, as `Raw`."""
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


def decoded(node: Any) -> Any:
    """Decode a value one level: the values in an object or array stay `Raw`, and a number stays `Raw` itself.

    A value that is not `Raw` is returned unchanged.

    >>> decoded(decoded(Raw(b'{"a": [1.0, "b"]}'))["a"])[1:]
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
    # Raw values of an indented document contain its line breaks.
    return msgspec.json.format(encoded, indent=-1) if b"\n" in encoded or b"\r" in encoded else encoded


def _encode_tolerantly(node: Any) -> bytes:
    """Encode as `encode` does, with lone surrogates escaped: UTF-8 cannot encode them."""
    if isinstance(node, dict):
        pairs = (_encode_tolerantly(key) + b":" + _encode_tolerantly(value) for key, value in node.items())
        return b"{" + b",".join(pairs) + b"}"
    if isinstance(node, list | tuple):
        return b"[" + b",".join(map(_encode_tolerantly, node)) + b"]"
    return json.dumps(node).encode() if isinstance(node, str) else msgspec.json.encode(node)


def json_type(node: Any) -> str:
    """Return the JSON type of a value for an error message, with its article: `an object`."""
    value = decoded(node)
    if value is None:
        return "null"
    if isinstance(value, Raw | int | float) and not isinstance(value, bool):
        return "a number"
    for types, name in ((bool, "a boolean"), (str, "a string"), (dict, "an object"), (list | tuple, "an array")):
        if isinstance(value, types):
            return name
    return f"a Python {type(value).__name__}"
