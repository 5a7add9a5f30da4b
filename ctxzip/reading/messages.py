"""Chat messages with documents among them: bodies of chat completions, and lines of a batch of them.

Documents stand between `<document>` and `</document>`, alone or inside `<documents>`, with or without a
`<source>`, `<title>` and `<document_content>` of their own as Anthropic's guide to long contexts has
them; or a whole message is one, where its role is said to hold context. The question is what else the
last message of the user says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import kind, opened
from ctxzip.datamodels import Passage, RecordWarning
from ctxzip.errors import InputError
from ctxzip.reading.documents import Found
from ctxzip.reading.json_paths import array
from ctxzip.reading.slots import DocsSlot, PiecesSlot, TextSlot

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape

_TAG = re.compile(r"<(?P<end>/?)(?P<name>documents?)(?P<attributes>\s[^<>]*)?>", re.IGNORECASE)
_HEAD = re.compile(r"\s*<(?P<name>source|title|url|id|date)>(?P<value>[^<]*)</(?P=name)>", re.IGNORECASE)
_CONTENT = re.compile(r"\s*<document_content>", re.IGNORECASE)
_CONTENT_END = re.compile(r"</document_content>\s*$", re.IGNORECASE)
_TITLE = re.compile(r"""\b(?:title|source)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def fits(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # every form takes both
    """Tell whether the first message has a role."""
    value = opened(node)
    return isinstance(value, list | tuple) and bool(value) and _has_role(opened(value[0]))


def read(node: Any, shape: Shape, where: str) -> Found:
    """Read the documents among messages.

    Raises:
        InputError: no documents, or no question, or the path of what is wrong.
    """
    found = _Found()
    messages: list[Any] = []
    question = ""
    for index, item in enumerate(array(node, where, " of messages")):
        message = opened(item)
        if not _has_role(message):
            raise InputError(f"expected an object with a role @ {where}[{index}], got {kind(message)}")
        role = opened(message["role"])
        found.outside = ""
        content = _content(
            message.get("content"), found, f"{where}[{index}].content", whole=role == shape.context_role is not None
        )
        messages.append({**message, "content": content} if "content" in message else item)
        if role == "user" and found.outside.strip():
            question = found.outside.strip()
    if not found.passages:
        remedy = "put them between <document> and </document>, or name the role of messages that are documents"
        raise InputError(f"no documents @ {where}: {remedy}", option="context_role")
    return Found(messages, tuple(found.passages), tuple(found.warnings), question)


@dataclass(slots=True)
class _Found:
    """What was met so far; `outside` is the text of the message in hand that is no document."""

    passages: list[Passage] = field(default_factory=list)
    warnings: list[RecordWarning] = field(default_factory=list)
    outside: str = ""

    def add(self, text: str, title: str = "") -> TextSlot:
        self.passages.append(Passage(text, title))
        return TextSlot(len(self.passages) - 1, text)


def _content(node: Any, found: _Found, where: str, *, whole: bool) -> Any:
    """Return the content of a message, a string or parts of which some are text, with slots for its documents."""
    value = opened(node)
    if isinstance(value, str):
        return _text(node, value, found, where, whole=whole)
    if not isinstance(value, list | tuple):
        return node
    parts = []
    for index, item in enumerate(value):
        part = opened(item)
        text = opened(part.get("text")) if isinstance(part, dict) else None
        if isinstance(text, str):
            slot = _text(part["text"], text, found, f"{where}[{index}].text", whole=whole)
            parts.append({**part, "text": slot})
        else:
            parts.append(item)
    return parts


def _text(original: Any, text: str, found: _Found, where: str, *, whole: bool) -> Any:
    places = _documents(text)
    if not places:
        if whole:
            slot = found.add(text)
            return TextSlot(slot.index, original)
        if _TAG.search(text):
            text_ = f"a <document> without an end @ {where}: left as it is"
            found.warnings.append(RecordWarning("unclosed_document_tag", text_))
        found.outside += text
        return original
    parts: list[Any] = []
    at = 0
    for group in places:
        before = text[at : group[0].start]
        found.outside += _TAG.sub("", before)
        first = len(found.passages)
        items = tuple(_pieces(text, place, found) for place in group)
        between = text[group[0].end : group[1].start] if len(group) > 1 else ""
        parts += [before, DocsSlot(items, first, between)]
        at = group[-1].end
    found.outside += _TAG.sub("", text[at:])
    return PiecesSlot((*parts, text[at:]), original)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one document stands in a string: from its tag to its end tag, and what is text inside."""

    start: int
    end: int
    text_start: int
    text_end: int
    title: str


def _documents(text: str) -> list[list[_Place]]:
    """Return the documents of a string; those that can change places, as they stand inside one `<documents>`, together."""
    groups: list[list[_Place]] = []
    group: list[_Place] = []
    outer: re.Match[str] | None = None
    inner: re.Match[str] | None = None
    for tag in _TAG.finditer(text):
        many, ends = tag["name"].lower() == "documents", bool(tag["end"])
        if many and not ends and inner is None and outer is None:
            outer, group = tag, []
        elif not many and not ends and inner is None:
            inner = tag
        elif not many and ends and inner is not None:
            place = _place(text, inner, tag)
            inner = None
            if outer is None:
                groups.append([place])
            else:
                group.append(place)
        elif many and ends and outer is not None and inner is None:
            if not group and text[outer.end() : tag.start()].strip():
                start, end = _stripped(text, outer.end(), tag.start())
                group = [_Place(start, end, start, end, "")]
            groups += _movable(text, group)
            outer, group = None, []
    return groups + _movable(text, group)  # of a list without an end


def _movable(text: str, group: list[_Place]) -> list[list[_Place]]:
    """Return the documents as one group, or each as its own where more than one kind of space is between them."""
    between = {text[one.end : other.start] for one, other in pairwise(group)}
    if len(between) > 1 or any(map(str.strip, between)):
        return [[place] for place in group]
    return [group] if group else []


def _place(text: str, tag: re.Match[str], end_tag: re.Match[str]) -> _Place:
    attribute = _TITLE.search(tag["attributes"] or "")
    title = (attribute[1] or attribute[2] or "") if attribute else ""
    start, end = tag.end(), end_tag.start()
    while head := _HEAD.match(text, start, end):
        if head["name"].lower() in {"source", "title"}:
            title = head["value"].strip()
        start = head.end()
    content = _CONTENT.match(text, start, end)
    if content:
        start = content.end()
        content_end = _CONTENT_END.search(text[start:end][-100:])
        if content_end:
            end -= len(content_end[0])
    start, end = _stripped(text, start, end)
    return _Place(tag.start(), end_tag.end(), start, end, title)


def _pieces(text: str, place: _Place, found: _Found) -> PiecesSlot:
    slot = found.add(text[place.text_start : place.text_end], place.title)
    parts = (text[place.start : place.text_start], slot, text[place.text_end : place.end])
    return PiecesSlot(parts, text[place.start : place.end])


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the offsets without the white space at both ends."""
    inside = text[start:end]
    if not inside.strip():
        return start, start
    return start + len(inside) - len(inside.lstrip()), start + len(inside.rstrip())


def _has_role(message: Any) -> bool:
    return isinstance(message, dict) and "role" in message
