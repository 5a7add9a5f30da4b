"""Text that can be looked at: what would act on a terminal or turn the reading direction is shown, not sent."""

from __future__ import annotations

import unicodedata

_CONTROL_PICTURES = 0x2400  # ␀ and the 31 pictures behind it (Unicode, block Control Pictures)
# Letters of Arabic, Persian, Indian scripts and emoji lean on the joiners; a soft hyphen shows where it breaks a line.
_HARMLESS = frozenset("\n\t\u200c\u200d\u00ad")


def visible(text: str) -> str:
    r"""Return a text in which every character that is not printed has a sign of its own.

    Control characters become their pictures, and what else Python does not call printable (direction
    marks and overrides, zero-width spaces, tags, line separators, lone surrogates, unassigned code
    points) becomes `<U+....>`. Line breaks, tabs, spaces of every width and joiners stay; a carriage
    return in front of a line feed is part of the line break.

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
