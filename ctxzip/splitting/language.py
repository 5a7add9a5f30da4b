"""Language identification for queries and documents: by script, by common words, otherwise by py3langid.

py3langid takes most of a second to load, so it is used only where script and common words are not conclusive. Tokens that
are not words of prose (numbers, paths, dotted names, identifiers, cells of CSV) are ignored: text that consists mostly of
them, such as logs and code, is `und` unless its common words are conclusive.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENGLISH = "en"
UNKNOWN = "und"  # ISO 639-2 for "undetermined"
OTHER_SCRIPT = "xx"  # a script that is not listed below; spaCy's code for language-independent rules

_SAMPLE = 1_000  # code points at the start of a text that are used: about 150 words
_SHORT = 200  # code points of a short document
_QUERY = 300  # code points; in a text up to this length quotations are titles, and are ignored
_MIN_PROSE = 0.6  # 0..1, share of tokens that are words of prose; below it py3langid is not used
_CODE_SIGNS = "{}[]()<>=;|\\$&"
_MAX_CODE_SIGNS = 0.06  # 0..1, share of the characters
# Probabilities of py3langid, 0..1, from which its result is used.
_MIN_PROBABILITY = 0.5
_MIN_PROBABILITY_WITH_WORDS = 0.3  # if the text has a common word of that language
_MIN_PROBABILITY_OF_NAMES = 0.9  # if half of the words begin with a capital
_MIN_PROBABILITY_OF_FEW = 0.7  # if the text has one or two words
_MIN_SHARE = 0.05  # 0..1, of the words; names and foreign titles in English passages are below it
_NAME_WEIGHT = 0.3  # weight of a common word that is capitalized inside a sentence and may be part of a name

# Compiled only for texts in other scripts than Latin, because compiling these large character classes takes milliseconds.
_SCRIPTS = {
    "ja": r"[\u3040-\u30ff\uff66-\uff9f]",
    "ko": r"[\uac00-\ud7af\u1100-\u11ff\u3130-\u318f]",
    "zh": r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]",
    "ru": r"[\u0400-\u04ff]",
    "el": r"[\u0370-\u03ff\u1f00-\u1fff]",
    "ar": r"[\u0600-\u06ff]",
    "he": r"[\u0590-\u05ff]",
    "hi": r"[\u0900-\u097f]",
    "bn": r"[\u0980-\u09ff]",
    "ta": r"[\u0b80-\u0bff]",
    "te": r"[\u0c00-\u0c7f]",
    "hy": r"[\u0530-\u058f]",
    "am": r"[\u1200-\u137f]",
    "th": r"[\u0e00-\u0e7f]",
    "gu": r"[\u0a80-\u0aff]",
    "kn": r"[\u0c80-\u0cff]",
    "ml": r"[\u0d00-\u0d7f]",
    "si": r"[\u0d80-\u0dff]",
}
_BEYOND_LATIN = re.compile(r"[^\x00-\u036f\u1e00-\u1eff\u2000-\u2bff]")
_VIETNAMESE = re.compile(r"[\u1ea0-\u1ef9\u01a0\u01a1\u01af\u01b0]\w*")  # once in a word
_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]|\b(?:де|чому|як|чи|що|та|це|від|хто|який|яка)\b", re.IGNORECASE)
_RUSSIAN = re.compile(r"[ыэёъ]|\b(?:где|почему|что|как|и|это|от|кто)\b", re.IGNORECASE)
_PERSIAN = re.compile(r"[پچژگکی]")
_URDU = re.compile(r"[ٹڈڑںےہ]")
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"\S+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»")
_MARKUP = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|</?[A-Za-z][^>\n]*>", re.DOTALL)
# A word, or words joined by hyphens or apostrophes, with capitals only at the start and the usual punctuation around it.
_PROSE = re.compile(
    r"[\"'“”„«»‘’(\[¿¡*_#>-]*([^\W\d_][^\W\d_A-ZÀ-ÖØ-Þ]*(?:['’-][^\W\d_]+)*)[\"'“”„«»‘’)\]*_.,;:!?…]*\Z"
)
_CAPITALS = re.compile(r"[^\W\d_]{2,}[.,;:!?]*\Z")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COMMON_WORDS = {
    "en": "the a of and to in is was for that with as by on are were which from at it this be an or has have not what who how "
    "where when why does did do can could should would will whose whom if there they their its his you your been had into "
    "about between than after before many much meaning",
    "de": "der die das und ist in den von zu mit sich des auf für nicht ein eine dem im als auch wird wurde oder bei nach aus wie am "
    "einer einem einen was an also wer wem wen wo wann warum welche welcher welches welchem sind hat ich wir kann werden war über zum zur",
    "fr": "le la les de des et est une un dans du que qui pour pas sur au par avec ce sont plus ne aux cette il elle en "
    "on où quoi quel quelle quels quelles quand pourquoi comment combien était ont été se ou",
    "es": "el la los las de y en que es un una por con para del se no su al como más lo fue son entre desde "
    "qué quién quiénes cuál cuáles dónde cuándo cómo cuánto cuántos cuántas está están fueron",
    "it": "il la i gli le di e è che un una per con non del della in si da al sono nel dei come alla anche "
    "chi cosa dove quando quale quali perché quanto quanti dello degli delle nella stato ha",
    "pt": "o a os as de e que do da em um uma para com não por se no na dos das ao mais foi como são "
    "quem qual quais onde quando quantos porque foram pela pelo você é",
    "nl": "de het een en van in is dat op te zijn met voor niet aan door er bij ook werd als naar wordt om "
    "wat wie was waar wanneer waarom welke hoe hoeveel heeft ik of uit",
    "sv": "och att det som en på är av för med till den har inte om ett var från vid eller också vad vem när hur vilken vilket vilka varför i",
    "da": "og at det som en på er af for med til den har ikke om et var fra ved eller også blev der er her hvad hvem hvornår hvor hvordan hvilken hvilket hvilke hvorfor i",
    "nb": "og at det som en på er av for med til den har ikke om et var fra ved eller også ble er her hva hvem når hvor hvordan hvilken hvilket hvilke hvorfor i",
    "fi": "ja on ei se että oli hän ovat mutta joka myös kuin sen jos niin tai mukaan vuonna mikä missä milloin kuka miten miksi",
    "pl": "i w na z do że się nie jest to od po przez jak są oraz dla był ale roku gdzie kiedy kto dlaczego czy ile",
    "cs": "a v na se je že do ve po jako pro byl jsou ale od roku on kde kdy kdo proč jak kolik které který",
    "ro": "și în de la cu pe a este din care un o pentru nu că mai fost sunt ale prin unde când cine cum câte ce are",
    "tr": "ve bir bu için ile de da olarak olan çok daha gibi kadar sonra en ise değil ne nerede kim nasıl hangi neden kaç",
    "hu": "a az és hogy nem is egy volt van meg mint csak de vagy által után hol mikor ki miért milyen hány melyik",
    "id": "yang dan di dari untuk dengan pada adalah ini itu dalam tidak ke oleh sebagai akan apa siapa kapan mengapa bagaimana berapa",
    "vi": "là của và được không có trong năm nào ở những cho với các một khi bao nhiêu gì ai đã",
}
# Queries in other languages do not begin with these.
_ENGLISH_QUESTION_WORDS = _set(
    "who what which when where why how whose does did define explain describe summarize compare identify give"
)
# English names do not begin with these: a query that does is in another language, however many names it has.
_OTHER_QUESTION_WORDS = _set(
    "hvem hva hvor når hvordan hvorfor hvilken hvilket hvilke hvad hvornår vem vad när hur vilken vilket vilka wer wie wann warum "
    "welche welcher welches qui quoi quel quelle quels quelles où quand quando quem qual quais quale quali quién qué cuál cuándo "
    "cómo dónde cosa dove wat waar wanneer waarom cine unde când kdo kdy kde kto gdzie kiedy ki hol mikor kuka mikä missä milloin"
)
_PARTICLES = _set("van von de der den di da do dos del della la le el los las du des zu al ben bin y e die les")
_NEIGHBOURS = ({"da", "no", "sv"}, {"es", "pt"})  # similar languages between which py3langid divides its probability
_LANGUAGES_OF: dict[str, list[str]] = {}
for _code, _words in _COMMON_WORDS.items():
    for _word in _words.split():
        _LANGUAGES_OF.setdefault(_word, []).append(_code)
# Words of many lists, such as "a" and "de", count little for each of them.
_SHARES = {word: [(code, 1 / len(codes)) for code in codes] for word, codes in _LANGUAGES_OF.items()}
# The languages of Latin script that py3langid may return. More languages would be confused with these.
_LATIN = (*(code for code in _COMMON_WORDS if code != "nb"), "no")
_CODES = {"no": "nb"}  # the code that spaCy and the model cards use


def detect_language(text: str) -> str:
    """Return the language code of a query or a document, or `und` if it cannot be determined.

    >>> detect_language("Was kostet die Karte?"), detect_language("Comment ouvrir la porte ?")
    ('de', 'fr')
    >>> detect_language("橋は1901年に建てられた。"), detect_language("MIT"), detect_language("INFO [main] com.example.Shop - 200 ms")
    ('ja', 'und', 'und')
    """
    return _detect(text[:_SAMPLE])


def detect_languages(texts: Sequence[str]) -> list[str]:
    """Return the language code of each document of one request.

    A short document that would need py3langid gets the language of all documents together, if that is determined without
    py3langid.

    >>> detect_languages(["Bread is baked.", "The bridge is red, and it was built by Ada Holm."])
    ['en', 'en']
    """
    samples = [text[:_SAMPLE] for text in texts]
    found = [_without_library(sample)[0] for sample in samples]
    usual = _without_library("\n".join(samples)[:_SAMPLE])[0] if None in found else None
    return [
        code or (usual if usual and len(sample) <= _SHORT else None) or _detect(sample)
        for code, sample in zip(found, samples, strict=True)
    ]


@lru_cache(maxsize=64)  # several stages need the language of the query
def _detect(sample: str) -> str:
    code, words, counts = _without_library(sample)
    return code or _by_library(words, counts)


def _without_library(sample: str) -> tuple[str | None, list[str], dict[str, float]]:
    """Return the language, or None if py3langid is needed; the words of the sample; and their count for each language."""
    text = _MARKUP.sub(" ", sample)
    if not text.isascii() and (code := _by_script(text)):
        return code, [], {}
    unquoted = _QUOTED.sub(" ", text) if len(text) <= _QUERY else text
    tokens = _tokens(unquoted if unquoted.count(" ") > 2 else text)
    words = _prose(tokens)
    counts = _counts(words)
    found = _by_common_words(words, counts) if words else UNKNOWN
    signs = sum(map(text.count, _CODE_SIGNS))
    if not found and (len(words) < _MIN_PROSE * len(tokens) or signs > _MAX_CODE_SIGNS * len(text)):
        found = UNKNOWN
    return found, words, counts


def _tokens(text: str) -> list[str]:
    return [token for token in _TOKEN.findall(text) if any(map(str.isalnum, token))]


def _by_script(sample: str) -> str | None:
    words = _WORD.findall(sample)
    if len(_VIETNAMESE.findall(sample)) * 6 >= len(words) > 0:
        return "vi"
    if not _BEYOND_LATIN.search(sample):
        return None
    counts = {code: len(re.findall(pattern, sample)) for code, pattern in _SCRIPTS.items()}
    others = sum(map(len, words)) - sum(counts.values())
    # Two letters of Han or Hangul count as much as a Latin word of six.
    if counts["ja"] and (counts["ja"] + counts["zh"]) * 4 >= others:
        return "ja"
    code = max(counts, key=counts.__getitem__)
    if counts[code] and counts[code] * (4 if code in {"ko", "zh"} else 2) >= others:
        return _of_script(code, sample)
    beyond = sum(letter > "\u024f" and not "\u1e00" <= letter <= "\u1eff" for word in words for letter in word)
    return OTHER_SCRIPT if beyond * 3 > sum(map(len, words)) else None


def _of_script(code: str, sample: str) -> str:
    """Return which language of a script a text is in, by letters and a few words."""
    if code == "ru" and len(_UKRAINIAN.findall(sample)) > len(_RUSSIAN.findall(sample)):
        return "uk"
    if code == "ar":
        return "ur" if _URDU.search(sample) else "fa" if _PERSIAN.search(sample) else code
    return code


def _prose(tokens: Sequence[str]) -> list[str]:
    """Return the words of prose among the tokens, without numbers, paths, dotted names and identifiers."""
    found = [match.group(1) for match in map(_PROSE.match, tokens) if match]
    if len(found) * 2 < len(tokens) and sum(map(bool, map(_CAPITALS.match, tokens))) * 2 > len(tokens):
        return [token.strip(".,;:!?").lower() for token in tokens]  # a text in capitals
    return found


def _counts(words: Sequence[str]) -> dict[str, float]:
    """Return for each language the weighted count of its common words; a word of several languages is divided among them."""
    counts = dict.fromkeys(_COMMON_WORDS, 0.0)
    in_name = False
    for at, word in enumerate(words):
        lower = word.lower()
        if lower not in _PARTICLES:
            in_name = word != lower
        weight = _NAME_WEIGHT if (at and word != lower) or (in_name and lower in _PARTICLES) else 1.0
        for part in (lower,) if lower in _SHARES else re.split("['’-]", lower):
            for code, share in _SHARES.get(part, ()):
                counts[code] += weight * share
    if words and words[0].lower() in _ENGLISH_QUESTION_WORDS:
        counts[ENGLISH] += 1
    return counts


def _by_common_words(words: Sequence[str], counts: dict[str, float]) -> str | None:
    """Return the language of the common words; None if they are not conclusive."""
    code, other = sorted(counts, key=counts.__getitem__, reverse=True)[:2]
    if counts[code] < 2 * counts[other] or counts[code] < _MIN_SHARE * len(words):
        return None
    if code == ENGLISH:
        return code if counts[code] >= 1 else None
    if counts[code] < 2:
        return None
    # A single letter that fills a column of a table ("w" for a win) is not evidence.
    different = {lower for word in words if code in _LANGUAGES_OF.get(lower := word.lower(), ())}
    return code if len(different) > 1 and sum(map(len, different)) > len(different) + 1 else None


def _by_library(words: Sequence[str], counts: dict[str, float]) -> str:
    own = [word for word in words if word.lower() not in _PARTICLES]
    names = sum(word != word.lower() for word in own)
    is_question = words[0].lower() in _OTHER_QUESTION_WORDS
    if names == len(own) > 1 and not is_question:
        return UNKNOWN
    first, *others = _rank()(" ".join(words))
    code = _CODES.get(first[0], first[0])
    if code == ENGLISH:
        return code
    neighbours = next((group for group in _NEIGHBOURS if first[0] in group), set())
    probability = first[1] + sum(p for other, p in others if other in neighbours)
    if counts[ENGLISH] >= max(1.0, counts[code]):
        return ENGLISH  # with foreign titles or names
    threshold = _threshold(words, 0 if is_question else names, counts[code])
    if counts[ENGLISH] >= max(counts[code], 0.1):
        threshold = _MIN_PROBABILITY_OF_NAMES
    return code if probability >= threshold else UNKNOWN


def _threshold(words: Sequence[str], names: int, common: float) -> float:
    """Return the probability of py3langid, 0..1, from which its result is used."""
    if common >= 0.5 and names * 2 <= len(words):
        return _MIN_PROBABILITY_WITH_WORDS
    if names * 2 >= len(words) and common < 1:
        return _MIN_PROBABILITY_OF_NAMES
    return _MIN_PROBABILITY if len(words) > 2 else _MIN_PROBABILITY_OF_FEW


@lru_cache(maxsize=1)
def _rank() -> Callable[[str], list[tuple[str, float]]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LATIN)
    rank: Callable[[str], list[tuple[str, float]]] = identifier.rank
    return rank
