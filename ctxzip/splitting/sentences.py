"""Prose -> sentence spans: by nupunkt for English, by rules for other languages, by spaCy if the user names it."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from ctxzip.errors import MissingDependencyError, UsageError
from ctxzip.settings import AUTO
from ctxzip.splitting.full_stops import ends_english_sentence, ends_sentence, joins_behind_abbreviation
from ctxzip.splitting.protected import with_whole_tokens
from ctxzip.splitting.sentence_rules import NO_STOPS, is_language, rules_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Offsets = list[tuple[int, int]]
    SentenceSplitter = Callable[[str], Offsets]

_SPACY_PREFIX = "spacy:"
_CJK_LANGUAGES = frozenset({"zh", "ja", "ko"})
_NUPUNKT_LANGUAGES = frozenset({"en"})

# Full-width marks end a sentence anywhere, ASCII marks only before white space. Closing quotes and brackets after the mark
# belong to the sentence.
_CJK_STOP = r"(?:[。！？｡]+|[.!?…]+(?=[\"'」』）】〉》”’)\]]*(?:\s|$)))[」』）】〉》”’\"')\]]*"
# Continues a sentence after a quotation, as "... he said" does in English.
_QUOTATIVE = r"[とっ라고하며]|[\u4e00-\u9fff]{0,8}[说道问答喊說問稱称]"
# nupunkt takes quadratic time on runs of punctuation such as dot leaders (models/README.md). Only the last mark of a run can
# end a sentence. The `!` of an image, `![...]`, never ends one.
_PUNCTUATION_RUN = re.compile(r"[^\w\s]{16,}|!(?=\[)")
# nupunkt also takes quadratic time on long runs without white space, such as JSON on one line.
_MIN_UNSPACED_RUN = 500  # code points
_UNSPACED_RUN = re.compile(rf"\S{{{_MIN_UNSPACED_RUN},}}")
# nupunkt has a list of legal abbreviations that contains "century.", "life." and "bank.". Before a capital, only the
# lower-case words in `_ABBREVIATIONS` are treated as abbreviations; the text is split after all other lower-case words.
_STOP_BEFORE_CAPITAL = re.compile(r"\.(?=\s+[\"'“‘(\[]*[A-Z])")
_LAST_WORD = re.compile(r"(?<![\w.])[a-z]+$")
_WORD_WINDOW = 24  # code points before a full stop that are examined; no abbreviation is longer
_TWO_LETTER_WORDS = frozenset({"am", "at", "do", "go", "he", "in", "it", "me", "on", "so", "up", "us", "we"})
_ABBREVIATIONS = frozenset({
    "abbr", "adj", "adv", "approx", "apt", "assn", "assoc", "ave", "bldg", "blvd", "cert", "cf", "chap", "cit", "col",
    "cols", "comp", "corp", "def", "dept", "dist", "div", "eds", "eqn", "eqs", "esp", "est", "etc", "ext", "fig",
    "figs", "fol", "gen", "gov", "govt", "hon", "hrs", "ibid", "inc", "incl", "inst", "int", "lat", "lbs", "loc", "ltd",
    "max", "med", "mfg", "min", "misc", "nos", "obs", "opp", "orig", "para", "paras", "pers", "prec", "pref", "prof",
    "prop", "prov", "pseud", "pts", "qtr", "ref", "refs", "reg", "rep", "repr", "resp", "ret", "rev", "sec", "secs",
    "sect", "seq", "ser", "spec", "spp", "ssp", "subg", "subsp", "supp", "suppl", "syn", "tab", "tbsp", "tel", "temp",
    "terr", "trans", "transl", "tsp", "univ", "usu", "var", "vars", "ver", "viz", "vol", "vols", "yrs",
})  # fmt: skip
# Cheap test for a run of 16 marks: every eighth character of a text with such a run contains two marks in a row.
_PUNCTUATION_PAIR = re.compile(r"[^\w\s]{2}")
# Faster than `_PUNCTUATION_PAIR`, but also matches letters that are not ASCII.
_POSSIBLE_PAIR = re.compile(r"[\x00-\x08\x0e-\x1b!-/:-@\[-^`{-\U0010ffff]{2}")
# Directly after a sentence-ending mark: closing quotes and brackets, footnote and citation marks.
_CLOSING = re.compile(r"(?:[\"”’»)\]]|\[(?:\d{1,3}|[a-z]|note \d{1,3}|citation needed)\])+(?=\s|$)")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z])[.)]")
_SHORT_ABBREVIATION = re.compile(r"(?:^|[\s(])[^\W\d_]{1,3}(?:\.[^\W\d_]{1,3})*\.$")
_MAX_CHUNK = 100_000  # code points in one call of a splitter; spaCy refuses more than 1,000,000
_LONG_SENTENCE = 600  # code points, four times the mean in encyclopedia text
_TAIL = 40  # code points at the end of a sentence that are searched for an abbreviation; no abbreviation is longer
_MAX_SENTENCE = 1_500  # code points; Thai text and extracted tables have no sentence-ending marks


def sentence_spans(text: str, splitter: SentenceSplitter) -> Offsets:
    """Return the sentences of prose as half-open `(start, end)` code-point offsets, increasing, disjoint and trimmed.

    Corrects the output of the splitter: closing quotes and citation marks (`[3]`) belong to the sentence before them, an
    enumerator (`2.`) to the sentence after it. A sentence of more than 600 code points (a list without markers, a log, a
    poem) is split at its line breaks, and a line of more than 1,500 at spaces. No boundary is inside a number, a date, an
    address, inline code, or a short bracket or quotation (`ctxzip.splitting.protected`).

    Args:
        text: prose, without headings, lists, tables and code.
        splitter: from `splitter_for`.
    """
    spans: Offsets = []
    for offset, piece in _chunks(text):
        for start, end in splitter(_mask_punctuation_runs(piece)):
            at = offset + start
            # A capital after a sentence and white space begins the next sentence.
            if spans and at - spans[-1][0] >= _TAIL and text[at - 1] in " \n" and text[at].isupper():
                spans.append((at, offset + end))
            else:
                _append_span(text, spans, at, offset + end)
    trimmed: Offsets = []
    for start, end in spans:
        if end - start <= _LONG_SENTENCE:
            _append_trimmed(text, trimmed, start, end)
        else:
            for part in _split_long(text, start, end):
                _append_trimmed(text, trimmed, *part)
    return with_whole_tokens(text, trimmed)


def _mask_punctuation_runs(piece: str) -> str:
    """Return the text with each mark that cannot end a sentence replaced by a letter, so that offsets stay valid."""
    sample = piece[::8]
    if "![" not in piece and not (_POSSIBLE_PAIR.search(sample) and _PUNCTUATION_PAIR.search(sample)):
        return piece
    return _PUNCTUATION_RUN.sub(lambda run: "x" * (len(run[0]) - 1) + ("x" if run[0] == "!" else run[0][-1]), piece)


def _append_span(text: str, spans: Offsets, start: int, end: int) -> None:
    """Append a span to `spans`; move closing marks to the span before it, or merge both spans if one sentence continues."""
    if spans:
        before, at = spans[-1]
        if at == start or not text[at:start].strip():
            is_adjacent = not text[start - 1].isspace()
            if is_adjacent and (closing := _CLOSING.match(text, start, end)):
                at = start = closing.end()
                spans[-1] = (before, at)
            elif _continues(text, before, at, text[start : start + 1] or " "):
                start = before
                spans.pop()
    if start < end:
        spans.append((start, end))


def _continues(text: str, start: int, end: int, following: str) -> bool:
    """Return whether the sentence from `start` to `end` continues with the character `following`."""
    if following.islower():
        tail = text[max(start, end - _TAIL) : end].strip()
        return bool(_ENUMERATOR.fullmatch(tail) or _SHORT_ABBREVIATION.search(tail))
    return end - start < _TAIL and bool(_ENUMERATOR.fullmatch(text[start:end].strip()))


def _split_long(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the offsets of the parts of a sentence that is too long: its lines, and of long lines the parts at spaces."""
    for line in re.finditer(r"[^\n]+", text[start:end]):
        at, stop = start + line.start(), start + line.end()
        while stop - at > _MAX_SENTENCE:
            cut = max(text.rfind(" ", at + 1, at + _LONG_SENTENCE), text.rfind("\u3000", at + 1, at + _LONG_SENTENCE))
            if cut < 0:
                break
            yield at, cut
            at = cut
        yield at, stop


def _append_trimmed(text: str, spans: Offsets, start: int, end: int) -> None:
    """Append a span without leading and trailing white space, unless it is empty then."""
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    if start < end:
        spans.append((start, end))


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield the offset and the text of chunks; they end at a line break, a full stop or a space if there is one."""
    start = 0
    while len(text) - start > _MAX_CHUNK:
        window = text[start : start + _MAX_CHUNK]
        cut = max(window.rfind("\n"), window.rfind(". "), window.rfind("。")) + 1 or window.rfind(" ") + 1 or _MAX_CHUNK
        yield start, window[:cut]
        start += cut
    yield start, text[start:]


def splitter_for(lang: str, splitter: str = AUTO) -> tuple[SentenceSplitter, str | None]:
    """Return a sentence splitter for a language, and a warning or None.

    A splitter maps a text to the half-open code-point offsets of its sentences. The warning is the text to show if there
    are no rules for the language.

    Args:
        lang: a language code, with or without a country (`de-AT`). For `und` the rules of all languages are used together.
        splitter: `auto`, or `spacy:NAME` with a language code or the name or path of an installed pipeline.

    Raises:
        UsageError: the language or the splitter is unknown.
        MissingDependencyError: the pipeline is not installed.
    """
    if splitter == AUTO:
        code = re.split("[-_]", lang.lower())[0]
        if code in _NUPUNKT_LANGUAGES:
            return _nupunkt_splitter(), None
        if code in _CJK_LANGUAGES:
            return _cjk_spans, None
        if not is_language(code):
            raise UsageError(f"unknown language {lang!r}: expected a code such as en, de, ja", option="lang")
        warning = (
            f"no sentence rules for {lang} are installed: split at punctuation common to all languages"
            if code in NO_STOPS
            else None
        )
        return rules_for(code), warning
    if not splitter.startswith(_SPACY_PREFIX) or splitter == _SPACY_PREFIX:
        raise UsageError(f"unknown splitter {splitter!r}: expected auto or spacy:NAME", option="splitter")
    name = splitter.removeprefix(_SPACY_PREFIX)
    if re.fullmatch(r"[a-z]{2,3}", name):
        return _spacy_rules(name)
    return _spacy_pipeline(name), None


@lru_cache(maxsize=1)
def _nupunkt_splitter() -> SentenceSplitter:
    from nupunkt import sent_spans

    def spans(text: str) -> Offsets:
        if _may_have_unspaced_run(text):
            text = _UNSPACED_RUN.sub(lambda run: "x" * (len(run[0]) - 1) + run[0][-1], text)
        offsets: Offsets = []
        for start, end in sent_spans(text):
            at = start
            if offsets and joins_behind_abbreviation(text, offsets[-1][1], start):
                at, _ = offsets.pop()
            if text.find(".", start, end - 2) >= 0:
                for stop in _STOP_BEFORE_CAPITAL.finditer(text, start, end):
                    if ends_english_sentence(text, stop.start()) or _ends_in_ordinary_word(
                        text[max(at, stop.start() - _WORD_WINDOW) : stop.start()]
                    ):
                        offsets.append((at, stop.end()))
                        at = stop.end()
            offsets.append((at, end))
        return offsets

    return spans


def _may_have_unspaced_run(text: str) -> bool:
    """Return whether a text may have a long run without white space; other white space than spaces is not considered."""
    at = 0
    while len(text) - at >= _MIN_UNSPACED_RUN:
        at = text.rfind(" ", at, at + _MIN_UNSPACED_RUN) + 1
        if not at:
            return True
    return False


def _ends_in_ordinary_word(text: str) -> bool:
    """Return whether a text ends in a word of lower-case letters that is not an abbreviation.

    >>> [_ends_in_ordinary_word(text) for text in ("the 19th century", "Holm et al", "by e.g", "Ada Holm", "come in")]
    [True, False, False, False, True]
    """
    word = _LAST_WORD.search(text)
    if word is None:
        return False
    return word[0] in _TWO_LETTER_WORDS if len(word[0]) < 3 else word[0] not in _ABBREVIATIONS


def _cjk_spans(text: str) -> Offsets:
    """Return the sentences of Chinese, Japanese or Korean text.

    >>> _cjk_spans("雨が降った。「帰ろう。」と言った。")
    [(0, 6), (6, 17)]
    """
    spans = []
    start = 0
    for stop in re.finditer(_CJK_STOP, text):
        # 「...。」と, “...。”老板说: the end of a quotation inside a sentence does not end the sentence.
        if text[stop.end() - 1] in "」』”’" and re.match(_QUOTATIVE, text[stop.end() : stop.end() + 9]):
            continue
        if stop[0] == "." and not ends_sentence(text, stop.start(), "en"):
            continue
        spans.append((start, stop.end()))
        start = stop.end()
    if start < len(text):
        spans.append((start, len(text)))
    return spans


@lru_cache(maxsize=8)
def _spacy_rules(lang: str) -> tuple[SentenceSplitter, str | None]:
    import spacy

    code = re.split("[-_]", lang.lower())[0]  # de-DE is split as de
    if not re.fullmatch("[a-z]{2,3}", code) or importlib.util.find_spec(f"spacy.lang.{code}") is None:
        raise UsageError(f"unknown language {lang!r}: expected a code such as en, de, ja", option="lang")
    warning = None
    try:
        nlp = spacy.blank(code)
    except ImportError:
        # Thai, Vietnamese and some other languages need a word tokenizer that is not installed.
        warning = f"no sentence rules for {lang} are installed: split at punctuation common to all languages"
        nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    return _spacy_splitter(nlp), warning


@lru_cache(maxsize=2)
def _spacy_pipeline(name: str) -> SentenceSplitter:
    import spacy

    try:
        nlp = spacy.load(name, exclude=["ner", "lemmatizer", "attribute_ruler", "textcat"])
    except OSError as error:
        raise MissingDependencyError(
            f"spaCy pipeline {name!r} is not installed: python -m spacy download {name}", option="splitter"
        ) from error
    if not {"parser", "senter", "sentencizer"} & set(nlp.pipe_names):
        nlp.add_pipe("sentencizer")
    return _spacy_splitter(nlp)


def _spacy_splitter(nlp: Any) -> SentenceSplitter:
    lock = Lock()

    def spans(text: str) -> Offsets:
        # Without a memory zone the vocabulary grows with every new word. Zones of two threads must not overlap.
        with lock, nlp.memory_zone():
            return [(sentence.start_char, sentence.end_char) for sentence in nlp(text).sents]

    return spans
