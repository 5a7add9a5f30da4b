"""A prompt in segments: `{"segments": [{"type": "instruction", "text": "..."}, ...]}`, as LLMLingua divides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import opened
from ctxzip._internal.suggestions import did_you_mean
from ctxzip.datamodels import SEGMENTS, Passage
from ctxzip.errors import InputError
from ctxzip.reading.documents import Found
from ctxzip.reading.json_paths import array, string
from ctxzip.reading.slots import TextSlot

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape

_QUESTION = "question"


def fits(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # every form takes both
    """Tell whether the first segment has a type."""
    value = opened(node)
    if not isinstance(value, list | tuple) or not value:
        return False
    first = opened(value[0])
    return isinstance(first, dict) and "type" in first


def read(node: Any, shape: Shape, where: str) -> Found:  # noqa: ARG001
    """Read segments; those that are the question are no passages and stay whole.

    Raises:
        InputError: a type that is none, or the path of what is missing.
    """
    items: list[Any] = []
    passages: list[Passage] = []
    questions: list[str] = []
    for index, item in enumerate(array(node, where, " of segments")):
        segment = opened(item)
        if not isinstance(segment, dict) or "type" not in segment or "text" not in segment:
            raise InputError(f"expected an object with type and text @ {where}[{index}]")
        kind = string(segment["type"], f"{where}[{index}].type")
        text = string(segment["text"], f"{where}[{index}].text")
        if kind == _QUESTION:
            questions.append(text)
            items.append(item)
        elif kind in SEGMENTS:
            items.append({**segment, "text": TextSlot(len(passages), segment["text"])})
            passages.append(Passage(text, segment=kind))
        else:
            names = [*SEGMENTS, _QUESTION]
            raise InputError(
                f"unknown type {kind!r} @ {where}[{index}].type: "
                f"expected one of {', '.join(names)}{did_you_mean(kind, names)}"
            )
    question = "\n".join(questions).strip()
    if not question:
        raise InputError(f"no question @ {where}: expected a segment of type question", option="query_field")
    return Found(items, tuple(passages), query=question)
