"""The context of each unit: what a reader has to know of the passage to understand the unit where it is cut out.

That is the path of headings above it and the header of its table; without them the subject line of its mail or, in a passage
without title, the first line of the passage.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Context, Request, ScoringInput, Unit

_MAX_PARTS = 8  # the innermost; a window has no room for more, and nesting can be as deep as a text is long
_PART_LENGTH = 500  # code points of a heading or table header, at most
_LINE_LENGTH = 100  # code points of a subject or first line, at most
_MARKS = " \t\n#=*_-:>"  # around a heading, in Markdown and in wikis
_DELIMITER_ROW = re.compile(r"\n[ \t]*[|:+=-][ \t|:+=-]*(?=\n|$)")  # under the header of a Markdown table
_SUBJECT = re.compile(r"(?:subject|betreff|objet|asunto|oggetto|onderwerp)[ \t]*:", re.IGNORECASE)


def with_contexts(item: ScoringInput) -> ScoringInput:
    """Return the input with the contexts of its units; those that it has are not computed again."""
    return item if item.contexts is not None else replace(item, contexts=unit_contexts(item.request, item.units))


def unit_contexts(request: Request, units: Sequence[Unit]) -> list[Context]:
    """Return the context of every unit, of at most 8 parts.

    Args:
        request: with the passages of the units.
        units: of all passages, in order.
    """
    contexts: list[Context] = []
    labels: dict[int, Context] = {}  # unit that is a parent -> its own context and its text
    outer: Context = ()
    for index, unit in enumerate(units):
        is_first = index == 0 or units[index - 1].passage != unit.passage
        if is_first:
            outer = ()
        contexts.append(outer if unit.parent is None else _label_of(request, units, contexts, labels, unit.parent))
        text = request.passages[unit.passage].text
        if _SUBJECT.match(text, unit.start) or (is_first and not request.passages[unit.passage].title.strip()):
            outer = (_as_label(text[unit.start : min(unit.end, unit.start + _LINE_LENGTH)]),)
    return contexts


def _label_of(
    request: Request, units: Sequence[Unit], contexts: list[Context], labels: dict[int, Context], parent: int
) -> Context:
    """Return the context that a unit gives to those under it."""
    if parent not in labels:
        unit = units[parent]
        text = request.passages[unit.passage].text[unit.start : min(unit.end, unit.start + _PART_LENGTH)]
        labels[parent] = (*contexts[parent][1 - _MAX_PARTS :], _as_label(text))
    return labels[parent]


def _as_label(text: str) -> str:
    r"""Return a heading or the header of a table in one line, with a colon at its end.

    >>> _as_label("## Mail ##"), _as_label("| Port | Use |\n|---|---|")
    ('Mail:', '| Port | Use |:')
    """
    return _DELIMITER_ROW.sub("", text).strip(_MARKS) + ":"
