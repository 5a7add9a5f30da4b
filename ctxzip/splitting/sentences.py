"""Prose -> sentence spans: nupunkt for English, a rule for Chinese, Japanese and Korean, spaCy for the rest."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ctxzip.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Offsets = list[tuple[int, int]]
    SentenceSplitter = Callable[[str], Offsets]

AUTO = "auto"
_SPACY = "spacy:"
_EASTERN = frozenset({"zh", "ja", "ko"})
_NUPUNKT = frozenset({"en", "und"})

# Full-width stops end a sentence wherever they stand, ASCII ones only before space; what closes a
# quotation or a bracket behind the stop belongs to the sentence.
_EASTERN_STOP = re.compile(r"(?:[。！？｡]+|[.!?…]+(?=[\"'」』）】〉》”’)\]]*(?:\s|$)))[」』）】〉》”’\"')\]]*")
# nupunkt takes quadratic time in a run of marks: 3.3 s for 80,000 of ".)" (measured, 0.8.0). Dot
# leaders and rulers are such runs; only their last mark can end a sentence.
_LONG_RUN = re.compile(r"[^\w\s]{16,}")
_PIECE = 100_000  # code points handed over at once; spaCy refuses more than 1,000,000
_LONG_SENTENCE = 600  # code points, four times the mean of encyclopedia text: lines without stops are lists


def sentence_spans(text: str, splitter: SentenceSplitter) -> Offsets:
    """Split prose into trimmed half-open `(start, end)` spans, increasing and disjoint.

    A "sentence" longer than 600 code points that holds line breaks is a list without marks, a log
    or a poem, and is split at its lines.
    """
    spans: Offsets = []
    for offset, piece in _pieces(text):
        masked = _LONG_RUN.sub(lambda run: "x" * (len(run[0]) - 1) + run[0][-1], piece)
        for start, end in splitter(masked):
            if end - start > _LONG_SENTENCE and "\n" in piece[start:end].strip():
                lines = re.finditer(r"[^\n]+", piece[start:end])
                spans.extend((offset + start + line.start(), offset + start + line.end()) for line in lines)
            else:
                spans.append((offset + start, offset + end))
    return [trimmed for start, end in spans if (trimmed := _trim(text, start, end))]


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    return (start, end) if start < end else None


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    while len(text) - start > _PIECE:
        window = text[start : start + _PIECE]
        cut = max(window.rfind("\n"), window.rfind(". "), window.rfind("。")) + 1 or window.rfind(" ") + 1 or _PIECE
        yield start, window[:cut]
        start += cut
    yield start, text[start:]


def splitter_for(lang: str, splitter: str = AUTO) -> tuple[SentenceSplitter, str | None]:
    """Return what splits prose of this language, and a warning where it is only second best.

    Args:
        lang: a language code; `und` is split as English.
        splitter: `auto`, or `spacy:NAME` with a language code or the name of an installed pipeline.

    Raises:
        UsageError: no such language or splitter.
        MissingDependencyError: the pipeline is not installed.
    """
    if splitter == AUTO:
        if lang in _NUPUNKT:
            return _nupunkt(), None
        if lang in _EASTERN:
            return _eastern, None
        return _spacy_blank(lang)
    if not splitter.startswith(_SPACY) or splitter == _SPACY:
        raise UsageError(f"no splitter {splitter!r}: expected auto or spacy:NAME (--splitter)")
    name = splitter.removeprefix(_SPACY)
    if re.fullmatch(r"[a-z]{2,3}", name):
        return _spacy_blank(name)
    return _spacy_pipeline(name), None


@lru_cache(maxsize=1)
def _nupunkt() -> SentenceSplitter:
    from nupunkt import sent_spans

    return sent_spans


def _eastern(text: str) -> Offsets:
    """Split Chinese, Japanese or Korean at its own stops.

    >>> _eastern("雨が降った。「帰ろう。」と言った。")
    [(0, 6), (6, 17)]
    """
    spans = []
    start = 0
    for stop in _EASTERN_STOP.finditer(text):
        # 「...。」と goes on: a quotation inside a sentence does not end it.
        if text[stop.end() - 1] in "」』" and text[stop.end() : stop.end() + 1] in _QUOTATIVE:
            continue
        spans.append((start, stop.end()))
        start = stop.end()
    if start < len(text):
        spans.append((start, len(text)))
    return spans


_QUOTATIVE = frozenset("とっ라고하며")


@lru_cache(maxsize=8)
def _spacy_blank(lang: str) -> tuple[SentenceSplitter, str | None]:
    import spacy

    if importlib.util.find_spec(f"spacy.lang.{lang}") is None:
        raise UsageError(f"no language {lang!r}: expected a code such as en, de, ja (--lang)")
    warning = None
    try:
        nlp = spacy.blank(lang)
    except ImportError:
        # Thai, Vietnamese and a few more need a word splitter of their own; stops are found without.
        warning = f"no sentence rules for {lang} are installed: split at stops that all languages share"
        nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    return _spacy_spans(nlp), warning


@lru_cache(maxsize=2)
def _spacy_pipeline(name: str) -> SentenceSplitter:
    import spacy

    try:
        nlp = spacy.load(name, exclude=["ner", "lemmatizer", "attribute_ruler", "textcat"])
    except OSError as error:
        raise MissingDependencyError(
            f"no spaCy pipeline {name!r} is installed: python -m spacy download {name} (--splitter)"
        ) from error
    if not {"parser", "senter", "sentencizer"} & set(nlp.pipe_names):
        nlp.add_pipe("sentencizer")
    return _spacy_spans(nlp)


def _spacy_spans(nlp: Any) -> SentenceSplitter:
    def spans(text: str) -> Offsets:
        return [(sentence.start_char, sentence.end_char) for sentence in nlp(text).sents]

    return spans
