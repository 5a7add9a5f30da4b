"""The Chromium of this machine, with the network off."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that reaches nothing but files."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, path: Any, **context: Any) -> Iterator[Any]:
    """A page from disk in a browser without a network; its errors, console and requests are in `page.said`."""
    scene = browser.new_context(offline=True, **context)
    page = scene.new_page()
    page.said = []
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    page.on("console", lambda message: page.said.append(f"console: {message.text}"))
    page.on("dialog", lambda dialog: (page.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: page.said.append(f"request: {request.url}"))
    try:
        page.goto(path.resolve().as_uri())
        yield page
    finally:
        scene.close()
