"""Measure speed against lower bounds (floors): `python -m tests.benchmarks.floors FILE...`.

Every command runs in a process of its own, as a user runs it. The commands of a table take turns; the table has medians,
and ratios to its first line, the floor. Seconds depend on the machine and its load; ratios are comparable between
machines, and ratios of processor time also under load.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ctxzip._internal.cores import available_cores
from ctxzip.cli.option_names import error_text
from ctxzip.errors import InputError
from ctxzip.reading.detection import to_request
from ctxzip.reading.schemas import SHAPES
from tests.benchmarks.peers.measuring import first_lines, machine, positive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.datamodels import Request

_COMPRESS = [sys.executable, "-m", "ctxzip", "compress", "--quiet"]
_READ_AND_WRITE = "import json, sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))"
_MEGABYTE = 1_000_000
_SHORT = 200  # code points of the passages for the measurement of memory, so that many records take minutes
_PASSAGES = 10  # of the record for the cold start


@dataclass(frozen=True, slots=True)
class _Call:
    """One process: wall time and processor time in seconds, peak memory in bytes."""

    wall_s: float
    cpu_s: float
    peak: int


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.floors", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, gzipped or not")
    parser.add_argument(
        "--records", type=positive, default=300, help="from all files in turn, repeated where there are fewer"
    )
    parser.add_argument(
        "--megabytes", type=float, default=4.0, help="size of the texts for bm25; the data is repeated up to it"
    )
    parser.add_argument(
        "--model-records", type=positive, default=40, help="how many of the records the models compress"
    )
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="numbers of records to measure memory at")
    parser.add_argument("--rounds", type=positive, default=5)
    options = parser.parse_args()
    print(f"{machine(available_cores())}, load {os.getloadavg()[0]:.1f}")
    try:
        lines = first_lines(options.data, options.records)
    except InputError as error:
        parser.error(error_text(error))
    with tempfile.TemporaryDirectory() as folder:
        # First, because the peak of a child process starts from the memory of this one.
        _memory(options.memory, lines, Path(folder, "many.jsonl"))
        _start_up(options.rounds)
        _cold_start(lines, Path(folder, "one.jsonl"), options.rounds)
        _bm25(lines, options.megabytes, Path(folder, "bm25.jsonl"), options.rounds)
        for model in ("mini", "nano"):
            _model(model, lines[: options.model_records], Path(folder), options.rounds)


def _start_up(rounds: int) -> None:
    commands = {
        'python -c "import typer"': [sys.executable, "-c", "import typer"],
        "ctxzip --version": [sys.executable, "-m", "ctxzip", "--version"],
        "ctxzip compress --help": [sys.executable, "-m", "ctxzip", "compress", "--help"],
    }
    _table("start-up", _in_turn(commands, None, rounds))


def _cold_start(lines: Sequence[bytes], file: Path, rounds: int) -> None:
    passages = [passage for line in lines for passage in _request(line).passages][:_PASSAGES]
    docs = [{"title": passage.title, "text": passage.text} for passage in passages]
    file.write_text(json.dumps({"query": _request(lines[0]).query, "docs": docs}) + "\n")
    commands = {
        'python -c "import numpy, onnxruntime"': [sys.executable, "-c", "import numpy, onnxruntime"],
        "ctxzip compress": _COMPRESS,
        "ctxzip compress --scorer bm25": [*_COMPRESS, "--scorer", "bm25"],
    }
    _table(f"cold start, one record of {len(docs)} passages", _in_turn(commands, file, rounds))


def _bm25(lines: Sequence[bytes], megabytes: float, file: Path, rounds: int) -> None:
    size = 0
    with file.open("wb") as stream:
        while size < megabytes * _MEGABYTE:
            for line in lines:
                stream.write(line)
                size += sum(len(passage.text.encode("utf-8", "replace")) for passage in _request(line).passages)
    commands = {
        "json read and write": [sys.executable, "-c", _READ_AND_WRITE],
        "ctxzip compress --scorer bm25": [*_COMPRESS, "--scorer", "bm25"],
    }
    calls = _in_turn(commands, file, rounds, _on_one_core)
    _table(f"{size / _MEGABYTE:.1f} MB of document text, one core", calls, size)


def _model(model: str, lines: Sequence[bytes], folder: Path, rounds: int) -> None:
    from ctxzip.model_store import open_model
    from tests.benchmarks.bare_runtime import record_batches

    data, batches = folder / "model.jsonl", folder / "batches"
    data.write_bytes(b"".join(lines))
    n = record_batches([_request(line) for line in lines], model, batches)
    opened = open_model(model)
    graph = str(opened.path / opened.graph_for("cpu"))
    commands = {
        f"{n} batches in ONNX Runtime alone": [
            sys.executable,
            "-m",
            "tests.benchmarks.bare_runtime",
            str(batches),
            graph,
        ],
        f"ctxzip compress --model {model}": [*_COMPRESS, "--device", "cpu", "--model", model],
    }
    _table(f"{len(lines)} records, {model}", _in_turn(commands, data, rounds))


def _memory(numbers: Sequence[int], lines: Sequence[bytes], file: Path) -> None:
    """Print the peak memory for growing numbers of records: passages of the data, and generated ones of new words only."""
    passages = [
        (request.query, passage.text[:_SHORT]) for request in map(_request, lines) for passage in request.passages
    ]
    new_words = (
        ("bridge", f"The bridge {' '.join(f'w{at}x{word}' for word in range(12))}. The ferry.") for at in count()
    )
    print(f"\n{'peak memory':40} {'MB':>8} {'ratio':>7}")
    for what, source in (("", cycle(passages)), (", new words", new_words)):
        for name, options in (("mini", ["--device", "cpu"]), ("bm25", ["--scorer", "bm25"])):
            floor = 0
            for number in numbers:
                with file.open("w") as stream:
                    for query, text in islice(source, number):
                        stream.write(json.dumps({"query": query, "docs": [text]}) + "\n")
                peak = _call([*_COMPRESS, *options], file).peak
                floor = floor or peak
                row = f"{number:,} records{what}, {name}"
                print(f"{row:40} {peak / _MEGABYTE:8.1f} {peak / floor:7.2f}", flush=True)


def _request(line: bytes) -> Request:
    return to_request(json.loads(line), SHAPES)


def _on_one_core() -> None:
    """Restrict this process to one core, where the system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _in_turn(
    commands: dict[str, list[str]], stdin: Path | None, rounds: int, before: Callable[[], None] | None = None
) -> dict[str, list[_Call]]:
    """Run every command in turn, `rounds` times; return the calls of each."""
    calls: dict[str, list[_Call]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            calls[name].append(_call(command, stdin, before))
    return calls


def _call(command: list[str], stdin: Path | None, before: Callable[[], None] | None = None) -> _Call:
    with open(stdin or os.devnull, "rb") as source:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=before,  # noqa: PLW1509  # this process has no threads
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    # Bytes on macOS, kilobytes elsewhere.
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return _Call(wall_s, used.ru_utime + used.ru_stime, peak)


def _table(title: str, calls: dict[str, list[_Call]], size: int | None = None) -> None:
    names = ["seconds", "ratio", "cpu s", "ratio"]
    print(
        f"\n{title:40} " + " ".join(f"{name:>8}" for name in names) + (f" {'MB/s':>8} {'cpu MB/s':>8}" if size else "")
    )
    floor: tuple[float, float] | None = None
    for name, runs in calls.items():
        wall, cpu = median(run.wall_s for run in runs), median(run.cpu_s for run in runs)
        floor = floor or (wall, cpu)
        columns = [wall, wall / floor[0], cpu, cpu / floor[1]]
        columns += [size / _MEGABYTE / wall, size / _MEGABYTE / cpu] if size else []
        print(f"{name:40} " + " ".join(f"{column:8.3f}" for column in columns), flush=True)


if __name__ == "__main__":
    main()
