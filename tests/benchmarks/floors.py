"""Measure speed against floors, all in one run: `python -m tests.benchmarks.floors FILE...`.

Every command runs as its user would run it, in a process of its own; the commands of a table take
turns, and it shows medians and their ratios to its first line, the floor. Seconds depend on the machine
and on what else it does; ratios travel, those of processor time even where others use the cores.
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
_SHORT = 200  # code points of the passages that memory is measured with: a hundred thousand should not take hours
_PASSAGES = 10  # of the record that the cold start is measured with


@dataclass(frozen=True, slots=True)
class _Call:
    """What one process took: wall time and processor time in seconds, peak memory in bytes."""

    wall_s: float
    cpu_s: float
    peak: int


def main() -> None:
    """Print one table after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.floors", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, or .gz of them")
    parser.add_argument("--records", type=positive, default=300, help="of all files in turn, repeated if need be")
    parser.add_argument("--megabytes", type=float, default=4.0, help="the data is repeated up to this size for bm25")
    parser.add_argument("--model-records", type=positive, default=40, help="of them that the models compress")
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="numbers of records to measure memory at")
    parser.add_argument("--rounds", type=positive, default=5)
    options = parser.parse_args()
    print(f"{machine(available_cores())}, load {os.getloadavg()[0]:.1f}")
    try:
        lines = first_lines(options.data, options.records)
    except InputError as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory() as folder:
        # First: what a process peaks at counts from what the one that starts it holds.
        _memory(options.memory, lines, Path(folder, "many.jsonl"))
        _start_up(options.rounds)
        _cold_start(lines, Path(folder, "one.jsonl"), options.rounds)
        _words(lines, options.megabytes, Path(folder, "words.jsonl"), options.rounds)
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


def _words(lines: Sequence[bytes], megabytes: float, file: Path, rounds: int) -> None:
    text = 0
    with file.open("wb") as stream:
        while text < megabytes * _MEGABYTE:
            for line in lines:
                stream.write(line)
                text += sum(len(passage.text.encode("utf-8", "replace")) for passage in _request(line).passages)
    commands = {
        "json read and write": [sys.executable, "-c", _READ_AND_WRITE],
        "ctxzip compress --scorer bm25": [*_COMPRESS, "--scorer", "bm25"],
    }
    calls = _in_turn(commands, file, rounds, _on_one_core)
    _table(f"{text / _MEGABYTE:.1f} MB of document text, one core", calls, text)


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
    """Print the peak memory over ever more records: single passages of the data in turn, and made ones of words never seen before."""
    passages = [
        (request.query, passage.text[:_SHORT]) for request in map(_request, lines) for passage in request.passages
    ]
    unseen = (("bridge", f"The bridge {' '.join(f'w{at}x{word}' for word in range(12))}. The ferry.") for at in count())
    print(f"\n{'peak memory':40} {'MB':>8} {'ratio':>7}")
    for what, made in (("", cycle(passages)), (", new words", unseen)):
        for name, options in (("mini", ["--device", "cpu"]), ("bm25", ["--scorer", "bm25"])):
            floor = 0
            for number in numbers:
                with file.open("w") as stream:
                    for query, text in islice(made, number):
                        stream.write(json.dumps({"query": query, "docs": [text]}) + "\n")
                peak = _call([*_COMPRESS, *options], file).peak
                floor = floor or peak
                row = f"{number:,} records{what}, {name}"
                print(f"{row:40} {peak / _MEGABYTE:8.1f} {peak / floor:7.2f}", flush=True)


def _request(line: bytes) -> Request:
    return to_request(json.loads(line), SHAPES)


def _on_one_core() -> None:
    """Leave this process one of its cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _in_turn(
    commands: dict[str, list[str]], stdin: Path | None, rounds: int, before: Callable[[], None] | None = None
) -> dict[str, list[_Call]]:
    """Run every command once, then every one again, `rounds` times."""
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
            preexec_fn=before,  # noqa: PLW1509  # no threads here
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    # In kilobytes, but on macOS in bytes.
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return _Call(wall_s, used.ru_utime + used.ru_stime, peak)


def _table(title: str, calls: dict[str, list[_Call]], size: int | None = None) -> None:
    names = ["seconds", "ratio", "cpu s", "ratio"]
    print(
        f"\n{title:40} " + " ".join(f"{name:>8}" for name in names) + (f" {'MB/s':>8} {'cpu MB/s':>8}" if size else "")
    )
    floor: tuple[float, float] | None = None
    for name, some in calls.items():
        wall, cpu = median(call.wall_s for call in some), median(call.cpu_s for call in some)
        floor = floor or (wall, cpu)
        columns = [wall, wall / floor[0], cpu, cpu / floor[1]]
        columns += [size / _MEGABYTE / wall, size / _MEGABYTE / cpu] if size else []
        print(f"{name:40} " + " ".join(f"{column:8.3f}" for column in columns), flush=True)


if __name__ == "__main__":
    main()
