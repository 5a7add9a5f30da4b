"""Replaces offsets in a record by slots, because they must change when the text is shortened.

LlamaIndex gives a node the offsets of its text in the source document (`start_char_idx`, `end_char_idx`); SQuAD gives an answer
its offset in the context (`answer_start`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import decoded
from ctxzip.reading.slots import OffsetSlot
from ctxzip.reading.text_values import number_literal

if TYPE_CHECKING:
    from ctxzip.datamodels import Passage

_OF_A_DOCUMENT = ("start_char_idx", "end_char_idx")
_ANSWERS = (
    "answers",
    "answer",
)  # of SQuAD: `{"text": [...], "answer_start": [...]}`, or a list of `{"text", "answer_start"}`
_ANSWER_START = "answer_start"


def with_offset_slots(document: dict[str, Any], wrapper: str, index: int) -> None:
    """Replace the offsets in a document, and in the object that wraps its fields, by slots. Modifies `document`."""
    inner = decoded(document.get(wrapper)) if wrapper else None
    if isinstance(inner, dict):
        document[wrapper] = inner = dict(inner)
    for fields in (document, inner):
        for name in _OF_A_DOCUMENT:
            if isinstance(fields, dict) and number_literal(decoded(fields.get(name))) is not None:
                fields[name] = OffsetSlot(index, name, fields[name])


def with_answer_slots(record: dict[str, Any], passages: tuple[Passage, ...]) -> None:
    """Replace the offsets of answers by slots if the record has exactly one passage. Modifies `record`."""
    if len(passages) != 1:
        return
    for key in _ANSWERS:
        if key in record:
            record[key] = _answers(record[key], passages[0].text)


def _answers(node: Any, text: str) -> Any:
    value = decoded(node)
    if isinstance(value, list):
        answers = [_answers(item, text) for item in value]
        return answers if any(new is not old for new, old in zip(answers, value, strict=True)) else node
    if not isinstance(value, dict) or _ANSWER_START not in value:
        return node
    starts = decoded(value[_ANSWER_START])
    if isinstance(starts, list):
        return {**value, _ANSWER_START: [_start(start, text) for start in starts]}
    return {**value, _ANSWER_START: _start(value[_ANSWER_START], text)}


def _start(node: Any, text: str) -> Any:
    """Return a slot for an offset inside the text; any other value unchanged."""
    literal = number_literal(decoded(node))
    inside = literal is not None and literal.isdecimal() and int(literal) < len(text)
    return OffsetSlot(0, _ANSWER_START, node, int(literal)) if literal is not None and inside else node
