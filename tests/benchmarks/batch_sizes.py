"""Measure the time of several batch sizes on the CPU: `python -m tests.benchmarks.batch_sizes FILE...`.

The windows of a run go through ONNX Runtime alone. The first row is the way that ctxzip uses, and the ratios are to it.
The int8 graph has no mask, so scores of padded batches are wrong; their time is right.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.cores import available_cores
from ctxzip.cli.option_names import error_text
from ctxzip.errors import InputError
from ctxzip.model_store import open_model
from ctxzip.scoring.batches import batches_by_length
from ctxzip.scoring.onnx_sessions import open_session
from tests.benchmarks.bare_runtime import record_batches
from tests.benchmarks.peers.measuring import first_lines, machine, positive, rotating
from tests.benchmarks.peers.peer_adapters import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.peers.peer_adapters import Run

_TOKENS = (0, 512, 1_024, 2_048, 4_096, 16_384)  # of a batch, padding included; 0 runs every window alone


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.batch_sizes", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, gzipped or not")
    parser.add_argument(
        "--records", type=positive, default=60, help="from all files in turn, repeated where there are fewer"
    )
    parser.add_argument("--model", choices=("mini", "nano"), default="mini")
    parser.add_argument("--rounds", type=positive, default=5)
    options = parser.parse_args()
    try:
        found = requests(first_lines(options.data, options.records))
    except InputError as error:
        parser.error(error_text(error))
    print(machine(available_cores()))
    with tempfile.TemporaryDirectory() as folder:
        batches = Path(folder, "batches")
        record_batches(found, options.model, batches)
        windows = [feed for _, feed in pickle.loads(batches.read_bytes())]  # noqa: S301  # written a line above
    opened = open_model(options.model)
    runs = dict(_variants(windows, opened.verified(opened.graph_for("cpu"))))
    seconds = rotating(runs, (), options.rounds)
    n_tokens = sum(feed["input_ids"].size for feed in windows)
    print(f"\n{f'{len(windows):,} windows, {n_tokens:,} tokens, {options.model}':40} {'seconds':>8} {'ratio':>8}")
    floor = median(next(iter(seconds.values())))
    for name, times in seconds.items():
        print(f"{name:40} {median(times):8.3f} {median(times) / floor:8.3f}")


def _variants(windows: Sequence[dict[str, Any]], graph: Path) -> Iterator[tuple[str, Run]]:
    cores = available_cores()
    for at_once, threads in dict.fromkeys([(cores, 1), (1, cores)]):
        session = open_session(graph, threads=threads).session
        for tokens in _TOKENS:
            lengths = [feed["input_ids"].shape[1] for feed in windows]
            batches = [_stacked([windows[i] for i in batch]) for batch in batches_by_length(lengths, tokens)]
            name = f"{at_once} at once, {threads} thread{'s' * (threads > 1)} each, "
            yield (
                name + (f"{tokens:,} tokens a batch" if tokens else "windows alone"),
                partial(_run, session, batches, at_once),
            )


def _stacked(windows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    longest = max(feed["input_ids"].shape[1] for feed in windows)
    return {
        name: np.concatenate([np.pad(feed[name], ((0, 0), (0, longest - feed[name].shape[1]))) for feed in windows])
        for name in windows[0]
    }


def _run(session: Any, batches: Sequence[dict[str, Any]], at_once: int, _lines: Sequence[bytes]) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(lambda feed: session.run(None, feed), batches):
            pass


if __name__ == "__main__":
    main()
