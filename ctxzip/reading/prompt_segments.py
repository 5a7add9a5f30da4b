"""The layout of a prompt in segments: `{"segments": [{"type": "instruction", "text": "..."}, ...]}`, as in LLMLingua."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import decoded
from ctxzip._internal.suggestions import did_you_mean
from ctxzip.datamodels import SEGMENTS, Passage
from ctxzip.errors import InputError
from ctxzip.reading.documents import ParsedDocuments
from ctxzip.reading.json_paths import expect_array, expect_string
from ctxzip.reading.slots import TextSlot

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape

_QUESTION = "question"  # type of the segments that make the query


def matches(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # part of DocumentLayout
    """Return whether the first segment has a type."""
    value = decoded(node)
    if not isinstance(value, list | tuple) or not value:
        return False
    first = decoded(value[0])
    return isinstance(first, dict) and "type" in first


def parse(node: Any, shape: Shape, json_path: str) -> ParsedDocuments:  # noqa: ARG001
    """Return one passage a segment; segments of type `question` make the query and are no passages.

    Raises:
        InputError: an unknown type, no question, or the path of what is missing.
    """
    segments: list[Any] = []
    passages: list[Passage] = []
    questions: list[str] = []
    for index, item in enumerate(expect_array(node, json_path, " of segments")):
        segment = decoded(item)
        if not isinstance(segment, dict) or "type" not in segment or "text" not in segment:
            raise InputError(f"expected an object with type and text @ {json_path}[{index}]")
        segment_type = expect_string(segment["type"], f"{json_path}[{index}].type")
        text = expect_string(segment["text"], f"{json_path}[{index}].text")
        if segment_type == _QUESTION:
            questions.append(text)
            segments.append(item)
        elif segment_type in SEGMENTS:
            segments.append({**segment, "text": TextSlot(len(passages), segment["text"])})
            passages.append(Passage(text, segment=segment_type))
        else:
            types = [*SEGMENTS, _QUESTION]
            raise InputError(
                f"unknown type {segment_type!r} @ {json_path}[{index}].type: "
                f"expected one of {', '.join(types)}{did_you_mean(segment_type, types)}"
            )
    query = "\n".join(questions).strip()
    if not query:
        raise InputError(f"no question @ {json_path}: expected a segment of type question", option="query_field")
    return ParsedDocuments(segments, tuple(passages), query=query)
