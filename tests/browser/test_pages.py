"""The HTML pages in a real browser, opened from disk, offline."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from ctxzip.compressor import Compressor
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from ctxzip.settings import Settings
from tests.browser.chromium import CHROMIUM, chromium, opened
from tests.cli.test_inspect import HOSTILE
from tests.conftest import FIXTURES, ctxzip, jsonl

pytest.importorskip("playwright", reason="playwright is not installed: make test-browser does it")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")

AXE = Path(os.environ.get("AXE", "build/axe/package/axe.min.js"))
REQUESTS = (FIXTURES / "requests.jsonl").read_text("utf-8").splitlines()
EVERY_KIND = {
    "query": "When does the ferry leave?",
    "docs": [
        {
            "title": "Times",
            "text": "# Ferry\n\n| day | leaves |\n|---|---|\n| Monday | the ferry at seven |\n\nNo bread.",
        },
        {"title": "العبارة", "text": "تغادر العبارة في الساعة السابعة. The ferry leaves at seven."},
        {"title": "Long", "text": f"The ferry {'x' * 3000} leaves. Bread is baked."},
        {"title": "", "text": ""},
        *[{"title": f"Number {i}", "text": f"The mill burned. The ferry {i} sank."} for i in range(100)],
    ],
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A page of a hostile record, one with every kind of unit, one without documents, and one that cannot be parsed."""
    folder = tmp_path_factory.mktemp("page")
    records = jsonl(HOSTILE, EVERY_KIND, {"query": "Why?", "docs": []})
    ctxzip("inspect", "--scorer", "bm25", "--html", folder / "page.html", stdin=records + "{\n")
    return folder / "page.html"


@pytest.fixture(scope="module")
def report_file(tmp_path_factory):
    """The report of two methods on hostile questions, compared with a baseline."""
    folder = tmp_path_factory.mktemp("report")
    labelled = [
        {**record, "docs": [doc | {"evidence": [[0, 8]]} for doc in record["docs"]]} for record in [HOSTILE] * 2
    ]
    (folder / "set.jsonl").write_text(jsonl(*labelled, *map(json.loads, REQUESTS)))
    call = ("eval", "--method", "bm25", "--method", "lead", "--report", folder / "report", folder / "set.jsonl")
    ctxzip(*call)
    assert ctxzip(*call, "--baseline", folder / "report" / "numbers.json").code == 0
    return folder / "report" / "index.html"


def kept(page, record):
    """Return the indices of the units that the page shows as kept."""
    units = page.locator(f"#record-{record} .unit.kept")
    return units.evaluate_all("(found) => found.map((unit) => Number(unit.dataset.index))")


def test_no_script_of_a_hostile_record_runs(browser, page_file):
    """No dialog, no error, no request except for the file itself, and no element from a text."""
    with opened(browser, page_file) as page:
        page.locator("#toggle").click()
        for unit in page.locator("#record-1 .unit").all():
            unit.hover()
        assert page.events == [f"request: {page_file.as_uri()}"]
        assert page.locator("img, iframe, script:not(:last-child)").count() == 0
        assert "<script>alert('q')</script>" in page.locator("h2").first.inner_text()


def test_the_content_security_policy_blocks_an_unescaped_script(browser, page_file, tmp_path):
    """The second line of defence."""
    broken = tmp_path / "broken.html"
    broken.write_text(page_file.read_text("utf-8").replace("<main>", "<main><script>alert(1)</script>"), "utf-8")
    with opened(browser, broken) as page:
        assert not [line for line in page.events if line.startswith("dialog")]
        assert any("Content Security Policy" in line for line in page.events)


def test_the_slider_agrees_with_threshold(browser, page_file):
    """Headings and table headers with the units under them, and always the best unit."""
    with opened(browser, page_file) as page:
        for threshold in (0.0, 0.05, 0.131, 0.3, 1.0):
            page.locator("#exact").fill(str(threshold))
            compressor = Compressor(Settings(threshold=threshold, scorer="bm25"))
            for number, record in ((1, HOSTILE), (2, EVERY_KIND)):
                result = compressor.compress(to_request(record, SHAPES))
                assert kept(page, number) == list(result.selection.kept)
            assert f"--threshold {threshold:g} alone" in page.locator("#state").inner_text()
            assert page.locator("#threshold").input_value() == f"{threshold:g}"


def test_the_keyboard_reaches_slider_documents_and_sentences(browser, page_file):
    """Tab reaches the slider, and arrows move it; in a document arrows move between sentences and show their scores."""
    with opened(browser, page_file) as page:
        before = kept(page, 2)
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        assert len(kept(page, 2)) > len(before)
        page.locator("#reset").press("Enter")
        assert kept(page, 2) == before
        page.locator("#record-2 summary").first.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        focused = page.locator(":focus")
        assert focused.get_attribute("data-index") == "1"
        assert focused.get_attribute("aria-describedby") == "note"
        assert re.match(
            r"(Kept|Dropped), probability 0\.\d{4}, table header of \d+ tokens", page.locator("#note").inner_text()
        )
        page.keyboard.press("Escape")
        assert page.locator("#note").is_hidden()


def test_a_dropped_sentence_shows_its_reason_under_the_pointer(browser, page_file):
    """The reason of the selection, and that of the threshold after the slider is moved."""
    with opened(browser, page_file) as page:
        page.locator("#toggle").click()
        dropped = page.locator("#record-2 .unit:not(.kept)[data-free]").first
        dropped.hover()
        assert page.locator("#note").inner_text().endswith(f": {dropped.get_attribute('data-reason')}")
        page.locator("#exact").fill("0.9")
        page.locator("#record-2 .unit:not(.kept)[data-free]").first.hover()
        assert page.locator("#note").inner_text().endswith("probability below 0.9")


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_window(browser, page_file, width):
    """On a phone and on a desktop, with very long words."""
    with opened(browser, page_file, viewport={"width": width, "height": 800}) as page:
        page.locator("#toggle").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.skipif(not AXE.is_file(), reason="there is no axe-core: make test-browser fetches it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["page_file", "report_file"])
def test_axe_finds_no_violations(browser, request, name, scheme):
    """In both colour schemes, with all documents open; nothing else is loaded."""
    file = request.getfixturevalue(name)
    with opened(browser, file, color_scheme=scheme) as page:
        page.locator("details").evaluate_all("(found) => found.forEach((details) => (details.open = true))")
        assert page.events == [f"request: {file.as_uri()}"]
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run()")
        assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found["violations"]] == []
        assert len(found["passes"]) > 20
