"""Writes the screenshots of the pages and of the terminal: `python -m tests.browser.screenshots FOLDER`."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import chromium, opened
from tests.conftest import ROOT, ctxzip

COLUMNS, LINES = 100, 44
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 14px; background: #14181d; color: #d5dbe1 }} pre {{ margin: 0; font: 14px/1.35 monospace }}
</style><pre>{code}</pre>"""


def terminal(page: Path, *arguments: str | Path) -> None:
    """Write the terminal output of a command as HTML."""
    from rich.console import Console
    from rich.text import Text

    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "CTXZIP_PAGER": "cat", "TERM": "xterm-256color"}
    shown = subprocess.Popen(
        [sys.executable, "-m", "ctxzip", *map(str, arguments)], stdout=theirs, cwd=ROOT, env={**os.environ, **size}
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            written += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    shown.wait()
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True)
    console.print(Text("\n").join(Text.from_ansi(written.decode().replace("\r\n", "\n")).split("\n")[: LINES - 1]))
    page.write_text(console.export_html(code_format=TERMINAL, inline_styles=True), "utf-8")


def main(folder: Path) -> None:
    """Write every screenshot."""
    folder.mkdir(parents=True, exist_ok=True)
    requests = "fixtures/requests.jsonl"
    size = {"width": 1000, "height": 760}
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        shown, lines = Path(name, "inspect.html"), Path(name, "terminal.html")
        ctxzip("inspect", "--quiet", "--html", shown, requests, cwd=ROOT)
        for scheme in ("light", "dark"):
            with opened(browser, shown, color_scheme=scheme, viewport=size) as page:
                page.locator("nav a").first.click()
                page.locator("#record-1 .unit:not(.kept)").nth(1).hover()
                page.screenshot(path=folder / f"inspect-{scheme}.png")
        methods = [part for name in ("lead", "bm25", "hybrid", "oracle") for part in ("--method", name)]
        ctxzip("eval", "--quiet", *methods, "--report", name, requests, cwd=ROOT)
        with opened(browser, Path(name, "index.html"), viewport=size) as page:
            page.screenshot(path=folder / "report.png")
        terminal(lines, "inspect", "--quiet", requests)
        with opened(browser, lines, viewport={"width": 880, "height": 840}) as page:
            page.screenshot(path=folder / "inspect-terminal.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
