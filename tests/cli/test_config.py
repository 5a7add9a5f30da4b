"""Options from the environment and from config files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from ctxzip.cli.app import app
from ctxzip.cli.config_files import check, config_files
from ctxzip.cli.option_origins import commands_of, shared_options
from ctxzip.errors import UsageError
from tests.conftest import ROOT, compress, ctxzip, jsonl

LINE = jsonl(
    {"query": "When does the ferry leave?", "docs": ["Bread is baked. The ferry leaves at seven. Water is wet."]}
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without config files and a project below it, in which the commands run."""
    monkeypatch.delenv("CTXZIP_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project" / "below").mkdir(parents=True)
    return tmp_path


def user_file(home):
    """Where the file of the user lies on this platform."""
    import platformdirs

    path = platformdirs.user_config_path("ctxzip") / "config.toml"
    assert home in path.parents
    path.parent.mkdir(parents=True)
    return path


def check_files():
    """Check the files in force, as every command does."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    for file in config_files():
        check(file, shared_options(root), commands_of(root))


def in_force(home, *command):
    run = ctxzip("config", *command, "--json", cwd=home / "project" / "below")
    assert run.code == 0, run.err
    return {key: (one["value"], one["origin"]) for key, one in json.loads(run.out)["options"].items()}


def test_flags_go_before_the_environment_and_that_before_the_project_and_that_before_the_user(home, monkeypatch):
    """Each level overrides the next, both in `ctxzip compress` and in the output of `ctxzip config`."""
    assert in_force(home)["ratio"] == (None, "default")
    user = user_file(home)
    user.write_text("ratio = 0.1\n")
    assert in_force(home)["ratio"] == (0.1, str(user))
    project = home / "project" / "ctxzip.toml"
    project.write_text("ratio = 0.2\n")
    assert in_force(home)["ratio"] == (0.2, str(project))
    monkeypatch.setenv("CTXZIP_RATIO", "0.3")
    assert in_force(home)["ratio"] == ("0.3", "CTXZIP_RATIO")
    monkeypatch.setenv("CTXZIP_COMPRESS_RATIO", "0.4")
    assert in_force(home)["ratio"] == ("0.4", "CTXZIP_COMPRESS_RATIO")
    for flags, ratio in (([], 0.4), (["--ratio", "0.5"], 0.5)):
        (record,) = compress("--scorer", "bm25", *flags, stdin=LINE, cwd=home / "project" / "below").records
        assert record["ctxzip"]["budget"]["ratio"] == ratio


def test_a_ratio_is_checked_wherever_it_comes_from(home, monkeypatch):
    """A percentage is read there too, and the error names the origin."""
    project = home / "project" / "ctxzip.toml"
    for value, ratio in (("0.2", 0.2), ("'20%'", 0.2), ("1", 1.0)):
        project.write_text(f"ratio = {value}\n")
        (record,) = compress("--scorer", "bm25", stdin=LINE, cwd=home / "project").records
        assert record["ctxzip"]["budget"]["ratio"] == ratio
    expected = "expected a number above 0 and at most 1, or a percentage such as 20%"
    project.write_text("ratio = 0\n")
    run = compress(stdin=LINE, cwd=home / "project")
    assert (run.code, run.err) == (2, f"ctxzip: --ratio 0: {expected} (--ratio is from {project})\n")
    monkeypatch.setenv("CTXZIP_RATIO", "101%")
    run = compress(stdin=LINE, cwd=home / "project")
    assert (run.code, run.err) == (2, f"ctxzip: --ratio 101%: {expected} (--ratio is from CTXZIP_RATIO)\n")


def test_a_table_is_meant_for_one_command_and_the_rest_for_all(home):
    """`[tool.ctxzip]` in pyproject.toml reads as ctxzip.toml does."""
    path = home / "project" / "pyproject.toml"
    path.write_text("[tool.ctxzip]\nmodel = 'nano'\n[tool.ctxzip.eval]\nlimit = 3\nmethod = ['lead', 'bm25']\n")
    found = in_force(home, "eval")
    assert [found[key] for key in ("limit", "method", "model")] == [
        (3, str(path)),
        (["lead", "bm25"], str(path)),
        (["nano"], str(path)),
    ]
    assert in_force(home)["model"] == ("nano", str(path))
    assert in_force(home, "models", "import")["force"] == (False, "default")


def test_the_nearest_file_counts_and_ctxzip_toml_goes_before_pyproject(home):
    """A pyproject.toml that does not speak of us is passed by, even a broken one."""
    (home / "project" / "ctxzip.toml").write_text("ratio = 0.2\n")
    (home / "project" / "below" / "pyproject.toml").write_text("[tool.other\n")
    assert in_force(home)["ratio"][0] == 0.2
    (home / "project" / "below" / "pyproject.toml").write_text("[tool.ctxzip]\nratio = 0.3\n")
    assert in_force(home)["ratio"][0] == 0.3
    (home / "project" / "below" / "ctxzip.toml").write_text("ratio = 0.4\n")
    assert in_force(home)["ratio"][0] == 0.4


def test_one_file_can_be_named_in_place_of_all(home, monkeypatch):
    """And /dev/null is none."""
    (home / "project" / "ctxzip.toml").write_text("ratio = 0.2\n")
    (home / "mine.toml").write_text("ratio = 0.3\n")
    for name, ratio in ((home / "mine.toml", 0.3), (os.devnull, None)):
        monkeypatch.setenv("CTXZIP_CONFIG", str(name))
        assert in_force(home)["ratio"][0] == ratio


@pytest.mark.parametrize("named", [False, True])
def test_a_path_starts_at_the_file_that_it_stands_in(home, monkeypatch, named):
    """Whatever the working folder is: in the file of the user, and in one that is named."""
    path = user_file(home)
    if named:
        path = home / "project" / "mine.toml"
        monkeypatch.setenv("CTXZIP_CONFIG", str(path))
    (path.parent / "policy.json").touch()
    path.write_text("policy = 'policy.json'\nmodel = 'mini'\ntokenizer = './t.json'\nsplitter = 'spacy:./pipeline'\n")
    found = in_force(home)
    assert found["policy"][0] == str(path.parent / "policy.json")
    assert (found["model"][0], found["tokenizer"][0]) == ("mini", "./t.json")  # a name, and a file that is not there
    assert found["splitter"][0] == "spacy:./pipeline"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("policy", "policy.json"),
        ("policy", "elsewhere"),
        ("model", "./evil"),
        ("model", "evil"),
        ("model", "../elsewhere"),
        ("model", "~/evil"),
        ("model", "evil/model.onnx"),
        ("tokenizer", "tokenizer.json"),
        ("tokenizer", "/somewhere/tokenizer.json"),
        ("splitter", "spacy:./evil"),
        ("splitter", "spacy:evil"),
        ("splitter", "spacy:/evil"),
        ("eval.model", "evil"),
        ("score.model", "./evil"),
    ],
)
@pytest.mark.parametrize("name", ["ctxzip.toml", "pyproject.toml"])
def test_a_project_file_may_name_no_path_of_code_or_weights(home, monkeypatch, key, value, name):
    """A stranger may have written it. The message names the file, the key and the places that may name a path."""
    folder = home / "project"
    (folder / "evil").mkdir()
    (folder / "tokenizer.json").touch()
    table, _, option = key.rpartition(".")
    within = ".".join(part for part in ("tool.ctxzip" if name == "pyproject.toml" else "", table) if part)
    head = f"[{within}]\n" if within else ""
    (folder / name).write_text(f"{head}{option} = {value!r}\n")
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError) as error:
        check_files()
    assert str(error.value).startswith(f"{folder / name}: {key}: {value!r} is a path, and a project file may name only")
    assert f"give it as --{option}, or set it in {home}" in str(error.value)


def test_one_path_of_a_list_is_enough_to_refuse_a_project_file(home):
    """`ctxzip eval` compares several models. It is refused whatever command runs, in one line."""
    path = home / "project" / "ctxzip.toml"
    path.write_text("[eval]\nmodel = ['mini', './evil']\n")
    run = compress(stdin=LINE, cwd=path.parent)
    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith(f"ctxzip: {path}: eval.model: './evil' is a path, and a project file may name only")
    assert "CTXZIP_CONFIG" in run.err
    assert run.err.count("\n") == 1


def test_a_project_file_may_name_what_is_installed(home, monkeypatch):
    """Also where a folder has the name of a model: the name goes before it."""
    folder = home / "project"
    imported = home / "models" / "mine"
    imported.mkdir(parents=True)
    (imported / "model.json").write_text("{}")
    monkeypatch.setenv("CTXZIP_MODELS", str(imported.parent))
    for name in ("nano", "words", "mine"):
        (folder / "below" / name).mkdir()
    for lines in (
        ["model = 'nano'", "tokenizer = 'words'", "splitter = 'spacy:de'"],
        ["model = 'ctxzip-mini'", "tokenizer = 'tiktoken:cl100k_base'", "splitter = 'auto'"],
        ["model = 'mine'", "tokenizer = 'model'", "splitter = 'spacy:en_core_web_sm'"],
    ):
        (folder / "ctxzip.toml").write_text("\n".join(lines) + "\n")
        found = in_force(home)
        assert [f"{key} = {found[key][0]!r}" for key in ("model", "tokenizer", "splitter")] == lines
    (folder / "ctxzip.toml").write_text("model = 'minni'\n")
    assert "no model 'minni'" in compress(stdin=LINE, cwd=folder).err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("max-tokns = 3", "unknown key max-tokns; did you mean 'max-tokens'?"),
        ("max_tokens = 3", "unknown key max_tokens; did you mean 'max-tokens'?"),
        ("[compres]", "unknown key compres; did you mean 'compress'?"),
        ("[eval]\nlimits = 3", "unknown key eval.limits; did you mean 'limit'?"),
        ("limit = 3", "unknown key limit"),  # of eval alone
        ("ratio = true", "ratio: expected a string or a number"),
        ("quiet = 1", "quiet: expected true or false"),
        ("compress = 1", "compress: expected a table of options"),
        ("output = 'x'", "output: names a file, folder or address of one call: give it as --output"),
        (
            "[eval]\nreader = 'http://x'",
            "eval.reader: names a file, folder or address of one call: give it as --reader",
        ),
        ("ratio = 0.1.2", "not TOML: "),
        ("ratio = " + "[" * 100_000, "not TOML: nested too deeply"),
        ("threshold = 7", "--threshold 7.0: expected a number from 0 to 1 (--threshold is from "),
        ("threshold = 'x'", "'x' is not a valid float (from "),
        ("scorer = 'bm52'", "'hybrid' (from "),
    ],
)
def test_an_error_in_a_config_file_names_the_file(home, content, message):
    """Before any input is read; the message suggests the likely name."""
    path = home / "project" / "ctxzip.toml"
    path.write_text(content + "\n")
    run = compress(stdin=LINE, cwd=path.parent)
    assert (run.code, run.out) == (2, b"")
    assert message in run.err
    assert str(path) in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(("content", "code"), [("tool = 1", 0), ("[tool]\nctxzip = 1", 2)])
def test_a_pyproject_with_something_else_in_place_of_the_table_is_an_error(home, content, code):
    """In one line. Without a table `tool` the file is that of another program."""
    (home / "project" / "pyproject.toml").write_text(f"# ctxzip\n{content}\n")
    run = compress(stdin=LINE, cwd=home / "project")
    assert run.code == code
    assert run.err.endswith("pyproject.toml: [tool.ctxzip] is not a table\n") == (code == 2)


def test_a_variable_that_is_refused_is_named(monkeypatch):
    """As a file is."""
    monkeypatch.setenv("CTXZIP_THRESHOLD", "lots")
    assert "'lots' is not a valid float (from CTXZIP_THRESHOLD)" in compress(stdin=LINE).err
    monkeypatch.setenv("CTXZIP_THRESHOLD", "7")
    assert "(--threshold is from CTXZIP_THRESHOLD)" in compress(stdin=LINE).err


def test_flags_and_lists_can_be_variables(monkeypatch):
    """true, 1, yes and their opposites; values set apart by spaces."""
    monkeypatch.setenv("CTXZIP_QUIET", "yes")
    monkeypatch.setenv("CTXZIP_SCORER", "bm25")
    assert compress(stdin=LINE).err == ""
    monkeypatch.setenv("CTXZIP_EVAL_METHOD", "lead oracle")
    options = json.loads(ctxzip("config", "eval", "--json").out)["options"]
    assert options["method"] == {"value": ["lead", "oracle"], "origin": "CTXZIP_EVAL_METHOD"}


def test_every_option_of_every_command_can_be_set():
    """Whatever commands there will be."""
    from typer.core import TyperGroup
    from typer.main import get_command

    from ctxzip.cli.app import app
    from ctxzip.cli.command import Command
    from ctxzip.cli.option_origins import in_force as values
    from ctxzip.cli.option_origins import options_of, variables

    def commands(group, path=()):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, (*path, name))
            else:
                yield (*path, name), command

    root = get_command(app)
    assert isinstance(root, TyperGroup)
    for path, command in commands(root):
        assert isinstance(command, Command)
        for key in options_of(command):
            name = variables(path, key, shared=False)[0]
            before = dict(os.environ)
            os.environ[name] = "1"
            try:
                assert values(path, root, [])[key].origin == name
            finally:
                os.environ.clear()
                os.environ.update(before)


def test_config_shows_every_option(home, monkeypatch):
    """And says that no file is read; a typo in a variable is a warning here too."""
    monkeypatch.setenv("CTXZIP_SCORE", "bm25")
    run = ctxzip("config", cwd=home)
    lines = run.out.decode().splitlines()
    assert lines[0].startswith("file  none: no ctxzip.toml from here upwards, no ")
    assert [line.split() for line in lines if line.startswith("scorer ")] == [["scorer", "auto", "default"]]
    assert run.err == "ctxzip: warning: CTXZIP_SCORE names no option; did you mean 'CTXZIP_SCORER'?\n"
    monkeypatch.delenv("CTXZIP_SCORE")
    assert ctxzip("config", "compres").err == "ctxzip: no command 'compres'; did you mean 'compress'?\n"


@pytest.mark.usefixtures("home")
def test_every_command_warns_of_a_variable_that_names_nothing(monkeypatch):
    """Not of options of other commands, and not with --quiet."""
    monkeypatch.setenv("CTXZIP_MAX_TOKEN", "5")
    monkeypatch.setenv("CTXZIP_EVAL_LIMIT", "5")
    warning = "ctxzip: warning: CTXZIP_MAX_TOKEN names no option; did you mean 'CTXZIP_MAX_TOKENS'?"
    run = compress("--scorer", "bm25", stdin=LINE)
    assert run.err.splitlines()[0] == warning
    assert run.err.count("names no option") == 1
    assert warning in ctxzip("models", "list").err
    assert compress("--quiet", "--scorer", "bm25", stdin=LINE).err == ""


def test_every_variable_that_the_code_reads_is_known():
    """One that is not would be reported as a typo."""
    from ctxzip.cli.option_origins import NOT_OPTIONS

    code = "".join(path.read_text("utf-8") for path in (ROOT / "ctxzip").rglob("*.py"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)"(CTXZIP_\w+)""", code)) | set(
        re.findall(r'^_?[A-Z_]+ = "(CTXZIP_\w+)"', code, re.MULTILINE)
    )
    assert {"CTXZIP_PAGER", "CTXZIP_READER_TOKEN", "CTXZIP_MODELS"} <= read
    assert read - {"CTXZIP_"} <= set(NOT_OPTIONS)


def test_help_and_version_read_no_file(home):
    """They work where a file is broken, and show what holds without it."""
    (home / "project" / "ctxzip.toml").write_text("nonsense\n")
    for arguments in (["--version"], ["--help"], ["compress", "--help"]):
        assert ctxzip(*arguments, cwd=home / "project").code == 0
    (home / "project" / "ctxzip.toml").write_text("scorer = 'bm25'\n")
    assert b"[default: auto]" in ctxzip("compress", "--help", cwd=home / "project").out
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); from ctxzip.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "compress", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert not set(done.stderr.split()) & {
        "tomllib",
        "platformdirs",
        "ctxzip.cli.config_files",
        "ctxzip.cli.option_origins",
    }
