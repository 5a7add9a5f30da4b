"""Prose -> sentence spans by rules, for languages that end a sentence with a punctuation mark and a space."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from ctxzip.splitting.full_stops import ends_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    Offsets = list[tuple[int, int]]

# Sentence-ending marks of Latin, Cyrillic, Greek, Arabic, Urdu, Devanagari, Armenian, Ethiopic, Burmese, Khmer and Tibetan text.
_MARKS = ".!?…‼⁇⁈⁉؟۔।॥։።፧။។༎"
_CLOSING = r"[\"'”’“‘»«›‹)\]}*_]"
# French has a space before the closing quotation mark.
_STOP = re.compile(rf"[{_MARKS}]+(?:{_CLOSING}|[ \u00a0\u202f]»(?=\s|$))*(?:\[\d{{1,3}}\])*(?=\s)|[।॥։።፧။។؟]+(?=\w)")
_GREEK_STOP = re.compile(_STOP.pattern.replace(_MARKS, _MARKS + ";\u037e", 1))
_HEAD = re.compile(r"\s+[\"'“”„‘’‚«»‹›(\[{¿¡*_–—-]*[ \u00a0\u202f]?")


# ISO 639-1, and the three-letter codes of spaCy.
_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et "
    "eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl "
    "km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj "
    "om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn "
    "to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu dsb fil grc hsb kmr lij mul tts und xx"
)
_LANGUAGES = frozenset(_CODES.split())
NO_STOPS = frozenset({"th", "lo"})  # languages that separate sentences with spaces, not punctuation


def is_language(code: str) -> bool:
    """Return whether there is a language with this code."""
    return code in _LANGUAGES


def rules_for(lang: str) -> Callable[[str], Offsets]:
    """Return the splitter for prose of a language: `split_at_stops` with this language."""
    return partial(split_at_stops, lang=lang)


def split_at_stops(text: str, lang: str) -> Offsets:
    """Split prose after each mark that ends a sentence; return half-open offsets that cover all of the text.

    A mark before a lower-case letter does not end a sentence, nor does a full stop after an abbreviation, an initial or an
    ordinal.

    >>> text = "Der 3. Oktober ist z. B. frei. Siehe Abb. 3!"
    >>> [text[start:end].strip() for start, end in split_at_stops(text, "de")]
    ['Der 3. Oktober ist z. B. frei.', 'Siehe Abb. 3!']
    """
    found: Offsets = []
    start = 0
    small = text.islower()  # such as a chat: sentences may begin with a lower-case letter
    for stop in (_GREEK_STOP if lang == "el" else _STOP).finditer(text):
        if _ends(text, stop, lang, small=small):
            found.append((start, stop.end()))
            start = stop.end()
    if start < len(text):
        found.append((start, len(text)))
    return found


def _ends(text: str, stop: re.Match[str], lang: str, *, small: bool) -> bool:
    head = _HEAD.match(text, stop.end())
    at = head.end() if head else stop.end()
    following = text[at : at + 1]
    if (following.islower() and not small) or following in ",;:":
        return not following
    mark = stop[0]
    if mark[0] == "." and (len(mark) == 1 or not mark.startswith("..")):
        return ends_sentence(text, stop.start(), lang, stop.end())
    if following.isdigit() and mark[0] in ".…":
        return False  # "... 3 more"
    # "(?)" and "(!)" do not end a sentence.
    return not (text[stop.start() - 1 : stop.start()] == "(" and mark[1:] == ")")
