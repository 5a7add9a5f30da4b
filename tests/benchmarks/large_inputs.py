"""Compress the largest inputs that are promised, and print time and memory: `python -m tests.benchmarks.large_inputs`.

One document of 10,000,000 characters, one record of 100,000 documents, and 1,000,000 records of one line, each also at a quarter of
the size: time grows in proportion where it is four times as long. Processor time and the largest resident memory are those of
the process `ctxzip compress`. With the scorers hybrid and bm25; the records of one line with bm25 only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

_QUERY = "When does the ferry to Skarholm leave?"
_TEXT = (
    "The harbour office {0} opens at eight and is run by the town of Osby. Tickets for line {0} are sold in the kiosk by the "
    "pier. The ferry to island {0} leaves at seven from pier {1}. In winter the quay is closed when there is ice. "
)
_ANSWER = "The ferry to Skarholm leaves at a quarter to five. "


def _document(n_characters: int, stream: BinaryIO) -> None:
    parts: list[str] = []
    length = 0
    while length < n_characters:
        parts.append(_TEXT.format(len(parts), len(parts) % 90))
        length += len(parts[-1])
    parts.insert(len(parts) // 2, _ANSWER)
    _write(stream, "".join(parts))


def _documents(n: int, stream: BinaryIO) -> None:
    texts = [_TEXT.format(i, i % 90) for i in range(n)]
    texts[n // 2] += _ANSWER
    _write(stream, *texts)


def _records(n: int, stream: BinaryIO) -> None:
    for i in range(n):
        _write(stream, f"Ferry {i} is blue. It leaves at {i % 24}. " + (_ANSWER if i % 1_000 == 0 else "It is old."))


def _write(stream: BinaryIO, *texts: str) -> None:
    stream.write(json.dumps({"query": _QUERY, "docs": texts}).encode() + b"\n")


_INPUTS: dict[str, tuple[int, Callable[[int, BinaryIO], None], tuple[str, ...]]] = {
    "characters in one document": (10_000_000, _document, ("bm25", "hybrid")),
    "documents in one record": (100_000, _documents, ("bm25", "hybrid")),
    "records": (1_000_000, _records, ("bm25",)),
}


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.large_inputs", description=__doc__)
    parser.add_argument("--part", type=float, default=1.0, help="of the sizes, to try it")
    parser.add_argument("--input", choices=_INPUTS, action="append", help="all, if none is named")
    parser.add_argument("--scorer", choices=("bm25", "hybrid"), action="append", help="both, if none is named")
    options = parser.parse_args()
    part, wanted = options.part, options.scorer or ("bm25", "hybrid")
    print(
        f"{'input':42} {'scorer':7} {'megabytes':>9} {'processor s':>11} {'of a quarter':>12} {'memory MB':>9}  answer kept"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, (size, write, scorers) in _INPUTS.items():
            for scorer in filter(wanted.__contains__, scorers if name in (options.input or _INPUTS) else ()):
                quarter, whole = (_run(Path(folder), round(size * part * share), write, scorer) for share in (0.25, 1))
                print(
                    f"{round(size * part):>11,} {name:30} {scorer:7} {whole[2]:9.1f} {whole[0]:11.1f} "
                    f"{whole[0] / quarter[0]:11.1f}x {whole[1]:9.0f}  {'yes' if whole[3] else 'NO'}",
                    flush=True,
                )


def _run(folder: Path, n: int, write: Callable[[int, BinaryIO], None], scorer: str) -> tuple[float, float, float, bool]:
    """Return processor seconds, largest memory in megabytes, megabytes of the input, and whether every answer is kept."""
    source, target = folder / "in.jsonl", folder / "out.jsonl"
    with source.open("wb") as stream:
        write(n, stream)
    command = [sys.executable, "-m", "ctxzip", "compress", "--scorer", scorer, "--quiet", "-n", "1", str(source)]
    process = subprocess.Popen([*command, "-o", str(target)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}")
    answers = [data.count(_ANSWER.strip().encode()) for data in (source.read_bytes(), target.read_bytes())]
    is_kept = answers[0] == answers[1]
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1_024, source.stat().st_size / 1e6, is_kept


if __name__ == "__main__":
    main()
