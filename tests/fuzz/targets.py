"""What is fuzzed: functions of bytes that raise where a promise is broken."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from functools import lru_cache
from io import BufferedReader, BytesIO
from typing import TYPE_CHECKING, BinaryIO, cast

from ctxzip import Compressor, Settings
from ctxzip._internal.raw_json import encode
from ctxzip.datamodels import Request
from ctxzip.errors import CtxzipError
from ctxzip.reading.limits import InputLimits
from ctxzip.reading.requests import read
from ctxzip.reading.sources import Source, decompressed
from ctxzip.rendering.record import record
from ctxzip.rendering.slot_filling import original_record
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from ctxzip.tokens import load_tokenizer
from tests.conftest import FIXTURES
from tests.conftest import compress as run_compress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_FORMATS = (None, "csv", "tsv", "text", "json")
_LANGUAGES = ("en", "und", "ja", "de")
_LIMITS = InputLimits(line_bytes=50_000, documents=50, nesting=40)
_QUERY = "When does the ferry leave?"


def reader(data: bytes) -> None:
    """Whatever is read, is a request or a bad record; a request can be written back as JSON."""
    for file_format in _FORMATS:
        for query in (None, _QUERY):
            try:
                for item in read([Source("in", _opener(data), file_format)], query=query, limits=_LIMITS):
                    if isinstance(item, Request):
                        json.loads(encode(original_record(item)))
            except CtxzipError:
                continue


def splitter(data: bytes) -> None:
    """Every character that is not white space is in exactly one span; spans are in order and trimmed."""
    text = data.decode("utf-8", "ignore")
    for lang in _LANGUAGES:
        at = 0
        for span in split_into_spans(text, splitter_for(lang)[0]):
            _hold(at <= span.start < span.end <= len(text), f"{lang}: span {span} after {at}")
            _hold(not text[at : span.start].strip(), f"{lang}: text between spans")
            at = span.end
        _hold(not text[at:].strip(), f"{lang}: text after the last span")


def selector(data: bytes) -> None:
    """Kept spans are exact, in order, and within the ceiling."""
    head, _, rest = data.partition(b"\n")
    ceiling = len(head) % 64
    texts = [part.decode("utf-8", "ignore") for part in rest.split(b"\0")[:6]]
    result = _compressor(ceiling).compress(head.decode("utf-8", "ignore").strip() or _QUERY, texts)
    written = json.loads(record(result))
    counts = load_tokenizer().count([str(text) for text in written["docs"]])
    _hold(sum(counts) <= ceiling, f"{sum(counts)} tokens of {ceiling}")
    for text, own in zip(texts, written["ctxzip"]["docs"], strict=True):
        at = 0
        for start, end, probability in own["kept"]:
            _hold(at <= start < end <= len(text) and 0 <= probability <= 1, f"span {start, end, probability}")
            at = end


def command(data: bytes) -> None:
    """Every line that is not blank is a record or an error record; no traceback, and JSON on stdout."""
    # One value a line: an array and an indented object are other numbers of records.
    lines = [line for line in data.split(b"\n") if line.strip() and line.strip()[:1] != b"[" and line.strip() != b"{"]
    run = run_compress("--scorer", "bm25", "--quiet", "--max-line-bytes", "50000", stdin=b"\n".join(lines))
    _hold(run.code in {0, 1}, f"exit code {run.code}: {run.err}")
    _hold("Traceback" not in run.err, run.err)
    if not re.search(r"cannot read|needs a question", run.err):
        _hold(len(run.records) == len([line for line in lines if line.removeprefix(b"\xef\xbb\xbf").strip()]), run.err)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "reader": reader,
    "splitter": splitter,
    "selector": selector,
    "command": command,
}


def corpus() -> list[bytes]:
    """Return what is mutated: records, tables, notes and cases of the repository, cut to a size that is quick to run."""
    files = [
        path
        for path in sorted(FIXTURES.rglob("*"))
        if path.suffix in {".jsonl", ".json", ".csv", ".tsv", ".md", ".txt"}
    ]
    files += sorted((FIXTURES.parent / "tests" / "cases").glob("*.jsonl"))
    seeds = [piece for path in files for piece in path.read_bytes().split(b"\n") if 2 < len(piece) < 3_000]
    seeds += [path.read_bytes()[:3_000] for path in files]
    texts = [text for seed in seeds for text in _texts_in(seed)]
    return [*seeds, *texts]


def _texts_in(seed: bytes) -> list[bytes]:
    """Return the texts in a record, as a document of the splitter and the selector."""
    try:
        value = json.loads(seed)
    except ValueError:
        return []
    docs = value.get("docs") if isinstance(value, dict) else None
    texts = (
        [doc if isinstance(doc, str) else doc.get("text") for doc in docs if isinstance(doc, str | dict)]
        if isinstance(docs, list)
        else []
    )
    return [text.encode("utf-8", "ignore")[:3_000] for text in texts if isinstance(text, str)]


def _opener(data: bytes) -> Callable[[], AbstractContextManager[BinaryIO]]:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        with decompressed(cast("BinaryIO", BufferedReader(BytesIO(data)))) as stream:
            yield stream

    return opened


@lru_cache(maxsize=64)
def _compressor(ceiling: int) -> Compressor:
    return Compressor(Settings(scorer="bm25", max_tokens=ceiling))


def _hold(promise: object, message: str) -> None:
    if not promise:
        raise AssertionError(message)
