"""What a person reads on stderr, and the summary of a run."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip.cli import terminal
from ctxzip.cli.stream_progress import Pace
from ctxzip.cli.terminal import RED, YELLOW
from ctxzip.datamodels import Scored
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.rendering.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

_WARNINGS_SHOWN = 10  # half a screen says what is wrong; every one stands in its record
_ERRORS_KEPT = 100  # in the statistics, so that they stay small whatever the input


class Report:
    """Counts what went through, says errors and warnings as they come, and sums up.

    Args:
        quiet: say errors only.
        in_records: the output has records, in which every warning stands; otherwise all are said.
        notice: asked at once and with every item; what it says is said once, and kept in the statistics.
        pace: says how far the run is.
        cost: price of a million tokens, to say what was saved; None says nothing about it.
    """

    def __init__(
        self,
        *,
        quiet: bool,
        in_records: bool,
        pace: Pace,
        notice: Callable[[], str | None] = lambda: None,
        cost: float | None = None,
    ) -> None:
        self.quiet = quiet
        self._pace = pace
        self._cost = cost
        self._asked = notice
        self.notice: str | None = None
        self._tell()
        self._shown = _WARNINGS_SHOWN if in_records else math.inf
        self.started = time.perf_counter()
        self.records = 0
        self._only_scored = False
        self.failed = 0
        self.warnings = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self.errors: list[dict[str, Any]] = []
        self.backend: dict[str, str] = {}

    def add(self, item: Result | Scored | BadRecord) -> None:
        """Count one result, say what is wrong with it, and how far the run is."""
        self._tell()
        self._count(item)
        what = "tokens scored" if self._only_scored else "tokens saved"
        self._pace.show(
            self.records + self.failed, f"{self.tokens_in if self._only_scored else self.tokens_saved:,} {what}"
        )

    def _count(self, item: Result | Scored | BadRecord) -> None:
        if isinstance(item, BadRecord):
            self.failed += 1
            if len(self.errors) < _ERRORS_KEPT:
                self.errors.append({"line": item.line_no, "message": item.message})
            self._say(item.message, RED)
            return
        self.records += 1
        self._only_scored = isinstance(item, Scored)
        if isinstance(item, Scored):
            self.tokens_in += item.prepared.passage_tokens
            self.tokens_out += item.prepared.passage_tokens
        else:
            self.tokens_in += item.tokens_in
            self.tokens_out += item.tokens_out
        scored = item if isinstance(item, Scored) else item.scored
        tokenizer = scored.prepared.tokenizer if isinstance(item, Scored) else item.tokenizer
        self.backend = {"scorer": scored.scorer, "device": scored.device, "tokenizer": tokenizer}
        for warning in item.warnings:
            self.warnings += 1
            # What was left out of a request was said as an error when it was met.
            if self.quiet or self.warnings > self._shown + 1 or warning.code == "left_out":
                continue
            if self.warnings > self._shown:
                self._say("more warnings: they stand in the records", YELLOW)
            else:
                origin = origin_of(item.request)
                place = f"{origin.place}: " if origin.place else ""
                self._say(f"{place}warning: {warning}", YELLOW)

    def _tell(self) -> None:
        notice = self._asked()
        if notice is not None and notice != self.notice and not self.quiet:
            self._say(f"warning: {notice.removeprefix(f'{self.notice}; ')}", YELLOW)
        self.notice = notice

    @property
    def kept_fraction(self) -> float:
        """`tokens_out / tokens_in` of the run so far, 0..1."""
        return self.tokens_out / self.tokens_in if self.tokens_in else 0.0

    @property
    def tokens_saved(self) -> int:
        """Tokens that went in and did not come out; below 0 where gap marks took more than was left out."""
        return self.tokens_in - self.tokens_out

    @property
    def money_saved(self) -> float | None:
        """What the tokens saved would have cost, None where the price is not known."""
        return None if self._cost is None else self.tokens_saved * self._cost / 1e6

    def close(self) -> None:
        """Leave nothing behind of what is written over."""
        self._pace.wipe()

    def _say(self, line: str, color: str = "") -> None:
        self._pace.wipe()
        terminal.say(line, color)

    def words(self) -> str:
        """Return how many records went through, and what they came to."""
        tokens = (
            f"{self.tokens_in:,} tokens scored"
            if self._only_scored
            else f"{self.tokens_in:,} -> {self.tokens_out:,} tokens ({self.kept_fraction:.1%} kept)"
        )
        return f"{self.records:,} {_plural(self.records, 'record')}, {tokens}"

    def sum_up(self) -> None:
        """Say the run in one line."""
        self._tell()
        if self.quiet:
            return
        parts = [
            self.words(),
            *([] if self.money_saved is None else [f"{self.money_saved:,.4f} saved at {self._cost:g} a million"]),
            f"{time.perf_counter() - self.started:.1f} s",
        ]
        if self.backend:
            parts.append(f"{self.backend['scorer']} on {self.backend['device']}")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.warnings:
            parts.append(f"{self.warnings:,} {_plural(self.warnings, 'warning')}")
        self._say(", ".join(parts))

    def statistics(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        return {
            "version": __version__,
            **self.backend,
            **({} if self.notice is None else {"notice": self.notice}),
            "records": self.records,
            "failed": self.failed,
            "warnings": self.warnings,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "kept_fraction": self.kept_fraction,
            **({} if self._cost is None else {"cost_per_million": self._cost, "money_saved": self.money_saved}),
            "elapsed_s": round(time.perf_counter() - self.started, 3),
            "errors": self.errors,
        }


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
