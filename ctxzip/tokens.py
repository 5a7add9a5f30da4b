"""The one definition of a token count."""

from __future__ import annotations

import re
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.model_store import models_folder, read_tokenizer, sha256
from ctxzip.settings import DEFAULT_MODEL, MODEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray


WORDS = "words"
_TIKTOKEN = "tiktoken:"
_PIECE = 20_000  # code points
_SPACE = " \t\r\n"  # what every BERT tokenizer takes for space; there is more, which the library is asked about
_ALONE = rf"(?![^ -~{_SPACE}])"  # nothing behind it that could be part of the same word
_KNOWN = 32_768  # words, 6 megabytes
_LONGEST_KNOWN = 64  # code points: what is longer is an address or Chinese, and does not come again


class Tokenizer(Protocol):
    """Counts tokens. No special tokens are added: what is counted is the text.

    Attributes:
        name: as it was asked for.
        identity: the same for those that count the same: of a file its SHA-256, for many are called `tokenizer.json`.
    """

    name: str
    identity: str

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        ...

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return, for each text, where its tokens end: code-point offsets, `(n_tokens,)`, not decreasing."""
        ...


def load_tokenizer(spec: str = MODEL) -> Tokenizer:
    """Return the tokenizer that `spec` names.

    Args:
        spec: `model` (the tokenizer that ships with ctxzip), `words` (runs of characters that are
            not space), `tiktoken:NAME` (needs the extra `tiktoken` and its local cache), or the
            path of a tokenizer.json.

    Raises:
        UsageError: no such file.
        ModelError: the file is not a tokenizer.
        MissingDependencyError: tiktoken or its cached encoding is not there.
    """
    if spec == WORDS:
        return _Words()
    if spec.startswith(_TIKTOKEN):
        return _Tiktoken(spec.removeprefix(_TIKTOKEN))
    if spec == MODEL:
        return _from_file(DEFAULT_MODEL, models_folder() / DEFAULT_MODEL / "tokenizer.json", DEFAULT_MODEL)
    path = Path(spec)
    if not path.is_file():
        raise UsageError(
            f"no tokenizer {spec!r}: expected model, words, tiktoken:NAME or a tokenizer.json", option="tokenizer"
        )
    return _from_file(spec, path)


def _from_file(name: str, path: Path, identity: str | None = None) -> Tokenizer:
    try:
        tokenizer = read_tokenizer(path)
    except ModelError as error:
        raise ModelError(error.message, option="tokenizer") from error
    identity = identity or f"sha256:{sha256(path)}"
    parts = (type(tokenizer.normalizer).__name__, type(tokenizer.pre_tokenizer).__name__)
    added = list(tokenizer.get_added_tokens_decoder().values())
    if parts == ("BertNormalizer", "BertPreTokenizer") and all(map(_is_plain, added)):
        return _Bert(name, identity, tokenizer, [token.content for token in added])
    return _HuggingFace(name, identity, tokenizer)


def _is_plain(added: Any) -> bool:
    """Tell whether an added token is found as it is written, and takes nothing of what stands beside it."""
    bound = added.normalized or added.single_word or added.lstrip or added.rstrip
    return not bound and re.search(r"\s", added.content) is None


class _HuggingFace:
    """A tokenizer.json of any kind."""

    def __init__(self, name: str, identity: str, tokenizer: Any) -> None:
        self.name = name
        self.identity = identity
        self._tokenizer = tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0]) for text in texts]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [_ends(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]


class _Bert:
    """A tokenizer.json of the BERT kind: it looks at one word at a time, so a word need be looked at only once.

    Running text says the same words again and again: looking them up is six times as fast as tokenizing
    the text, and twice where most were not seen before (dev sets of README.md). Words are cut where every BERT tokenizer cuts, at white space and
    around ASCII punctuation; where an accent or a control character might reach across, the cut is
    at white space alone. `tests/test_tokens.py` compares with the library on arbitrary text.
    """

    def __init__(self, name: str, identity: str, tokenizer: Any, added: Sequence[str]) -> None:
        self.name = name
        self.identity = identity
        self._tokenizer = tokenizer
        special = "".join(f"{re.escape(token)}|" for token in sorted(added, key=len, reverse=True))
        self._words = re.compile(
            rf"[{_SPACE}]*+(?:{special}[A-Za-z0-9]++{_ALONE}|[!-/:-@\[-`{{-~]{_ALONE}|[^{_SPACE}]++)"
        )
        self._known: dict[str, tuple[int, ...]] = {}

    def count(self, texts: Sequence[str]) -> list[int]:
        return [sum(map(len, ends)) for _, ends in self._looked_up(texts)]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [_in_text(words, ends) for words, ends in self._looked_up(texts)]

    def _looked_up(self, texts: Sequence[str]) -> list[tuple[list[str], list[tuple[int, ...]]]]:
        """Return the words of each text, with the space before them, and where the tokens of each word end in it."""
        # White space at the end would be scanned again from each of its characters.
        words: list[list[str]] = [self._words.findall(text.rstrip(_SPACE)) for text in texts]
        # Several threads read and count at the same time: each look-up and each update is atomic.
        found: list[list[Any]] = [list(map(self._known.get, some)) for some in words]
        unknown = {
            word
            for some, ends in zip(words, found, strict=True)
            if None in ends
            for word, end in zip(some, ends, strict=True)
            if end is None
        }
        if unknown:
            learned = self._learn(unknown)
            found = [
                [learned[word] if end is None else end for word, end in zip(some, ends, strict=True)]
                if None in ends
                else ends
                for some, ends in zip(words, found, strict=True)
            ]
        return list(zip(words, found, strict=True))

    def _learn(self, words: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Ask the library where the tokens of each word end in it, and remember it."""
        learned: dict[str, tuple[int, ...]] = {}
        for some in _pieces(words):
            ends = _ends(self._tokenizer.encode("\n".join(some), add_special_tokens=False))
            borders = np.cumsum([len(word) + 1 for word in some])
            last = np.searchsorted(ends, borders).tolist()
            inside = (ends - np.concatenate([[0], borders])[np.searchsorted(borders, ends)]).tolist()
            learned.update(zip(some, map(tuple, map(inside.__getitem__, map(slice, [0, *last], last))), strict=True))
        if len(self._known) + len(learned) > _KNOWN:
            self._known = {}
        short = ((word, ends) for word, ends in learned.items() if len(word) <= _LONGEST_KNOWN)
        self._known.update(islice(short, _KNOWN))
        return learned


def _in_text(words: Sequence[str], ends: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    """Turn offsets into words into offsets into the text that they make up.

    >>> _in_text(["one", " two"], [(2, 3), (4,)]).tolist()
    [2, 3, 7]
    """
    n_tokens = np.fromiter(map(len, ends), dtype=np.int64, count=len(words))
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    inside = np.fromiter(chain.from_iterable(ends), dtype=np.int64, count=int(n_tokens.sum()))
    return np.repeat(np.cumsum(lengths) - lengths, n_tokens) + inside


def _pieces(words: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words in lists of some 20,000 code points: the library takes twice as long for 50 megabytes at once."""
    some: list[str] = []
    length = 0
    for word in words:
        some.append(word)
        length += len(word)
        if length >= _PIECE:
            yield some
            some, length = [], 0
    if some:
        yield some


def _ends(encoding: Any) -> NDArray[np.int64]:
    return np.fromiter((end for _, end in encoding.offsets), dtype=np.int64, count=len(encoding))


class _Words:
    """What `wc -w` counts."""

    name = identity = WORDS

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [np.fromiter((word.end() for word in re.finditer(r"\S+", text)), dtype=np.int64) for text in texts]


class _Tiktoken:
    """An encoding of the optional package tiktoken, from its local cache only."""

    def __init__(self, encoding: str) -> None:
        try:
            import tiktoken
        except ImportError as error:
            raise MissingDependencyError(
                "tiktoken is not installed: pip install 'ctxzip[tiktoken]'", option="tokenizer"
            ) from error
        self.name = self.identity = _TIKTOKEN + encoding
        self._encoding: Any = _cached_encoding(tiktoken, encoding)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self._encoding.encode_ordinary(text)) for text in texts]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        found = []
        for text in texts:
            _, starts = self._encoding.decode_with_offsets(self._encoding.encode_ordinary(text))
            found.append(np.asarray([*starts[1:], len(text)] if starts else [], dtype=np.int64))
        return found


def _cached_encoding(tiktoken: Any, encoding: str) -> Any:
    """Load an encoding without ever reaching for the network, which tiktoken does by itself."""
    import tiktoken.load
    import tiktoken.registry

    if encoding not in tiktoken.list_encoding_names():
        known = ", ".join(tiktoken.list_encoding_names())
        raise UsageError(f"no tiktoken encoding {encoding!r}: expected one of {known}", option="tokenizer")
    download = tiktoken.load.read_file

    def refuse(_blobpath: str) -> bytes:
        raise MissingDependencyError(
            f"the tiktoken encoding {encoding!r} is not in the local cache, and ctxzip does not download: "
            "fill it once with tiktoken itself and set TIKTOKEN_CACHE_DIR",
            option="tokenizer",
        )

    tiktoken.load.read_file = refuse
    try:
        return tiktoken.get_encoding(encoding)
    finally:
        tiktoken.load.read_file = download
