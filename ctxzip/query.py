"""What kind of question it is and how complex, from its words alone.

Rules name the kind where words name it ("how many", "difference between", "the mother of the director
of"). Whether a question needs several places is more often in its shape than in a word: there a small
linear model decides (`_WEIGHTS`) and says which words moved it. English only; a question in another
language is `other` and says so. Nothing here looks at the passages.

Every pattern is bounded or anchored and reads at most 1,000 code points, so that no question is slow.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_READ = 1_000  # code points; what is longer is a prompt, and the rules must not read it again and again


@dataclass(frozen=True, slots=True)
class Query:
    """How a question was read.

    `kind` is one of fact (one fact), multi_hop (the answer to a step is the subject of the next),
    comparison, list (a list or a count), time_scoped, definition, how_why, summary, yes_no (also a
    claim, true or false), code (or an error message), keywords, other (other languages, replies).
    """

    kind: str
    complexity: float  # 0..1, from the linear model; 0.5 for what it has not seen: other languages, code, summaries
    why: str  # one phrase with the words that decided
    entities: tuple[str, ...] = ()  # quoted, capitalised or compared, as written
    several_places: bool = False  # evidence is expected in more than one passage
    english: bool = True


@dataclass(frozen=True, slots=True)
class _Reading:
    """A question, taken apart once."""

    text: str  # as written, whitespace collapsed
    said: str  # its words, lower case, a space between: what the patterns are for
    asked: str  # the same of the sentence that asks, without courtesies
    words: tuple[str, ...]  # of `asked`
    asks: str  # the one that asks, or nothing
    asks_at: int  # where it stands in `words`, -1 for nowhere
    names: tuple[str, ...]


def kind_of(query: str) -> str:
    """Name the kind of a question.

    >>> [kind_of(q) for q in ("Who built the bridge?", "Why is it closed?", "bridge opening hours")]
    ['fact', 'how_why', 'keywords']
    """
    return read_query(query).kind


def read_query(query: str) -> Query:
    """Read a question: its kind, how complex it is, and why.

    >>> read_query("Where was the director of Red Harbour born?").why
    "a step inside a step ('director of')"
    """
    reading = _read(query)
    if not reading.words:
        return Query("other", 0.0, "no words")
    if foreign := _foreign(reading):
        return Query("other", _UNKNOWN, f"not English ({foreign})", reading.names, english=False)
    kind, why = _kind(reading)
    sides = _sides(reading) if kind == "comparison" else ()
    found = _features(reading, kind)
    complexity = _UNKNOWN if kind in _UNSEEN else _complexity(found)
    if kind in _MAY_HIDE_STEPS and complexity >= _SEVERAL_STEPS:
        kind, why = "multi_hop", f"more than one step likely ({_quoted(_movers(reading, found))})"
    if sides:
        why = f"two entities compared ({_quoted(sides)})"
    return Query(
        kind,
        complexity,
        why,
        (*sides, *(name for name in reading.names if not any(name in side for side in sides))),
        several_places=kind == "multi_hop" or (kind == "comparison" and not _EFFECT.search(reading.asked)),
    )


def features(query: str) -> dict[str, float]:
    """Return what the linear model sees of a question: counts, lengths, and the word that asks."""
    reading = _read(query)
    return _features(reading, _kind(reading)[0])


def _kind(reading: _Reading) -> tuple[str, str]:
    """Name the kind by rules alone, and why."""
    if not reading.words:
        return "other", "no words"
    return next((kind, why) for kind, rule in _RULES if (why := rule(reading)))


# --- Words


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CONTRACTED = {f"{w}{s}": f"{w} is" for w in ("what", "who", "where", "when", "why", "how") for s in ("'s", "s")}
_WH = _set("who whom whose what which when where why how")
_AUXILIARY = _set(
    "is are was were am do does did has have had can could will would shall should may might must "
    "isn't aren't wasn't weren't don't doesn't didn't hasn't haven't can't couldn't won't wouldn't shouldn't"
)
_FUNCTION = (
    _WH
    | _AUXILIARY
    | _set(
        "a an the of in on at to for from by with about into over under between among during after before since until than as "
        "and or but nor not if whether that this these those it its he she they them his her their him i me my we us our you "
        "your there here be been being all both each every any some many much more most other also only same such please list "
        "name define explain describe summarize summarise identify tell give show find compare according no yes"
    )
)
_LEAD_IN = _set("hi hello hey ok okay thanks thank great good and so but also well please q yes no alright sorry")
# "U.S. Navy", "Dr. Who" and "Oh! What a Nurse!" end no sentence: what follows a full stop must look like a question.
_SENTENCE_END = re.compile(
    r"(?<=[?.]) (?=(?:who|what|which|when|where|why|how|is|are|was|were|do|does|did|can|could) \S+ \S)", re.IGNORECASE
)
_TO_BE_TOLD = re.compile(
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell|show|give|explain to) (?:me|us)|tell (?:me|us)|do you know|any idea"
    r"|(?:i|we)(?:'d| would)? (?:like|want|need|wish) to (?:know|find out|learn|understand)|i(?:'m| am| was)? wonder(?:ing)?) "
    r"(?:about )?(?=(?:who|whom|whose|what|which|when|where|why|how|if|whether|in|on)(?!\S))"
)


def _read(query: str) -> _Reading:
    text = " ".join(query[:_READ].split())
    asked = _asked(text)
    words = tuple(asked.split())
    at = _asks_at(text, words)
    return _Reading(text, _says(text), asked, words, words[at] if at >= 0 else "", at, _names(text))


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


_PREPOSITIONS = _set("in on at of for from by to with about during until since after before under")


def _asks_at(text: str, words: tuple[str, ...]) -> int:
    """Return where the word is that makes it a question, or -1: "a show which ran in 1990" has none."""
    if words and (words[0] in _AUXILIARY or words[0] in _WH):
        return 0
    possible = [i for i, word in enumerate(words) if word in _WH]
    clear = (i for i in possible if _no_relative(words[i - 1], words[i], words[i + 1] if i + 1 < len(words) else ""))
    return next(clear, possible[0] if possible and "?" in text else -1)


def _no_relative(before: str, word: str, after: str) -> bool:
    """Tell "released in which year" and "where did" from "a show which ran" and "when performing"."""
    return (
        word in {"what", "how"}
        or before in _PREPOSITIONS
        or after in {"", "do", "does", "did"}
        or (word == "which" and after not in _FUNCTION and not after.endswith(("s", "ed")))
        or (word in {"where", "when"} and after in _AUXILIARY)
    )


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# --- English or not

# German, French, Spanish, Italian, Portuguese and Dutch, without what is English too or stands in names.
_FOREIGN = _set(
    "ist ein eine einer einem wer wie wo wann warum welche welcher welches nicht mit für auf wurde wird werden sind sich nach über ich wir "
    "qui que quoi quel quelle quels quelles où quand pourquoi est sont était une les dans avec cette ont été combien "
    "qué quién quiénes cuál cuáles dónde cuándo cómo cuánto cuántos cuántas está están fue fueron una los "
    "cosa quale quali perché quanto quanti è dello degli delle nel nella gli che stato "
    "quem qual quais onde quando porque quantos são foi foram uma não pelo pela você "
    "wat waar wanneer waarom welke hoeveel het een zijn werd niet voor"
)
_ENGLISH = _set(
    "the and who what where which how why when does did are were that this these those it its his her their be been has had "
    "have can could would should will or not between with from by of to for at into about if many much there"
)
# These stand in English names too ("Ludwig van", "el camino"): three different ones count.
_PARTICLES = _set("der die den des dem la le el il un du de di da em na con ha hat chi per van von en op met im zu")


def _foreign(reading: _Reading) -> str:
    """Return what shows that a question is not English, or nothing."""
    words = reading.said.split(" ")
    foreign = [word for word in words if word in _FOREIGN]
    particles = _PARTICLES.intersection(words)
    if reading.text.isascii() and not foreign and not particles:
        return ""
    letters = [c for c in reading.text if c.isalpha()]
    # Latin ends at U+024F. Biomedical English has Greek letters, but never this many.
    if 10 * sum(c > "\u024f" for c in letters) > 3 * len(letters):
        return "another script"
    accented = [word for word in _WORD.findall(reading.text) if not word.isascii()]
    # An accent says less than a word, and in a name nearly nothing: "Beyoncé age" is English.
    weight = len(foreign) + 0.3 * len(particles) + sum(0.4 if word[0].isupper() else 0.5 for word in accented)
    if weight - sum(word in _ENGLISH for word in words) < 0.8:
        return ""
    return _quoted(dict.fromkeys((foreign or accented or sorted(particles))[:2]))


# --- Names

_QUOTATION = re.compile(r"\"([^\"]{1,150})\"|“([^”]{1,150})”|(?<!\w)['‘]([^'’]{2,100})['’](?!\w)")
_JOINS = _set("of the de la le du des del di da do dos van von der den bin al el")
_GAPS = frozenset({" ", "-", "–", "/", "&", " & ", " (", ". ", "."})
_MONTH = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
_DATE = re.compile(rf"(?:{_MONTH})(?:\W+\d[\d\W]*)?\Z", re.IGNORECASE)
_NAMES_AT_MOST = 8
_NEVER_NAMES = _FUNCTION | _FOREIGN | _LEAD_IN


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
        elif not (follows and word.lower() in _JOINS):
            if end > start:
                yield start, end
            begins = word[0].isupper() and word.lower() not in _NEVER_NAMES
            start, end = m.start(), m.end() if begins else m.start()
        last, initial = m.end(), len(word) <= 2
    if end > start:
        yield start, end


# --- Code, summaries

_CODE = re.compile(
    r"`[^`]|\w\(\)|::\w|[=!]==?|=>|->|</\w|\b0x[0-9a-f]{2}|(?<![\w-])--[a-z]{2}|[a-z0-9]_[a-z0-9]"
    r"|\w\.(?:py|js|ts|cpp|java|rs|sh|json|ya?ml|toml|sql|html|css|exe|dll)\b"
    r"|\b(?:traceback|stack ?trace|stderr|segfault|segmentation fault|core dumped|undefined reference|no such file or directory"
    r"|permission denied|syntax error|null pointer|exit code|error code|npm err|errno)\b|\berror:? [a-z]{0,3}-?\d{2}",
    re.IGNORECASE,
)
_RAISED = re.compile(r"(?<=[A-Za-z])(?:Error|Exception)\b")
_SUMMARY = re.compile(
    r"(?:(?:can|could) you )?(?:please )?(?:summari[sz]e|sum up|describe|outline|tl dr|tldr|overview of|summary of"
    r"|(?:give|write|provide) (?:me |us )?(?:an? |the )?(?:\S+ )?(?:overview|summary|outline|description)|tell (?:me|us) (?:more|about)"
    r"|what (?:is|are) the (?:main|key|major|most important) (?:points?|ideas?|takeaways?|findings?|arguments?|conclusions?|themes?))\b"
)


def _is_code(reading: _Reading) -> str:
    found = _CODE.search(reading.text) or _RAISED.search(reading.text)
    if not found:
        return ""
    start = reading.text.rfind(" ", 0, found.end() - 1) + 1
    return f"code or an error message ('{reading.text[min(start, found.start()) :].split(' ')[0][:40]}')"


def _is_summary(reading: _Reading) -> str:
    found = _SUMMARY.match(reading.asked)
    return f"a summary asked for ('{found.group()}')" if found else ""


# --- Comparisons

_COMPARED = re.compile(
    r"\A(?:compare|contrast)\b|\b(?:versus|vs|compared? (?:to|with|against)|in comparison (?:to|with)|differences? between|differ from|distinguish(?:es)? between"
    r"|similarit(?:y|ies) (?:between|of)|in common)\b"
)
_COMPARATIVE = (
    r"(?:earlier|later|sooner|more|less|fewer|better|worse|older|younger|newer|larger|smaller|bigger|taller|longer|shorter|higher|lower"
    r"|wider|deeper|greater|faster|slower|cheaper|closer|farther|further|nearer|heavier|lighter|stronger|busier|hotter|colder|richer|poorer)"
)
_MEASURE = (
    rf"(?:{_COMPARATIVE}|first|last|earliest|latest|most|least|fewest|best|worst|oldest|youngest|newest|largest|smallest|biggest|tallest"
    r"|longest|shortest|highest|lowest|closest|both|same|either|recently)"
)
# "more or less" and "before or after" compare nothing.
_BY_MEASURE = re.compile(
    rf"\b{_MEASURE}\b.{{0,300}}? or (?!{_MEASURE}\b|(?:not|after|before|so|no|under|over|above|below)\b)"
)
_OF_TWO = re.compile(
    rf"\b{_COMPARATIVE}\b.{{0,60}}? (?:between|among) (?!\S+ \d|\d).{{1,100}} and "
    rf"|\b(?:between|which of) (?!\S+ \d|\d).{{1,100}} and .{{0,100}}\b{_COMPARATIVE}\b"
)
_BOTH = re.compile(
    r"\bboth (?:\S+ ){1,12}and\b|\band (?:\S+ ){1,8}both\b"
    r"|\A(?:are|were|is|was|do|does|did|have|has|had) .{1,200} and .{1,200}\b(?:same|both|alike|similar)\b(?! time)"
)
_OUT_OF = re.compile(rf"\b{_MEASURE}\b.{{0,30}} out of .{{1,100}} and ")
_ONE_OF_TWO = re.compile(
    rf"\A(?:is|are|was|were|do|does|did|has|have|had) .{{1,150}} or .{{1,150}}\b(?:{_COMPARATIVE}|first|last)\b"
)
_THAN = re.compile(rf"\b{_COMPARATIVE}(?: \S+){{0,2}} than\b")
_KEY = re.compile(rf"\b{_MEASURE}\b|\b(?:between|alike|similar)\b")
_ALTERNATIVES = re.compile(r"[,:] ?([^,:?]{1,80}),? or ([^,:?]{1,80})\??\Z", re.IGNORECASE)
# A trial's report holds what it compares: "the effect of celecoxib compared to placebo" is one place.
_EFFECT = re.compile(r"\b(?:effects?|impact|influence|efficacy) of\b")


def _is_comparison(reading: _Reading) -> str:
    if not reading.asks and not _is_short(reading):
        return ""
    if found := _COMPARED.search(reading.asked):
        return f"a comparison ('{found.group()}')"
    for pattern in (_BY_MEASURE, _OF_TWO, _OUT_OF, _BOTH, _ONE_OF_TWO):
        if (found := pattern.search(reading.asked)) and (key := _KEY.search(found.group())):
            return f"a comparison ('{key.group()}')"
    if reading.asks in _AUXILIARY:
        if len(reading.names) > 1 and (found := _THAN.search(reading.asked)):
            return f"a comparison ('{found.group()}')"
        return "a choice of two ('or')" if _joined(reading, _OR) else ""
    chosen = 0 <= reading.asks_at < 4 and _ALTERNATIVES.search(reading.text)
    return "a choice of two ('or')" if chosen else ""


_OR = re.compile(r"\W{0,3}or\W(?:[a-z]+ ){0,4}\W?\Z")
_BETWEEN_SIDES = re.compile(r"\W{0,3}(?:and|or|versus|vs\.?|than|compared (?:to|with))\W(?:[a-z]+ ){0,4}\W?\Z")
_LOWER_SIDES = re.compile(
    rf"(?:\b(?:between|out of|{_MEASURE})|\A(?:compare|contrast)|\A(?:are|were|is|was|do|does|did|have|has|had)) (?:both )?(?:(?:is|was|came|has) )?(.{{1,80}}?) (?:or|and|vs|versus) (.{{1,80}})"
)
_VERSUS = re.compile(r"\A(.{1,80}?) (?:vs|versus) (.{1,80})")
_NO_SIDE = (_FUNCTION - _JOINS) | _set(
    "located based born directed considered classified come comes originate originated"
)
_SIDE_WORDS = 8


def _joined(reading: _Reading, between: re.Pattern[str]) -> tuple[str, ...]:
    """Return the first two names that stand beside each other with such words between them."""
    for left, right in zip(reading.names, reading.names[1:], strict=False):
        start = reading.text.find(left) + len(left)
        if between.match(reading.text[start : reading.text.find(right, start)].removeprefix("'s")):
            return left, right
    return ()


def _sides(reading: _Reading) -> tuple[str, ...]:
    """Return the two things compared as written, or nothing where they are not plain to see."""
    if joined := _joined(reading, _BETWEEN_SIDES):
        return joined
    found = _ALTERNATIVES.search(reading.text) or _LOWER_SIDES.search(reading.asked) or _VERSUS.search(reading.asked)
    sides = tuple(_side(side) for side in found.groups()) if found else ()
    if not all(sides):
        return ()
    lower = reading.text.lower()
    at = [lower.find(side.lower()) for side in sides]
    return tuple(reading.text[i : i + len(side)] if i >= 0 else side for i, side in zip(at, sides, strict=True))


def _side(text: str) -> str:
    words = text.strip(" \"'“”").split(" ")
    while words and words[0].lower() in {"the", "a", "an", "is", "it", "was"}:
        words.pop(0)
    stop = next((i for i, word in enumerate(words) if word in _NO_SIDE), len(words))
    words = words[: min(stop, _SIDE_WORDS)]
    while words and words[-1].lower() in _JOINS:
        words.pop()
    return " ".join(words)


# --- Steps

_RELATION = (
    r"(?:director|composer|performer|author|writer|singer|songwriter|lyricist|producer|creator|founder|co-founder|owner|actor|actress"
    r"|artist|band|architect|designer|inventor|father|mother|parents?|wife|husband|spouse|partner|sons?|daughters?|child|children|brother"
    r"|sister|siblings?|mentor|teacher|coach|manager|president|leader|ceo|chairman|mayor|king|queen|emperor|publisher|developer"
    r"|manufacturer|successor|predecessor|screenwriter|editor|narrator|winner|star|head)"
)
_FAR_RELATION = (
    r"(?:(?:paternal|maternal|great)[ -]\S+|grand(?:father|mother|child|son|daughter|parents?)"
    r"|(?:father|mother|brother|sister|son|daughter)-in-law|uncle|aunt|nephew|niece|cousin|stepfather|stepmother)"
)
_LINK = re.compile(rf"\b({_RELATION}(?: \S+)? (?:of|behind|for))\b|'s? (?:\S+ ){{0,2}}({_RELATION})\b")
_FAR = re.compile(
    rf"\A(?:who|what|which)(?: \S+)? (?:is|was|are|were) (?:the )?(?:({_FAR_RELATION}) of\b|.{{1,120}}'s? ({_FAR_RELATION})\Z)"
)
_LINK_ASKED_FOR = re.compile(
    rf"\A(?:who|what|which) (?:is|was|are|were) (?:the )?(?:names? of )?(?:the )?(?:\S+ ){{0,2}}(?:{_RELATION}|{_FAR_RELATION})\b"
    rf"|\A(?:who|what) (?:is|was|are|were) (?!the (?:\S+ )?\S+ of ).{{1,120}}'s? (?:\S+ ){{0,2}}{_RELATION}\Z"
)
_ATTRIBUTE = re.compile(
    r"\b(?:born|birth|birthday|birthplace|die|died|death|buried|burial|nationality|country|citizenship|city|state|county|where|when|why"
    r"|award|educated|education|study|studied|graduated?|school|university|college|attend|attended|work|works|worked|employer|religion"
    r"|hometown|from|age|old)\b"
)
_SAME_AS = re.compile(r"\bthe same (?:\S+ ){1,4}(?:as|that|which)\b")
_NOUN_ASKED_FOR = re.compile(
    r"\A(?:(?:in|on|at|to|from|of|for|by) )?(?:name|list|state|give|identify|who|what|which|when|where)(?:(?: \S+){0,2}? (?:is|was|are|were)| do (?:you|we) call)?(?: the)?"
    r"(?: (?:names?|title|type|kind|one|term|word)(?: given)? (?:of|for|to))?(?: the| a| an)?\Z"
)
_DETERMINER = _set("the a an this whose")
_RELATIVE = _set("that which who whose whom where")
_NO_NOUN = _FUNCTION | _set(
    "fact idea belief claim evidence way time reason one ones anyone someone people something anything"
)
# Capitals tell "my loan" from "My Lips Betray" where there are any.
_SELF = re.compile(
    r"\b(?i:if|when|do|can|should|could|would|am|did|may|must|will|have|that|but|and|because) (?:i|I|we)\b"
    r"|\b(?:my|our|[iI]'(?:m|ve|d))\b|\A(?:i|we|I|We|My|Our) [a-z]"
)


def _has_steps(reading: _Reading) -> str:
    # What people ask about themselves is told by a rule in one place: "if I am the spouse of a veteran".
    if _SELF.search(reading.text) or not (reading.asks or _is_short(reading)):
        return ""
    inner = _chain(reading.asked) or (reading.asks and _nested(reading))
    if not inner and (same := _SAME_AS.search(reading.asked)):
        inner = same.group()
    return f"a step inside a step ('{inner}')" if inner else ""


def _chain(asked: str) -> str:
    """Return the relation whose bearer must be found first: 'director of', where its birthplace is asked for."""
    if far := _FAR.search(asked):
        return far.group(far.lastindex or 0)
    links = list(_LINK.finditer(asked))
    if len(links) > 1 or (links and not _LINK_ASKED_FOR.search(asked) and _ATTRIBUTE.search(asked)):
        return links[0].group(links[0].lastindex or 0)
    return ""


def _nested(reading: _Reading) -> str:
    """Return a noun that is told by a clause and is not what is asked for: 'the country where'."""
    words = reading.words
    for i in range(3, len(words) - 1):
        if (
            words[i] not in _RELATIVE
            or words[i - 1] in _NO_NOUN
            or i == reading.asks_at
            or _no_relative("", words[i], words[i + 1])
        ):
            continue
        head = next((j for j in range(i - 2, max(i - 7, 0), -1) if words[j] in _FUNCTION), 0)
        if head and words[head] in _DETERMINER and not _NOUN_ASKED_FOR.match(" ".join(words[:head])):
            return " ".join(words[max(head, i - 4) : i + 1])
    return ""


# --- One place

_NUMBER = r"(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|several)"
_LIST = re.compile(
    r"((?:list|enumerate|identify|mention|name(?! of| is))\b|give (?:me |us )?(?:all|some|examples)\b"
    rf"|(?:what|which|who|whose) (?:are|were)(?= (?:the|some|all|other|{_NUMBER})\b| (?:\S+ ){{4}})"
    rf"|(?:what|which) (?:{_NUMBER}|other|(?:types|kinds|sorts|classes|forms) of)\b"
    r"|(?:what|which) (?:\S+ ){0,2}\S{2,30}s (?:are|were|have)\b)|.{0,60}?\b(how many)\b"
)
_DEFINITION = re.compile(
    r"define\b|(?:the )?(?:definition|meaning) of\b|what (?:is|are|was|were) (?:the )?(?:definition|meaning) of\b|what is meant by\b"
    r"|what (?:does|do|did) .{1,120} (?:mean|stand for)\b"
)
_WHAT_IS = re.compile(r"what (?:is|are) (?:an? )?(?P<what>(?:\S+ ){0,3}\S+)\Z")
_WHAT_IS_IN = re.compile(r"what (?:is|are) an? (?:\S+ ){1,3}(?:in|under|according to)\b")
_WHO_IS = re.compile(r"who (?:is|was) (?P<what>(?:\S+ ){0,4}\S+)\Z")
_HOW_WHY = re.compile(
    r"(?:.{0,60}\b)?(why\b|how (?:do|does|did|can|could|should|would|to|is|are|was|were|has|have|had|will|come|might|must)\b)|(explain\b|what (?:causes|caused|happens|happened|makes|made)\b"
    r"|what (?:is|was|are|were) the (?:causes?(?! of death)|reasons?|purpose|mechanisms?|process|procedure|function|role|steps?)\b)"
)
_TIME = re.compile(
    r"\b(?:in|on|since|until|till|before|after|by|during|from|between|as of|around|of|through|to|and) "
    rf"(?:(?:the|early|late|mid|year|years|summer|spring|autumn|fall|winter|{_MONTH}|\d{{1,2}}) ){{0,3}}(?:1[0-9]|20)\d\ds?\b"
    rf"|\bin (?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
)


def _is_list(reading: _Reading) -> str:
    found = _LIST.match(reading.asked)
    return f"several things or a count asked for ('{found.group(found.lastindex or 0)}')" if found else ""


def _is_definition(reading: _Reading) -> str:
    plain = next((found for pattern in (_WHAT_IS, _WHO_IS) if (found := pattern.match(reading.asked))), None)
    # "What is the capital", "who is hosting" and "what is Europe's largest port" ask for more than a meaning.
    plainly = plain and _FUNCTION.isdisjoint(plain.group("what").split(" ")) and "'s" not in plain.group("what")
    if plainly or _DEFINITION.match(reading.asked) or _WHAT_IS_IN.match(reading.asked):
        return f"a meaning asked for ('{' '.join(reading.words[:2])}')"
    return ""


def _is_how_why(reading: _Reading) -> str:
    found = _HOW_WHY.match(reading.asked)
    return f"a way or a reason asked for ('{found.group(found.lastindex or 0)}')" if found else ""


def _is_time_scoped(reading: _Reading) -> str:
    if (not reading.asks and "?" not in reading.text) or reading.asks in _AUXILIARY:
        return ""
    found = _TIME.search(reading.asked)
    return f"a fact at a time ('{found.group()}')" if found else ""


_UNFINISHED = _set(
    "called means is was are were by of in to from with as for the a an known named and into on approximately"
)
_VERB = (_AUXILIARY - {"may", "am"}) | _set(
    "became began came died fell found gave got grew held kept knew led left lost made met played plays ran said sang saw sold spoke "
    "stars starred took went won wrote works lives belongs contains includes features"
)
_KEYWORDS_AT_MOST = 10
_REPLIES = _set("i i'm i've i'd my we our you yes no ok okay thanks thank hi hello")


def _is_yes_no(reading: _Reading) -> str:
    words = reading.words
    if reading.asks in _AUXILIARY or (words[0] in {"if", "whether"} and not reading.asks):
        return f"yes or no ('{words[0]}')"
    if reading.asks or "?" in reading.text or words[-1] in _UNFINISHED or _is_reply(reading):
        return ""
    if verb := _verb(words):
        return f"a claim, true or false ('{verb}')"
    return "a claim, true or false ('.')" if len(words) > 2 and reading.text.endswith(".") else ""


def _verb(words: tuple[str, ...]) -> str:
    """Return the verb of a statement. In "votes required to pass" there is none, in "Orwell reviewed the play" there is."""
    for before, word, after in zip(words, words[1:], (*words[2:], ""), strict=False):
        past = len(word) > 4 and word.endswith("ed") and after in {"a", "an", "the", "his", "her", "its", "their"}
        if (word in _VERB or past) and before not in _RELATIVE:
            return word
    return ""


def _is_reply(reading: _Reading) -> bool:
    return reading.said.split(" ")[0] in _REPLIES or bool(_SELF.search(reading.text))


def _is_fact(reading: _Reading) -> str:
    if reading.asks:
        return f"one fact asked for ('{reading.asks}')"
    if "?" in reading.text:
        return "one fact asked for ('?')"
    if _is_reply(reading):
        return ""
    if reading.words[-1] in _UNFINISHED:
        return f"a sentence to be completed ('{reading.words[-1]}')"
    told = next((word for word in reading.words[1:] if word in _RELATIVE), "")
    return f"one thing described ('{told}')" if told else ""


def _is_keywords(reading: _Reading) -> str:
    return "a few words and no verb" if _is_short(reading) else ""


def _is_short(reading: _Reading) -> bool:
    few = len(reading.words) <= _KEYWORDS_AT_MOST and not reading.text.endswith((".", "?"))
    return few and not reading.asks and not _is_reply(reading) and not _verb(reading.words)


_RULES: tuple[tuple[str, Callable[[_Reading], str]], ...] = (
    ("code", _is_code),
    ("summary", _is_summary),
    ("comparison", _is_comparison),
    ("multi_hop", _has_steps),
    ("list", _is_list),
    ("definition", _is_definition),
    ("how_why", _is_how_why),
    ("time_scoped", _is_time_scoped),
    ("yes_no", _is_yes_no),
    ("fact", _is_fact),
    ("keywords", _is_keywords),
    ("other", lambda _: "neither a question nor keywords"),
)

# --- Complexity

_COUNTED: dict[str, re.Pattern[str]] = {
    "relations": re.compile(rf"\b(?:{_RELATION}|{_FAR_RELATION})\b"),
    "possessives": re.compile(r"\b[^\W_]{1,30}'s?(?= )"),
    "of": re.compile(r"\bof\b"),
    "relatives": re.compile(r"(?<=\S )(?:that|who|whose|whom|which|where)\b"),
    "participles": re.compile(r"\b[a-z]{3,20}(?:ed|own|ade|tten|ing) (?:by|in|at|for|as|on|from|with|to)\b"),
    "told": re.compile(
        r"\b(?:starring|stars|featuring|features|containing|including|based on|known (?:as|for)|best known|called|named)\b"
    ),
    "articles": re.compile(r"\ban? (?=[a-z])"),
    "ands": re.compile(r"\band\b"),
    "ors": re.compile(r"\bor\b"),
    "also": re.compile(r"\b(?:also|another|other)\b"),
    "same": re.compile(r"\b(?:same|both|common)\b"),
    "comparatives": re.compile(rf"\b{_COMPARATIVE}\b"),
    "superlatives": re.compile(r"\b(?:\w{3,20}est|most|least|best|worst|first|last|only)\b"),
    "prepositions": re.compile(r"\b(?:in|on|at|by|for|with|from|to|during)\b"),
    "in_which": re.compile(r"\b(?:in|on|at|of|for|from|by|to|with) (?:what|which|whom)\b"),
    "years": re.compile(r"\b(?:1[0-9]|20)\d\ds?\b"),
    "numbers": re.compile(r"\b\d+"),
    "self": re.compile(r"\b(?:i|i'm|my|me|we|our|you|your)\b"),
}
_COUNT_AT_MOST = 4
_UNKNOWN = 0.5
_UNSEEN = _set("code summary")  # no labelled set holds them
# Logistic regression of "needs more than one passage" on the labelled train sets: yes for hotpotqa, 2wiki and musique, no for
# squad, qed, nq_oracle, selqa, timeqa, fever, evidence_inference and doc2dial, half for multispanqa (several sentences, one
# passage). bioasq says the same in many passages, and taught nothing. Each set weighs the same (1 in all, at C = 10 of
# scikit-learn on features divided by their standard deviation; up to 700 questions drawn from each), each question came as
# written and in lower case without its last mark, as people type. What moves the logit by less than 0.02 is left out.
_WEIGHTS = {
    "words": 1.28,
    "names": 0.29,
    "commas": -0.12,
    "question_mark": -0.24,
    "late": -0.17,
    "auxiliary": -0.51,
    "statement": -1.31,
    "effect": -3.11,
    "comparison": 3.69,
    "multi_hop": 2.73,
    "who": 0.69,
    "what": 0.13,
    "which": 0.42,
    "when": 0.21,
    "where": 0.66,
    "how": -0.69,
    "relations": 1.04,
    "possessives": 0.33,
    "of": 0.05,
    "relatives": 0.59,
    "participles": 0.14,
    "told": 0.55,
    "ands": -0.11,
    "ors": 0.16,
    "also": 0.22,
    "same": 1.07,
    "comparatives": -0.2,
    "superlatives": -0.18,
    "prepositions": -0.17,
    "in_which": 0.73,
    "years": -0.85,
    "numbers": -0.31,
    "self": -0.51,
}
_INTERCEPT = -6.25
# From here on a fact is read as multi_hop. On the labelled train sets, rules and model together then expect several places for
# 99% of 2wiki, 68% of hotpotqa, 83% of musique, and 3.3% of the seven single-place sets (evidence_inference aside: _EFFECT).
_SEVERAL_STEPS = 0.5
_MAY_HIDE_STEPS = _set("fact list time_scoped")


def _features(reading: _Reading, kind: str) -> dict[str, float]:
    found = {
        "words": math.log2(1 + len(reading.said.split(" "))),
        "names": float(min(len(reading.names), _COUNT_AT_MOST)),
        "quotes": float(reading.text.count('"') > 1),
        "commas": float(min(reading.text.count(","), _COUNT_AT_MOST)),
        "question_mark": float("?" in reading.text),
        "late": float(reading.asks_at > 3),
        "auxiliary": float(reading.asks in _AUXILIARY),
        "statement": float(not reading.asks),
        "effect": float(kind == "comparison" and bool(_EFFECT.search(reading.asked))),
        "comparison": float(kind == "comparison" and not _EFFECT.search(reading.asked)),
        "multi_hop": float(kind == "multi_hop"),
    }
    for word in ("who", "what", "which", "when", "where", "why", "how"):
        found[word] = float(reading.asks == word)
    for name, pattern in _COUNTED.items():
        found[name] = float(min(len(pattern.findall(reading.said)), _COUNT_AT_MOST))
    return found


def _complexity(found: dict[str, float]) -> float:
    logit = _INTERCEPT + sum(weight * found[name] for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-logit))


def _movers(reading: _Reading, found: dict[str, float]) -> tuple[str, ...]:
    """Return the words that moved the complexity up the most."""
    moved = sorted(((_WEIGHTS.get(name, 0.0) * found[name], name) for name in _COUNTED), reverse=True)
    matches = (_COUNTED[name].search(reading.said) for moves, name in moved[:2] if moves > 0)
    words = tuple(dict.fromkeys(match.group() for match in matches if match))
    return words or (f"{len(reading.words)} words",)
