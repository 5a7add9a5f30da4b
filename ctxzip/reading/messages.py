"""The layout of chat messages: bodies of chat completions, and lines of a batch of them, with documents inside.

Documents are between `<document>` and `</document>`, alone or inside `<documents>`, with or without the `<source>`,
`<title>` and `<document_content>` of Anthropic's guide to long contexts; or every message of a role
(`Shape.context_role`) is one document. The query is the text outside the documents in the last message of the role
user that has any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import decoded, json_type
from ctxzip.datamodels import Passage, RecordWarning
from ctxzip.errors import InputError
from ctxzip.reading.documents import ParsedDocuments
from ctxzip.reading.json_paths import expect_array
from ctxzip.reading.slots import DocsSlot, PiecesSlot, TextSlot

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape

_TAG = re.compile(r"<(?P<end>/?)(?P<name>documents?)(?P<attributes>\s[^<>]*)?>", re.IGNORECASE)
_METADATA = re.compile(r"\s*<(?P<name>source|title|url|id|date)>(?P<value>[^<]*)</(?P=name)>", re.IGNORECASE)
_CONTENT = re.compile(r"\s*<document_content>", re.IGNORECASE)
_CONTENT_END = re.compile(r"</document_content>\s*$", re.IGNORECASE)
_CONTENT_END_WINDOW = 100  # code points at the end of a document in which `</document_content>` is searched
_TITLE_ATTRIBUTE = re.compile(r"""\b(?:title|source)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def matches(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # part of DocumentLayout
    """Return whether the first message has a role."""
    value = decoded(node)
    return isinstance(value, list | tuple) and bool(value) and _has_role(decoded(value[0]))


def parse(node: Any, shape: Shape, json_path: str) -> ParsedDocuments:
    """Return the documents in messages; the query is empty if there is no question of the user.

    Raises:
        InputError: there are no documents, or the path of what is wrong.
    """
    reader = _MessageReader()
    messages: list[Any] = []
    query = ""
    for index, item in enumerate(expect_array(node, json_path, " of messages")):
        message = decoded(item)
        if not _has_role(message):
            raise InputError(f"expected an object with a role @ {json_path}[{index}], got {json_type(message)}")
        role = decoded(message["role"])
        reader.text_outside = ""
        content = reader.content(
            message.get("content"),
            f"{json_path}[{index}].content",
            is_document=role == shape.context_role is not None,
        )
        messages.append({**message, "content": content} if "content" in message else item)
        if role == "user" and reader.text_outside.strip():
            query = reader.text_outside.strip()
    if not reader.passages:
        remedy = "put them between <document> and </document>, or name the role of messages that are documents"
        raise InputError(f"no documents @ {json_path}: {remedy}", option="context_role")
    return ParsedDocuments(messages, tuple(reader.passages), tuple(reader.warnings), query)


@dataclass(slots=True)
class _MessageReader:
    """Replaces the documents in the contents of messages by slots.

    Attributes:
        passages: the documents of all messages, in order.
        warnings: about all messages.
        text_outside: text of the current message that is in no document.
    """

    passages: list[Passage] = field(default_factory=list)
    warnings: list[RecordWarning] = field(default_factory=list)
    text_outside: str = ""

    def content(self, node: Any, json_path: str, *, is_document: bool) -> Any:
        """Return the content of a message with slots: a string, or a list of parts of which some are text."""
        value = decoded(node)
        if isinstance(value, str):
            return self._string(node, value, json_path, is_document=is_document)
        if not isinstance(value, list | tuple):
            return node
        parts = []
        for index, item in enumerate(value):
            part = decoded(item)
            text = decoded(part.get("text")) if isinstance(part, dict) else None
            if isinstance(text, str):
                slot = self._string(part["text"], text, f"{json_path}[{index}].text", is_document=is_document)
                parts.append({**part, "text": slot})
            else:
                parts.append(item)
        return parts

    def _string(self, original: Any, text: str, json_path: str, *, is_document: bool) -> Any:
        """Return a string of a message as slot; as its JSON value `original` where no document is in it."""
        groups = _find_documents(text)
        if not groups:
            if is_document:
                return TextSlot(self._add(text, ""), original)
            if _TAG.search(text):
                warning = f"a <document> without its end tag @ {json_path}: left as it is"
                self.warnings.append(RecordWarning("unclosed_document_tag", warning))
            self.text_outside += text
            return original
        parts: list[Any] = []
        end = 0
        for group in groups:
            before = text[end : group[0].start]
            self.text_outside += _TAG.sub("", before)
            first = len(self.passages)
            items = tuple(self._document(text, span) for span in group)
            between = text[group[0].end : group[1].start] if len(group) > 1 else ""
            parts += [before, DocsSlot(items, first, between)]
            end = group[-1].end
        self.text_outside += _TAG.sub("", text[end:])
        return PiecesSlot((*parts, text[end:]), original)

    def _document(self, text: str, span: _DocumentSpan) -> PiecesSlot:
        """Add the document at a span of a string; return the slot for it and its tags."""
        document = text[span.text_start : span.text_end]
        slot = TextSlot(self._add(document, span.title), document)
        parts = (text[span.start : span.text_start], slot, text[span.text_end : span.end])
        return PiecesSlot(parts, text[span.start : span.end])

    def _add(self, text: str, title: str) -> int:
        """Add a passage and return its index."""
        self.passages.append(Passage(text, title))
        return len(self.passages) - 1


@dataclass(frozen=True, slots=True)
class _DocumentSpan:
    """One document in a string: half-open code-point offsets of the whole element, and of the text inside it."""

    start: int
    end: int
    text_start: int
    text_end: int
    title: str


def _find_documents(text: str) -> list[list[_DocumentSpan]]:
    """Return the documents of a string, in order, in groups whose documents may be reordered.

    A document outside `<documents>` is a group by itself. `<documents>` without a `<document>` is one document.
    """
    groups: list[list[_DocumentSpan]] = []
    group: list[_DocumentSpan] = []
    open_list: re.Match[str] | None = None
    open_document: re.Match[str] | None = None
    for tag in _TAG.finditer(text):
        is_list, is_end = tag["name"].lower() == "documents", bool(tag["end"])
        if open_document is not None:
            if is_end and not is_list:
                span = _document_span(text, open_document, tag)
                open_document = None
                if open_list is None:
                    groups.append([span])
                else:
                    group.append(span)
        elif not is_list and not is_end:
            open_document = tag
        elif is_list and not is_end and open_list is None:
            open_list, group = tag, []
        elif is_list and is_end and open_list is not None:
            if not group and text[open_list.end() : tag.start()].strip():
                start, end = _stripped(text, open_list.end(), tag.start())
                group = [_DocumentSpan(start, end, start, end, "")]
            groups += _reorderable(text, group)
            open_list, group = None, []
    return groups + _reorderable(text, group)  # those of a list without its end tag


def _reorderable(text: str, group: list[_DocumentSpan]) -> list[list[_DocumentSpan]]:
    """Return the documents as one group if the same white space is between all of them, else each as a group."""
    between = {text[one.end : other.start] for one, other in pairwise(group)}
    if len(between) > 1 or any(map(str.strip, between)):
        return [[span] for span in group]
    return [group] if group else []


def _document_span(text: str, tag: re.Match[str], end_tag: re.Match[str]) -> _DocumentSpan:
    attribute = _TITLE_ATTRIBUTE.search(tag["attributes"] or "")
    title = (attribute[1] or attribute[2] or "") if attribute else ""
    start, end = tag.end(), end_tag.start()
    while element := _METADATA.match(text, start, end):
        if element["name"].lower() in {"source", "title"}:
            title = element["value"].strip()
        start = element.end()
    content = _CONTENT.match(text, start, end)
    if content:
        start = content.end()
        content_end = _CONTENT_END.search(text[start:end][-_CONTENT_END_WINDOW:])
        if content_end:
            end -= len(content_end[0])
    start, end = _stripped(text, start, end)
    return _DocumentSpan(tag.start(), end_tag.end(), start, end, title)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Return offsets without the white space at both ends; `start` twice where there is nothing else."""
    inside = text[start:end]
    if not inside.strip():
        return start, start
    return start + len(inside) - len(inside.lstrip()), start + len(inside.rstrip())


def _has_role(message: Any) -> bool:
    return isinstance(message, dict) and "role" in message
