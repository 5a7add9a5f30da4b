"""Decides whether the full stop after a word ends the sentence."""

from __future__ import annotations

import re

from ctxzip.splitting.abbreviations import (
    BEFORE_NUMBER,
    BEFORE_ORDINAL,
    BEHIND_NUMBER,
    MAY_END,
    MONTHS,
    NAME_ENDS,
    SCALES,
    STARTER_SETS,
    UNITS,
    UNKNOWN,
    words_before,
)

# English units of measurement. nupunkt treats all of them as abbreviations.
_ENGLISH_UNIT = re.compile(
    r"(?<![\w.])[\d.,/]*\d[ \u00a0-]?"
    r"(?:[ap]\.?m|kg|g|mg|lbs?|oz|t|km|m|cm|mm|mi|yds?|ft|in|ha|ac|sq|l|ml|dl|gal|qt|pt|tbsp|tsp|hrs?|h|min|mins|secs?|s|"
    r"yrs?|mos|mph|rpm|kph|hp|[kKMG]?Hz|kWh|[kM]W|°[CF]|[KMGT]B|B\.?C|A\.?D|B\.?C\.?E|C\.?E)\Z"
)
_LIST_END = re.compile(r"(?<![\w.])(?:etc|[Ii]nc|[Ll]td|[Cc]orp|[Jj]r|[Ss]r|LLC|PLC)\Z")
# What can follow "5 p.m." in the same sentence: a day, a month, a time zone.
_AFTER_HOUR = re.compile(
    r"(?:Mon|Tues?|Wed|Thu|Thurs?|Fri|Sat|Sun|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|[A-Z]{1,2}[SD]?T|UTC|GMT|"
    r"January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Eastern|Central|Mountain|Pacific|Local|Greenwich|Hg|Hz)\b"
)

_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýąęěůűőıœăîâаеёиоуыэюяіїєαεηιουωάέήίόύώ]")
_SYLLABIC = re.compile(r"[rl]")  # "vlk" and "prst" are words
_SYLLABIC_LANGUAGES = frozenset({"cs", "sk", "hr", "sr", "bs", "sl", "bg"})
_ROMAN = re.compile(r"[IVXLCDM]+\b(?!\.\s+[^\W\d_])")
_NUMBER_SIGNS = ("№", "§", "#")
_INITIAL = re.compile(r"\w\.")
_DAY_OR_MONTH = re.compile(r"\d{1,2}\.")
_TOKEN_LIMIT = 40  # code points before and after a full stop that are examined
_OPENING = "\"'“”„‘’‚«»‹›([{¿¡*_"
_BREAK = re.compile(r"[\s\u3001-\u303f\uff00-\uff0f]+")
_ELISION = re.compile(r"^[^\W\d_]{1,7}['’](?=[^\W\d_]{2})")  # l'art., dell'ing.
_NUMBER = re.compile(r"\W?[\d.,:\u00a0\u202f/–-]*\d")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def ends_sentence(text: str, stop: int, lang: str, behind_at: int | None = None) -> bool:
    """Return whether the full stop at `text[stop]` ends a sentence. White space and no lower-case letter must follow it.

    Args:
        text: the text.
        stop: offset of the full stop.
        lang: a language code.
        behind_at: offset of the text after the full stop, if closing quotation marks or brackets are between them.

    >>> [ends_sentence(text, text.index(". "), "de") for text in ("Abb. 3", "Prof. Kühn", "5 kg. Das", "Der 2. Platz")]
    [False, False, True, False]
    """
    token = [part for part in _BREAK.split(text[max(0, stop - _TOKEN_LIMIT) : stop]) if part]
    if not token or text[stop - 1].isspace():
        return True
    word = _ELISION.sub("", token[-1].lstrip(_OPENING))
    if not word:
        return True  # only marks before the stop
    before = token[-2] if len(token) > 1 else ""
    at = behind_at or stop + 1
    behind = text[at : at + _TOKEN_LIMIT].lstrip()
    head = behind.lstrip(_OPENING)[:1]
    if word.isdigit():
        return not _is_ordinal(word, before, behind, lang)
    return _word_ends(word, before, behind, head, lang)


def _is_ordinal(word: str, before: str, behind: str, lang: str) -> bool:
    if len(word) > 2:
        return False
    following = behind.split(maxsplit=1)[0] if behind else ""
    bare = following.rstrip(".,;:)").lower()
    if int(word) <= 31 and bare in MONTHS:
        return True
    if following[:1].isdigit():
        return bool(_DAY_OR_MONTH.fullmatch(following))
    if lang == "de" and following[:1].isupper():
        return before.lower().lstrip(_OPENING) in BEFORE_ORDINAL and bare.capitalize() not in STARTER_SETS["de"]
    return False


def _word_ends(word: str, before: str, behind: str, head: str, lang: str) -> bool:
    if len(word) == 1 and head.islower() and _INITIAL.match(behind):
        return False  # p. m., z. b.
    lower = word.lower()
    pair = f"{before.lower().lstrip(_OPENING)}{lower}" if before.endswith(".") and len(before) <= 4 else ""
    numbered = bool(before) and (
        bool(_NUMBER.fullmatch(before) or _ROMAN.fullmatch(before)) or before.rstrip(".").lower() in SCALES
    )
    starts = _begins_with_a_starter(behind, lang)
    if (head.isdigit() or head in _NUMBER_SIGNS or _ROMAN.match(behind)) and _is_before_number(lower, pair, lang):
        return head.isalpha() and starts and lower not in words_before(lang)  # "I" is a word as well
    if head.isdigit() and numbered and len(word) <= 3 and lower not in MAY_END:
        return False  # 6 ft. 2 in.
    if lower in MAY_END or (pair in MAY_END and (word.islower() or len(word) > 1)):
        return bool(pair) or numbered or lower not in BEHIND_NUMBER
    if lower in NAME_ENDS and (lang == UNKNOWN or lower not in words_before(lang)):
        return starts or lang not in STARTER_SETS
    return _ends_before_word(word, pair, behind, lang, numbered=numbered, starts=starts)


def _is_before_number(lower: str, pair: str, lang: str) -> bool:
    words = words_before(lang)
    return lower in BEFORE_NUMBER or lower in words or pair in words or (lang == "de" and lower.endswith("str"))


def _ends_before_word(word: str, pair: str, behind: str, lang: str, *, numbered: bool, starts: bool) -> bool:
    lower = word.lower()
    initials = _is_initials(word)
    may_be_unit = word.islower() or len(word) == 1 or not (word.isalpha() or initials)
    is_noun = lang == "de" and word[0].isupper() and _looks_short(word, lang)  # German units are: "1 Pck. Hefe"
    is_unit = may_be_unit and (lower not in words_before(lang) or lower in UNITS) and lower not in SCALES
    if numbered and (is_noun or is_unit):
        return starts or not is_noun
    if pair in words_before(lang) or (lang == "de" and lower.endswith("str")):
        return False
    is_acronym = len(word) > 1 and word.isalpha() and word.isupper() and len(set(word)) > 1  # DNA, but MM. and EE.
    if lower in words_before(lang) and not is_acronym:
        return lang == UNKNOWN and starts and len(word) > 2 and lower not in words_before("en")
    if initials:
        return starts and not pair
    if len(word) > 1 or not word.isalpha():
        return numbered or not _looks_short(word, lang)
    return behind.lstrip(_OPENING)[:1].isupper() and not _INITIAL.match(behind)


def _is_initials(word: str) -> bool:
    """Return whether a word consists of single capitals with full stops or hyphens between them: J, J.R, J.-P."""
    parts = re.split(r"[.\-]+", word)
    return all(len(part) == 1 and part.isupper() for part in parts)


def _begins_with_a_starter(behind: str, lang: str) -> bool:
    word = _WORD.match(behind.lstrip(_OPENING))
    if word is None or (len(word[0]) == 1 and behind.lstrip(_OPENING)[1:2] == "."):
        return False  # an initial
    return word[0] in STARTER_SETS.get(lang, ())


def _looks_short(word: str, lang: str) -> bool:
    """Return whether a word looks like an abbreviation: short, without a vowel, and not an acronym in capitals."""
    if not 1 < len(word) <= 5 or not word[1:].islower() or not word.isalpha():
        return False
    lower = word.lower()
    if lang in _SYLLABIC_LANGUAGES and _SYLLABIC.search(lower):
        return False
    # Scripts without case mostly write no vowels, or write them as marks.
    return lower != word.upper() and not _VOWELS.search(lower)


def ends_english_sentence(text: str, stop: int) -> bool:
    """Return whether a full stop before a capital ends an English sentence where nupunkt sees only an abbreviation.

    >>> text = "It weighs 5 kg. The van came at 5 p.m. Monday, etc. It left."
    >>> [ends_english_sentence(text, stop) for stop in (14, 37, 50)]
    [True, False, True]
    """
    word = text[max(0, stop - _UNIT_TAIL) : stop]
    behind = text[stop + 1 : stop + _TOKEN_LIMIT].lstrip().lstrip(_OPENING)
    if _ENGLISH_UNIT.search(word):
        return not _AFTER_HOUR.match(behind)
    return bool(_LIST_END.search(word)) and _begins_with_a_starter(behind, "en")


_UNIT_TAIL = 16  # code points


def joins_behind_abbreviation(text: str, end: int, start: int) -> bool:
    """Return whether an English sentence continues at `start` because an abbreviation is before `end`: "Tab. / 2".

    >>> [joins_behind_abbreviation("See Tab. 2. Go.", end, start) for end, start in ((9, 9), (12, 12))]
    [True, False]
    """
    # Fast path: nearly always the span ends with a full stop and one space, and the word before them is no abbreviation.
    at = text.rfind(" ", max(0, end - _LONGEST_ENGLISH), end - 1) + 1
    if text[at : end - 2] not in _SUSPECTS:
        return False
    while end and text[end - 1].isspace():
        end -= 1
    at = text.rfind(" ", max(0, end - _LONGEST_ENGLISH), end) + 1
    if (not at and end >= _LONGEST_ENGLISH) or text[end - 1 : end] != ".":
        return False
    word = text[at : end - 1].lower().lstrip('(["“‘\n')
    if word in _ENGLISH_BEFORE_NUMBER:
        return text[start : start + 1].isdigit() and not text[max(0, at - 2) : at].rstrip()[-1:].isdigit()
    return word in words_before("en") and not _begins_with_a_starter(text[start : start + _UNIT_TAIL], "en")


# Words that end sentences in English, and abbreviations in other languages.
_ENGLISH_WORDS = "ad all bio cap do ex for fra h i in j k l let lit m ma man max men mi min par per pos pt rad sat sex so st sub sun t tor v w"
_ENGLISH_BEFORE_NUMBER = BEFORE_NUMBER.difference(_ENGLISH_WORDS.split())
_SUSPECTS = {""} | {
    opening + form
    for word in _ENGLISH_BEFORE_NUMBER | words_before("en")
    for form in (word, word.capitalize(), word.upper())
    for opening in ("", "(", "[")
}
_LONGEST_ENGLISH = 10  # code points of the longest abbreviation with its full stop, a bracket and the space before it
