"""Disturb runs of `ctxzip compress --resume`, and compare their output with that of an undisturbed run.

`python -m tests.chaos --records 5000 --kills 50`: kills the process (SIGKILL) at random moments, from its start on, calls it again
each time, and compares the bytes. Then the same on a full disk, where this may mount one, and with stdin cut at random bytes.
Exits with 1 where a byte differs.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_S = 0.005
_KILLED_EARLY = 0.1  # share of the kills within the first second, mostly before the first record
_DISK_BYTES = 200_000
_CUTS = 20  # of stdin


def main() -> int:
    """Run all and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scorer", default="bm25")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = _lines(options.records, rng)
        (folder / "in.jsonl").write_bytes(b"".join(lines))
        command = [sys.executable, "-m", "ctxzip", "compress", "--scorer", options.scorer, "--quiet"]
        _run([*command, "-o", "whole.jsonl", "in.jsonl"], folder)
        whole = (folder / "whole.jsonl").read_bytes()
        print(f"{len(lines):,} records, {len(whole):,} bytes of output")
        failures = _killed(command, folder, whole, options.kills, rng)
        failures += _disk_full(command, folder, whole)
        failures += _stdin_cut(command, folder, lines, whole, rng)
    return int(failures > 0)


def _lines(n: int, rng: random.Random) -> list[bytes]:
    """Return small records made of the passages of the fixtures; one in fifty is broken in some way."""
    requests = [json.loads(line) for line in (FIXTURES / "requests.jsonl").read_text("utf-8").splitlines()]
    lines = []
    for number in range(n):
        request = rng.choice(requests)
        docs = rng.sample(request["docs"], min(len(request["docs"]), rng.randint(1, 3)))
        texts = [{"title": doc["title"], "text": doc["text"][: rng.randint(80, 700)]} for doc in docs]
        line = json.dumps({"id": number, "query": request["query"], "docs": texts}).encode() + b"\n"
        if rng.random() < 0.02:
            line = rng.choice([b"{broken\n", line[: len(line) // 2] + b"\n", b"\xff\xfe\xff\n", b'{"id": 1}\n'])
        lines.append(line)
    return lines


def _run(command: list[str], folder: Path, stdin: bytes = b"") -> int:
    return subprocess.run(command, cwd=folder, input=stdin, stderr=subprocess.DEVNULL, check=False).returncode


def _killed(command: list[str], folder: Path, whole: bytes, n_kills: int, rng: random.Random) -> int:
    """Kill a run at random moments until it was killed often enough; then let it end."""
    part = folder / "out.jsonl.part"
    call = [*command, "--resume", "-o", "out.jsonl", "in.jsonl"]
    stops = sorted(rng.randrange(len(whole)) for _ in range(n_kills))
    started = time.monotonic()
    n_killed = 0
    for stop in stops:
        process = subprocess.Popen(call, cwd=folder, stderr=subprocess.DEVNULL)
        early = time.monotonic() + rng.random() if rng.random() < _KILLED_EARLY else float("inf")
        while process.poll() is None and time.monotonic() < early and _size(part) < stop:
            time.sleep(_POLL_S)
        n_killed += process.poll() is None
        process.kill()
        process.wait()
    code = _run(call, folder)
    same = (folder / "out.jsonl").read_bytes() == whole
    took = time.monotonic() - started
    print(f"killed {n_killed} times: {_answer(same)} (exit code {code}, {took:.0f} s)")
    return int(not same or n_killed < n_kills)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _disk_full(command: list[str], folder: Path, whole: bytes) -> int:
    """Write to a disk that is too small, make room, and go on."""
    with _small_disk() as disk:
        if disk is None:
            print("full disk: skipped, a tmpfs cannot be mounted here")
            return 0
        shutil.copy(folder / "in.jsonl", disk.parent / "in.jsonl")
        call = [*command, "--resume", "-o", str(disk / "out.jsonl"), "in.jsonl"]
        done = subprocess.run(call, cwd=disk.parent, capture_output=True, check=False)
        said = done.stderr.decode().strip().splitlines()[-1]
        n_kept = (disk / "out.jsonl.part").read_bytes().count(b"\n")
        subprocess.run(["mount", "-o", f"remount,size={4 * len(whole)}", str(disk)], check=True)
        _run(call, disk.parent)
        same = (disk / "out.jsonl").read_bytes() == whole
    print(f"full disk: {said!r}, exit code {done.returncode}, {n_kept:,} records kept; with room: {_answer(same)}")
    return int(not same or done.returncode != 1 or not n_kept)


@contextmanager
def _small_disk() -> Iterator[Path | None]:
    """Mount a small tmpfs; None where that is not allowed."""
    with tempfile.TemporaryDirectory() as name:
        disk = Path(name) / "disk"
        disk.mkdir()
        call = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(disk)]
        try:
            mounted = subprocess.run(call, capture_output=True, check=False).returncode == 0
        except OSError:
            mounted = False
        try:
            yield disk if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", str(disk)], check=True)


def _stdin_cut(command: list[str], folder: Path, lines: list[bytes], whole: bytes, rng: random.Random) -> int:
    """End stdin at random bytes: the whole lines before the cut are as ever, and a torn one is an error record."""
    data = b"".join(lines)
    expected = whole.splitlines(keepends=True)
    n_same = 0
    for _ in range(_CUTS):
        cut = rng.randrange(len(data) // 20)
        _run([*command, "-o", "cut.jsonl"], folder, data[:cut])
        found = (folder / "cut.jsonl").read_bytes().splitlines(keepends=True)
        n_whole = data[:cut].count(b"\n")
        # Messages name no file here, and a blank line or a torn one is not a record of the whole run.
        same = [_without_place(line) for line in found[:n_whole]] == [
            _without_place(line) for line in expected[:n_whole]
        ]
        n_same += same and len(found) in {n_whole, n_whole + 1}
    print(f"stdin cut at {_CUTS} bytes: {n_same} times every whole line is as it was")
    return int(n_same < _CUTS)


def _without_place(line: bytes) -> bytes:
    return line.replace(b"in.jsonl: ", b"")


def _answer(same: bool) -> str:
    return "byte-identical" if same else "DIFFERENT"


if __name__ == "__main__":
    sys.exit(main())
