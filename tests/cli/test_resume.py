"""--resume: a run that ends early is gone on with, and its file is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import count
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxzip.cli import journal, output
from tests.conftest import RECORD, Run, ctxzip, jsonl

if TYPE_CHECKING:
    from pathlib import Path

fcntl = pytest.importorskip("fcntl")

RECORDS = [
    {**RECORD, "id": n, "docs": [f"Bread is baked. The ferry {n} leaves at {n + 5}. Water is wet."]} for n in range(6)
]
LINES = jsonl(*RECORDS[:2]) + "{broken\n" + jsonl(*RECORDS[2:])
CALL = ("compress", "--scorer", "bm25", "-n", "1")


def stop_at(folder, n, *options, command=CALL, lines=LINES, name="in.jsonl"):
    """Run a command until it would write record `n`, from 1, and leave what a kill leaves."""
    (folder / name).write_text(lines)
    write, n_written = output.Writer.write, count(1)

    def killed(self, item, counts):
        if next(n_written) == n:
            sys.exit(137)
        write(self, item, counts)

    with patch.object(output.Writer, "write", killed):
        assert ctxzip(*command, *options, "--resume", "-o", "out", name, cwd=folder).code == 137
    assert sorted(path.name for path in folder.iterdir()) == sorted([name, "out.part", "out.part.journal"])


@pytest.fixture
def stopped(tmp_path):
    """Return a function that runs a command until its fifth record."""

    def run(*options, **how):
        stop_at(tmp_path, 5, *options, **how)
        return tmp_path

    return run


def resumed(folder, *options, command=CALL, name="in.jsonl") -> Run:
    return ctxzip(*command, *options, "--resume", "-o", "out", name, cwd=folder)


def undisturbed(folder: Path, *options, command=CALL, name="in.jsonl") -> bytes:
    ctxzip(*command, *options, "-o", "whole", name, cwd=folder)
    return (folder / "whole").read_bytes()


@pytest.mark.parametrize(
    "options",
    [(), ("--on-error", "skip"), ("--to", "text"), ("--to", "markdown", "-0"), ("--to", "langchain"), ("--explain",)],
    ids=" ".join,
)
def test_the_file_is_that_of_an_undisturbed_run(stopped, options):
    """In every format, with a bad record before the end of the first run."""
    folder = stopped(*options)
    run = resumed(folder, *options)
    assert run.code == 1
    assert "4 by the earlier run" in run.err.splitlines()[-1]
    assert (folder / "out").read_bytes() == undisturbed(folder, *options)
    assert sorted(path.name for path in folder.iterdir()) == ["in.jsonl", "out", "whole"]


def test_rows_of_a_table_are_gone_on_with(stopped):
    """Without a second header."""
    rows = "question,context\n" + "".join(f'When is bus {n}?,"Bread is baked. Bus {n} is at {n}."\n' for n in range(9))
    folder = stopped(lines=rows, name="in.csv")
    run = resumed(folder, name="in.csv")
    assert (run.code, "4 by the earlier run" in run.err) == (0, True)
    assert (folder / "out").read_bytes() == undisturbed(folder, name="in.csv")


def test_scores_are_gone_on_with(stopped):
    """As `compress` is."""
    command = ("score", "--scorer", "bm25")
    folder = stopped(command=command)
    run = resumed(folder, command=command)
    assert (run.code, "4 by the earlier run" in run.err) == (1, True)
    assert (folder / "out").read_bytes() == undisturbed(folder, command=command)


@pytest.fixture(scope="module")
def torn(tmp_path_factory):
    """A folder with the bytes that a run left, and those of an undisturbed run."""
    folder = tmp_path_factory.mktemp("torn")
    stop_at(folder, 7)
    left = {name: (folder / name).read_bytes() for name in ("out.part", "out.part.journal")}
    return folder, left, undisturbed(folder)


@settings(max_examples=60)
@given(cuts=st.tuples(*[st.integers(0, 3_000)] * 2), zeros=st.tuples(*[st.integers(0, 9)] * 2))
def test_what_is_torn_anywhere_is_written_again(torn, cuts, zeros):
    """Output and journal may each be cut at any byte, and end in the zeros that a power cut leaves."""
    folder, left, whole = torn
    for (name, data), cut, n_zeros in zip(left.items(), cuts, zeros, strict=True):
        (folder / name).write_bytes(data[:cut] + bytes(n_zeros))
    assert resumed(folder, "--quiet").code == 1
    assert (folder / "out").read_bytes() == whole
    assert not (folder / "out.part").exists()


def test_an_option_that_changed_is_named(stopped):
    """The partial output stays, and the right call goes on with it."""
    folder = stopped()
    run = resumed(folder, "--ratio", "0.5")
    assert run.code == 2
    assert run.err == (
        "ctxzip: out: cannot go on with the earlier run: --ratio was not set and is 0.5: "
        "call it as before, or without --resume to start over\n"
    )
    assert resumed(folder).code == 1
    assert (folder / "out").read_bytes() == undisturbed(folder)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES.replace("ferry 1", "ferry one"), "in.jsonl: line 2: not what the earlier run read there"),
        (LINES.replace("{broken", "{mended"), "record 3: not what the earlier run read there"),
        (jsonl(*RECORDS[:2]), "the earlier run read 4 records, and now there are 2"),
    ],
)
def test_an_input_that_changed_is_an_error(stopped, lines, message):
    """Where a record is done; what was finished stays."""
    folder = stopped()
    (folder / "in.jsonl").write_text(lines)
    run = resumed(folder)
    assert run.code == 2
    assert run.err.startswith("ctxzip: " + message) or f"\nctxzip: {message}" in run.err
    assert (folder / "out.part").exists()
    assert not (folder / "out").exists()


def test_lines_may_be_added_behind_what_is_finished(stopped):
    """A record that is not done is read as it is now."""
    folder = stopped()
    with (folder / "in.jsonl").open("a") as stream:
        stream.write(jsonl({**RECORDS[0], "id": "added"}))
    assert resumed(folder).code == 1
    assert (folder / "out").read_bytes() == undisturbed(folder)


def test_the_summary_is_of_both_runs(stopped):
    """Its counts are those of an undisturbed run."""
    folder = stopped()
    run = resumed(folder, "--stats", "stats.json", "--errors", "errors.jsonl")
    undisturbed(folder, "--stats", "whole.json", "--errors", "whole.jsonl")
    assert "4 by the earlier run" in run.err.splitlines()[-1]
    found, expected = (json.loads((folder / name).read_text()) for name in ("stats.json", "whole.json"))
    assert found.pop("earlier") == 4
    for stats in (found, expected):
        del stats["elapsed_s"]
    assert found == expected
    assert (folder / "errors.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()


def test_a_record_that_stops_the_run_can_be_mended(tmp_path):
    """--on-error fail keeps what is finished before it."""
    (tmp_path / "in.jsonl").write_text(LINES)
    assert resumed(tmp_path, "--on-error", "fail").code == 1
    (tmp_path / "in.jsonl").write_text(LINES.replace("{broken\n", ""))
    run = resumed(tmp_path, "--on-error", "fail")
    assert run.code == 0
    assert "2 by the earlier run" in run.err
    assert (tmp_path / "out").read_bytes() == undisturbed(tmp_path)


def test_without_resume_a_run_starts_over(stopped):
    """And leaves nothing of the earlier one."""
    folder = stopped()
    assert ctxzip(*CALL, "-o", "out", "in.jsonl", cwd=folder).code == 1
    assert sorted(path.name for path in folder.iterdir()) == ["in.jsonl", "out"]


def test_a_killed_process_is_gone_on_with(tmp_path):
    """SIGKILL leaves no time for anything."""
    command = [sys.executable, "-m", "ctxzip", *CALL, "--resume", "-o", "out"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=tmp_path)
    assert process.stdin is not None
    process.stdin.write("".join(LINES.splitlines(keepends=True)[:4]).encode())
    process.stdin.flush()
    for _ in range(600):
        if (tmp_path / "out.part").exists() and (tmp_path / "out.part").read_bytes().count(b"\n") == 4:
            break
        time.sleep(0.1)
    process.kill()
    process.stdin.close()
    process.wait()
    done = subprocess.run(command, input=LINES.encode(), cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert b"by the earlier run" in done.stderr
    (tmp_path / "in.jsonl").write_text(LINES)
    with (tmp_path / "in.jsonl").open() as stdin:
        whole = subprocess.run([*command[:-3], "-o", "whole"], stdin=stdin, cwd=tmp_path, check=False, timeout=60)
    assert whole.returncode == done.returncode == 1
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name the file that the output goes to (--resume, --output)"),
        (["-o", "-"], "name the file that the output goes to (--resume, --output)"),
        (["-o", "in.jsonl"], "in.jsonl: the input, too: name another file (--resume, --output)"),
        (["-o", "/dev/null"], "/dev/null: not a file, so no run can be resumed in it (--resume, --output)"),
    ],
)
def test_resume_needs_a_file_of_its_own(tmp_path, options, message):
    """A pipe cannot be cut, and an input has to stay as it is."""
    (tmp_path / "in.jsonl").write_text(LINES)
    run = ctxzip(*CALL, "--resume", *options, "in.jsonl", cwd=tmp_path)
    assert (run.code, run.err) == (2, f"ctxzip: {message}\n")
    assert (tmp_path / "in.jsonl").read_text() == LINES


def test_parquet_is_refused(tmp_path):
    """Its end is written last, so that it cannot be gone on with."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "in.parquet")
    run = resumed(tmp_path, name="in.parquet")
    assert (run.code, run.err) == (2, "ctxzip: Parquet is written in one run: write jsonl (--resume, --to)\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("options", [(), ("--resume",)], ids=" ".join)
def test_two_runs_do_not_write_one_file(tmp_path, options):
    """The second ends at once, and the first is not disturbed."""
    (tmp_path / "in.jsonl").write_text(LINES)
    with (tmp_path / "out.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        run = ctxzip(*CALL, *options, "-o", "out", "in.jsonl", cwd=tmp_path)
        assert (run.code, run.err) == (
            2,
            "ctxzip: out: another run is writing it: wait for it, or name another file\n",
        )
    assert (tmp_path / "out.part").exists()


TABLE = "question,context\n" + "".join(f"When {n}?,Bus {n} is at {n}.\n" for n in range(3))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TABLE, TABLE.replace("question,", "id,question,").replace("\nWhen", "\n1,When")),
        (TABLE, LINES),
        (LINES, TABLE),
        (TABLE, TABLE.replace(",", ";")),
    ],
    ids=["other columns", "records behind a table", "a table behind records", "another delimiter"],
)
def test_several_inputs_end_as_in_an_undisturbed_run(tmp_path, first, second):
    """With the same error, or the same bytes, however often the call is repeated."""
    names = ["a.csv" if first is TABLE else "a.jsonl", "b.csv" if second is not LINES else "b.jsonl"]
    for name, content in zip(names, (first, second), strict=True):
        (tmp_path / name).write_text(content)
    whole = ctxzip(*CALL, "--quiet", "-o", "whole", *names, cwd=tmp_path)
    write, n_written = output.Writer.write, count(1)

    def killed(self, item, counts):
        if next(n_written) in {3, 5}:
            sys.exit(137)
        write(self, item, counts)

    with patch.object(output.Writer, "write", killed):
        for _ in range(2):
            ctxzip(*CALL, "--quiet", "--resume", "-o", "out", *names, cwd=tmp_path)
    for _ in range(2):
        run = ctxzip(*CALL, "--quiet", "--resume", "-o", "out", *names, cwd=tmp_path)
        assert run.code == whole.code
        assert run.err.splitlines()[-1:] == whole.err.splitlines()[-1:]
        if not whole.code:
            assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()
            return


@pytest.mark.parametrize("options", [(), ("--resume",)], ids=" ".join)
def test_a_folder_is_read_without_partial_outputs(stopped, options):
    """Whose own would never end."""
    folder = stopped()
    run = ctxzip(*CALL, *options, "-o", "out", ".", cwd=folder)
    assert "partial outputs: 2" in run.err
    assert run.code == (2 if options else 1)  # the input is another one now


@pytest.mark.parametrize("name", ["x.part", "./x.part", "x.part.journal"])
def test_a_partial_file_is_no_input(tmp_path, name):
    """It would be written over."""
    (tmp_path / name).write_text(LINES)
    run = ctxzip(*CALL, "-o", "x", name, cwd=tmp_path)
    assert (run.code, run.err) == (2, "ctxzip: --output x: its partial file x.part is another file of the call\n")
    assert (tmp_path / name).read_text() == LINES


def test_a_signal_while_the_earlier_run_is_taken_over_loses_nothing(stopped):
    """Before its entries are read, or after it."""
    folder = stopped()
    left = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("read_to", "cut"):
        with patch.object(journal.RecordedOutput, name, lambda *_: sys.exit(143)):
            assert resumed(folder).code == 143
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == left


def test_what_is_no_file_is_named(tmp_path):
    """And stays."""
    for end in (".part", ".part.journal"):
        (tmp_path / f"out{end}").mkdir()
        run = ctxzip(*CALL, "--resume", "-o", "out", stdin=LINES, cwd=tmp_path)
        assert run.code == 2
        assert run.err.startswith(f"ctxzip: out{end}: ")
        (tmp_path / f"out{end}").rmdir()


def test_a_link_in_the_place_of_a_partial_file_is_not_followed(tmp_path):
    """Somebody else may have put it there."""
    (tmp_path / "victim").write_text("as it was")
    for end in (".part", ".part.journal"):
        (tmp_path / f"out{end}").symlink_to("victim")
        assert ctxzip(*CALL, "--resume", "-o", "out", stdin=LINES, cwd=tmp_path).code == 2
        (tmp_path / f"out{end}").unlink()
    assert (tmp_path / "victim").read_text() == "as it was"


def test_lines_may_be_added_behind_a_last_line_without_an_end(tmp_path):
    """The line is the same."""
    (tmp_path / "in.jsonl").write_text(LINES.rstrip() + "\n[")
    assert resumed(tmp_path, "--on-error", "fail").code == 1
    lines = "".join(LINES.replace("{broken\n", "").splitlines(keepends=True))
    (tmp_path / "in.jsonl").write_text(lines.rstrip())
    stop = resumed(tmp_path, "--on-error", "fail")
    assert stop.code == 0


def test_a_name_that_is_not_utf_8_can_be_resumed(tmp_path):
    """As Linux allows."""
    name = os.fsdecode(b"\xff.jsonl")
    try:
        (tmp_path / name).write_text(LINES)
    except OSError:
        pytest.skip("no such names here")
    assert ctxzip(*CALL, "--resume", "-o", "out", name, cwd=tmp_path).code == 1
    assert (tmp_path / "out").exists()
