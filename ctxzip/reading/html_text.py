"""HTML in, its text as Markdown out: headings, lists, tables and code keep their form, so that they are split as such."""

from __future__ import annotations

from ctxzip.errors import InputError

HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
TO_INSTALL = "pip install 'ctxzip[html]'"
# What is marked by these stays, without a mark of its own: sentences come out as a person reads them.
_UNMARKED = [
    "a",
    "abbr",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "mark",
    "del",
    "s",
    "ins",
    "cite",
    "dfn",
    "small",
    "sub",
    "sup",
]

_LOSSES = frozenset({"depth_limit_exceeded", "truncated_input"})  # kinds of warnings: text is missing


def is_installed() -> bool:
    """Tell whether the extra that reads HTML is installed."""
    try:
        import html_to_markdown  # noqa: F401
    except ImportError:
        return False
    return True


def text_of(html: str) -> str:
    """Return the text of a page, without scripts, styles, hidden parts, targets of links, and images.

    Raises:
        InputError: not all of the text can be read, such as in tags that are nested thousands deep.
    """
    import html_to_markdown

    options = html_to_markdown.ConversionOptions(
        strip_tags=_UNMARKED,
        skip_images=True,
        extract_metadata=False,
        compact_tables=True,
        expand_abbreviations=False,
        autolinks=False,
        preprocessing=html_to_markdown.PreprocessingOptions(enabled=False),  # it drops headers and whole forms
    )
    try:
        found = html_to_markdown.convert(html, options)
    except html_to_markdown.ConversionError as error:
        raise InputError(f"not readable as HTML: {error}: extract its text first") from error
    lost = next((one.message for one in found.warnings if str(one.kind) in _LOSSES), None)
    if lost is not None:
        raise InputError(f"not readable as HTML: {lost.rstrip('.')}: extract its text first")
    return found.content or ""
