"""Results as text for `ctxzip inspect`: with styles on a terminal, plain elsewhere."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from ctxzip._internal.terminal_text import visible
from ctxzip.reading.origin import origin_of

if TYPE_CHECKING:
    from ctxzip.reading.origin import BadRecord
    from ctxzip.reports.inspection import Shown, ShownDocument

_GUTTER = 10  # columns of "  + 0.83  "
_NARROWEST = 30  # columns; text is wrapped at this width even on a narrower terminal


class Transcript:
    """Writes results in order, each at once.

    Kept units begin with `+` and are bold, dropped ones begin with `-` and are dim. If all dropped units of a document have
    the same reason, it is in the line above the document; otherwise it follows the first unit of each run with one reason.

    Args:
        stream: to write to.
        width: columns to wrap lines at; None does not wrap them and uses no styles.
    """

    def __init__(self, stream: TextIO, width: int | None) -> None:
        self._stream = stream
        self._written = io.StringIO()
        self._width = width
        plain = width is None or os.environ.get("TERM") == "dumb"
        self._console = Console(
            file=self._written,  # not the stream: rich exits if a pipe has no reader
            width=width or 80,
            force_terminal=not plain,
            color_system=None if plain else "standard",
            # https://no-color.org: any value that is not empty.
            no_color=bool(os.environ.get("NO_COLOR") or os.environ.get("CTXZIP_NO_COLOR")),
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        self._number = 0

    def add(self, shown: Shown) -> None:
        """Write one result."""
        result = shown.result
        self._begin(origin_of(result.request).place)
        self._wrapped("", result.request.query, "bold")
        tokens = f"{result.tokens_in:,} -> {result.tokens_out:,} tokens ({result.kept_fraction:.1%} kept)"
        self._wrapped(
            "", f"{tokens}, {result.scored.prepared.query.kind}, {result.scored.scorer} on {result.scored.device}"
        )
        self._wrapped("", f"budget: {result.budget.reason}")
        for warning in result.warnings:
            self._wrapped("", f"warning: {warning}", "yellow")
        for document in shown.documents:
            self._document(document)
        if not shown.documents:
            self._wrapped("", "(no documents)")
        self._write()

    def add_error(self, bad: BadRecord) -> None:
        """Write the error of a record that has no result."""
        self._begin("not used")
        self._wrapped("", bad.message, "red")
        self._write()

    def end(self, totals: str) -> None:
        """Write the totals of all records."""
        self._blank()
        self._wrapped("", f"total: {totals}", "bold")
        self._write()

    def _write(self) -> None:
        self._stream.write(self._written.getvalue())
        self._stream.flush()
        self._written.seek(0)
        self._written.truncate()

    def _begin(self, place: str) -> None:
        if self._number:
            self._blank()
        self._number += 1
        self._wrapped("", f"== record {self._number}{f': {place}' if place else ''}", "cyan")

    def _document(self, document: ShownDocument) -> None:
        self._blank()
        title = " ".join((document.title or document.id or "").split())
        self._wrapped("", f"[{document.number}] {title}".rstrip(), "bold" if document.n_kept else "")
        n = len(document.units)
        reasons = {unit.reason for unit in document.units if unit.reason and not unit.kept}
        shown = reasons.pop() if len(reasons) == 1 else None
        self._wrapped(
            "    ",
            f"relevance {document.relevance:.2f}, kept {document.n_kept} of {n} {'unit' if n == 1 else 'units'}, "
            f"{document.tokens_kept:,} of {document.tokens_in:,} tokens{f'; dropped: {shown}' if shown else ''}",
        )
        for unit in document.units:
            if unit.kept:
                self._wrapped(f"  + {unit.probability:.2f}  ", unit.text, "bold", "green")
                if unit.reason:
                    self._wrapped(" " * _GUTTER, f"({unit.reason})", "dim italic")
                continue
            self._wrapped(f"  - {unit.probability:.2f}  ", unit.text, "dim", "dim")
            if unit.reason and unit.reason != shown:
                shown = unit.reason
                self._wrapped(" " * _GUTTER, f"({shown})", "dim italic")

    def _blank(self) -> None:
        self._written.write("\n")

    def _wrapped(self, gutter: str, text: str, style: str = "", gutter_style: str = "") -> None:
        """Write a text after a gutter; its further lines are indented by the width of the gutter."""
        body = Text(visible(text).expandtabs(4), style)
        lines = (
            body.split("\n", allow_blank=True)
            if self._width is None
            else body.wrap(self._console, max(self._width - len(gutter), _NARROWEST), overflow="fold")
        )
        for number, line in enumerate(lines):
            line.rstrip()
            self._console.print(
                Text.assemble((gutter if number == 0 else " " * len(gutter), gutter_style), line), soft_wrap=True
            )
