"""Where models are found, and the commands of `ctxzip models`."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec

import pytest

from ctxzip._internal.untrusted_files import LARGEST_FILE
from ctxzip.errors import ModelError, UsageError
from ctxzip.model_store import CARD, import_folder, installed_folders, models_folder, open_model, user_models_folder
from ctxzip.settings import DEFAULT_MODEL
from tests.conftest import ctxzip

SHIPPED = models_folder() / DEFAULT_MODEL


@pytest.fixture(autouse=True)
def user_models(tmp_path, monkeypatch):
    """A folder for the models of the user, empty and not yet there."""
    monkeypatch.setenv("CTXZIP_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def mine(user_models):
    """A model of the user."""
    shutil.copytree(SHIPPED, user_models / "mine")
    return user_models / "mine"


def change(folder, **changes):
    card = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**card, **changes}))


def lines(run):
    return [line.split() for line in run.out.decode().splitlines()]


@pytest.mark.parametrize("name", [DEFAULT_MODEL, "mini", str(SHIPPED)])
def test_a_shipped_model_has_a_name_a_short_name_and_a_folder(name):
    """All three are the same model."""
    assert open_model(name).path == SHIPPED
    assert open_model(name).graph is None


@pytest.mark.parametrize("name", ["mini", "nano"])
def test_every_file_of_a_shipped_model_is_on_its_card(name):
    """What is not on it is not checked, and what is not there cannot run."""
    model = open_model(name)
    assert {path.name for path in model.path.iterdir()} - {CARD} == set(model.card["files"])
    assert set(model.card["graphs"].values()) <= set(model.card["files"])
    assert all(model.state(file) == "ok" for file in model.card["files"])


def test_a_model_of_the_user_goes_by_its_name(mine):
    """As soon as it lies there."""
    assert open_model("mine").path == mine
    assert [path.name for path in installed_folders()][-1] == "mine"


def test_a_graph_is_chosen_by_its_file(mine):
    """The model card beside it has the rest; a file that is not on the model card cannot be verified."""
    model = open_model(str(mine / "model.int8.onnx"))
    assert (model.path, model.graph) == (mine, "model.int8.onnx")
    shutil.copy(mine / "model.int8.onnx", mine / "other.onnx")
    with pytest.raises(ModelError, match=r"other\.onnx: not on the card of the model ctxzip-mini: add its SHA-256"):
        open_model(str(mine / "other.onnx")).verified("other.onnx")


def test_without_an_environment_models_lie_in_the_data_folder_of_the_user(monkeypatch):
    """Where the platform has it."""
    monkeypatch.delenv("CTXZIP_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert user_models_folder().parts[-2:] == ("ctxzip", "models")


@pytest.mark.parametrize("name", ["", ".", "..", "../ctxzip-mini", "mega", "mega.onnx", "/nonexistent/model.onnx"])
def test_a_name_that_leads_nowhere_is_a_usage_error(name, tmp_path, monkeypatch):
    """And never to a folder beside the models."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"no model .*: expected ctxzip-mini or a folder with a model"):
        open_model(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../x", "-x", ".x", "a b", "naïve", "x\n", "mini", "nano", "ctxzip-nano", "CTXZIP-mini"],
)
def test_a_name_that_a_model_must_not_have(name):
    """No paths, no options, and nothing that ships."""
    with pytest.raises(UsageError):
        import_folder(name)


@pytest.mark.parametrize("name", ["mine", "bge-reranker.v2_m3", "9"])
def test_a_name_that_a_model_may_have(name, user_models):
    """It is the name of its folder."""
    assert import_folder(name) == user_models / name


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("{", "not a model card"),
        ("[]", "not a model card: no 'files'"),
        ('{"files": {}}', "not a model card: no 'files'"),
        ('{"files": {"../model.onnx": "00"}}', r"'\.\./model\.onnx' in 'files' is not a file beside it"),
        ('{"files": {"model.onnx": 5}}', r"'model\.onnx' in 'files' is not a file beside it"),
        (
            '{"files": {"a.onnx": "00"}, "graphs": {"cuda": "b.onnx"}}',
            r"'b\.onnx', its graph for cuda, is not in 'files'",
        ),
        ('{"files": {"a.onnx": "00"}, "graphs": {"cpu": ["a.onnx"]}}', r"\['a.onnx'\], its graph for cpu"),
        ('{"calibration": NaN}', "not a model card: not a finite number: NaN"),
        ('{"window_length": 1e400}', "not a model card: not a finite number: 1e400"),
        ('{"hybrid": {"bias": 1' + "0" * 400 + "}}", "not a model card: a number of 401 digits"),
        ("[" * 100_000, "not a model card: nested too deeply"),
        ('{"files": {}}' + " " * LARGEST_FILE, "not a model card: larger than 50,000,000 bytes"),
    ],
)
def test_a_file_that_is_not_a_model_card_is_an_error(tmp_path, card, message):
    """The message begins with its path."""
    (tmp_path / "model.json").write_text(card)
    with pytest.raises(ModelError, match=message) as caught:
        open_model(str(tmp_path))
    assert str(caught.value).startswith(str(tmp_path / "model.json"))


def test_folders_without_a_card_and_hidden_ones_are_no_models(user_models, mine):
    """A model that is being written is one of them."""
    (user_models / "empty").mkdir()
    shutil.copytree(mine, user_models / ".mine.1234.tmp")
    assert installed_folders()[-1] == mine


def test_list_has_a_header_and_marks_the_default(mine):
    """The shipped first, one line a model; the columns are aligned."""
    run = ctxzip("models", "list")
    assert (run.code, run.err) == (0, "")
    header, first, *_, last = lines(run)
    assert header == ["name", "kind", "size", "window", "folder"]
    assert (first[0], first[1], first[2], first[-1]) == ("*", DEFAULT_MODEL, "joint", str(SHIPPED))
    assert (last[0], last[1], last[-1]) == ("mine", "joint", str(mine))
    assert [line.split()[0] for line in run.out.decode().splitlines()].count("*") == 1
    assert len({line.index(b"joint") for line in run.out.splitlines()[1:]}) == 1


def test_list_as_json(mine):
    """Bytes, not megabytes."""
    rows = json.loads(ctxzip("models", "list", "--json").out)
    assert rows[0]["name"] == DEFAULT_MODEL
    assert rows[0]["shipped"]
    assert [row["default"] for row in rows].count(True) == 1
    assert rows[-1]["path"] == str(mine)
    assert not rows[-1]["shipped"]
    assert rows[-1]["bytes"] == sum(path.stat().st_size for path in mine.iterdir() if path.name != "model.json")


def test_list_goes_on_where_a_card_cannot_be_read(mine):
    """And exits 3."""
    (mine / "model.json").write_text("{")
    run = ctxzip("models", "list")
    assert run.code == 3
    assert lines(run)[1][1] == DEFAULT_MODEL
    assert f"{mine / 'model.json'}: not a model card" in run.err


@pytest.mark.usefixtures("mine")
def test_show_is_one_screen():
    """What it is, size, languages, licences, scores and limits; the rest is on the card."""
    shown = ctxzip("models", "show", "mine").out.decode()
    for part in (
        "ctxzip-mini 0.1.0\n",
        "what        scores all sentences of a passage together; 384 tokens at once\n",
        "based on    sentence-transformers/all-MiniLM-L6-v2, Apache-2.0\n",
        "languages   English only\n",
        "evidence_inference",
        "            hybrid mini   79.9 90.6 94.6\n",
        "limits      - English only.\n",
        "ctxzip models show mine --json\n",
    ):
        assert part in shown
    assert shown.count("\n") <= 45
    assert max(len(line) for line in shown.splitlines() if not line.startswith("folder")) <= 80


def test_show_of_a_card_that_states_little(mine):
    """As of an imported model."""
    change(
        mine,
        data=[{"name": "squad", "license": "CC BY-SA 4.0"}, {"name": "fever", "license": None}],
        scores={},
        language=None,
        limits=[],
    )
    shown = ctxzip("models", "show", "mine").out.decode()
    assert "CC BY-SA 4.0 (squad); not stated (fever)" in shown
    assert "languages   not stated\n" in shown
    assert "scores      not stated\n" in shown


def test_show_as_json_is_the_card_as_it_is(mine):
    """Byte for byte."""
    assert ctxzip("models", "show", "--json", "mine").out == (mine / "model.json").read_bytes()


def test_show_of_no_model_exits_2():
    """With the command that lists them."""
    run = ctxzip("models", "show", "mega")
    assert (run.code, run.out) == (2, b"")
    assert "`ctxzip models list`" in run.err


def test_verify_reports_ok_damaged_or_missing(mine):
    """One line a file, exit 3 and one line on stderr where one is not ok."""
    with (mine / "tokenizer.json").open("ab") as file:
        file.write(b" ")
    (mine / "model.int8.onnx").unlink()
    run = ctxzip("models", "verify")
    assert run.code == 3
    assert ["ok", DEFAULT_MODEL, "tokenizer.json"] in lines(run)
    assert ["damaged", "mine", "tokenizer.json"] in lines(run)
    assert ["missing", "mine", "model.int8.onnx"] in lines(run)
    assert run.err.startswith(f"ctxzip: 2 of {len(lines(run))} files damaged or missing")
    assert run.err.count("\n") == 1


def test_verify_of_some_models(mine):
    """By name or folder; the others are not checked."""
    (mine / "tokenizer.json").unlink()
    run = ctxzip("models", "verify", "mini", SHIPPED)
    assert (run.code, run.err) == (0, "")
    assert {row[0] for row in lines(run)} == {"ok"}
    assert ctxzip("models", "verify", "mega").code == 2


def test_verify_takes_a_card_that_cannot_be_read_for_damaged(mine):
    """And goes on."""
    (mine / "model.json").write_text("{")
    run = ctxzip("models", "verify")
    assert run.code == 3
    assert ["damaged", "mine", "model.json"] in lines(run)
    assert ["ok", DEFAULT_MODEL, "tokenizer.json"] in lines(run)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope", "--as", "mine"], "mine: a model of this name exists: choose another name, or pass --force"),
        (["nope", "--as", "mini"], "mini: this is the name of a model that ships"),
        (["nope", "--as", "../x"], "not a name for a model: '../x'"),
        (["nope", "--as", "new"], "nope: no such folder: name one, or owner/name of the Hugging Face Hub"),
        (["nope"], "Missing option '--as'"),
    ],
)
def test_a_wrong_import_exits_2_before_anything_is_loaded(mine, arguments, message):
    """And leaves what is there alone."""
    run = ctxzip("models", "import", *arguments)
    assert (run.code, run.out) == (2, b"")
    assert message in run.err
    assert [path.name for path in mine.parent.iterdir()] == ["mine"]


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_import_without_the_extra_exits_3_and_says_what_to_install(user_models):
    """Nothing is written."""
    run = ctxzip("models", "import", SHIPPED, "--as", "new")
    assert (run.code, run.out) == (3, b"")
    assert "pip install 'ctxzip[train]'" in run.err
    assert not user_models.exists()
