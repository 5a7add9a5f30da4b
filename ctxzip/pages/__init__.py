"""Pages for a browser: one file each, that loads nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ctxzip import __version__
from ctxzip.visible import visible

if TYPE_CHECKING:
    from markupsafe import Markup


def page(name: str, **values: Any) -> str:
    """Return the page of a template in this folder, `NAME.html.j2` with `NAME.css` and `NAME.js`.

    Everything that a template prints is made visible (`ctxzip.visible`) and escaped. The page forbids
    the browser all but its own style and script, which it names by their hashes, so that a text could
    run nothing even if it came through as HTML.

    Args:
        name: of the template.
        **values: what it prints.
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
    style, script = (Markup(_asset(asset)) for asset in (f"{name}.css", f"{name}.js"))  # noqa: S704  # ships with us
    return environment.get_template(f"{name}.html.j2").render(
        version=__version__,
        base_style=(base := Markup(_asset("page.css"))),  # noqa: S704  # ships with us
        style=style,
        script=script,
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(base)} {_hash(style)}; script-src {_hash(script)}",
        **values,
    )


def _asset(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


def _hash(content: Markup) -> str:
    """Return what a content security policy calls an inline style or script (CSP level 2, section 4.2.5)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
