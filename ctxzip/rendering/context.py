"""Kept units -> the text of a passage, and one prompt-ready context."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Passage, Unit

GAP_MARK = "[...]"


def passage_text(text: str, units: Sequence[tuple[Unit, bool]], *, mark_gaps: bool) -> str:
    """Return what is left of one passage: exact slices of `text`, joined by white space.

    Neighbours keep the white space between them; across a gap stands a space, a line break or a
    blank line, whichever is the widest that was there. A passage kept whole comes back as it was.

    Args:
        text: the passage.
        units: those of this passage, in order, and whether each is kept.
        mark_gaps: put `[...]` where something between two kept units was left out.
    """
    if not units:
        return ""  # white space alone is nothing to keep, and some tokenizers count it
    if all(kept for _, kept in units):
        return text
    parts: list[str] = []
    end = 0  # of the unit before
    gaps: list[str] = []  # the white space since the last unit kept
    for unit, kept in units:
        gaps.append(text[end : unit.start])
        end = unit.end
        if not kept:
            continue
        if parts:
            parts.append(gaps[0] if len(gaps) == 1 else _bridge(gaps, mark_gaps=mark_gaps))
        parts.append(text[unit.start : unit.end])
        gaps = []
    return "".join(parts)


def _bridge(gaps: list[str], *, mark_gaps: bool) -> str:
    breaks = max(len(gap.splitlines()) - (not gap.endswith(("\n", "\r"))) if gap else 0 for gap in gaps)
    space = "\n" * min(breaks, 2) if breaks > 0 else " " if any(gaps) else ""
    return f"{space or ' '}{GAP_MARK}{space or ' '}" if mark_gaps else space


def heading(number: int, passage: Passage, *, to: str, titles: bool) -> str:
    """Return the line above a passage in `text` or `markdown`, `""` where there is none."""
    title = " ".join(passage.title.split()) if titles else ""
    if to == "markdown":
        return f"## [{number}] {title}".rstrip()
    return title


def context(passages: Sequence[Passage], texts: Sequence[str], order: Sequence[int], *, to: str, titles: bool) -> str:
    """Return one prompt-ready context: passages in `order`, those with nothing left are left out.

    A blank line stands between passages. In `markdown` each has a heading with the number of its
    document in the input, counted from 1; in `text` its title stands on the line above it.
    """
    space = "\n\n" if to == "markdown" else "\n"
    parts = []
    for index in order:
        body = texts[index].strip("\r\n").rstrip()
        if body:
            above = heading(index + 1, passages[index], to=to, titles=titles)
            parts.append(f"{above}{space}{body}" if above else body)
    return "\n\n".join(parts) + "\n" if parts else ""
