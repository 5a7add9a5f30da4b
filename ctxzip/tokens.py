"""The one definition of a token count."""

from __future__ import annotations

import re
from itertools import chain, islice
from pathlib import Path
from threading import Lock, get_ident
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
_tiktoken_patch = Lock()  # two threads would each restore what the other one put there
_PIECE = 20_000  # code points
_SPACE = " \t\r\n"  # white space to every BERT tokenizer; the library decides about all other characters
_ALONE = rf"(?![^ -~{_SPACE}])"  # not followed by a character that could be part of the same word
_KNOWN = 32_768  # words that are remembered: 6 megabytes
_LONGEST_KNOWN = 64  # code points: a longer word is an address or Chinese, and does not occur again


class Tokenizer(Protocol):
    """Counts tokens. No special tokens are added: what is counted is the text.

    Attributes:
        name: the `spec` that it was loaded by.
        identity: the same for tokenizers that count the same; for a file its SHA-256, as many are called `tokenizer.json`.
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


def is_named(spec: str) -> bool:
    """Tell whether `load_tokenizer` takes this for a name, and for no path."""
    return spec in {MODEL, WORDS} or spec.startswith(_TIKTOKEN)


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
    """Tell whether an added token matches its text exactly, and nothing of the text beside it."""
    bound = added.normalized or added.single_word or added.lstrip or added.rstrip
    return not bound and re.search(r"\s", added.content) is None


class _HuggingFace:
    """A tokenizer.json of any kind."""

    def __init__(self, name: str, identity: str, tokenizer: Any) -> None:
        self.name = name
        self.identity = identity
        self._tokenizer = tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        # Not `encode_batch_fast`: methods for batches start threads unless TOKENIZERS_PARALLELISM forbids it.
        return [len(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [_ends(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]


class _Bert:
    """A tokenizer.json of the BERT kind. It tokenizes word by word, so the tokens of a word are remembered.

    Text is split into words where every BERT tokenizer splits: at white space and around ASCII punctuation; beside
    other characters, such as an accent, at white space alone. `tests/packaging/test_tokens.py` compares it with the
    library on arbitrary text.
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
        # The pattern would scan white space at the end again from each of its characters.
        words: list[list[str]] = [self._words.findall(text.rstrip(_SPACE)) for text in texts]
        # Several threads count at the same time: each look-up and each update is atomic.
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
        """Return, by word, where its tokens end in it, from the library, and remember it."""
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
    """Turn offsets within words into offsets within the text that the words are parts of.

    >>> _in_text(["one", " two"], [(2, 3), (4,)]).tolist()
    [2, 3, 7]
    """
    n_tokens = np.fromiter(map(len, ends), dtype=np.int64, count=len(words))
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    inside = np.fromiter(chain.from_iterable(ends), dtype=np.int64, count=int(n_tokens.sum()))
    return np.repeat(np.cumsum(lengths) - lengths, n_tokens) + inside


def _pieces(words: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words in lists of some 20,000 code points: the library is slower on very long texts."""
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
    """Words as `wc -w` counts them."""

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
    """Load an encoding without a download, which tiktoken starts by itself where its cache has no file."""
    import tiktoken.load
    import tiktoken.registry

    if encoding not in tiktoken.list_encoding_names():
        known = ", ".join(tiktoken.list_encoding_names())
        raise UsageError(f"no tiktoken encoding {encoding!r}: expected one of {known}", option="tokenizer")
    # tiktoken has no option for it, so its function is replaced while this thread loads; other threads get the original.
    with _tiktoken_patch:
        download, own = tiktoken.load.read_file, get_ident()

        def refuse(blobpath: str) -> Any:
            if get_ident() != own:
                return download(blobpath)
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
