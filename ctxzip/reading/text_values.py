"""The text of a document as a JSON value: a string, a number, null, or a list of paragraphs or content parts."""

from __future__ import annotations

from typing import Any

from ctxzip._internal.raw_json import Raw, decoded, json_type
from ctxzip.errors import InputError
from ctxzip.reading.slots import PartSlot, TextSlot

_PARAGRAPH_BREAK = "\n\n"  # between the paragraphs of a list, so that no unit spans two of them
# Keys of the text in a content part: LangChain and OpenAI; answers and snippets of Vertex AI Search.
_PART_KEYS = ("text", "content", "snippet")


def is_text(node: Any) -> bool:
    """Return whether a value can be read as a text; null can."""
    value = decoded(node)
    if isinstance(value, list | tuple):
        return not value or any(_text_of_part(part) is not None for part in value)
    return value is None or isinstance(value, str) or number_literal(value) is not None


def read_text(node: Any, index: int, json_path: str) -> tuple[str, Any]:
    """Return the text of passage `index`, and the JSON value with slots in place of its texts.

    The paragraphs of a list are joined by blank lines; parts without a text (images) are unchanged. The text of a number is
    its literal. The text of null is empty, and the value remains null.

    Raises:
        InputError: the value is not a text.
    """
    value = decoded(node)
    if value is None:
        return "", node
    if isinstance(value, str):
        return value, TextSlot(index, node)
    if (literal := number_literal(value)) is not None:
        return literal, TextSlot(index, node)
    if not isinstance(value, list | tuple) or not is_text(value):
        got = json_type(value) + (" without a text" if isinstance(value, list | tuple) else "")
        raise InputError(f"expected a string @ {json_path}, got {got}", option="text_field")
    paragraphs: list[str] = []
    parts: list[Any] = []
    at = 0
    for item in value:
        found = _text_of_part(item)
        if found is None:
            parts.append(item)
            continue
        key, original, paragraph = found
        slot = PartSlot(index, at, at + len(paragraph), original)
        parts.append(slot if key is None else {**decoded(item), key: slot})
        paragraphs.append(paragraph)
        at += len(paragraph) + len(_PARAGRAPH_BREAK)
    return _PARAGRAPH_BREAK.join(paragraphs), parts


def number_literal(value: Any) -> str | None:
    """Return the literal of a decoded number as it is in the input; None for any other value."""
    if isinstance(value, Raw):
        return bytes(value).decode()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text_of_part(node: Any) -> tuple[str | None, Any, str] | None:
    """Return the key of the text in a content part, its JSON value, and the text; None if the part has no text.

    The key of a paragraph, which is a plain string, is None.
    """
    value = decoded(node)
    if isinstance(value, str):
        return None, node, value
    if isinstance(value, dict):
        for key in _PART_KEYS:
            text = decoded(value.get(key))
            if isinstance(text, str):
                return key, value[key], text
    return None
