"""The word lists and patterns that several query rules share, in lower case."""

from __future__ import annotations

import re


def word_set(words: str) -> frozenset[str]:
    """Return the words of a string, split at white space, as a set."""
    return frozenset(words.split())


WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

WH_WORDS = word_set("who whom whose what which when where why how")
AUXILIARIES = word_set(
    "is are was were am do does did has have had can could will would shall should may might must "
    "isn't aren't wasn't weren't don't doesn't didn't hasn't haven't can't couldn't won't wouldn't shouldn't"
)
FUNCTION_WORDS = (
    WH_WORDS
    | AUXILIARIES
    | word_set(
        "a an the of in on at to for from by with about into over under between among during after before since until than as "
        "and or but nor not if whether that this these those it its he she they them his her their him i me my we us our you "
        "your there here be been being all both each every any some many much more most other also only same such please list "
        "name define explain describe summarize summarise identify tell give show find compare according no yes"
    )
)
# Greetings and fillers in front of a question.
LEAD_IN_WORDS = word_set(
    "hi hello hey ok okay thanks thank great good and so but also well please q yes no alright sorry"
)
PREPOSITIONS = word_set("in on at of for from by to with about during until since after before under")
RELATIVE_PRONOUNS = word_set("that which who whose whom where")
# Lower-case words inside names: "Isle of Marlow", "Ludwig van Beethoven".
NAME_PARTICLES = word_set("of the de la le du des del di da do dos van von der den bin al el")
MONTH = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"

# Common words of German, French, Spanish, Italian, Portuguese and Dutch that are not English words.
NON_ENGLISH_WORDS = word_set(
    "ist ein eine einer einem wer wem wen welchem wie wo wann warum welche welcher welches nicht mit für auf wurde wird werden sind sich nach über ich wir "
    "qui que quoi quel quelle quels quelles où quand pourquoi est sont était une les dans avec cette ont été combien "
    "qué quién quiénes cuál cuáles dónde cuándo cómo cuánto cuántos cuántas está están fue fueron una los "
    "cosa quale quali perché quanto quanti è dello degli delle nel nella gli che stato "
    "quem qual quais onde quando porque quantos são foi foram uma não pelo pela você "
    "wat waar wanneer waarom welke hoeveel het een zijn werd niet voor"
)
# Capitals distinguish "my loan" from the title "My Lips Betray".
FIRST_PERSON = re.compile(
    r"\b(?i:if|when|do|can|should|could|would|am|did|may|must|will|have|that|but|and|because) (?:i|I|we)\b"
    r"|\b(?:my|our|[iI]'(?:m|ve|d))\b|\A(?:i|we|I|We|My|Our) [a-z]"
)
