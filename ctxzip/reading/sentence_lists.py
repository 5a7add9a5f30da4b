"""The layout of HotpotQA: documents that are a title and a list of sentences.

`[[title, [sentence, ...]], ...]`, or on Hugging Face `{"title": [title, ...], "sentences": [[sentence, ...], ...]}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import decoded
from ctxzip.datamodels import Passage
from ctxzip.errors import InputError
from ctxzip.reading.documents import ParsedDocuments
from ctxzip.reading.json_paths import expect_array, expect_string
from ctxzip.reading.slots import DocsSlot, SentencesSlot

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape

_COLUMNS = ("title", "sentences")


def matches(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # part of DocumentLayout
    """Return whether the first document is an array, or the value is an object with both columns."""
    value = decoded(node)
    if isinstance(value, dict):
        return all(isinstance(decoded(value.get(name)), list | tuple) for name in _COLUMNS)
    return isinstance(value, list | tuple) and bool(value) and isinstance(decoded(value[0]), list | tuple)


def parse(node: Any, shape: Shape, json_path: str) -> ParsedDocuments:  # noqa: ARG001
    """Return one passage a document, with the given sentences as its split.

    The text of a passage is its sentences, joined. A space goes between two sentences where neither has one.

    Raises:
        InputError: with the path of what is missing or wrong.
    """
    value = decoded(node)
    return _columns(value, json_path) if isinstance(value, dict) else _pairs(node, json_path)


def _columns(value: dict[str, Any], json_path: str) -> ParsedDocuments:
    """Read `{"title": [...], "sentences": [[...], ...]}`."""
    titles, lists = (expect_array(value.get(name), f"{json_path}.{name}") for name in _COLUMNS)
    if len(titles) != len(lists):
        raise InputError(
            f"{len(titles)} titles and {len(lists)} lists of sentences @ {json_path}: expected the same number"
        )
    slots: list[SentencesSlot] = []
    passages: list[Passage] = []
    for index, (title, sentences) in enumerate(zip(titles, lists, strict=True)):
        passage, slot = _passage(
            title, sentences, index, f"{json_path}.title[{index}]", f"{json_path}.sentences[{index}]"
        )
        slots.append(slot)
        passages.append(passage)
    return ParsedDocuments({**value, "sentences": slots}, tuple(passages))


def _pairs(node: Any, json_path: str) -> ParsedDocuments:
    """Read `[[title, [sentence, ...]], ...]`."""
    items: list[Any] = []
    passages: list[Passage] = []
    for index, item in enumerate(expect_array(node, json_path)):
        pair = expect_array(item, f"{json_path}[{index}]")
        if len(pair) != 2:
            raise InputError(f"expected [title, [sentence, ...]] @ {json_path}[{index}], got {len(pair)} values")
        title, sentences = pair
        passage, slot = _passage(title, sentences, index, f"{json_path}[{index}][0]", f"{json_path}[{index}][1]")
        items.append([title, slot])
        passages.append(passage)
    return ParsedDocuments(DocsSlot(tuple(items)), tuple(passages))


def _passage(
    title: Any, sentences: Any, index: int, title_path: str, sentences_path: str
) -> tuple[Passage, SentencesSlot]:
    """Return passage `index` and the slot of its sentences; a sentence of white space has an empty span."""
    slots = []
    text = ""
    for i, original in enumerate(expect_array(sentences, sentences_path)):
        sentence = expect_string(original, f"{sentences_path}[{i}]")
        if text and sentence and not (text[-1].isspace() or sentence[0].isspace()):
            text += " "
        start = len(text) + len(sentence) - len(sentence.lstrip())
        text += sentence
        slots.append((start, max(start, len(text.rstrip())), original))
    spans = tuple((start, end) for start, end, _ in slots if start < end)
    passage = Passage(text, expect_string(title, title_path), sentences=spans)
    return passage, SentencesSlot(index, tuple(slots))
