"""Compare a GPU with the CPU, decisions and speed: `python -m tests.benchmarks.cuda FILE... --device cuda`.

On CUDA windows of several records share a batch; the table has several sizes. Decisions are the units that are kept with
a fifth of the tokens.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ctxzip._internal.cores import available_cores
from ctxzip.cli.option_names import error_text
from ctxzip.compressor import Compressor
from ctxzip.errors import CtxzipError
from ctxzip.rendering.result import Result
from ctxzip.scoring.onnx_sessions import CPU
from ctxzip.settings import Settings
from tests.benchmarks.peers.measuring import first_lines, machine, positive, rotating
from tests.benchmarks.peers.peer_adapters import requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Request

_TOKENS = (4_096, 16_384, 65_536, 262_144)  # of a batch, padding included
_RATIO = 0.2


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cuda", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, gzipped or not")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument(
        "--records", type=positive, default=300, help="from all files in turn, repeated where there are fewer"
    )
    parser.add_argument("--model", choices=("mini", "nano"), default="mini")
    parser.add_argument("--rounds", type=positive, default=3)
    options = parser.parse_args()
    try:
        found = requests(first_lines(options.data, options.records))
        by_batch_size = {n: _compressor(options.model, options.device, n) for n in _TOKENS}
    except CtxzipError as error:
        parser.error(error_text(error))
    on_cpu = _compressor(options.model, CPU, _TOKENS[0])
    n_same, n_units = same_decisions(_results(on_cpu, found), _results(by_batch_size[_TOKENS[-1]], found))
    print(machine(available_cores()))
    print(
        f"\n{options.model} on {options.device} keeps or drops {100 * n_same / n_units:.2f}% of {n_units:,} units as on the CPU"
    )
    runs = {
        "cpu": partial(_run, on_cpu, found),
        **{f"{options.device}, {n:,} tokens a batch": partial(_run, one, found) for n, one in by_batch_size.items()},
    }
    seconds = rotating(runs, (), options.rounds)
    print(f"\n{f'{len(found):,} records':40} {'records/s':>10} {'ratio':>8}")
    cpu = median(seconds["cpu"])
    for name, times in seconds.items():
        print(f"{name:40} {len(found) / median(times):10.1f} {cpu / median(times):8.2f}")


def same_decisions(ours: Sequence[Result], theirs: Sequence[Result]) -> tuple[int, int]:
    """Return the number of units that two runs both keep or both drop, and the number of all units."""
    pairs = [
        ((i in one.selection.kept) == (i in other.selection.kept))
        for one, other in zip(ours, theirs, strict=True)
        for i in range(len(one.scored.units))
    ]
    return sum(pairs), len(pairs)


def _compressor(model: str, device: str, batch_tokens: int) -> Compressor:
    return Compressor(
        Settings(scorer="hybrid", model=model, device=device, batch_tokens=batch_tokens, ratio=_RATIO, prefilter="off")
    )


def _results(compressor: Compressor, found: Sequence[Request]) -> list[Result]:
    return [result for result in compressor.stream(found) if isinstance(result, Result)]


def _run(compressor: Compressor, found: Sequence[Request], _lines: Sequence[bytes]) -> None:
    _results(compressor, found)


if __name__ == "__main__":
    main()
