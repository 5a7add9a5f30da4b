"""Change the code at random places, one place at a time, and print how many changes the tests notice.

`python -m tests.mutants --sample 100`: of each of selection, budget, reading and splitting. mutmut makes the mutants and runs the
tests that reach them (`[tool.mutmut]` in pyproject.toml); its files are in build/mutants, and a second run goes on with them.
A mutant that no test reaches survives.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDER = ROOT / "build" / "mutants"
_MODULES = {
    "budget": "ctxzip.selection.budget_from_limits.",
    "selection": "ctxzip.selection.",
    "reading": "ctxzip.reading.",
    "splitting": "ctxzip.splitting.",
}
# Exit codes of mutmut: a test failed (1, or 3 with an error inside pytest), or the tests took too long (the others).
_KILLED = frozenset([1, 3, 24, 36, 152, 255, -24])
_CALL = [sys.executable, "-m", "mutmut", "run", "--max-children"]


def main() -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=100, help="mutants of each part")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--children", type=int, default=1, help="tests that run at the same time")
    options = parser.parse_args()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("ctxzip", "tests", "fixtures", "models", "pyproject.toml", "README.md", "CHANGELOG.md", "Makefile"):
        if not (_FOLDER / name).exists():
            (_FOLDER / name).symlink_to(ROOT / name)
    _mutmut(options.children, "no mutant has this name")  # makes the mutants and finds the tests of every function
    tested = json.loads((_FOLDER / "mutants" / "mutmut-stats.json").read_text("utf-8"))[
        "tests_by_mangled_function_name"
    ]
    sampled = _sample(options.sample, random.Random(options.seed))
    reached = [name for names in sampled.values() for name in names if name.rpartition("__mutmut_")[0] in tested]
    if reached:
        _mutmut(options.children, *reached)
    found = _exit_codes()
    if not_run := [name for name in reached if found[name] is None]:
        raise SystemExit(f"{len(not_run)} of {len(reached)} mutants did not run: see {_FOLDER / 'log'}")
    total = n_killed = 0
    for part, names in sampled.items():
        survivors = [name for name in names if name not in reached or found[name] not in _KILLED]
        total, n_killed = total + len(names), n_killed + len(names) - len(survivors)
        print(f"{part:10} {_rate(len(names) - len(survivors), len(names))}")
        for name in survivors:
            print(f"    {name}")
    print(f"{'all':10} {_rate(n_killed, total)}")
    return 0


def _rate(killed: int, n: int) -> str:
    return f"{killed} of {n} mutants killed ({100 * killed / max(n, 1):.1f}%)"


def _mutmut(children: int, *names: str) -> None:
    with (_FOLDER / "log").open("ab") as log:
        subprocess.run(
            [*_CALL, str(children), *names], cwd=_FOLDER, stdout=log, stderr=log, check=False, env=os.environ
        )


def _sample(n: int, rng: random.Random) -> dict[str, list[str]]:
    """Return names of mutants by part; a mutant is of the first part that it fits."""
    left = sorted(_exit_codes())
    sampled = {}
    for part, prefix in _MODULES.items():
        names = [name for name in left if name.startswith(prefix)]
        left = [name for name in left if not name.startswith(prefix)]
        sampled[part] = rng.sample(names, min(n, len(names)))
    return sampled


def _exit_codes() -> dict[str, int | None]:
    """Return the exit code of the tests by the name of the mutant; None where they did not run."""
    files = (_FOLDER / "mutants" / "ctxzip").rglob("*.meta")
    return {
        name: code for path in files for name, code in json.loads(path.read_text("utf-8"))["exit_code_by_key"].items()
    }


if __name__ == "__main__":
    sys.exit(main())
