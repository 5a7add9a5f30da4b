"""Text that is safe to print: control characters and changes of the reading direction become visible signs."""

from __future__ import annotations

import unicodedata

_CONTROL_PICTURES = 0x2400  # code point of ␀, the first of 32 (Unicode block Control Pictures)
# Arabic, Persian, Indian scripts and emoji need the joiners; a soft hyphen is visible where it breaks a line.
_HARMLESS = frozenset("\n\t\u200c\u200d\u00ad")


def visible(text: str) -> str:
    r"""Return a text with a visible sign for every character that is not printable.

    Control characters become their pictures. Other characters that are not printable by `str.isprintable` (direction
    marks and overrides, zero-width spaces, tags, line separators, lone surrogates, unassigned code points) become
    `<U+....>`. Line breaks, tabs, spaces of every width and joiners stay; a carriage return before a line feed is part
    of the line break.

    >>> visible("\x1b[2Jgone \u202etxt\r\nnext")
    '␛[2Jgone <U+202E>txt\nnext'
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _HARMLESS or unicodedata.category(c) == "Zs" else _sign(ord(c))
        for c in text.replace("\r\n", "\n")
    )


def _sign(code: int) -> str:
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"
