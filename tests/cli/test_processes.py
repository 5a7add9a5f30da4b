"""Pipes, terminals and signals: slow producers, closed readers, closed streams. Each test starts real processes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time

import pytest

from tests.conftest import COMMAND, LINE, process


def in_shell(line):
    """Run a line of shell with one record on stdin."""
    return subprocess.run(line, shell=True, input=LINE, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("redirection", "code", "out", "err"),
    [
        ("2>&-", 0, 1, ""),
        (">&-", 2, 0, "ctxzip: stdout is closed: name a file (--output)\n"),
        ("<&-", 2, 0, "ctxzip: stdin is closed: name a file\n"),
    ],
)
def test_a_closed_stream_is_an_error_and_nothing_goes_to_another_stream(redirection, code, out, err):
    """Python prints to stdout where stderr is closed."""
    done = in_shell(f"{' '.join(COMMAND)} {redirection}")
    assert done.returncode == code
    assert done.stdout.count("\n") == out
    assert done.stderr == err


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        ([], LINE, 0),
        ([], "{}\n", 1),
        (["--ratio", "2"], LINE, 2),
        (["--splitter", "spacy:xx_none_sm"], LINE, 3),
    ],
)
def test_a_process_ends_with_the_exit_code_of_its_command(arguments, stdin, code):
    """stdout and stderr are flushed before it ends."""
    run = process("compress", "--scorer", "bm25", *arguments, stdin=stdin)
    assert run.code == code
    assert len(run.records) == (code < 2)
    assert run.err.startswith("ctxzip: ")
    assert run.err.endswith("\n")


def test_a_signal_that_is_ignored_stays_ignored():
    """nohup and background jobs rely on it."""
    with subprocess.Popen(
        ["bash", "-c", f"trap '' INT; exec {' '.join(COMMAND)}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(LINE.encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(signal.SIGINT)
        process.stdin.write(LINE.encode())
        process.stdin.close()
        assert json.loads(process.stdout.readline())["id"] == 1
    assert process.returncode == 0


def test_a_terminal_on_stdin_shows_five_lines_and_exits_2():
    """Nobody is left in front of a silent cursor, or has to scroll back over the whole help."""
    controller, terminal = pty.openpty()
    done = subprocess.run(COMMAND, stdin=terminal, capture_output=True, check=False, timeout=60)
    os.close(controller)
    os.close(terminal)
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("Usage: ctxzip compress")
    assert lines[-1] == "ctxzip: no input: name files, or pipe records in"
    assert done.stdout == b""


def test_head_ends_it_at_once_without_noise():
    """The exit code is 141, as for any filter whose reader has closed the pipe."""
    done = in_shell(f"yes '{LINE.strip()}' | ({' '.join(COMMAND)}; echo $? >&2) | head -1")
    assert json.loads(done.stdout)["id"] == 1
    assert done.stderr == "141\n"


@pytest.mark.parametrize("option", [[], ["--line-buffered"], ["--scorer", "bm25"]])
def test_a_record_is_written_as_soon_as_it_is_ready(option):
    """For `tail -f` and slow producers."""
    command = [*COMMAND, *option]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(2):
            process.stdin.write(LINE.encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == 1
        process.stdin.close()
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_what_was_finished_and_no_half_file(number, code, tmp_path):
    """On stdout the finished records; of a file nothing."""
    target = tmp_path / "out.jsonl"
    target.write_text("older\n")
    for output, expected in (([], LINE), (["-o", str(target)], "")):
        with subprocess.Popen(
            [*COMMAND, *output], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(LINE.encode())
            process.stdin.flush()
            if expected:
                assert json.loads(process.stdout.readline())["id"] == 1
            else:
                while not list(tmp_path.glob("out.jsonl.part")):
                    time.sleep(0.01)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        assert process.returncode == code, (output, err)
        assert b"Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert target.read_text() == "older\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_of_the_work_leaves_whole_records(number, code):
    """With records read ahead, under work, and finished."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(LINE.encode() * 300)
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert all(json.loads(line)["id"] == 1 for line in (first + out).splitlines())
    assert (first + out).endswith(b"\n")
    assert err == b""


def test_an_input_that_vanishes_costs_itself_alone(tmp_path):
    """The records of the file before it are written, and the message names it."""
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    os.mkfifo(first)
    second.write_text(LINE)
    with subprocess.Popen(
        [*COMMAND, str(first), str(second)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        with first.open("wb") as pipe:
            pipe.write(LINE.encode())
            pipe.flush()
            assert process.stdout
            assert json.loads(process.stdout.readline())["id"] == 1
            second.unlink()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == b""
    assert f"{second}: cannot read: No such file or directory" in err.decode()


def test_an_input_that_is_cut_while_it_is_read_loses_no_whole_line(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(LINE * 20_000)
    with subprocess.Popen([*COMMAND, str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        first = process.stdout.readline()
        os.truncate(source, len(LINE) * 10_000 + 20)
        out, err = process.communicate(timeout=120)
    lines = (first + out).splitlines()
    assert process.returncode == 1
    assert all(json.loads(line)["id"] == 1 for line in lines[:-1])
    assert len(lines) >= 10_000
    assert "error" in json.loads(lines[-1])["ctxzip"]
    assert "Traceback" not in err.decode()


def test_a_stdin_that_stalls_can_be_interrupted_and_what_came_is_written():
    """A signal ends the wait at once."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(LINE.encode() + LINE.encode()[:30])
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == b""
