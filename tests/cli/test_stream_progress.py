"""The progress line, and its colors."""

from __future__ import annotations

import gzip
import os
import pty
import re
import subprocess
import sys
import time
from contextlib import redirect_stderr

import pytest

from ctxzip.cli.inputs import sources
from ctxzip.cli.stream_progress import Meter, Progress
from ctxzip.cli.terminal import RED
from tests.conftest import FIXTURES, jsonl

LINE = jsonl(
    {"query": "When does the ferry leave?", "docs": ["Bread is baked. The ferry leaves at seven. Water is wet."]}
)
COMMAND = [sys.executable, "-m", "ctxzip", "compress", "--scorer", "bm25"]


def on_terminal(*arguments, stdout=subprocess.DEVNULL, environment=None, lines=()):
    """Run the command with a terminal for stderr, and return what was written to it.

    The lines of stdin come more than a second apart: until then no progress is shown.
    """
    controller, terminal = pty.openpty()
    if stdout == "terminal":
        stdout = terminal
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=stdout, stderr=terminal,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **(environment or {})},
    ) as process:  # fmt: skip
        os.close(terminal)
        assert process.stdin
        for number, line in enumerate(lines):
            if number:
                time.sleep(1.1)
            process.stdin.write(line.encode())
            process.stdin.flush()
            if stdout == subprocess.PIPE:
                assert process.stdout
                process.stdout.readline()  # of a record that is done: the clock runs
        process.stdin.close()
        written = b""
        while True:
            try:
                data = os.read(controller, 65536)
            except OSError:  # Linux raises it when the last writer is gone
                break
            if not data:
                break
            written += data
        process.wait(60)
    os.close(controller)
    return written.decode()


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_terminal_shows_how_far_it_is_in_one_line(monkeypatch):
    """It is written over five times a second, with the time left where the size of the input is known."""
    monkeypatch.setenv("TERM", "xterm")
    controller, terminal = pty.openpty()
    meter, clock = Meter([str(FIXTURES / "requests.jsonl")]), Clock()
    meter.fraction = 0.25
    with os.fdopen(terminal, "w") as stream, redirect_stderr(stream):
        progress = Progress(meter, quiet=False, clock=clock)
        for clock.now in (0.5, 2.0, 2.1, 4.0):
            progress.show(int(clock.now) + 1, "8 tokens saved")
        progress.wipe()
        print("end", file=stream, flush=True)
        seen = ""
        while not seen.endswith("end\r\n"):
            seen += os.read(controller, 65536).decode()
    os.close(controller)
    assert seen == (
        "\r\x1b[Kctxzip: 3 records, 8 tokens saved, 1.5 records/s, 0:06 left"
        "\r\x1b[Kctxzip: 5 records, 8 tokens saved, 1.2 records/s, 0:12 left\r\x1b[Kend\r\n"
    )


def test_at_the_end_the_summary_stands_alone():
    """The line is erased; for a pipe there is no time left to estimate."""
    seen = on_terminal("--max-sentences", "1", stdout=subprocess.PIPE, lines=[LINE, LINE])
    shown, _, rest = seen.rpartition("\r\x1b[K")
    # On a busy machine the first record takes so long that it is shown, too.
    assert re.fullmatch(
        r"(?:\r\x1b\[Kctxzip: 1 record, .*)?\r\x1b\[Kctxzip: 2 records, 16 tokens saved, \d\.\d records/s", shown
    )
    assert re.fullmatch(r"ctxzip: 2 records, 28 -> 12 tokens .*\r\n", rest)


def test_an_error_does_not_stand_behind_the_line():
    """The line is taken away first."""
    seen = on_terminal("--on-error", "fail", stdout=subprocess.PIPE, lines=[LINE, LINE + "{\n"])
    assert re.search(r" records/s\r\x1b\[K\x1b\[31mctxzip:\x1b\[0m line 3: ", seen)


@pytest.mark.parametrize(
    ("arguments", "stdout", "environment"),
    [(["--quiet"], subprocess.PIPE, {}), ([], "terminal", {}), ([], subprocess.PIPE, {"TERM": "dumb"})],
)
def test_no_progress_where_nobody_would_read_it(arguments, stdout, environment):
    """Not with --quiet, not between records on the same terminal, not in a terminal that cannot write over a line."""
    assert "records/s" not in on_terminal(*arguments, stdout=stdout, environment=environment, lines=[LINE, LINE])


@pytest.mark.slow
def test_progress_is_shown_beside_an_output_file(tmp_path):
    """The terminal on stdout is not where the records go."""
    seen = on_terminal("-o", str(tmp_path / "out.jsonl"), stdout="terminal", lines=[LINE] * 8)
    assert "records/s" in seen


@pytest.mark.parametrize(
    ("environment", "color"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"CTXZIP_NO_COLOR": "1"}, False)],
)
def test_colors_are_for_terminals_and_can_be_switched_off(environment, color):
    """https://no-color.org; the name of the program is red in front of what went wrong."""
    seen = on_terminal("nowhere.jsonl", environment=environment)
    name = f"{RED}ctxzip:\x1b[0m" if color else "ctxzip:"
    assert seen == f"{name} nowhere.jsonl: no such file\r\n"


def test_elsewhere_a_plain_line_now_and_then(capsys):
    """Every thirty seconds."""
    clock = Clock()
    progress = Progress(Meter(["-"]), quiet=False, clock=clock)
    for clock.now in range(0, 100, 10):
        progress.show(clock.now + 1, "5 tokens saved")
    said = capsys.readouterr().err.splitlines()
    assert said == [f"ctxzip: {n + 1} records, 5 tokens saved, {(n + 1) / n:.1f} records/s" for n in (30, 60, 90)]


def test_the_meter_knows_where_the_record_stood_that_came_out(tmp_path):
    """Not how far reading has run ahead, over all files, compressed or not."""
    lines = [b"%060d\n" % n for n in range(4)]
    (tmp_path / "a").write_bytes(b"".join(lines))
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"".join(lines)))
    names = [str(tmp_path / "a"), str(tmp_path / "b.gz")]
    meter = Meter(names)
    total = sum(os.path.getsize(name) for name in names)

    def read():
        for source in sources(names, opened=meter.opened):
            with source.open() as stream:
                yield from stream

    assert list(meter.counted(read())) == lines * 2
    fractions = []
    for _ in lines * 2:
        meter.passed()
        fractions.append(meter.fraction)
    assert fractions[:4] == [61 * n / total for n in (1, 2, 3, 4)]
    assert fractions[-1] == 1.0


def test_the_size_of_a_pipe_is_not_known(tmp_path):
    """So no time left is shown."""
    os.mkfifo(tmp_path / "pipe")
    meter = Meter([str(tmp_path / "pipe"), str(FIXTURES / "requests.jsonl")])
    assert list(meter.counted("ab")) == ["a", "b"]
    meter.passed()
    assert meter.fraction is None
