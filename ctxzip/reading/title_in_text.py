"""Documents whose text begins with a line that is their title: `contents` of FlashRAG."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctxzip.reading import documents
from ctxzip.reading.json_paths import find, get, put
from ctxzip.reading.slots import DocsSlot, PiecesSlot, TextSlot

if TYPE_CHECKING:
    from ctxzip.reading.documents import Found
    from ctxzip.reading.schemas import Shape

fits = documents.fits


def read(node: Any, shape: Shape, where: str) -> Found:
    """Read documents that are strings or objects, and keep the first line of each as it is.

    Raises:
        InputError: with the path of what is missing or wrong.
    """
    found = documents.read(node, shape, where)
    if not isinstance(found.slot, DocsSlot):
        return found
    items = list(found.slot.items)
    passages = list(found.passages)
    for index, (item, passage) in enumerate(zip(items, passages, strict=True)):
        line, break_, text = passage.text.partition("\n")
        if not break_:
            continue
        path = find(item, shape.text, shape.inside) if isinstance(item, dict) else ()
        slot = get(item, path or ())
        pieces = PiecesSlot((line + break_, TextSlot(index, text)), slot.original)
        if path:
            put(item, path, pieces)
        else:
            items[index] = pieces
        # FlashRAG's own corpora put quotes around a title.
        passages[index] = replace(passage, text=text, title=passage.title or line.strip().strip('"'))
    return replace(found, slot=DocsSlot(tuple(items)), passages=tuple(passages))
