"""HTML -> its text as Markdown. Headings, lists, tables and code keep their structure, so that they become units."""

from __future__ import annotations

from ctxzip.errors import InputError

HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
TO_INSTALL = "pip install 'ctxzip[html]'"
# The text in these elements is kept without Markdown marks.
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

_LOSSES = frozenset({"depth_limit_exceeded", "truncated_input"})  # kinds of warnings that mean missing text


def is_installed() -> bool:
    """Return whether the extra `html` is installed."""
    try:
        import html_to_markdown  # noqa: F401
    except ImportError:
        return False
    return True


def text_of(html: str) -> str:
    """Return the text of a page as Markdown, without scripts, styles, hidden parts, link targets and images.

    Raises:
        InputError: the text cannot be extracted completely, for example because tags are nested thousands of levels deep.
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
