"""Compare sentence splitters on texts of many languages: `python -m tests.benchmarks.sentence_splitters`.

`exact` is the share of texts whose boundaries are all correct, `F1` that of the boundaries inside texts. Each splitter is
measured alone, then without its boundaries inside protected tokens (`+protected`), then also without those after
abbreviations (`+abbreviations`). sentencex, pysbd and spaCy are left out if they are not installed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from ctxzip.splitting.full_stops import ends_sentence
from ctxzip.splitting.protected import with_whole_tokens
from ctxzip.splitting.sentence_rules import split_at_stops
from ctxzip.splitting.sentences import sentence_spans, splitter_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Offsets = list[tuple[int, int]]
    Splitter = Callable[[str, str], Offsets]  # of a text and its language

TEXTS = Path(__file__).parents[1] / "splitting" / "sentences.jsonl"
_SPEED_CHARACTERS = 200_000
_ROUNDS = 3


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sentence_splitters", description=__doc__)
    parser.add_argument("--texts", type=Path, default=TEXTS, help='JSON lines of {"lang", "text", "sentences"}')
    parser.add_argument("--prose", type=Path, help="JSON lines with docs to measure the speed on; default: the texts")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.texts.read_text(encoding="utf-8").splitlines()]
    languages = list(dict.fromkeys(row["lang"] for row in rows))
    prose = list(_prose(options.prose)) if options.prose else []
    print(f"{len(rows)} texts, {sum(len(row['sentences']) for row in rows)} sentences, {len(languages)} languages")
    print(f"{'splitter':36} {'exact':>6} {'F1':>6} {'Mchar/s':>8}  " + " ".join(f"{code:>5}" for code in languages))
    for name, split in _splitters():
        scores = measured(rows, split)
        exact, f1 = scores["all"]
        cells = " ".join(f"{scores[code][0]:5.2f}" for code in languages)
        print(f"{name:36} {exact:6.3f} {f1:6.3f} {_speed(rows, prose, split):8.2f}  {cells}", flush=True)


def measured(rows: list[dict[str, Any]], split: Splitter) -> dict[str, tuple[float, float]]:
    """Return the share of texts without an error and the F1 of the boundaries, both 0..1, by language and for `all`."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        text = row["text"]
        expected = _boundaries(row["sentences"])
        found = _boundaries([text[start:end] for start, end in split(text, row["lang"])])
        for key in (row["lang"], "all"):
            counts[key].update(
                texts=1, exact=found == expected, hits=len(found & expected), boundaries=len(found) + len(expected)
            )
    return {
        key: (n["exact"] / n["texts"], 2 * n["hits"] / n["boundaries"] if n["boundaries"] else 1)
        for key, n in counts.items()
    }


def _boundaries(sentences: list[str]) -> set[int]:
    """Return the boundaries inside the text, each as the number of characters before it that are not white space."""
    found = []
    n = 0
    for sentence in sentences:
        n += len("".join(sentence.split()))
        found.append(n)
    return set(found) - {n}


def _splitters() -> Iterator[tuple[str, Splitter]]:
    yield "ctxzip", lambda text, lang: sentence_spans(text, splitter_for(lang)[0])
    bare: dict[str, Splitter] = {"rules": split_at_stops}
    for package, make in {
        "nupunkt": _nupunkt,
        "spacy": _spacy,
        "sentencex": _sentencex,
        "pysbd": _pysbd,
    }.items():
        if importlib.util.find_spec(package):
            bare[package] = make()
    for name, split in bare.items():
        yield name, split
        yield f"{name} +protected", _with_protection(split)
        yield f"{name} +protected +abbreviations", _with_abbreviations(split)


def _nupunkt() -> Splitter:
    from nupunkt import sent_spans

    return lambda text, _lang: list(sent_spans(text))


def _spacy() -> Splitter:
    import spacy

    @cache
    def pipeline(lang: str) -> Any:
        nlp = spacy.blank({"no": "nb", "zh": "xx", "ja": "xx", "ko": "xx"}.get(lang, lang))
        nlp.add_pipe("sentencizer")
        return nlp

    return lambda text, lang: [(sentence.start_char, sentence.end_char) for sentence in pipeline(lang)(text).sents]


def _sentencex() -> Splitter:
    from sentencex import get_sentence_boundaries

    return lambda text, lang: [
        (found["start_index"], found["end_index"]) for found in get_sentence_boundaries(lang, text)
    ]


def _pysbd() -> Splitter:
    import pysbd

    @cache
    def segmenter(lang: str) -> Any:
        known = lang if lang in pysbd.languages.LANGUAGE_CODES else "en"
        return pysbd.Segmenter(language=known, char_span=True, clean=False)

    return lambda text, lang: [(found.start, found.end) for found in segmenter(lang).segment(text)]


def _with_protection(split: Splitter) -> Splitter:
    return lambda text, lang: with_whole_tokens(text, _trimmed(text, split(text, lang)))


def _with_abbreviations(split: Splitter) -> Splitter:
    def spans(text: str, lang: str) -> Offsets:
        found: Offsets = []
        for start, end in _trimmed(text, split(text, lang)):
            if found and text[found[-1][1] - 1] == "." and not ends_sentence(text, found[-1][1] - 1, lang):
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return with_whole_tokens(text, found)

    return spans


def _trimmed(text: str, spans: Offsets) -> Offsets:
    """Return the spans without white space at their ends; text between two spans is added to the second."""
    found: Offsets = []
    at = 0
    for _, end in spans:
        piece = text[at:end]
        if piece.strip():
            found.append((at + len(piece) - len(piece.lstrip()), at + len(piece.rstrip())))
        at = max(at, end)
    return found


def _prose(path: Path) -> Iterator[str]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        n = 0
        for line in lines:
            for doc in json.loads(line)["docs"]:
                text = doc if isinstance(doc, str) else doc["text"]
                yield text
                n += len(text)
                if n > _SPEED_CHARACTERS:
                    return


def _speed(rows: list[dict[str, Any]], prose: list[str], split: Splitter) -> float:
    texts = [(text, "en") for text in prose] or [(row["text"], row["lang"]) for row in rows]
    seconds = []
    for _ in range(_ROUNDS):
        start = process_time()
        for text, lang in texts:
            split(text, lang)
        seconds.append(process_time() - start)
    return sum(len(text) for text, _ in texts) / 1e6 / min(seconds)


if __name__ == "__main__":
    main()
