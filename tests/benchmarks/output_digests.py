"""Whether a change leaves the output as it was: digests of what `ctxzip` keeps, beside recorded ones.

    python -m tests.benchmarks.output_digests DATA/dev                  compare with the recorded digests
    python -m tests.benchmarks.output_digests DATA/dev --record         record new ones
    python -m tests.benchmarks.output_digests --executable OLD/ctxzip   digests of another version

Every set is scored once by each scorer (`ctxzip score`) and selected under several budgets (`ctxzip select`), which
together write what `ctxzip compress` writes. A digest covers the documents that are written and, of the key
`ctxzip`, every score, span, token count and language; not the names of keys and not the words of messages. Scores of
the int8 graphs differ between kinds of CPU: digests hold for the kind that recorded them.

The recorded digests are those before units, terms and policies changed. Commit 96477e1, which moved and renamed all modules,
prints "420 of 420 the same".
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_suffix(".json")
FIXTURES = Path(__file__).parents[2] / "fixtures"
SCORERS = {
    "bm25": ["--scorer", "bm25"],
    "mini": ["--scorer", "hybrid", "--model", "mini"],
    "nano": ["--scorer", "hybrid", "--model", "nano"],
}
BUDGETS = {"auto": [], "ratio": ["--ratio", "0.2"], "tokens": ["--max-tokens", "300"], "recall": ["--recall", "0.9"]}
RECORDS = 200
_COUNTS = ("query_kind", "tokens_in", "tokens_out", "kept_fraction", "tokenizer", "splitter", "order")


def sets(folder: Path | None) -> dict[str, list[str]]:
    """Return the lines of each set by its name: the fixtures, and records spread over each file of a folder."""
    found = {"fixtures": (FIXTURES / "requests.jsonl").read_text("utf-8").splitlines()}
    for path in sorted(folder.glob("*.jsonl.gz")) if folder else ():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = file.read().splitlines()
        step = max(len(lines) / RECORDS, 1)
        found[path.name.removesuffix(".jsonl.gz")] = [lines[int(i * step)] for i in range(min(RECORDS, len(lines)))]
    return found


def digest(executable: list[str], scored: Path, options: list[str]) -> str:
    """Return the SHA-256 of what is kept of scored records under a budget."""
    command = [*executable, "select", "--quiet", "--explain", *options, str(scored)]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if result.returncode not in {0, 1}:
        return f"exit {result.returncode}"
    hashed = hashlib.sha256()
    for line in result.stdout.splitlines():
        hashed.update(json.dumps(comparable(json.loads(line)), sort_keys=True).encode() + b"\n")
    return hashed.hexdigest()[:32]


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without what may be named or worded anew."""
    about = record["ctxzip"]
    docs = [
        [doc["relevance"], doc["language"], doc["kept"], [dropped[:3] for dropped in doc["dropped"]]]
        for doc in about.get("docs", ())
    ]
    return {**record, "ctxzip": {"docs": docs, **{key: about[key] for key in _COUNTS if key in about}}}


def main() -> int:
    """Print one line a set; exit with 1 where a digest differs from the recorded one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="of *.jsonl.gz files; the fixtures alone without it")
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name}")
    parser.add_argument("--executable", help="the ctxzip to run, in place of this one")
    parser.add_argument("--scorer", action="append", choices=SCORERS, help="these alone")
    options = parser.parse_args()
    executable = [options.executable] if options.executable else [sys.executable, "-m", "ctxzip"]
    recorded: dict[str, str] = {} if not RECORDED.exists() else json.loads(RECORDED.read_text("utf-8"))
    found: dict[str, str] = {}
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        scored = Path(folder, "scored.jsonl")
        for name, lines in sets(options.folder).items():
            for scorer in options.scorer or SCORERS:
                command = [*executable, "score", "--quiet", *SCORERS[scorer]]
                with scored.open("wb") as file:
                    text = "".join(f"{line}\n" for line in lines).encode()
                    subprocess.run(command, input=text, stdout=file, check=False)
                for budget, limits in BUDGETS.items():
                    key = f"{name} {scorer} {budget}"
                    found[key] = digest(executable, scored, limits)
                    same = recorded.get(key) == found[key]
                    differing += not same
                    print(
                        f"{key}\t{found[key]}\t{'same' if same else 'DIFFERS' if key in recorded else 'not recorded'}"
                    )
                    sys.stdout.flush()
    if options.record:
        RECORDED.write_text(json.dumps({**recorded, **found}, indent=1) + "\n", "utf-8")
        return 0
    print(f"{len(found) - differing} of {len(found)} the same")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
