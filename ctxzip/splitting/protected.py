"""Protected tokens: parts of a text that no sentence boundary may split, in any language.

These are numbers, dates, times, versions, IP addresses, paths, URLs, e-mail addresses, dotted names, file names, inline code
between backticks, and short quotations and brackets. `with_whole_tokens` corrects the output of any sentence splitter: it
joins spans whose boundary is inside a protected token, and moves opening marks to the span that they open.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Offsets = list[tuple[int, int]]

# Code points; anything longer is split like other text.
LONGEST_TOKEN = 400  # longer ones are data, such as a picture in a URL
LONGEST_BRACKET = 200  # longer ones are paragraphs in brackets
LONGEST_QUOTATION = 100  # longer ones are speeches of several sentences

# Tokens without white space. Full-width marks and letters of Chinese, Japanese and Korean end a URL.
_URL = r"""(?:[a-zA-Z][a-zA-Z\d+.-]{1,20}://|www\.)[^\s<>"`{}|\\^“”„«»\u3000-\uffef]{1,400}(?<![.,;:!?'’)\]…])"""
_EMAIL = r"[\w.+%-]{1,64}@[\w-]+(?:\.[\w-]+)+"
_PATH = r"(?:[A-Za-z]:\\|\\\\|(?:~|\.{1,2})?/)[\w.@%+~/\\-]*\w"
_DOTTED = r"[-+]?[\w$€£#@]+(?:[.:,/\\'’+=-]+[\w%]+)+"
_UNSPACED = re.compile(f"{_URL}|{_EMAIL}|{_PATH}|{_DOTTED}")

# Tokens with white space: dates with the name of the month, hours with a.m. or p.m., numbers with groups of three digits.
_MONTH = (
    "(?:"
    "Jan(?:uar[iy]?|vier|uari|\\.)?|Jänner|Feb(?:ruar[iy]?|ruari|r?\\.)?|Fév(?:rier|r?\\.)|Mär(?:z|\\.)|Mar(?:ch|s|zo|ço|ts|t|\\.)?|"
    "Apr(?:il|ile|\\.)?|Avril|Abril|Ma[iyj]|Maggio|Mayo|Juin|Jun[ei]?\\.?|Junio|Juni|Jul[iy]?\\.?|Juillet|Aug(?:ust|usti|ustus|\\.)?|"
    "Août|Sep(?:tember|tembre|tembrie|t\\.|\\.)?|O[ck]t(?:ober|obre|\\.)?|Nov(?:ember|embre|\\.)?|De[czs](?:ember|embre|\\.)?"
    ")"
)
_SPACED = re.compile(
    rf"\b\d{{1,2}}(?:\.|st|nd|rd|th)?\s{{1,2}}{_MONTH}(?![^\W\d_])(?:,?\s{{1,2}}\d{{4}}\b)?"
    rf"|\b{_MONTH}\s{{1,2}}\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s{{1,2}}\d{{4}}\b)?"
    r"|\b\d{1,2}\.\s?\d{1,2}\.\s?\d{2,4}\b"
    r"|\b\d{1,2}(?:[.:]\d{2})?\s(?:Uhr\b|[AaPp]\.\s?[Mm]\b|[AaPp][Mm]\b)"
    r"|\b\d{1,3}(?:[ \u00a0\u202f]\d{3})+\b"
)
_SPACED_LIMIT = 32  # code points on each side of a boundary

_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)((?:(?!\n\s*\n)[^`]){1,400}?)\1(?!`)")
_PAIRS = {
    "(": ")",
    "[": "]",
    "“": "”",
    "„": "“”",
    "«": "»",
    "‹": "›",
    "「": "」",
    "『": "』",
    "《": "》",
    "（": "）",
    "【": "】",
}
_ASCII_PAIRS = {"(": ")", "[": "]"}
_OPENING_MARKS = "„“«»‹‘‚(¿¡[{*_\"'「『《（【"
_OPENING = re.compile(r"(?:(?<=\s)|^)(?:[„“”«»‹›‘‚(¿¡\[{*_\"'「『《（【]+|[«„‹][ \u00a0\u202f])+\Z|[„¿¡「『《（【]+\Z")
_TAIL = 12  # code points at the end of a span that are searched for opening marks


def with_whole_tokens(text: str, spans: Offsets) -> Offsets:
    """Return the spans, those joined whose boundary is inside a protected token, with opening marks in the later span.

    Args:
        text: the text of the spans.
        spans: trimmed half-open offsets, increasing and disjoint, that leave out only white space.

    >>> text = "See (Fig. 3. Left.) for it. „ Ja“, sagt er."
    >>> [text[start:end] for start, end in with_whole_tokens(text, [(0, 12), (13, 27), (28, 29), (30, 44)])]
    ['See (Fig. 3. Left.) for it.', '„ Ja“, sagt er.']
    """
    if len(spans) < 2:
        return spans
    code, marks = _code_and_marks(text)
    found = [spans[0]]
    for proposed, end in spans[1:]:
        start = proposed
        before, at = found[-1]
        last = text[at - 1]
        # Fast path for most boundaries: a mark after a letter, and no digit after the mark.
        is_plain = (
            last in ".!?"
            and start > at
            and text[start] > "9"
            and text[at - 2] > "9"
            and text[at - 3] != " "
            and not code
        )
        if is_plain:
            is_split = bool(marks) and _is_in_a_pair(text, before, at, marks)
        else:
            if last in _OPENING_MARKS and (opening := _opening_at(text, before, at, start)):
                start = opening.start()
                at = start
                while at > before and text[at - 1].isspace():
                    at -= 1
                found[-1] = (before, at)
            is_split = (
                at <= before
                or _is_in_a_token(text, at, start)
                or _inside(code, at, start)
                or _is_in_a_pair(text, before, at, marks)
            )
        if is_split:
            found[-1] = (before, end)
        else:
            found.append((start, end))
    return found


@lru_cache(maxsize=1)  # units larger than a budget are split one by one, all with the text of their passage
def _code_and_marks(text: str) -> tuple[Offsets, list[str]]:
    """Return the half-open offsets of the inline code of a text, and the opening marks in it."""
    code = [match.span() for match in _CODE.finditer(text)] if "`" in text else []
    return code, [mark for mark in (_ASCII_PAIRS if text.isascii() else _PAIRS) if mark in text]


def _opening_at(text: str, before: int, at: int, start: int) -> re.Match[str] | None:
    """Return the match of the marks at the end of a span that open the text after it; None if there are none."""
    opening = _OPENING.search(text, max(before, at - _TAIL), at)
    return opening if opening and (start == at or text[at - 1] in "„«‹¿¡") else None


def _is_in_a_token(text: str, at: int, start: int) -> bool:
    """Return whether the boundary between `at` and `start` is inside a token without white space, a date or a number."""
    last = text[at - 1]
    if start == at:
        return last < "\u3000" and _covers(_UNSPACED, text, at, start, LONGEST_TOKEN)
    # A digit on either side, or the first letter of "5 p. m."
    if not (text[start].isdigit() or last.isdigit() or text[max(0, at - 2)].isdigit() or text[at - 3 : at - 2] == " "):
        return False
    if last == "." and at > 4 and text[at - 5 : at - 1].isdigit():
        return False  # a year
    return _covers(_SPACED, text, at, start, _SPACED_LIMIT)


def _is_in_a_pair(text: str, low: int, at: int, marks: Sequence[str]) -> bool:
    low = max(low, at - LONGEST_BRACKET)
    for mark in marks:  # noqa: SIM110  # a generator takes twice the time
        if text.rfind(mark, low, at) >= 0 and _is_open(text, mark, _PAIRS[mark], low, at):
            return True
    return False


def _covers(token: re.Pattern[str], text: str, at: int, start: int, limit: int) -> bool:
    low = max(0, at - limit)
    return any(match.start() < at and match.end() > start for match in token.finditer(text, low, start + limit))


def _inside(spans: Sequence[tuple[int, int]], at: int, start: int) -> bool:
    index = bisect_right(spans, (at, -1)) - 1
    return index >= 0 and spans[index][0] < at and spans[index][1] > start


def _is_open(text: str, mark: str, closing: str, low: int, at: int) -> bool:
    """Return whether the last opening mark before `at` is closed after it, near enough and in the same paragraph."""
    opened = text.rfind(mark, low, at)
    if mark in "«‹“„" and opened and text[opened - 1].isalnum():
        return False  # »...« and „...“
    if mark in "«‹“" and opened and text[opened - 1] in ".,!?…":
        return False
    if any(text.find(close, opened + 1, at) >= 0 for close in closing):
        return False
    limit = LONGEST_BRACKET if mark in "([（【" else LONGEST_QUOTATION
    behind = text[at : opened + limit]
    ends = [index for close in closing if (index := behind.find(close)) >= 0]
    if not ends:
        return False
    inside = behind[: min(ends)]
    return mark not in inside and "\n" not in inside
