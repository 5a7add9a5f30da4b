"""Files read and written: whole or not at all, compressed or not, and the file of statistics."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
import time

import pytest

from tests.conftest import COMMAND, FIXTURES, LINE, compress, ctxzip


@pytest.mark.parametrize("target", [">(cat)", "/dev/stdout"])
def test_a_pipe_is_written_to_directly(target):
    """Process substitution and /dev/stdout are pipes without a folder to rename in."""
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} --quiet -o {target} | cat"],
        input=LINE, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout)["id"] == 1


@pytest.mark.parametrize("stats", ["", "--stats stats.json"])
def test_a_closed_stderr_leaves_no_temporary_file(tmp_path, stats):
    """The reader of the messages may go before the file is done."""
    subprocess.run(
        ["bash", "-c", f"yes '{{' | head -5000 | {' '.join(COMMAND)} -o out.jsonl {stats} 2>&1 | head -1"],
        cwd=tmp_path, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_file_is_written_whole_with_its_old_permissions(tmp_path):
    """A link stays a link."""
    target, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    target.write_text("older\n")
    target.chmod(0o640)
    link.symlink_to(target)
    run = compress("-o", link, stdin=LINE)
    assert (run.code, run.out) == (0, b"")
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert json.loads(target.read_text())["id"] == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_may_be_its_own_input(tmp_path):
    """It is read to its end before it is replaced."""
    path = tmp_path / "records.jsonl"
    path.write_text(LINE * 3)
    assert compress("-n", "1", "-o", path, path).code == 0
    assert [json.loads(line)["docs"] for line in path.read_text().splitlines()] == [["The ferry leaves at seven."]] * 3


@pytest.mark.parametrize("on_error", ["emit", "skip", "fail"])
@pytest.mark.parametrize("spelled", ["records.jsonl", "./records.jsonl", "link.jsonl"])
def test_an_input_with_a_bad_record_is_not_replaced(tmp_path, on_error, spelled):
    """Whatever happens to bad records, and however the file is named; the message says so, and the exit code is 1."""
    path = tmp_path / "records.jsonl"
    path.write_text(LINE + "{\n" + LINE)
    (tmp_path / "link.jsonl").symlink_to(path)
    run = compress("--on-error", on_error, "-o", spelled, "records.jsonl", cwd=tmp_path)
    assert run.code == 1
    assert path.read_text() == LINE + "{\n" + LINE
    assert f"{spelled}: left as it is, since it is the input too" in run.err.splitlines()[-1]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link.jsonl", "records.jsonl"]


def test_a_file_that_stdin_is_redirected_from_is_an_input(tmp_path):
    """A bad record leaves it as it is."""
    path = tmp_path / "records.jsonl"
    path.write_text("{\n")
    command = f"{' '.join(COMMAND)} --scorer bm25 -o records.jsonl < records.jsonl"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "left as it is" in done.stderr
    assert path.read_text() == "{\n"


def test_another_file_is_written_whatever_the_records_are(tmp_path):
    """With an error record in the place of a bad one."""
    (tmp_path / "records.jsonl").write_text(LINE + "{\n")
    run = compress("-o", "out.jsonl", "records.jsonl", cwd=tmp_path)
    assert run.code == 1
    assert "left as it is" not in run.err
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["compress", "-o", "a", "--corpus", "a", "--run", "b", "c"],
        ["score", "-o", "b", "--corpus", "a", "--run", "b", "c"],
        ["inspect", "--html", "a", "a"],
        ["calibrate", "-o", "a", "a"],
        ["eval", "--json", "a", "a"],
    ],
)
def test_a_file_that_is_read_is_not_replaced_by_something_else(tmp_path, arguments):
    """Documents, labelled questions: an output of another kind would destroy them."""
    for name in "abc":
        (tmp_path / name).write_text(LINE)
    run = ctxzip(*arguments, cwd=tmp_path)
    assert (run.code, run.out) == (2, b"")
    assert (
        run.err
        == f"ctxzip: {arguments[1].replace('-o', '--output')} {arguments[2]}: would replace a file that is read: name another file\n"
    )
    assert [(tmp_path / name).read_text() for name in "abc"] == [LINE] * 3


def test_a_device_is_written_to_and_not_replaced():
    """Replacing /dev/null by a file would break the machine."""
    assert compress("-o", os.devnull, stdin=LINE).code == 0
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_error():
    """With exit code 1."""
    run = compress("-o", "/dev/full", stdin=LINE)
    assert run.code == 1
    assert run.err == "ctxzip: /dev/full: cannot write: No space left on device\n"


def test_gzip_is_read(tmp_path):
    """As the labelled data of this field comes."""
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress(LINE.encode() * 2))
    assert len(compress(path).records) == 2


def test_gzip_is_read_whose_first_byte_comes_alone():
    """As a slow pipe may hand it over."""
    data = gzip.compress(LINE.encode())
    process = subprocess.Popen([*COMMAND, "--scorer", "bm25"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(data[:1])
    process.stdin.flush()
    time.sleep(1)
    out, _ = process.communicate(data[1:], timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["id"] == 1


def test_output_and_statistics_need_a_file_each(tmp_path):
    """However they are spelled."""
    run = compress("-o", "same.jsonl", "--stats", "./same.jsonl", stdin=LINE, cwd=tmp_path)
    assert run.code == 2
    assert not list(tmp_path.iterdir())


def test_statistics_do_not_take_the_place_of_an_input(tmp_path):
    """Of which they are only the sum."""
    (tmp_path / "in.jsonl").write_text(LINE)
    assert compress("--stats", "in.jsonl", "in.jsonl", cwd=tmp_path).code == 2
    assert (tmp_path / "in.jsonl").read_text() == LINE


def test_an_empty_name_is_refused_at_once(tmp_path):
    """A variable of the shell that is not set."""
    run = compress("-o", "", stdin=LINE, cwd=tmp_path)
    assert (run.code, run.out) == (2, b"")
    assert "empty name" in run.err


def test_a_damaged_gzip_is_reported_in_one_line(tmp_path):
    """What was read before the damage is written."""
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress(LINE.encode())[:-10])
    run = compress(path)
    assert run.code == 1
    assert "Traceback" not in run.err
    assert f"{path}: cannot read" in run.err


def test_statistics_are_json(tmp_path):
    """For a dashboard or a Makefile."""
    path = tmp_path / "stats.json"
    compress("--stats", path, FIXTURES / "broken.jsonl")
    stats = json.loads(path.read_text())
    assert (stats["records"], stats["failed"], stats["scorers"][0]["records"], stats["tokenizer"]) == (
        6,
        10,
        6,
        "ctxzip-mini",
    )
    assert stats["kept_fraction"] == stats["tokens_out"] / stats["tokens_in"]
    assert stats["errors"][0]["line"] == 2


def test_statistics_are_written_when_a_record_stops_the_run(tmp_path):
    """That is when they are wanted most."""
    path = tmp_path / "stats.json"
    run = compress("--stats", path, "--on-error", "fail", FIXTURES / "broken.jsonl")
    assert run.code == 1
    assert (json.loads(path.read_text())["records"], json.loads(path.read_text())["failed"]) == (1, 1)
    assert ", 1 failed" in run.err


# Runs the command line with another `os.replace`, or one that tells the order of calls.
_MAIN = "\nfrom ctxzip.cli import main\nmain()"
_SIGNAL_AFTER_REPLACE = """
import os, signal
replace = os.replace
def replaced(*names):
    replace(*names)
    os.kill(os.getpid(), signal.SIGINT)
os.replace = replaced"""
_ORDER = """
import os, stat, sys
replace, fsync = os.replace, os.fsync
def replaced(*names):
    print("replace", file=sys.stderr)
    replace(*names)
def synced(descriptor):
    about = os.fstat(descriptor)
    print("fsync", "folder" if stat.S_ISDIR(about.st_mode) else f"file of {about.st_size} bytes", file=sys.stderr)
    fsync(descriptor)
os.replace, os.fsync = replaced, synced"""
_NO_FSYNC = """
import errno, os
def refused(descriptor):
    raise OSError(errno.{name}, os.strerror(errno.{name}))
os.fsync = refused"""


def run_with(code, folder):
    call = [sys.executable, "-c", code + _MAIN, "compress", "--quiet", "--scorer", "bm25", "-o", "out.jsonl"]
    return subprocess.run(call, input=LINE, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_a_signal_right_after_the_rename_exits_130(tmp_path):
    """The file is whole, and there is no temporary one to remove any more."""
    done = run_with(_SIGNAL_AFTER_REPLACE, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert json.loads((tmp_path / "out.jsonl").read_text())["id"] == 1


def test_a_file_is_on_the_disk_before_it_is_renamed_and_the_rename_after_it(tmp_path):
    """A power cut leaves the old file or the new one."""
    done = run_with(_ORDER, tmp_path)
    size = (tmp_path / "out.jsonl").stat().st_size
    assert done.stderr.splitlines() == [f"fsync file of {size} bytes", "replace", "fsync folder"]


@pytest.mark.parametrize(("name", "code"), [("EINVAL", 0), ("EIO", 1)])
def test_a_file_system_without_fsync_is_no_error_and_a_broken_disk_is_one(tmp_path, name, code):
    """What could not be written leaves nothing."""
    done = run_with(_NO_FSYNC.format(name=name), tmp_path)
    assert done.returncode == code
    assert done.stderr == ("ctxzip: out.jsonl: cannot write: Input/output error\n" if code else "")
    assert [path.name for path in tmp_path.iterdir()] == ([] if code else ["out.jsonl"])


def test_a_folder_that_is_none_is_said_as_such(tmp_path):
    """And not that there is no temporary file in it."""
    (tmp_path / "file").touch()
    run = compress("-o", "file/out.jsonl", stdin=LINE, cwd=tmp_path)
    assert (run.code, run.err) == (2, "ctxzip: file/out.jsonl: cannot write: Not a directory\n")
