"""Fuzz the parts that read what others wrote, and print the number of executions.

`python -m tests.fuzz --seconds 60 --target reader`: mutates the corpus for a minute. With atheris (libFuzzer) where it is
installed, which follows the branches that are taken; else with hypothesis. An input that breaks a promise or takes more than 5
seconds ends the run with exit code 1; the input is in `crash-...` in the current folder, or printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_TARGETS = ("reader", "splitter", "selector", "model", "files", "command")
_LONGEST_S = 5


def main() -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", choices=_TARGETS, action="append", help="all, if none is named")
    parser.add_argument("--seed", type=int, default=0, help="0 draws one")
    parser.add_argument(
        "--inside", help=argparse.SUPPRESS
    )  # of the process that libFuzzer takes over: folder of the corpus
    options = parser.parse_args()
    if options.inside:
        _inside(options.target[0], options.inside, options.seconds, options.seed)
    run = _with_atheris if importlib.util.find_spec("atheris") else _with_hypothesis
    failed = 0
    total = 0
    for target in options.target or _TARGETS:
        started = time.monotonic()
        n, code = run(target, options.seconds, options.seed)
        total += n
        failed += code != 0
        print(
            f"{target:10} {n:10,} executions in {time.monotonic() - started:.0f} s{'' if not code else ', FAILED'}",
            flush=True,
        )
    print(f"{'all':10} {total:10,} executions")
    return int(failed > 0)


def _with_atheris(target: str, seconds: int, seed: int) -> tuple[int, int]:
    """Fuzz in a process that libFuzzer takes over; return the number of executions, and its exit code."""
    from tests.fuzz.targets import corpus

    with tempfile.TemporaryDirectory() as folder:
        for number, piece in enumerate(corpus(target)):
            (Path(folder) / f"{number}").write_bytes(piece)
        call = [sys.executable, "-m", "tests.fuzz", "--inside", folder, "--target", target]
        done = subprocess.run(
            [*call, "--seconds", str(seconds), "--seed", str(seed)], capture_output=True, text=True, check=False
        )
    found = re.findall(r"^(?:Done |#)(\d+)", done.stderr, re.MULTILINE)
    if done.returncode:
        print(done.stderr[-4_000:], file=sys.stderr)
    return int(found[-1]) if found else 0, done.returncode


def _inside(target: str, corpus: str, seconds: int, seed: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["ctxzip"]):
        from tests.fuzz.targets import TARGETS

    flags = [
        f"-max_total_time={seconds}",
        f"-timeout={_LONGEST_S}",
        f"-seed={seed}",
        "-max_len=6000",
        "-rss_limit_mb=0",
    ]
    atheris.Setup([sys.argv[0], *flags, corpus], TARGETS[target])
    atheris.Fuzz()


class _TimeUp(Exception):  # noqa: N818  # no error
    pass


def _with_hypothesis(target: str, seconds: int, seed: int) -> tuple[int, int]:
    """Fuzz with edits of the corpus; return the number of executions, and 0 or 1."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    from tests.fuzz.targets import TARGETS, corpus

    end = time.monotonic() + seconds
    n = 0
    edits = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 40), st.binary(max_size=12)), max_size=6)

    @settings(max_examples=10**9, deadline=_LONGEST_S * 1000, database=None, suppress_health_check=list(HealthCheck))
    @given(piece=st.sampled_from(corpus(target)), changed=edits)
    def run(piece: bytes, changed: list[tuple[int, int, bytes]]) -> None:
        nonlocal n
        if time.monotonic() > end:
            raise _TimeUp
        for at, length, new in changed:
            piece = piece[:at] + new + piece[at + length :]
        TARGETS[target](piece)
        n += 1

    try:
        (seeded(seed)(run) if seed else run)()
    except _TimeUp:
        return n, 0
    except Exception as error:  # noqa: BLE001  # what is looked for
        print(f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        return n, 1
    return n, 0


if __name__ == "__main__":
    sys.exit(main())
