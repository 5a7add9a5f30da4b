"""Tokenizers: token counts and token offsets of texts, for all stages.

A tokenizer is the one that ships with ctxzip, words, an encoding of tiktoken, or any tokenizer.json.
"""

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
_tiktoken_lock = Lock()  # held while a function of tiktoken is replaced
_CHUNK = 20_000  # code points tokenized at once; the library is slower on very long texts (models/README.md)
_SPACE = " \t\r\n"  # white space for every BERT tokenizer; other white space is left to the library
_WORD_END = rf"(?![^ -~{_SPACE}])"  # not followed by a character that may be part of the same word
_CACHED_WORDS = 32_768  # at most, in 6 megabytes
_LONGEST_CACHED_WORD = 64  # code points; longer words (URLs, Chinese) do not recur
_PIECE = (
    32  # code points; three times as many after normalization (Hangul) are still below BERT's limit of 100 for a word
)


class Tokenizer(Protocol):
    """Counts the tokens of texts, without special tokens.

    Attributes:
        name: the `spec` that it was loaded by.
        identity: equal for tokenizers with equal counts; for a file its SHA-256, as many are called `tokenizer.json`.
    """

    name: str
    identity: str

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        ...

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return for each text the end offsets of its tokens: `(n_tokens,)` int64, code points, not decreasing."""
        ...


def load_tokenizer(spec: str = MODEL) -> Tokenizer:
    """Return the tokenizer that `spec` names.

    Args:
        spec: `model` (the tokenizer that ships with ctxzip), `words` (runs of characters other than white space),
            `tiktoken:NAME` (needs the extra `tiktoken` and its local cache), or the path of a tokenizer.json.

    Raises:
        UsageError: there is no such file or encoding.
        ModelError: the file is not a tokenizer.
        MissingDependencyError: tiktoken is not installed, or its encoding is not in the cache.
    """
    if spec == WORDS:
        return _Words()
    if spec.startswith(_TIKTOKEN):
        return _Tiktoken(spec.removeprefix(_TIKTOKEN))
    if spec == MODEL:
        path = models_folder() / DEFAULT_MODEL / "tokenizer.json"
        return _from_file(DEFAULT_MODEL, path, DEFAULT_MODEL, cuts_long_words=True)
    path = Path(spec)
    if not path.is_file():
        raise UsageError(
            f"no tokenizer {spec!r}: expected model, words, tiktoken:NAME or a tokenizer.json", option="tokenizer"
        )
    return _from_file(spec, path)


def is_tokenizer_name(spec: str) -> bool:
    """Return whether `load_tokenizer` interprets this as a name, not as a path."""
    return spec in {MODEL, WORDS} or spec.startswith(_TIKTOKEN)


def _from_file(name: str, path: Path, identity: str | None = None, *, cuts_long_words: bool = False) -> Tokenizer:
    try:
        tokenizer = read_tokenizer(path)
    except ModelError as error:
        raise ModelError(error.message, option="tokenizer") from error
    identity = identity or f"sha256:{sha256(path)}"
    parts = (type(tokenizer.normalizer).__name__, type(tokenizer.pre_tokenizer).__name__)
    # Special tokens are encoded as text (`read_tokenizer`).
    added = [token for token in tokenizer.get_added_tokens_decoder().values() if not token.special]
    if parts == ("BertNormalizer", "BertPreTokenizer") and all(map(_matches_exactly, added)):
        return _CachedBert(
            name, identity, tokenizer, [token.content for token in added], cuts_long_words=cuts_long_words
        )
    return _HuggingFace(name, identity, tokenizer)


def _matches_exactly(added: Any) -> bool:
    """Return whether an added token matches exactly its own text, independently of the characters around it."""
    by_context = added.normalized or added.single_word or added.lstrip or added.rstrip
    return not by_context and re.search(r"\s", added.content) is None


class _HuggingFace:
    """Any tokenizer.json."""

    def __init__(self, name: str, identity: str, tokenizer: Any) -> None:
        self.name = name
        self.identity = identity
        self._tokenizer = tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        # Not `encode_batch_fast`: batch methods start threads unless TOKENIZERS_PARALLELISM is false.
        return [len(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [_ends(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]


class _CachedBert:
    """A tokenizer.json with the normalizer and pre-tokenizer of BERT, with a cache of the tokens of each word.

    BERT tokenizes each word by itself. Text is split into words where every BERT tokenizer splits: at white space and
    around ASCII punctuation; next to other characters, such as accents, at white space only.
    `tests/packaging/test_tokens.py` compares it with the library on arbitrary text.

    Args:
        name: the `spec` that it was loaded by.
        identity: see `Tokenizer`.
        tokenizer: a `tokenizers.Tokenizer`.
        added: its added tokens that are not special.
        cuts_long_words: a word of more than 100 letters, such as base64, or with an unknown letter (emoji, Thai) is one unknown
            token for the library; it counts as the tokens of its pieces of 32 code points. The shipped tokenizer stands in for that of a language
            model, which has a token for every few letters of such a word.
    """

    def __init__(
        self, name: str, identity: str, tokenizer: Any, added: Sequence[str], *, cuts_long_words: bool
    ) -> None:
        self.name = name
        self.identity = identity
        self._tokenizer = tokenizer
        self._unknown = tokenizer.token_to_id(tokenizer.model.unk_token) if cuts_long_words else None
        special = "".join(f"{re.escape(token)}|" for token in sorted(added, key=len, reverse=True))
        self._word_pattern = re.compile(
            rf"[{_SPACE}]*+(?:{special}[A-Za-z0-9]++{_WORD_END}|[!-/:-@\[-`{{-~]{_WORD_END}|[^{_SPACE}]++)"
        )
        self._cache: dict[str, tuple[int, ...]] = {}  # token ends within a word, by word

    def count(self, texts: Sequence[str]) -> list[int]:
        return [sum(map(len, ends)) for _, ends in self._words_and_ends(texts)]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [_offsets_in_text(words, ends) for words, ends in self._words_and_ends(texts)]

    def _words_and_ends(self, texts: Sequence[str]) -> list[tuple[list[str], list[tuple[int, ...]]]]:
        """Return for each text its words, each with the white space before it, and the token ends within each word."""
        # Without `rstrip`, the pattern would scan white space at the end from each of its characters again.
        words: list[list[str]] = [self._word_pattern.findall(text.rstrip(_SPACE)) for text in texts]
        # Several threads may count at the same time: each look-up and each update is atomic.
        ends: list[list[Any]] = [list(map(self._cache.get, text_words)) for text_words in words]
        missing = {
            word
            for text_words, text_ends in zip(words, ends, strict=True)
            if None in text_ends
            for word, word_ends in zip(text_words, text_ends, strict=True)
            if word_ends is None
        }
        if missing:
            added = self._add_to_cache(missing)
            ends = [
                [
                    added[word] if word_ends is None else word_ends
                    for word, word_ends in zip(text_words, text_ends, strict=True)
                ]
                if None in text_ends
                else text_ends
                for text_words, text_ends in zip(words, ends, strict=True)
            ]
        return list(zip(words, ends, strict=True))

    def _add_to_cache(self, words: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Tokenize words with the library; return the token ends within each, and cache them."""
        added: dict[str, tuple[int, ...]] = {}
        for chunk in _chunks(words):
            ends = self._ends("\n".join(chunk), longest_word=max(map(len, chunk)))
            word_ends = np.cumsum([len(word) + 1 for word in chunk])
            last = np.searchsorted(ends, word_ends).tolist()
            inside = (ends - np.concatenate([[0], word_ends])[np.searchsorted(word_ends, ends)]).tolist()
            added.update(zip(chunk, map(tuple, map(inside.__getitem__, map(slice, [0, *last], last))), strict=True))
        if len(self._cache) + len(added) > _CACHED_WORDS:
            self._cache = {}
        short = ((word, ends) for word, ends in added.items() if len(word) <= _LONGEST_CACHED_WORD)
        self._cache.update(islice(short, _CACHED_WORDS))
        return added

    def _ends(self, text: str, longest_word: int) -> NDArray[np.int64]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ends = _ends(encoding)
        if self._unknown is None or longest_word <= _PIECE:
            return ends
        found: list[NDArray[np.int64]] = []
        done = 0
        for i in np.flatnonzero(np.diff(ends, prepend=0) > _PIECE).tolist():
            start, end = encoding.offsets[i]
            if encoding.ids[i] == self._unknown and end - start > _PIECE:
                found += [ends[done:i], *self._ends_of_pieces(text, start, end)]
                done = i + 1
        return np.concatenate([*found, ends[done:]])

    def _ends_of_pieces(self, text: str, start: int, end: int) -> Iterator[NDArray[np.int64]]:
        """Yield the token ends of the pieces of one word."""
        for chunk in _chunks(text[at : min(at + _PIECE, end)] for at in range(start, end, _PIECE)):
            ends = _ends(self._tokenizer.encode("\n".join(chunk), add_special_tokens=False))
            yield start + ends - (ends - 1) // (_PIECE + 1)  # without the line ends
            start += sum(map(len, chunk))


def _offsets_in_text(words: Sequence[str], ends: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    """Turn token ends within words into token ends within the text that the words make up.

    >>> _offsets_in_text(["one", " two"], [(2, 3), (4,)]).tolist()
    [2, 3, 7]
    """
    n_tokens = np.fromiter(map(len, ends), dtype=np.int64, count=len(words))
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    inside = np.fromiter(chain.from_iterable(ends), dtype=np.int64, count=int(n_tokens.sum()))
    return np.repeat(np.cumsum(lengths) - lengths, n_tokens) + inside


def _chunks(words: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words in lists of about `_CHUNK` code points."""
    chunk: list[str] = []
    length = 0
    for word in words:
        chunk.append(word)
        length += len(word)
        if length >= _CHUNK:
            yield chunk
            chunk, length = [], 0
    if chunk:
        yield chunk


def _ends(encoding: Any) -> NDArray[np.int64]:
    """Return the end offsets of the tokens of a `tokenizers.Encoding`."""
    return np.fromiter((end for _, end in encoding.offsets), dtype=np.int64, count=len(encoding))


class _Words:
    """Words as `wc -w` counts them."""

    name = identity = WORDS

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [np.fromiter((word.end() for word in re.finditer(r"\S+", text)), dtype=np.int64) for text in texts]


class _Tiktoken:
    """An encoding of the optional package tiktoken, from its local cache only: nothing is downloaded."""

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
        ends = []
        for text in texts:
            _, starts = self._encoding.decode_with_offsets(self._encoding.encode_ordinary(text))
            ends.append(np.asarray([*starts[1:], len(text)] if starts else [], dtype=np.int64))
        return ends


def _cached_encoding(tiktoken: Any, encoding: str) -> Any:
    """Load an encoding from the cache of tiktoken; tiktoken itself would download a missing file."""
    import tiktoken.load
    import tiktoken.registry

    if encoding not in tiktoken.list_encoding_names():
        known = ", ".join(tiktoken.list_encoding_names())
        raise UsageError(f"no tiktoken encoding {encoding!r}: expected one of {known}", option="tokenizer")
    # tiktoken has no such option, so its download function is replaced for this thread; others get the original.
    with _tiktoken_lock:
        download, thread = tiktoken.load.read_file, get_ident()

        def refuse(blobpath: str) -> Any:
            if get_ident() != thread:
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
