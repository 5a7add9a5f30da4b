"""What a person reads on stderr, and the summary of a run."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip import __version__
from ctxzip.cli import terminal
from ctxzip.cli.failed_records import failed_record
from ctxzip.cli.terminal import RED, YELLOW
from ctxzip.datamodels import Scored
from ctxzip.reading.origin import BadRecord, origin_of
from ctxzip.rendering.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxzip.cli.stream_progress import Progress

_PLACES_SHOWN = 3  # of each kind of warning; every warning is in its record
_ERRORS_KEPT = 100  # in the statistics, so that they stay small whatever the input
# With the same text, such as of all rows of a table without a column of texts; the others are counted.
_ERRORS_PRINTED = 5
_LINE_NO = re.compile(r"\bline [0-9]+: ")
_REPORTED = "left_out"  # code of a warning about what was reported as an error already


@dataclass(slots=True)
class _Kind:
    """Warnings of one kind.

    Attributes:
        text: of the first.
        n_records: with such a warning.
        places: of the first records, as far as they have one.
    """

    text: str
    n_records: int = 0
    places: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the warning for a person."""
        line = f"{self.places[0]}: warning: {self.text}" if self.places else f"warning: {self.text}"
        if self.n_records == 1:
            return line
        following = (
            f": {_joined(self.places[1:])}" + ", ..." * (self.n_records > len(self.places)) if self.places else ""
        )
        return f"{line} (similar in {_counted(self.n_records - 1, 'more record')}{following})"


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """What the summary needs to know of one result.

    Attributes:
        place: file and line, empty for a request made in Python.
        tokens_in, tokens_out: of the documents, before and after.
        is_scored_only: whether nothing was selected.
        is_unanswered: whether it is below `min_answerable`.
        scorer, device: that scored it.
        tokenizer: that counted the tokens.
        warnings: code and text of each.
    """

    place: str
    tokens_in: int
    tokens_out: int
    is_scored_only: bool
    is_unanswered: bool
    scorer: str
    device: str
    tokenizer: str
    warnings: tuple[tuple[str, str], ...]


def _counts_of(item: Result | Scored) -> RecordCounts:
    """Return what the summary needs to know of one result."""
    scored = item if isinstance(item, Scored) else item.scored
    return RecordCounts(
        place=origin_of(item.request).place,
        tokens_in=item.prepared.passage_tokens if isinstance(item, Scored) else item.tokens_in,
        tokens_out=item.prepared.passage_tokens if isinstance(item, Scored) else item.tokens_out,
        is_scored_only=isinstance(item, Scored),
        is_unanswered=isinstance(item, Result) and item.budget.no_answer is not None,
        scorer=scored.scorer,
        device=scored.device,
        tokenizer=item.prepared.tokenizer if isinstance(item, Scored) else item.tokenizer,
        warnings=tuple((warning.code, warning.text) for warning in item.warnings),
    )


class Report:
    """Counts the records of a run, reports errors as they come and warnings at the end, and sums up.

    Args:
        quiet: report errors only.
        progress: shows how far the run is.
        scorer_warning: returns what a person must know about the scorer, such as a fallback; None is nothing. Called
            at once and with every item; each new text is reported at once, and kept in the statistics.

    Attributes:
        failed_records: the stream that records that cannot be used are written to, as JSON lines; None for nowhere.
    """

    def __init__(
        self, *, quiet: bool, progress: Progress, scorer_warning: Callable[[], str | None] = lambda: None
    ) -> None:
        self.quiet = quiet
        self._progress = progress
        self._scorer_warning = scorer_warning
        self.scorer_warning: str | None = None
        self.started = time.perf_counter()
        self.records = 0
        self.failed_records: BinaryIO | None = None
        self.n_earlier = 0  # of the records and errors, those that an earlier run finished
        self._only_scored = False
        self.failed = 0
        self.unanswered = 0
        self.warnings = 0
        self._kinds: dict[str, _Kind] = {}
        self.tokens_in = 0
        self.tokens_out = 0
        self.errors: list[dict[str, Any]] = []
        self._error_counts: Counter[str] = Counter()  # by the text without the number of the line
        self._scorers: Counter[tuple[str, str]] = Counter()
        self._tokenizer: str | None = None
        self._warn_of_scorer()

    def add_earlier(self, item: RecordCounts | BadRecord) -> None:
        """Count what an earlier run finished; its errors are reported again."""
        self.n_earlier += 1
        self._count(item)

    def add(self, item: Result | Scored | BadRecord) -> RecordCounts | BadRecord:
        """Count one result, report an error, and show the progress; return what was counted, or the error."""
        self._warn_of_scorer()
        counted = item if isinstance(item, BadRecord) else _counts_of(item)
        self._count(counted)
        done = f"{self.tokens_in:,} tokens scored" if self._only_scored else f"{self.tokens_saved:,} tokens saved"
        self._progress.show(self.records + self.failed, done, self.n_earlier)
        return counted

    def _count(self, item: RecordCounts | BadRecord) -> None:
        if isinstance(item, BadRecord):
            self._add_error(item)
        else:
            self._add_record(item)

    def _add_error(self, item: BadRecord) -> None:
        self.failed += 1
        if self.failed_records is not None:
            self.failed_records.write(failed_record(item))
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append({"line": item.line_no, "message": item.message})
        kind = _LINE_NO.sub("", item.message)
        if kind in self._error_counts or len(self._error_counts) < _ERRORS_KEPT:
            self._error_counts[kind] += 1
        if self._error_counts[kind] <= _ERRORS_PRINTED:
            self._print(item.message, RED)

    def _add_record(self, item: RecordCounts) -> None:
        self.records += 1
        self._only_scored = item.is_scored_only
        self.tokens_in += item.tokens_in
        self.tokens_out += item.tokens_out
        self.unanswered += item.is_unanswered
        self._scorers[item.scorer, item.device] += 1
        self._tokenizer = item.tokenizer
        self.warnings += len(item.warnings)
        kinds: dict[str, str] = {}
        for code, text in item.warnings:
            kinds.setdefault(code, text)
        for code, text in kinds.items():
            kind = self._kinds.setdefault(code, _Kind(text))
            kind.n_records += 1
            if item.place and len(kind.places) < _PLACES_SHOWN:
                kind.places.append(item.place)

    def _warn_of_scorer(self) -> None:
        warning = self._scorer_warning()
        if warning is not None and warning != self.scorer_warning and not self.quiet:
            self._print(f"warning: {warning.removeprefix(f'{self.scorer_warning}; ')}", YELLOW)
        self.scorer_warning = warning

    @property
    def kept_fraction(self) -> float:
        """`tokens_out / tokens_in` of the run so far, 0..1."""
        return self.tokens_out / self.tokens_in if self.tokens_in else 0.0

    @property
    def tokens_saved(self) -> int:
        """Tokens of the input less those of the output; below 0 where gap marks added more than was dropped."""
        return self.tokens_in - self.tokens_out

    def close(self) -> None:
        """Remove the line that shows the progress."""
        self._progress.wipe()

    def _print(self, line: str, color: str = "") -> None:
        self._progress.wipe()
        terminal.print_line(line, color)

    def totals(self) -> str:
        """Return how many records there were, and their tokens, in words."""
        tokens = (
            f"{self.tokens_in:,} tokens scored"
            if self._only_scored
            else f"{self.tokens_in:,} -> {self.tokens_out:,} tokens ({self.kept_fraction:.1%} kept)"
        )
        return f"{_counted(self.records, 'record')}, {tokens}"

    def scored_by(self) -> str:
        """Return every scorer with its device, and with its records where there are several; "" without records.

        >>> report = Report(quiet=True, progress=None)
        >>> report._scorers.update({("ctxzip-mini+bm25", "cpu"): 38, ("bm25", "cpu"): 2})
        >>> report.scored_by()
        'ctxzip-mini+bm25 on cpu (38), bm25 on cpu (2)'
        """
        several = len(self._scorers) > 1
        return ", ".join(
            f"{scorer} on {device}" + (f" ({n:,})" if several else "")
            for (scorer, device), n in self._scorers.most_common()
        )

    def sum_up(self) -> None:
        """Print the warnings, a line for each kind, and the run in one line."""
        self._warn_of_scorer()
        for kind_of_error, count in self._error_counts.items():
            if count > _ERRORS_PRINTED:
                self._print(f"{_counted(count - _ERRORS_PRINTED, 'more error')} like this: {kind_of_error}", RED)
        if self.quiet:
            return
        for code, kind in self._kinds.items():
            if code != _REPORTED:
                self._print(kind.line(), YELLOW)
        parts = [
            self.totals(),
            f"{time.perf_counter() - self.started:.1f} s",
            self.scored_by(),
            f"{self.failed:,} failed" if self.failed else "",
            f"{self.n_earlier:,} by the earlier run" if self.n_earlier else "",
            f"{self.unanswered:,} without an answer" if self.unanswered else "",
            _counted(self.warnings, "warning") if self.warnings else "",
        ]
        self._print(", ".join(filter(None, parts)))

    def statistics(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        return {
            "version": __version__,
            "scorers": [
                {"scorer": scorer, "device": device, "records": n}
                for (scorer, device), n in self._scorers.most_common()
            ],
            **({} if self._tokenizer is None else {"tokenizer": self._tokenizer}),
            **({} if self.scorer_warning is None else {"scorer_warning": self.scorer_warning}),
            "records": self.records,
            "failed": self.failed,
            "unanswered": self.unanswered,
            **({"earlier": self.n_earlier} if self.n_earlier else {}),
            "warnings": self.warnings,
            "warning_kinds": [
                {"code": code, "text": kind.text, "records": kind.n_records, "first": kind.places}
                for code, kind in self._kinds.items()
            ],
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "kept_fraction": self.kept_fraction,
            "elapsed_s": round(time.perf_counter() - self.started, 3),
            "errors": self.errors,
        }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _joined(places: list[str]) -> str:
    """Return places in one file without repeating its name.

    >>> _joined(["line 3", "line 9"]), _joined(["a: line 3", "b: line 9"])
    ('line 3, 9', 'a: line 3, b: line 9')
    """
    beginnings = {place.rpartition(" ")[0] for place in places}
    if len(beginnings) > 1 or "" in beginnings:
        return ", ".join(places)
    return f"{beginnings.pop()} {', '.join(place.rpartition(' ')[2] for place in places)}"
