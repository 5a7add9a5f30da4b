"""A model on one device beside itself on the CPU: what both decide alike, and how fast: `FILE... --device cuda`.

On CUDA windows of several records run together: the batch that is fastest fills the card, and padding is
computed in vain beyond it. Decisions are units kept of a fifth of the tokens.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ctxzip._internal.cores import available_cores
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
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, or .gz of them")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--records", type=positive, default=300, help="of all files in turn, repeated if need be")
    parser.add_argument("--model", choices=("mini", "nano"), default="mini")
    parser.add_argument("--rounds", type=positive, default=3)
    options = parser.parse_args()
    try:
        asked = requests(first_lines(options.data, options.records))
        ours = {n: _compressor(options.model, options.device, n) for n in _TOKENS}
    except CtxzipError as error:
        parser.error(str(error))
    on_cpu = _compressor(options.model, CPU, _TOKENS[0])
    n_alike, n_units = alike(_results(on_cpu, asked), _results(ours[_TOKENS[-1]], asked))
    print(machine(available_cores()))
    print(
        f"\n{options.model} on {options.device} decides {100 * n_alike / n_units:.2f}% of {n_units:,} units as on the CPU"
    )
    runs = {
        "cpu": partial(_run, on_cpu, asked),
        **{f"{options.device}, {n:,} tokens a batch": partial(_run, one, asked) for n, one in ours.items()},
    }
    seconds = rotating(runs, (), options.rounds)
    print(f"\n{f'{len(asked):,} records':40} {'records/s':>10} {'ratio':>8}")
    slowest = median(seconds["cpu"])
    for name, some in seconds.items():
        print(f"{name:40} {len(asked) / median(some):10.1f} {slowest / median(some):8.2f}")


def alike(ours: Sequence[Result], theirs: Sequence[Result]) -> tuple[int, int]:
    """Return how many units two runs over the same requests both keep or both drop, and how many there are."""
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


def _results(compressor: Compressor, asked: Sequence[Request]) -> list[Result]:
    return [result for result in compressor.stream(asked) if isinstance(result, Result)]


def _run(compressor: Compressor, asked: Sequence[Request], _lines: Sequence[bytes]) -> None:
    _results(compressor, asked)


if __name__ == "__main__":
    main()
