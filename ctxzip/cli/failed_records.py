"""The records that could not be used, as JSON lines: to be mended and run again."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import encode

if TYPE_CHECKING:
    from ctxzip.reading.origin import BadRecord


def failed_record(bad: BadRecord) -> bytes:
    """Return one line: where the record stands, why it could not be used, and its bytes, or the beginning if it is too long."""
    cut = {"cut": True} if bad.is_cut else {}
    return encode({"line": bad.line_no, "error": bad.message, **raw_fields(bad.raw), **cut}) + b"\n"


def raw_fields(raw: bytes) -> dict[str, str]:
    r"""Return bytes as a value of JSON: as text, or in base64 if they are not UTF-8.

    >>> raw_fields(b'{"id": 1\r\n'), raw_fields(b"\xff")
    ({'raw': '{"id": 1'}, {'raw_base64': '/w=='})
    """
    line = raw.rstrip(b"\r\n")
    try:
        return {"raw": line.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": b64encode(line).decode()}


def raw_of(fields: dict[str, Any]) -> bytes:
    """Return the bytes that `raw_fields` was given, without the end of the line."""
    return b64decode(fields["raw_base64"]) if "raw_base64" in fields else str(fields["raw"]).encode()
