"""The layout of FlashRAG: documents whose text (`contents`) begins with a line that is the title."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctxzip.reading import documents
from ctxzip.reading.json_paths import find_path, set_value, value_at
from ctxzip.reading.slots import DocsSlot, PiecesSlot, TextSlot

if TYPE_CHECKING:
    from ctxzip.reading.documents import ParsedDocuments
    from ctxzip.reading.schemas import Shape

matches = documents.matches


def parse(node: Any, shape: Shape, json_path: str) -> ParsedDocuments:
    """Return documents whose first line is the title; it is written unchanged, and is no part of the passage.

    A text of one line, and a document that is not in a list, has no title line.

    Raises:
        InputError: with the path of what is missing or wrong.
    """
    parsed = documents.parse(node, shape, json_path)
    if not isinstance(parsed.value, DocsSlot):
        return parsed
    items = list(parsed.value.items)
    passages = list(parsed.passages)
    for index, (item, passage) in enumerate(zip(items, passages, strict=True)):
        line, newline, text = passage.text.partition("\n")
        if not newline:
            continue
        path = find_path(item, shape.text, shape.wrapper) if isinstance(item, dict) else ()
        text_slot = value_at(item, path or ())
        if not isinstance(text_slot, TextSlot):  # a list of paragraphs
            continue
        pieces = PiecesSlot((line + newline, TextSlot(index, text)), text_slot.original)
        if path:
            set_value(item, path, pieces)
        else:
            items[index] = pieces
        # FlashRAG's own corpora put quotes around a title.
        passages[index] = replace(passage, text=text, title=passage.title or line.strip().strip('"'))
    return replace(parsed, value=DocsSlot(tuple(items)), passages=tuple(passages))
