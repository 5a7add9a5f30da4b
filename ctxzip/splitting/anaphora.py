"""Sentence -> whether it needs the one before it: its subject is a pronoun, or a word that refers back opens it."""

from __future__ import annotations

import re

# "On Sundays it opens ...": a phrase before the pronoun.
_PHRASE = r"(?:(?:On|In|At|By|From|After|Before|Since|During|Until|For|With|There|Here|Then|Later|Today|Now) (?:[^\s,]+ ){0,3}?[^\s,]*,? )?"
_ENGLISH = (
    rf"{_PHRASE}(?:[Tt]hey|[Hh]e|[Ss]he|[Ii]t(?! (?:is|was) (?:\w+ly )?(?:\w+) (?:that|to|whether)\b))\b(?!')"
    r"|(?:This|That|These|Those)(?= (?:is|are|was|were|has|have|had|can|could|may|might|must|will|would|should|does|did"
    r"|means?|makes?|made|happens?|happened|includes?|included|led|gives?|gave|applies|applied|costs?|took|takes)\b)"
    r"|(?:Its|Their|His|Her) [a-z]"
    r"|(?:However|Therefore|Otherwise|Instead|Moreover|Furthermore|Nevertheless|Consequently|Thus|Hence),? "
    r"|(?:The (?:former|latter|same)|Both of (?:them|these)|Neither of them|One of (?:them|these))\b"
)
_OTHERS = (
    r"(?:Er|Sie|Dies|Dieser|Dieses|Diese|Dabei|Dazu|Dafür|Dagegen|Darin|Dort|Daher|Deshalb|Danach|Sein|Ihr)\b(?= [a-zäöü])"
    r"|(?:Il|Elle|Ils|Elles|Cela|Ceci|C’est|C'est|Celui-ci|Celle-ci)\b(?! (?:faut|y a|est (?:important|possible|nécessaire)))"
    r"|(?:Ello|Esto|Eso|Éste|Ésta|Ellos|Ellas|Esso|Essa|Essi|Esse|Ciò|Isso|Isto|Ele|Ela|Eles|Elas|Zij|Hij|Dit|Deze)\b(?= [a-zà-ü])"
)
_DEPENDENT = re.compile(rf"\W{{0,3}}(?:{_ENGLISH}|{_OTHERS})")


def is_context_dependent(sentence: str) -> bool:
    """Return whether a sentence refers to the one before it, in English and six more languages.

    >>> is_context_dependent("On Sundays it opens at half past eight."), is_context_dependent("The bridge is old.")
    (True, False)
    """
    return bool(_DEPENDENT.match(sentence))
