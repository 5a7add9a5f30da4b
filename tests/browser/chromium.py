"""The installed Chromium, offline."""

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
    """Yield a browser without network."""
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
    """Yield a page from disk; `page.events` has its errors, console messages, dialogs and requests."""
    session = browser.new_context(offline=True, **context)
    page = session.new_page()
    page.events = []
    page.on("pageerror", lambda error: page.events.append(f"error: {error}"))
    page.on("console", lambda message: page.events.append(f"console: {message.text}"))
    page.on("dialog", lambda dialog: (page.events.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: page.events.append(f"request: {request.url}"))
    try:
        page.goto(path.resolve().as_uri())
        yield page
    finally:
        session.close()
