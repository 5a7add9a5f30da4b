"""The one definition of a token count."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.shipped import DEFAULT_MODEL, models_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

MODEL = "model"
WORDS = "words"
_TIKTOKEN = "tiktoken:"
_PIECE = 20_000  # code points: a passage of any usual length is one piece


class Tokenizer(Protocol):
    """Counts tokens. No special tokens are added: what is counted is the text."""

    name: str

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
        return _HuggingFace(DEFAULT_MODEL, models_folder() / DEFAULT_MODEL / "tokenizer.json")
    path = Path(spec)
    if not path.is_file():
        raise UsageError(f"no tokenizer {spec!r}: expected model, words, tiktoken:NAME or a tokenizer.json")
    return _HuggingFace(spec, path)


class _HuggingFace:
    """A tokenizer.json, read by the `tokenizers` library."""

    def __init__(self, name: str, path: Path) -> None:
        # One record a call: threads cost more than they bring, and take cores from the neighbours in the pipe.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import tokenizers

        self.name = name
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{path}: not a tokenizer.json: {error} (--tokenizer)") from error
        # Files made for an encoder often say "truncate at 128" and "pad": both would falsify every count.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

        # A BERT tokenizer looks at one word at a time, so a text may be counted in pieces; the
        # library took 57 s for 50 megabytes at once and 26 s in pieces.
        parts = (type(self._tokenizer.normalizer).__name__, type(self._tokenizer.pre_tokenizer).__name__)
        self._in_pieces = parts == ("BertNormalizer", "BertPreTokenizer")

    def count(self, texts: Sequence[str]) -> list[int]:
        return [sum(self._count(piece for _, piece in self._pieces(text))) for text in texts]

    def _count(self, pieces: Iterable[str]) -> Iterator[int]:
        for piece in pieces:
            (encoding,) = self._tokenizer.encode_batch_fast([piece], add_special_tokens=False)
            yield len(encoding)

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return [
            np.concatenate(
                [_ends(self._tokenizer.encode(piece, add_special_tokens=False)) + at for at, piece in pieces]
            )
            for pieces in map(self._pieces, texts)
        ]

    def _pieces(self, text: str) -> list[tuple[int, str]]:
        """Cut a long text at spaces and line breaks into pieces, each with its offset."""
        if len(text) <= _PIECE or not self._in_pieces:
            return [(0, text)]
        cuts = [0]
        while len(text) - cuts[-1] > _PIECE:
            low, high = cuts[-1] + 1, cuts[-1] + _PIECE
            cut = max(text.rfind(" ", low, high), text.rfind("\n", low, high))
            if cut < 0:
                ahead = (text.find(" ", high), text.find("\n", high))
                cut = min((at for at in ahead if at >= 0), default=len(text))
            cuts.append(cut)
        return [(start, text[start:end]) for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _ends(encoding: Any) -> NDArray[np.int64]:
    return np.fromiter((end for _, end in encoding.offsets), dtype=np.int64, count=len(encoding))


class _Words:
    """What `wc -w` counts."""

    name = WORDS

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def ends(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        import re

        return [np.fromiter((word.end() for word in re.finditer(r"\S+", text)), dtype=np.int64) for text in texts]


class _Tiktoken:
    """An encoding of the optional package tiktoken, from its local cache only."""

    def __init__(self, encoding: str) -> None:
        try:
            import tiktoken
        except ImportError as error:
            raise MissingDependencyError(
                "tiktoken is not installed: pip install 'ctxzip[tiktoken]' (--tokenizer)"
            ) from error
        self.name = _TIKTOKEN + encoding
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
        raise UsageError(f"no tiktoken encoding {encoding!r}: expected one of {known} (--tokenizer)")
    download = tiktoken.load.read_file

    def refuse(_blobpath: str) -> bytes:
        raise MissingDependencyError(
            f"the tiktoken encoding {encoding!r} is not in the local cache, and ctxzip does not download: "
            "fill it once with tiktoken itself and set TIKTOKEN_CACHE_DIR (--tokenizer)"
        )

    tiktoken.load.read_file = refuse
    try:
        return tiktoken.get_encoding(encoding)
    finally:
        tiktoken.load.read_file = download
