"""Kept units -> the text of a passage, and the prompt-ready context of all passages (`--to text`, `--to markdown`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Passage, Unit

GAP_MARK = "[...]"


def passage_text(text: str, units: Sequence[tuple[Unit, bool]], *, mark_gaps: bool) -> str:
    """Return what is kept of one passage: exact slices of `text`, joined by white space.

    Neighbouring units keep the white space between them. Where units between two kept ones are dropped, the widest white space
    around the dropped ones joins them: a space, a line break or a blank line. A passage that is kept whole is not changed.

    Args:
        text: of the passage.
        units: of this passage, in order, and whether each is kept.
        mark_gaps: write `[...]` where units between two kept ones are dropped.
    """
    if not units:
        return ""  # white space alone is dropped: some tokenizers count it
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
            parts.append(gaps[0] if len(gaps) == 1 else _joint(gaps, mark_gaps=mark_gaps))
        parts.append(text[unit.start : unit.end])
        gaps = []
    return "".join(parts)


def _joint(gaps: list[str], *, mark_gaps: bool) -> str:
    """Return what is written in place of dropped units, given the white space before, between and after them."""
    breaks = max(len(gap.splitlines()) - (not gap.endswith(("\n", "\r"))) if gap else 0 for gap in gaps)
    space = "\n" * min(breaks, 2) if breaks > 0 else " " if any(gaps) else ""
    return f"{space or ' '}{GAP_MARK}{space or ' '}" if mark_gaps else space


def title_line(number: int, passage: Passage, *, to: str, titles: bool) -> str:
    """Return the line above a passage in `text` or `markdown`, `""` where there is none.

    Args:
        number: of the passage in the input, from 1.
        passage: with its title.
        to: the format.
        titles: whether titles are written; in `markdown` the number is written anyway.
    """
    title = " ".join(passage.title.split()) if titles else ""
    if to == "markdown":
        return f"## [{number}] {title}".rstrip()
    return title


def context(passages: Sequence[Passage], texts: Sequence[str], order: Sequence[int], *, to: str, titles: bool) -> str:
    """Return one prompt-ready context of all passages of which something is kept, with blank lines between them.

    Args:
        passages: with their titles.
        texts: what is kept of each.
        order: indices of the passages in the order in which they are written.
        to: `text` or `markdown`.
        titles: whether titles are written.
    """
    space = "\n\n" if to == "markdown" else "\n"
    parts = []
    for index in order:
        body = texts[index].strip("\r\n").rstrip()
        if body:
            above = title_line(index + 1, passages[index], to=to, titles=titles)
            parts.append(f"{above}{space}{body}" if above else body)
    return "\n\n".join(parts) + "\n" if parts else ""
