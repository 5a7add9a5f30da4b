"""Compare the speed of ctxzip with its peers: `python -m tests.benchmarks.peers FILE...`.

Each peer and ctxzip mini compress the same records in turn, in this process and after loading. The number of records is
such that the slower of both takes some seconds. Seconds depend on the machine and its load; ratios are comparable
between machines. A peer whose packages are not installed is left out, and its row names them.
"""

from __future__ import annotations

import argparse
import gc
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ctxzip._internal.cores import available_cores
from ctxzip.errors import InputError, MissingDependencyError
from tests.benchmarks.peers import PEERS, Peer
from tests.benchmarks.peers.measuring import Paired, first_lines, in_turn, machine, positive
from tests.benchmarks.peers.peer_adapters import load, requests

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES = (
    "onnxruntime-gpu", "onnxruntime", "torch", "transformers", "sentence-transformers", "llama-index-core",
    "langchain-classic", "llmlingua",
)  # fmt: skip

_NOTE = """
Records a second and ratios are medians over rounds; the range of the ratio is in parentheses. Random weights: the peer's
layers with random weights, and the tokenizer of ctxzip in place of its own."""
_CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one table; a row follows each measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, gzipped or not")
    parser.add_argument(
        "--records", type=positive, default=300, help="at most, from all files in turn, repeated where there are fewer"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="approximate time of one run of the slower of both")
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument(
        "--clock", choices=list(_CLOCKS), default="wall", help="cpu: processor time, for a busy machine"
    )
    parser.add_argument("--threads", type=positive, default=available_cores(), help="of ctxzip and of the peer")
    parser.add_argument(
        "--peer", action="append", metavar="TEXT", help="only peers with this text in their name; may be repeated"
    )
    options = parser.parse_args(arguments)
    try:
        lines = first_lines(options.data, options.records)
        requests(lines)  # a record that cannot be read is refused before the measurement
    except InputError as error:
        parser.error(str(error))
    ours, *others = PEERS
    if options.peer:
        others = [peer for peer in others if any(text.lower() in peer.name.lower() for text in options.peer)]
        if not others:
            parser.error(f"--peer: expected a part of {', '.join(peer.name for peer in PEERS[1:])}")
    print(f"{machine(options.threads)}, {options.clock} time")
    print(", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name))))
    print(f"\n{'':26} {'weights':8} {'records':>7} {'a second':>9} {'of mini':>9}   speed of mini / speed of the peer")
    run = load(ours, options.threads)
    for peer in others:
        try:
            theirs = load(peer, options.threads)
        except MissingDependencyError as error:
            print(f"{peer.name:26} left out: {error}", flush=True)
            continue
        paired = in_turn(
            run, theirs, lines, seconds=options.seconds, rounds=options.rounds, clock=_CLOCKS[options.clock]
        )
        print(row(peer, paired), flush=True)
        del theirs
        gc.collect()  # two large models at once may exceed the memory
    print(_NOTE)


def row(peer: Peer, paired: Paired) -> str:
    """Return one line of the table."""
    ours, theirs = (paired.n_records / median(seconds) for seconds in (paired.ours, paired.theirs))
    least, most = paired.span
    return (
        f"{peer.name:26} {peer.weights:8} {paired.n_records:7} {theirs:9.2f} {ours:9.2f} {paired.times:8.2f} "
        f"({least:.2f} to {most:.2f})"
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
