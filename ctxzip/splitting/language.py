"""Text -> language code, by script, then by common words.

Accurate enough to choose a sentence splitter, its only use: confusing related languages (Danish, Norwegian) does no
harm there.
"""

from __future__ import annotations

import re

UNKNOWN = "und"  # ISO 639-2 for "undetermined"

_MAX_SAMPLE = 2_000  # code points, about 300 words
_MIN_COUNT = 1.5  # of common words, each weighted by `_WORD_WEIGHTS`; a single one may be part of a name
_MIN_SHARE = 0.05  # of all words; names and titles of other languages stay below it (dev sets of hotpotqa and 2wiki)

# Compiled on the first text that is not in Latin script: it takes milliseconds.
_SCRIPTS = {
    "ja": r"[\u3040-\u30ff\uff66-\uff9f]",
    "ko": r"[\uac00-\ud7af\u1100-\u11ff\u3130-\u318f]",
    "zh": r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]",
    "ru": r"[\u0400-\u04ff]",
    "el": r"[\u0370-\u03ff]",
    "ar": r"[\u0600-\u06ff]",
    "he": r"[\u0590-\u05ff]",
    "hi": r"[\u0900-\u097f]",
    "bn": r"[\u0980-\u09ff]",
    "ta": r"[\u0b80-\u0bff]",
    "te": r"[\u0c00-\u0c7f]",
    "hy": r"[\u0530-\u058f]",
    "am": r"[\u1200-\u137f]",
    "th": r"[\u0e00-\u0e7f]",
}
_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]")
_PERSIAN = re.compile(r"[پچژگ]")
_NOT_LATIN = re.compile(r"[^\x00-\u036f]")
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII_LETTERS = re.compile("[a-z]+")  # the same for lower-case ASCII text, faster

_COMMON_WORDS = {
    "en": "the a of and to in is was for that with as by on are were which from at it this be an or has have not what who how",
    "de": "der die das und ist in den von zu mit sich des auf für nicht ein eine dem im als auch wird wurde oder bei nach aus wie am",
    "fr": "le la les de des et est une un dans du que qui pour pas sur au par avec ce sont plus ne aux cette il elle en",
    "es": "el la los las de y en que es un una por con para del se no su al como más lo fue son entre desde",
    "it": "il la i gli le di e è che un una per con non del della in si da al sono nel dei come alla anche",
    "pt": "o a os as de e que do da em um uma para com não por se no na dos das ao mais foi como são",
    "nl": "de het een en van in is dat op te zijn met voor niet aan door er bij ook werd als naar wordt om",
    "sv": "och att det som en på är av för med till den har inte om ett var från vid eller också",
    "da": "og at det som en på er af for med til den har ikke om et var fra ved eller også blev der",
    "nb": "og at det som en på er av for med til den har ikke om et var fra ved eller også ble",
    "fi": "ja on ei se että oli hän ovat mutta joka myös kuin sen jos niin tai mukaan vuonna",
    "pl": "i w na z do że się nie jest to od po przez jak są oraz dla był ale roku",
    "cs": "a v na se je že do ve po jako pro byl jsou ale od roku",
    "ro": "și în de la cu pe a este din care un o pentru nu că mai fost sunt ale prin",
    "tr": "ve bir bu için ile de da olarak olan çok daha gibi kadar sonra en ise değil",
    "hu": "a az és hogy nem is egy volt van meg mint csak de vagy által után",
    "id": "yang dan di dari untuk dengan pada adalah ini itu dalam tidak ke oleh sebagai akan",
}
_LANGUAGES_OF: dict[str, list[str]] = {}
for _code, _words in _COMMON_WORDS.items():
    for _word in _words.split():
        _LANGUAGES_OF.setdefault(_word, []).append(_code)
# A word that is common in n languages ("a", "de") counts 1/n for each.
_WORD_WEIGHTS = {word: [(code, 1 / len(codes)) for code in codes] for word, codes in _LANGUAGES_OF.items()}


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of the language of a text, or `und` where neither script nor common words determine it.

    Only the first 2,000 code points count.

    >>> detect_language("Die Brücke wurde im Jahr 1901 von der Stadt gebaut und ist bis heute in Betrieb.")
    'de'
    >>> detect_language("橋は1901年に建てられた。")
    'ja'
    """
    sample = text[:_MAX_SAMPLE]
    words = (_ASCII_LETTERS if sample.isascii() else _LETTERS).findall(sample.lower())
    if not words:
        return UNKNOWN
    return _by_script(sample, words) or _by_common_words(words)


def _by_script(sample: str, words: list[str]) -> str | None:
    """Return the language of the non-Latin script of at least a third of the letters, or None."""
    if sample.isascii() or not _NOT_LATIN.search(sample):
        return None
    counts = {code: len(re.findall(pattern, sample)) for code, pattern in _SCRIPTS.items()}
    # A third is enough, because two letters of Han or Hangul hold as much text as six Latin ones.
    letters = sum(map(len, words))
    if counts["ja"] and (counts["ja"] + counts["zh"]) * 3 >= letters:
        return "ja"
    code = max(counts, key=counts.__getitem__)
    if counts[code] * 3 < letters:
        return None
    if code == "ru" and _UKRAINIAN.search(sample):
        return "uk"
    if code == "ar" and _PERSIAN.search(sample):
        return "fa"
    return code


def _by_common_words(words: list[str]) -> str:
    """Return the language whose common words have the largest total weight, or `und` below the thresholds."""
    counts = dict.fromkeys(_COMMON_WORDS, 0.0)
    for word in filter(_WORD_WEIGHTS.__contains__, words):
        for code, weight in _WORD_WEIGHTS[word]:
            counts[code] += weight
    code = max(counts, key=counts.__getitem__)
    return code if counts[code] >= max(_MIN_COUNT, _MIN_SHARE * len(words)) else UNKNOWN
