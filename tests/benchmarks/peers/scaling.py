"""Measure how speed scales with the size of the input: `python -m tests.benchmarks.peers.scaling FILE...`.

It varies the number of records, of documents a record, of tokens a document and of threads, one at a time; records are
generated from the documents of the data. Peers take turns over the same lines; each value is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ctxzip._internal.cores import available_cores
from ctxzip.errors import InputError, MissingDependencyError
from ctxzip.tokens import load_tokenizer
from tests.benchmarks.peers import PEERS, Peer
from tests.benchmarks.peers.measuring import first_lines, machine, positive, rotating
from tests.benchmarks.peers.peer_adapters import load, requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxzip.datamodels import Request
    from tests.benchmarks.peers.peer_adapters import Run

_RECORDS = (1, 3, 10, 30, 100, 300)
_DOCUMENTS = (1, 2, 5, 10, 20, 50)
_TOKENS = (30, 100, 300, 1_000, 3_000)
# For the other axes: as many documents as a retriever usually returns, of a paragraph each.
_USUAL_DOCUMENTS = 10
_USUAL_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Axis:
    """One quantity that is varied.

    Attributes:
        name: of the quantity, for the label.
        points: (value, threads, lines) each.
    """

    name: str
    points: tuple[tuple[int, int, Sequence[bytes]], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Records a second of one peer along one axis."""

    axis: str
    peer: str
    values: tuple[int, ...]
    per_second: tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one table for each axis, and write the plot with --plot."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers.scaling", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="JSON lines with a question and documents, gzipped or not")
    parser.add_argument("--records", type=positive, default=10, help="of each point, except on the axis of records")
    parser.add_argument(
        "--most", type=positive, default=_RECORDS[-1], help="the largest number of records on that axis"
    )
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument(
        "--threads",
        type=positive,
        default=available_cores(),
        help="the most on the axis of threads, and on all other axes",
    )
    parser.add_argument(
        "--peer", action="append", metavar="NAME", help="a peer in place of ctxzip mini, nano and bm25; may be repeated"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="write a plot, .png or .svg (pip install 'ctxzip[plot]')"
    )
    options = parser.parse_args(arguments)
    names = {peer.name: peer for peer in PEERS}
    if unknown := set(options.peer or ()) - set(names):
        parser.error(f"no peer {', '.join(sorted(unknown))}: expected some of {', '.join(names)}")
    if options.plot is not None:
        try:
            import matplotlib  # noqa: F401, ICN001
        except ImportError:
            parser.error("--plot: matplotlib is not installed: pip install 'ctxzip[plot]'")
    try:
        lines = first_lines(options.data, options.most)
        planned = list(axes(lines, requests(lines), n_records=options.records, threads=options.threads))
    except InputError as error:
        parser.error(str(error))
    peers = [names[name] for name in options.peer] if options.peer else [p for p in PEERS if p.kind == "ctxzip"]
    print(machine(options.threads))
    curves: list[Curve] = []
    for axis in planned:
        try:
            measured = along(axis, peers, options.rounds)
        except MissingDependencyError as error:
            parser.error(str(error))
        print(f"\n{axis.name:24}" + "".join(f"{value:>9}" for value in measured[0].values))
        for curve in measured:
            print(f"{curve.peer:24}" + "".join(f"{value:9.2f}" for value in curve.per_second), flush=True)
        curves += measured
    if options.plot is not None:
        plot(curves, options.plot)


def axes(lines: Sequence[bytes], found: Sequence[Request], *, n_records: int, threads: int) -> Iterator[Axis]:
    """Yield the four axes.

    Args:
        lines: records, for the first axis.
        found: the same, parsed.
        n_records: of each point of the other axes.
        threads: of all points, and the most on the last axis.
    """
    numbers = [*(n for n in _RECORDS if n < len(lines)), len(lines)]
    yield Axis("records", tuple((n, threads, lines[:n]) for n in numbers))
    yield Axis(
        "documents a record",
        tuple((n, threads, generated(found, n_records, n_documents=n, n_tokens=_USUAL_TOKENS)) for n in _DOCUMENTS),
    )
    yield Axis(
        "tokens a document",
        tuple((n, threads, generated(found, n_records, n_documents=_USUAL_DOCUMENTS, n_tokens=n)) for n in _TOKENS),
    )
    counts = sorted({*(2**i for i in range(threads.bit_length())), threads})
    usual = generated(found, n_records, n_documents=_USUAL_DOCUMENTS, n_tokens=_USUAL_TOKENS)
    yield Axis("threads", tuple((n, n, usual) for n in counts))


def generated(found: Sequence[Request], n_records: int, *, n_documents: int, n_tokens: int) -> list[bytes]:
    """Return `n_records` records of `n_documents` documents of `n_tokens` tokens (of the shipped tokenizer).

    Texts of the given requests are joined until they are long enough, and cut after the last token.

    Raises:
        InputError: no document has a text.
    """
    tokenizer = load_tokenizer()
    texts = [passage.text for request in found for passage in request.passages if passage.text.strip()]
    if not texts:
        raise InputError("no text in any document")
    endless = cycle(texts)

    def document() -> str:
        text, ends = "", tokenizer.ends([""])[0]
        while len(ends) < n_tokens:
            text = f"{text} {next(endless)}".lstrip()
            ends = tokenizer.ends([text])[0]
        return text[: int(ends[n_tokens - 1])]

    questions = islice(cycle(request.query for request in found), n_records)
    return [
        json.dumps({"query": query, "docs": [{"text": document()} for _ in range(n_documents)]}).encode() + b"\n"
        for query in questions
    ]


def along(axis: Axis, peers: Sequence[Peer], rounds: int) -> list[Curve]:
    """Return the curve of each peer along one axis.

    Raises:
        MissingDependencyError: a package that a peer needs is not installed.
    """
    taken: list[tuple[int, dict[str, tuple[float, ...]]]] = []
    runs: dict[str, Run] = {}
    loaded = 0
    for _, threads, lines in axis.points:
        if threads != loaded:  # torch has one number of threads for the process, that of the last load
            runs, loaded = {peer.name: load(peer, threads) for peer in peers}, threads
            rotating(runs, lines[:1], 1)  # warm up
        taken.append((len(lines), rotating(runs, lines, rounds)))
    return [
        Curve(
            axis.name,
            peer.name,
            tuple(value for value, _, _ in axis.points),
            tuple(n_records / median(seconds[peer.name]) for n_records, seconds in taken),
        )
        for peer in peers
    ]


def plot(curves: Sequence[Curve], path: Path) -> None:
    """Write one figure with a panel for each axis."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(curve.axis for curve in curves))
    figure, panels = plt.subplots(2, -(-len(names) // 2), figsize=(9, 6), dpi=120)
    for name, panel in zip(names, chain.from_iterable(panels), strict=False):
        for curve in curves:
            if curve.axis == name:
                panel.plot(curve.values, curve.per_second, marker="o", markersize=3, label=curve.peer)
        panel.set(xlabel=name, ylabel="records a second", xscale="log", yscale="log")
        panel.grid(alpha=0.3)
    panels[0][0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
