"""Prose -> sentence spans: nupunkt for English, rules for all others, spaCy where it is named."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from ctxzip.errors import MissingDependencyError, UsageError
from ctxzip.settings import AUTO
from ctxzip.splitting.full_stops import ends_english_sentence, ends_sentence, joins_behind_abbreviation
from ctxzip.splitting.protected import mended
from ctxzip.splitting.stops import NO_STOPS, is_language, rules_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Offsets = list[tuple[int, int]]
    SentenceSplitter = Callable[[str], Offsets]

_SPACY = "spacy:"
_EASTERN = frozenset({"zh", "ja", "ko"})
_NUPUNKT = frozenset({"en"})

# Full-width stops end a sentence wherever they stand, ASCII ones only before space; what closes a
# quotation or a bracket behind the stop belongs to the sentence.
_EASTERN_STOP = r"(?:[。！？｡]+|[.!?…]+(?=[\"'」』）】〉》”’)\]]*(?:\s|$)))[」』）】〉》”’\"')\]]*"
# nupunkt takes quadratic time in a run of marks: 3.3 s for 80,000 of ".)" (measured, 0.8.0). Dot
# leaders and rulers are such runs; only their last mark can end a sentence.
# The mark of an image, `![...]`, ends nothing either.
_MASKED = re.compile(r"[^\w\s]{16,}|!(?=\[)")
# Nor does any inside of a long run without white space, such as JSON in one line: there it takes quadratic time, too. Chinese
# and Japanese are such runs, and are not split by it.
_UNSPACED_FROM = 500  # code points
_UNSPACED = re.compile(rf"\S{{{_UNSPACED_FROM},}}")
# nupunkt knows the abbreviations of case law, and takes "century.", "life." and "bank." for some of them. In lower case and
# before a capital only these are: an ordinary word ends its sentence there.
_INNER_STOP = re.compile(r"\.(?=\s+[\"'“‘(\[]*[A-Z])")
_LAST_WORD = re.compile(r"(?<![\w.])[a-z]+$")
_LONGEST_WORD = 24  # code points; behind a longer one nothing is split
_SHORT_WORDS = frozenset({"am", "at", "do", "go", "he", "in", "it", "me", "on", "so", "up", "us", "we"})
_ABBREVIATIONS = frozenset({
    "abbr", "adj", "adv", "approx", "apt", "assn", "assoc", "ave", "bldg", "blvd", "cert", "cf", "chap", "cit", "col",
    "cols", "comp", "corp", "def", "dept", "dist", "div", "eds", "eqn", "eqs", "esp", "est", "etc", "ext", "fig",
    "figs", "fol", "gen", "gov", "govt", "hon", "hrs", "ibid", "inc", "incl", "inst", "int", "lat", "lbs", "loc", "ltd",
    "max", "med", "mfg", "min", "misc", "nos", "obs", "opp", "orig", "para", "paras", "pers", "prec", "pref", "prof",
    "prop", "prov", "pseud", "pts", "qtr", "ref", "refs", "reg", "rep", "repr", "resp", "ret", "rev", "sec", "secs",
    "sect", "seq", "ser", "spec", "spp", "ssp", "subg", "subsp", "supp", "suppl", "syn", "tab", "tbsp", "tel", "temp",
    "terr", "trans", "transl", "tsp", "univ", "usu", "var", "vars", "ver", "viz", "vol", "vols", "yrs",
})  # fmt: skip
# A run of 16 holds two neighbours of every eighth character: most texts hold none, and are not read whole.
_MAYBE_MASKED = re.compile(r"[^\w\s]{2}")
_MAYBE_MASKED_SOONER = re.compile(r"[\x00-\x08\x0e-\x1b!-/:-@\[-^`{-\U0010ffff]{2}")  # or two letters beyond ASCII
# Right behind a stop: closing quotes and brackets, footnote and citation marks.
_CLOSING = re.compile(r"(?:[\"”’»)\]]|\[(?:\d{1,3}|[a-z]|note \d{1,3}|citation needed)\])+(?=\s|$)")
_BARE_NUMBER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z])[.)]")
_SHORT_WORD = re.compile(r"(?:^|[\s(])[^\W\d_]{1,3}(?:\.[^\W\d_]{1,3})*\.$")
_PIECE = 100_000  # code points handed over at once; spaCy refuses more than 1,000,000
_LONG_SENTENCE = 600  # code points, four times the mean of encyclopedia text: lines without stops are lists
_TAIL = 40  # code points at the end of a sentence that tell whether it goes on: no abbreviation is longer
_LONGEST = 1_500  # code points; Thai puts spaces where others put stops, and tables lose theirs in extraction


def sentence_spans(text: str, splitter: SentenceSplitter) -> Offsets:
    """Split prose into trimmed half-open `(start, end)` spans, increasing and disjoint.

    What a splitter tears apart is put together again: closing quotes and citation marks (`[3]`)
    stay with the sentence before them, a bare number (`2.`) with the one behind it. A "sentence"
    longer than 600 code points that holds line breaks is a list without marks, a log or a poem, and
    is split at its lines; what is longer than 1,500 even so is cut at spaces. No border lies inside
    a number, a date, an address, code or a short bracket or quotation, whatever splits the text.
    """
    found: Offsets = []
    for offset, piece in _pieces(text):
        for start, end in splitter(_masked(piece)):
            at = offset + start
            # Behind a sentence and a space, a capital begins the next one.
            if found and at - found[-1][0] >= _TAIL and text[at - 1] == " " and text[at].isupper():
                found.append((at, offset + end))
            else:
                _append(text, found, at, offset + end)
    trimmed: Offsets = []
    for start, end in found:
        if end - start <= _LONG_SENTENCE:
            _append_trimmed(text, trimmed, start, end)
        else:
            for part in _short(text, start, end):
                _append_trimmed(text, trimmed, *part)
    return mended(text, trimmed)


def _masked(piece: str) -> str:
    """Put letters where runs of marks stand that no sentence ends in, so that offsets stay."""
    sample = piece[::8]
    if "![" not in piece and not (_MAYBE_MASKED_SOONER.search(sample) and _MAYBE_MASKED.search(sample)):
        return piece
    return _MASKED.sub(lambda run: "x" * (len(run[0]) - 1) + ("x" if run[0] == "!" else run[0][-1]), piece)


def _append(text: str, found: Offsets, start: int, end: int) -> None:
    """Add a span, or what of it does not belong to the one before."""
    if found:
        before, at = found[-1]
        if at == start or not text[at:start].strip():
            torn = not text[start - 1].isspace()
            if torn and (closing := _CLOSING.match(text, start, end)):
                at = start = closing.end()
                found[-1] = (before, at)
            elif _tears(text, before, at, text[start : start + 1] or " "):
                start = before
                found.pop()
    if start < end:
        found.append((start, end))


def _tears(text: str, start: int, end: int, head: str) -> bool:
    """Tell whether a sentence from `start` to `end` goes on with a character like `head`."""
    if head.islower():
        tail = text[max(start, end - _TAIL) : end].strip()
        return bool(_BARE_NUMBER.fullmatch(tail) or _SHORT_WORD.search(tail))
    return end - start < _TAIL and bool(_BARE_NUMBER.fullmatch(text[start:end].strip()))


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for line in re.finditer(r"[^\n]+", text[start:end]):
        at, stop = start + line.start(), start + line.end()
        while stop - at > _LONGEST:
            cut = max(text.rfind(" ", at + 1, at + _LONG_SENTENCE), text.rfind("\u3000", at + 1, at + _LONG_SENTENCE))
            if cut < 0:
                break
            yield at, cut
            at = cut
        yield at, stop


def _append_trimmed(text: str, found: Offsets, start: int, end: int) -> None:
    """Add a span without the white space at its ends, unless it is nothing but white space."""
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    if start < end:
        found.append((start, end))


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
        code = re.split("[-_]", lang.lower())[0]
        if code in _NUPUNKT:
            return _nupunkt(), None
        if code in _EASTERN:
            return _eastern, None
        if not is_language(code):
            raise UsageError(f"no language {lang!r}: expected a code such as en, de, ja", option="lang")
        warning = (
            f"no sentence rules for {lang} are installed: split at stops that all languages share"
            if code in NO_STOPS
            else None
        )
        return rules_for(code), warning
    if not splitter.startswith(_SPACY) or splitter == _SPACY:
        raise UsageError(f"no splitter {splitter!r}: expected auto or spacy:NAME", option="splitter")
    name = splitter.removeprefix(_SPACY)
    if re.fullmatch(r"[a-z]{2,3}", name):
        return _spacy_blank(name)
    return _spacy_pipeline(name), None


@lru_cache(maxsize=1)
def _nupunkt() -> SentenceSplitter:
    from nupunkt import sent_spans

    def spans(text: str) -> Offsets:
        if _may_be_unspaced(text):
            text = _UNSPACED.sub(lambda run: "x" * (len(run[0]) - 1) + run[0][-1], text)
        found: Offsets = []
        for start, end in sent_spans(text):
            at = start
            if found and joins_behind_abbreviation(text, found[-1][1], start):
                at, _ = found.pop()
            # A stop before the last character, which may be one of its own.
            if text.find(".", start, end - 2) >= 0:
                for stop in _INNER_STOP.finditer(text, start, end):
                    if ends_english_sentence(text, stop.start()) or _ends_in_a_word(
                        text[max(at, stop.start() - _LONGEST_WORD) : stop.start()]
                    ):
                        found.append((at, stop.end()))
                        at = stop.end()
            found.append((at, end))
        return found

    return spans


def _may_be_unspaced(text: str) -> bool:
    """Tell, from space to space in steps as long as they can be, whether a run without one may be too long."""
    at = 0
    while len(text) - at >= _UNSPACED_FROM:
        at = text.rfind(" ", at, at + _UNSPACED_FROM) + 1
        if not at:
            return True
    return False


def _ends_in_a_word(text: str) -> bool:
    """Tell whether a text ends in a word of lower-case letters that is no abbreviation.

    >>> [_ends_in_a_word(text) for text in ("the 19th century", "Holm et al", "by e.g", "Ada Holm", "come in")]
    [True, False, False, False, True]
    """
    word = _LAST_WORD.search(text)
    if word is None:
        return False
    return word[0] in _SHORT_WORDS if len(word[0]) < 3 else word[0] not in _ABBREVIATIONS


def _eastern(text: str) -> Offsets:
    """Split Chinese, Japanese or Korean at its own stops.

    >>> _eastern("雨が降った。「帰ろう。」と言った。")
    [(0, 6), (6, 17)]
    """
    spans = []
    start = 0
    for stop in re.finditer(_EASTERN_STOP, text):
        # 「...。」と or “...。”老板说 goes on: a quotation inside a sentence does not end it.
        if text[stop.end() - 1] in "」』”’" and re.match(_QUOTATIVE, text[stop.end() : stop.end() + 9]):
            continue
        if stop[0] == "." and not ends_sentence(text, stop.start(), "en"):
            continue
        spans.append((start, stop.end()))
        start = stop.end()
    if start < len(text):
        spans.append((start, len(text)))
    return spans


_QUOTATIVE = r"[とっ라고하며]|[\u4e00-\u9fff]{0,8}[说道问答喊說問稱称]"


@lru_cache(maxsize=8)
def _spacy_blank(lang: str) -> tuple[SentenceSplitter, str | None]:
    import spacy

    code = re.split("[-_]", lang.lower())[0]  # de-DE is split as de
    if not re.fullmatch("[a-z]{2,3}", code) or importlib.util.find_spec(f"spacy.lang.{code}") is None:
        raise UsageError(f"no language {lang!r}: expected a code such as en, de, ja", option="lang")
    warning = None
    try:
        nlp = spacy.blank(code)
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
            f"no spaCy pipeline {name!r} is installed: python -m spacy download {name}", option="splitter"
        ) from error
    if not {"parser", "senter", "sentencizer"} & set(nlp.pipe_names):
        nlp.add_pipe("sentencizer")
    return _spacy_spans(nlp)


def _spacy_spans(nlp: Any) -> SentenceSplitter:
    lock = Lock()

    def spans(text: str) -> Offsets:
        # Outside of a zone the vocabulary keeps every word it ever saw, and zones of two threads must not overlap.
        with lock, nlp.memory_zone():
            return [(sentence.start_char, sentence.end_char) for sentence in nlp(text).sents]

    return spans
