"""A question, taken apart once: its words, the one that asks, and its names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

READ = 1_000  # code points; what is longer is a prompt, and the rules must not read it again and again


@dataclass(frozen=True, slots=True)
class Reading:
    """A question, taken apart once."""

    text: str  # as written, whitespace collapsed
    said: str  # its words, lower case, a space between: what the patterns are for
    asked: str  # the same of the sentence that asks, without courtesies
    words: tuple[str, ...]  # of `asked`
    asks: str  # the one that asks, or nothing
    asks_at: int  # where it stands in `words`, -1 for nowhere
    names: tuple[str, ...]


def words_of(words: str) -> frozenset[str]:
    """Return the words of a line as a set."""
    return frozenset(words.split())


_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CONTRACTED = {f"{w}{s}": f"{w} is" for w in ("what", "who", "where", "when", "why", "how") for s in ("'s", "s")}
_WH = words_of("who whom whose what which when where why how")
AUXILIARY = words_of(
    "is are was were am do does did has have had can could will would shall should may might must "
    "isn't aren't wasn't weren't don't doesn't didn't hasn't haven't can't couldn't won't wouldn't shouldn't"
)
FUNCTION = (
    _WH
    | AUXILIARY
    | words_of(
        "a an the of in on at to for from by with about into over under between among during after before since until than as "
        "and or but nor not if whether that this these those it its he she they them his her their him i me my we us our you "
        "your there here be been being all both each every any some many much more most other also only same such please list "
        "name define explain describe summarize summarise identify tell give show find compare according no yes"
    )
)
_LEAD_IN = words_of("hi hello hey ok okay thanks thank great good and so but also well please q yes no alright sorry")
# "U.S. Navy", "Dr. Who" and "Oh! What a Nurse!" end no sentence: what follows a full stop must look like a question.
_SENTENCE_END = re.compile(
    r"(?<=[?.]) (?=(?:who|what|which|when|where|why|how|is|are|was|were|do|does|did|can|could) \S+ \S)", re.IGNORECASE
)
_TO_BE_TOLD = re.compile(
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell|show|give|explain to) (?:me|us)|tell (?:me|us)|do you know|any idea"
    r"|(?:i|we)(?:'d| would)? (?:like|want|need|wish) to (?:know|find out|learn|understand)|i(?:'m| am| was)? wonder(?:ing)?) "
    r"(?:about )?(?=(?:who|whom|whose|what|which|when|where|why|how|if|whether|in|on)(?!\S))"
)


def read(query: str) -> Reading:
    """Take a question apart."""
    text = " ".join(query[:READ].split())
    asked = _asked(text)
    words = tuple(asked.split())
    at = _asks_at(text, words)
    return Reading(text, _says(text), asked, words, words[at] if at >= 0 else "", at, _names(text))


def _says(text: str) -> str:
    # "James Stanley (Bishop)'s father": the possessive belongs to the word before it.
    words = (word.lower().replace("’", "'") for word in _WORD.findall(text.replace(")'s", "'s")))
    return " ".join(_CONTRACTED.get(word, word) for word in words)


def _asked(text: str) -> str:
    """Return the words of the sentence that asks, without the courtesies in front of it."""
    sentences = [sentence for sentence in _SENTENCE_END.split(text) if "?" in sentence]
    words = _says(sentences[-1] if sentences else text).split(" ")
    first = 0
    while first < len(words) - 2 and words[first] in _LEAD_IN:
        first += 1
    asked = " ".join(words[first:])
    return asked[told.end() :] if (told := _TO_BE_TOLD.match(asked)) else asked


_PREPOSITIONS = words_of("in on at of for from by to with about during until since after before under")


def _asks_at(text: str, words: tuple[str, ...]) -> int:
    """Return where the word is that makes it a question, or -1: "a show which ran in 1990" has none."""
    if words and (words[0] in AUXILIARY or words[0] in _WH):
        return 0
    possible = [i for i, word in enumerate(words) if word in _WH]
    clear = (i for i in possible if no_relative(words[i - 1], words[i], words[i + 1] if i + 1 < len(words) else ""))
    return next(clear, possible[0] if possible and "?" in text else -1)


def no_relative(before: str, word: str, after: str) -> bool:
    """Tell "released in which year" and "where did" from "a show which ran" and "when performing"."""
    return (
        word in {"what", "how"}
        or before in _PREPOSITIONS
        or after in {"", "do", "does", "did"}
        or (word == "which" and after not in FUNCTION and not after.endswith(("s", "ed")))
        or (word in {"where", "when"} and after in AUXILIARY)
    )


def quoted(words: Iterable[str]) -> str:
    """Return words as a reason quotes them."""
    return ", ".join(f"'{word}'" for word in words)


# Begin no name: German, French, Spanish, Italian, Portuguese and Dutch, without what is English too.
_FOREIGN = words_of(
    "ist ein eine einer einem wer wem wen welchem wie wo wann warum welche welcher welches nicht mit für auf wurde wird werden sind sich nach über ich wir "
    "qui que quoi quel quelle quels quelles où quand pourquoi est sont était une les dans avec cette ont été combien "
    "qué quién quiénes cuál cuáles dónde cuándo cómo cuánto cuántos cuántas está están fue fueron una los "
    "cosa quale quali perché quanto quanti è dello degli delle nel nella gli che stato "
    "quem qual quais onde quando porque quantos são foi foram uma não pelo pela você "
    "wat waar wanneer waarom welke hoeveel het een zijn werd niet voor"
)


_QUOTATION = re.compile(r"\"([^\"]{1,150})\"|“([^”]{1,150})”|(?<!\w)['‘]([^'’]{2,100})['’](?!\w)")
JOINS = words_of("of the de la le du des del di da do dos van von der den bin al el")
_GAPS = frozenset({" ", "-", "–", "/", "&", " & ", " (", ". ", "."})
MONTH = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
_DATE = re.compile(rf"(?:{MONTH})(?:\W+\d[\d\W]*)?\Z", re.IGNORECASE)
_NAMES_AT_MOST = 8
_NEVER_NAMES = FUNCTION | _FOREIGN | _LEAD_IN


def _names(text: str) -> tuple[str, ...]:
    """Return what is quoted and runs of capitalised words, in their order; dates are no names."""
    quoted = [m.span(m.lastindex or 0) for m in _QUOTATION.finditer(text)]
    runs = [run for run in _capitalised(text) if not any(run[0] < end and start < run[1] for start, end in quoted)]
    found = (_trimmed(text[start:end]) for start, end in sorted(quoted + runs))
    return tuple(dict.fromkeys(name for name in found if len(name) > 1 and not _DATE.match(name)))[:_NAMES_AT_MOST]


def _trimmed(name: str) -> str:
    opened = name.find(" (")
    name = name[:opened] if opened > 0 and ")" not in name else name
    return name.strip(" ,.").removesuffix("'s").removesuffix("’s")


def _capitalised(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of capitalised words that follow each other, with the particles between them."""
    start = end = last = 0
    initial = False
    for m in _WORD.finditer(text):
        word, gap = m.group(), text[last : m.start()]
        follows = end > start and gap in _GAPS and (initial or not gap.startswith("."))
        if follows and (word[0].isupper() or word[0].isdigit()):
            end = m.end()
        elif not (follows and word.lower() in JOINS):
            if end > start:
                yield start, end
            begins = word[0].isupper() and word.lower() not in _NEVER_NAMES
            start, end = m.start(), m.end() if begins else m.start()
        last, initial = m.end(), len(word) <= 2
    if end > start:
        yield start, end


RELATIVE = words_of("that which who whose whom where")
_VERB = (AUXILIARY - {"may", "am"}) | words_of(
    "became began came died fell found gave got grew held kept knew led left lost made met played plays ran said sang saw sold spoke "
    "stars starred took went won wrote works lives belongs contains includes features"
)
_KEYWORDS_AT_MOST = 10
_REPLIES = words_of("i i'm i've i'd my we our you yes no ok okay thanks thank hi hello")

# Capitals tell "my loan" from "My Lips Betray" where there are any.
SELF = re.compile(
    r"\b(?i:if|when|do|can|should|could|would|am|did|may|must|will|have|that|but|and|because) (?:i|I|we)\b"
    r"|\b(?:my|our|[iI]'(?:m|ve|d))\b|\A(?:i|we|I|We|My|Our) [a-z]"
)


def verb(words: tuple[str, ...]) -> str:
    """Return the verb of a statement. In "votes required to pass" there is none, in "Orwell reviewed the play" there is."""
    for before, word, after in zip(words, words[1:], (*words[2:], ""), strict=False):
        past = len(word) > 4 and word.endswith("ed") and after in {"a", "an", "the", "his", "her", "its", "their"}
        if (word in _VERB or past) and before not in RELATIVE:
            return word
    return ""


def is_reply(reading: Reading) -> bool:
    """Tell an answer in a conversation, or what somebody says of themselves, from a question."""
    return reading.said.split(" ")[0] in _REPLIES or bool(SELF.search(reading.text))


def is_short(reading: Reading) -> bool:
    """Tell a few words without a verb, as people type into a search box."""
    few = len(reading.words) <= _KEYWORDS_AT_MOST and not reading.text.endswith((".", "?"))
    return few and not reading.asks and not is_reply(reading) and not verb(reading.words)
