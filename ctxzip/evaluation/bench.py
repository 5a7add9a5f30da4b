"""Measure speed against floors, all in one run: `python -m ctxzip.evaluation.bench FILE...`.

Every command runs as its user would run it, in a process of its own; the commands take turns, and
the table shows medians and ratios. Seconds depend on the machine and on what else it does; the
ratios travel.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

_READ_AND_WRITE = "import json, sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))"
_MEGABYTE = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ctxzip.evaluation.bench", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, or .gz of them")
    parser.add_argument("--megabytes", type=float, default=4.0, help="the data is repeated up to this size")
    parser.add_argument("--model-records", type=int, default=40, help="records, the first, that the models compress")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    lines = [line for path in options.data for line in _lines(path)]
    if not lines:
        parser.error("no records in the data")
    start_up = {
        'python -c "import typer"': [sys.executable, "-c", "import typer"],
        "ctxzip --version": [sys.executable, "-m", "ctxzip", "--version"],
        "ctxzip compress --help": [sys.executable, "-m", "ctxzip", "compress", "--help"],
    }
    _table("start-up", _medians(start_up, None, options.rounds), None)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        size = _repeat(lines, options.megabytes * _MEGABYTE, file)
        throughput = {
            "json read and write": [sys.executable, "-c", _READ_AND_WRITE],
            "ctxzip compress --scorer bm25": [sys.executable, "-m", "ctxzip", "compress", "--scorer", "bm25"],
        }
        _table(f"{size / _MEGABYTE:.1f} MB of records", _medians(throughput, file.name, options.rounds), size)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        size = _repeat(lines[: options.model_records], 1, file)
        models = {
            f"ctxzip compress --model {model}": [sys.executable, "-m", "ctxzip", "compress", "--model", model]
            for model in ("mini", "nano")
        }
        _table(f"{size / _MEGABYTE:.1f} MB of records", _medians(models, file.name, options.rounds), size)


def _lines(path: Path) -> list[bytes]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        return [line.rstrip() + b"\n" for line in lines if line.strip()]


def _repeat(lines: list[bytes], size: float, file: tempfile._TemporaryFileWrapper[bytes]) -> int:
    written = 0
    while written < size:
        for line in lines:
            written += file.write(line)
    file.flush()
    return written


def _medians(commands: dict[str, list[str]], stdin: str | None, rounds: int) -> dict[str, float]:
    """Return the median wall time of each command in seconds; the commands alternate."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            with open(stdin or os.devnull, "rb") as source:
                started = time.perf_counter()
                subprocess.run(  # noqa: S603
                    command, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
                )
                taken[name].append(time.perf_counter() - started)
    return {name: median(times) for name, times in taken.items()}


def _table(title: str, medians: dict[str, float], size: int | None) -> None:
    floor = next(iter(medians.values()))
    print(f"\n{title:34} {'seconds':>8} {'ratio':>7}" + (f" {'MB/s':>7}" if size else ""))
    for name, seconds in medians.items():
        rate = f" {size / _MEGABYTE / seconds:7.2f}" if size else ""
        print(f"{name:34} {seconds:8.3f} {seconds / floor:7.2f}{rate}", flush=True)


if __name__ == "__main__":
    main()
