"""The wheel, its public names, and its errors."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib import import_module
from importlib.util import find_spec

import pytest

import ctxzip
from ctxzip.errors import BackendError, CtxzipError, InputError, MissingDependencyError, ModelError, UsageError
from tests.conftest import FIXTURES, ROOT


def test_the_public_names_are_these():
    """Anything else may change."""
    assert sorted(ctxzip.__all__) == [
        "Compressor",
        "Passage",
        "Request",
        "Result",
        "Settings",
        "__version__",
        "compress",
    ]
    assert [name for name in ctxzip.__all__ if not hasattr(ctxzip, name)] == []
    assert dir(ctxzip) == sorted(ctxzip.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ctxzip.nothing


def test_importing_the_package_loads_nothing_heavy():
    """Names are loaded when they are used."""
    code = "import sys, ctxzip; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not set(done.stdout.split()) & {"numpy", "msgspec", "tokenizers", "typer", "ctxzip.compressor"}


def test_documents_may_be_one_text_passages_or_objects():
    """And a text is never taken for a list of letters."""
    text = "Bread is baked. The ferry leaves at seven."
    for documents in (text, [text], [ctxzip.Passage(text)], [{"text": text}], (ctxzip.Passage(text, title="Ferry"),)):
        result = ctxzip.compress("When does the ferry leave?", documents, max_sentences=1)
        assert result.texts == ("The ferry leaves at seven.",)
    with pytest.raises(InputError, match=r"\$\.docs\[0\], got a Python object"):
        ctxzip.compress("When?", [object()])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "setting", [{"to": "md"}, {"order": "foo"}, {"budget": "foo"}, {"ratio": "0.3"}, {"top_docs": 2.5}]
)
def test_a_setting_that_names_nothing_is_a_usage_error(setting):
    """A call without a type checker gets a clear error."""
    with pytest.raises(UsageError, match=f"^{next(iter(setting))}="):
        ctxzip.compress("When?", ["At ten."], **setting)


def test_every_error_has_its_exit_code():
    """One tree, caught once."""
    codes = {error: error.exit_code for error in (UsageError, InputError, ModelError, MissingDependencyError)}
    assert list(codes.values()) == [2, 1, 3, 3]
    assert all(issubclass(error, CtxzipError) for error in codes)
    assert issubclass(ModelError, BackendError)


@pytest.mark.parametrize(
    ("module", "needs", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("llamaindex", "llama_index", "llamaindex"),
        ("haystack", "haystack", "haystack"),
    ],
)
def test_an_adapter_without_its_framework_names_the_extra(module, needs, extra):
    """In one plain sentence."""
    if find_spec(needs) is not None:
        pytest.skip(f"{needs} is installed")
    with pytest.raises(MissingDependencyError, match=rf"pip install 'ctxzip\[{extra}\]'"):
        import_module(f"ctxzip.integrations.{module}")


PAGES = ("page.css", "inspect.css", "inspect.js", "inspect.html.j2", "report.css", "report.html.j2")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the source archive as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_models_the_types_and_the_pages_and_nothing_of_the_tests(wheel):
    """What the tool needs at run time."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"ctxzip/py.typed", "ctxzip/models/ctxzip-mini/tokenizer.json", "ctxzip/__main__.py"} <= names
    assert {f"ctxzip/reports/{name}" for name in PAGES} <= names
    assert not [name for name in names if name.startswith(("tests", "fixtures", "models"))]


@pytest.mark.slow
def test_the_wheel_brings_the_man_page_and_the_completions(wheel):
    """pip puts what is below data/ into the prefix, where man and the shells look."""
    names = {name.partition(".data/data/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    shipped = {
        str(path.relative_to(ROOT / "ctxzip")) for path in (ROOT / "ctxzip" / "share").rglob("*") if path.is_file()
    }
    assert len(shipped) == 4
    assert shipped <= names


@pytest.mark.slow
def test_the_wheel_works_outside_of_the_checkout(wheel, tmp_path):
    """Installed into a folder of its own, run from another one."""
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    code = "import sys, ctxzip; print(ctxzip.__file__, file=sys.stderr); from ctxzip.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "compress", "--quiet", FIXTURES / "requests.jsonl"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stderr.decode().strip() == str(target / "ctxzip" / "__init__.py")
    assert done.stdout.count(b"\n") == 20
