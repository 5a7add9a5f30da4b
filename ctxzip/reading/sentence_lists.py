"""Documents that are a title and sentences, split already: HotpotQA and what is built like it.

`[[title, [sentence, ...]], ...]`, or on Hugging Face `{"title": [...], "sentences": [[...], ...]}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip._internal.raw_json import opened
from ctxzip.datamodels import Passage
from ctxzip.errors import InputError
from ctxzip.reading.documents import Found
from ctxzip.reading.json_paths import array, string
from ctxzip.reading.slots import DocsSlot, SentencesSlot

if TYPE_CHECKING:
    from ctxzip.reading.schemas import Shape

_COLUMNS = ("title", "sentences")


def fits(node: Any, shape: Shape) -> bool:  # noqa: ARG001  # every form takes both
    """Tell whether the first document is a pair, or all of them are two columns."""
    value = opened(node)
    if isinstance(value, dict):
        return all(isinstance(opened(value.get(name)), list | tuple) for name in _COLUMNS)
    return isinstance(value, list | tuple) and bool(value) and isinstance(opened(value[0]), list | tuple)


def read(node: Any, shape: Shape, where: str) -> Found:  # noqa: ARG001
    """Read titles and sentences; the text of a passage is its sentences, joined.

    Sentences come with the space that stood before them, or without any: then one is put between.

    Raises:
        InputError: with the path of what is missing or wrong.
    """
    value = opened(node)
    if isinstance(value, dict):
        titles, lists = (array(value.get(name), f"{where}.{name}") for name in _COLUMNS)
        if len(titles) != len(lists):
            raise InputError(f"{len(titles)} titles and {len(lists)} lists of sentences @ {where}: expected as many")
        found = [
            _passage(title, sentences, index, f"{where}.title[{index}]", f"{where}.sentences[{index}]")
            for index, (title, sentences) in enumerate(zip(titles, lists, strict=True))
        ]
        slots = [slot for _, slot in found]
        return Found({**value, "sentences": slots}, tuple(passage for passage, _ in found))
    items = []
    passages = []
    for index, item in enumerate(array(node, where)):
        pair = array(item, f"{where}[{index}]")
        if len(pair) != 2:
            raise InputError(f"expected [title, [sentence, ...]] @ {where}[{index}], got {len(pair)} values")
        title, sentences = pair
        passage, slot = _passage(title, sentences, index, f"{where}[{index}][0]", f"{where}[{index}][1]")
        items.append([title, slot])
        passages.append(passage)
    return Found(DocsSlot(tuple(items)), tuple(passages))


def _passage(title: Any, sentences: Any, index: int, title_at: str, sentences_at: str) -> tuple[Passage, SentencesSlot]:
    slots = []
    text = ""
    for i, original in enumerate(array(sentences, sentences_at)):
        sentence = string(original, f"{sentences_at}[{i}]")
        if text and sentence and not (text[-1].isspace() or sentence[0].isspace()):
            text += " "
        start = len(text) + len(sentence) - len(sentence.lstrip())
        text += sentence
        slots.append((start, max(start, len(text.rstrip())), original))
    spans = tuple((start, end) for start, end, _ in slots if start < end)
    return Passage(text, string(title, title_at), sentences=spans), SentencesSlot(index, tuple(slots))
