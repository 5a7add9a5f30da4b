"""What is fuzzed: functions of bytes that raise where a promise is broken."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import contextmanager, suppress
from functools import lru_cache
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import numpy as np

from ctxzip import Compressor, Settings
from ctxzip._internal.raw_json import encode
from ctxzip.cli.config_files import NAMED, PROJECT
from ctxzip.cli.model_screen import screen
from ctxzip.datamodels import Ranking, Request
from ctxzip.errors import CtxzipError
from ctxzip.model_store import CARD, models_folder, read_model
from ctxzip.reading.limits import InputLimits
from ctxzip.reading.origin import original_record
from ctxzip.reading.requests import read
from ctxzip.reading.sources import Source, decompressed
from ctxzip.rendering.record import record
from ctxzip.selection.adaptive.policy_file import load_policy
from ctxzip.selection.adaptive.policy_lookup import POLICY
from ctxzip.settings import BM25, HYBRID
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans
from ctxzip.tokens import load_tokenizer
from tests.conftest import FIXTURES, LINE
from tests.conftest import compress as run_compress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

_T = TypeVar("_T")
_FORMATS = (None, "csv", "tsv", "text", "json")
_FILES = (CARD, POLICY, PROJECT)
_LANGUAGES = ("en", "und", "ja", "de")
_LIMITS = InputLimits(line_bytes=50_000, documents=50, nesting=40)
_QUERY = "When does the ferry leave?"
_RANKING = Ranking(
    probability=np.array([0.9, 0.2], dtype=np.float32),
    size=np.array([40, 50]),
    passage=np.array([0, 1]),
    relevance=np.array([0.8, 0.1], dtype=np.float32),
    kind="fact",
    complexity=0.3,
    needs_several_passages=False,
    word_coverage=(0.5, 0.5),
)


def reader(data: bytes) -> None:
    """Whatever is read, is a request or a bad record; a request can be written back as JSON."""
    file_format, query = _chosen(data, [(file_format, query) for file_format in _FORMATS for query in (None, _QUERY)])
    with suppress(CtxzipError):
        for item in read([Source("in", _opener(data), file_format)], query=query, limits=_LIMITS):
            if isinstance(item, Request):
                json.loads(encode(original_record(item)))


def splitter(data: bytes) -> None:
    """Every character that is not white space is in exactly one span; spans are in order and trimmed."""
    text, lang = data.decode("utf-8", "ignore"), _chosen(data, _LANGUAGES)
    at = 0
    for span in split_into_spans(text, splitter_for(lang)[0]):
        _hold(at <= span.start < span.end <= len(text), f"{lang}: span {span} after {at}")
        _hold(not text[at : span.start].strip(), f"{lang}: text between spans")
        at = span.end
    _hold(not text[at:].strip(), f"{lang}: text after the last span")


def selector(data: bytes) -> None:
    """Spans that are kept by BM25 are exact, in order, and within the ceiling."""
    _select(data, BM25)


def model(data: bytes) -> None:
    """The same with nano."""
    _select(data, HYBRID)


def _select(data: bytes, scorer: str) -> None:
    head, _, rest = data.partition(b"\n")
    ceiling = len(head) % 64
    texts = [part.decode("utf-8", "ignore") for part in rest.split(b"\0")[:6]]
    result = _compressor(scorer, ceiling).compress(head.decode("utf-8", "ignore").strip() or _QUERY, texts)
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


def files(data: bytes) -> None:
    """A model card and a policy are read, or an error names the file; a config file decides, or an error says what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        name = _FILES[data[0] % len(_FILES)] if data else PROJECT
        path = Path(folder) / name
        path.write_bytes(data[1:])
        if name == PROJECT:
            run = run_compress("--scorer", "bm25", "--quiet", stdin=LINE, env={NAMED: str(path)})
            _hold(run.code in {0, 1, 2} and "Traceback" not in run.err, f"exit code {run.code}: {run.err}")
            return
        with suppress(CtxzipError):
            if name == CARD:
                list(screen(read_model(Path(folder))))
                read_model(Path(folder)).graph_for("cpu")
            else:
                load_policy(path).answerability(_RANKING)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "reader": reader,
    "splitter": splitter,
    "selector": selector,
    "model": model,
    "files": files,
    "command": command,
}


def corpus(target: str) -> list[bytes]:
    """Return what is mutated: records, tables, notes and cases of the repository, cut to a size that is quick to run."""
    if target == "files":
        return _small_files()
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


def _small_files() -> list[bytes]:
    """Return a model card, a policy with one tree and one question, and a config file, each behind its number in `_FILES`."""
    folder = models_folder() / "ctxzip-nano"
    card, policy = (json.loads((folder / name).read_text("utf-8")) for name in (CARD, POLICY))
    for forest in ("reach", "answerable"):
        policy[forest]["trees"] = policy[forest]["trees"][:1]
    kept = (
        "version",
        "scorer",
        "model_sha256",
        "splitter",
        "depth",
        "best_probability",
        "kinds",
        "floor",
        "reach",
        "answerable",
    )
    policy = {key: policy[key] for key in kept} | {"kinds": {"all": {"n": 2, "unreached": 1, "needs": [0.5]}}}
    config = 'max-tokens = 100\nto = "text"\n[score]\nscorer = "bm25"\n[eval]\nratio = [0.1, 0.2]\n'
    contents = (json.dumps(card), json.dumps(policy), config)
    return [bytes([number]) + content.encode() for number, content in enumerate(contents)]


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


@lru_cache(maxsize=128)
def _compressor(scorer: str, ceiling: int) -> Compressor:
    return Compressor(Settings(scorer=scorer, model="nano", threads=1, max_tokens=ceiling))


def _chosen(data: bytes, choices: Sequence[_T]) -> _T:
    """Return a choice that depends on the input alone, so that each run is short and can be repeated."""
    return choices[len(data) % len(choices)]


def _hold(promise: object, message: str) -> None:
    if not promise:
        raise AssertionError(message)
