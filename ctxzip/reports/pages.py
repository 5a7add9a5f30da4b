"""HTML pages: one file each, which loads no other file and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip._internal.terminal_text import visible

if TYPE_CHECKING:
    from markupsafe import Markup


def page(name: str, *, scripted: bool = False, **values: Any) -> str:
    """Return the HTML of the template `NAME.html.j2` with `NAME.css` and, where it is `scripted`, `NAME.js`.

    Control characters in texts are made visible (`ctxzip._internal.terminal_text`), and texts are escaped. A content
    security policy allows only the style and script of the page, by their hashes, so a text that was not escaped could
    still not run a script.

    Args:
        name: of the template.
        scripted: whether it has a script.
        **values: the variables of the template.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    base_style, style, script = (
        Markup(_asset(asset)) if asset else Markup()  # noqa: S704  # ships with us
        for asset in ("page.css", f"{name}.css", f"{name}.js" if scripted else "")
    )
    scripts = _hash(script) if scripted else "'none'"
    return environment.get_template(f"{name}.html.j2").render(
        version=__version__,
        base_style=base_style,
        style=style,
        script=script,
        policy="default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(base_style)} {_hash(style)}; script-src {scripts}",
        **values,
    )


def _asset(name: str) -> str:
    return files("ctxzip.reports").joinpath(name).read_text("utf-8")


def _hash(content: Markup) -> str:
    """Return the hash of an inline style or script in a content security policy (CSP level 2, section 4.2.5)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
