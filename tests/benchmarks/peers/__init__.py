"""Alternatives to ctxzip (peers), each with its configuration as data; `python -m tests.benchmarks.peers` measures them.

Where the weights of a model are not available offline, its layers have random weights, which take as long to multiply as
trained ones, and the tokenizer of ctxzip replaces its own: a WordPiece of 30,522 entries, which splits a text into
somewhat more or fewer tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["ctxzip", "cross-encoder", "provence", "llmlingua-2", "llama-index", "langchain"]


@dataclass(frozen=True, slots=True)
class Peer:
    """The configuration of one peer.

    Attributes:
        name: for tables.
        what: the library call that is measured.
        kind: which loader of `peer_adapters` it has.
        source: origin of shape and options.
        weights: whether its weights are real or random.
        shape: the `transformers` configuration of its model; empty where its weights are real.
        options: of its call.
    """

    name: str
    what: str
    kind: Kind
    source: str
    weights: Literal["real", "random"]
    shape: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


_MODERNBERT_JA = {  # sbintuitions/modernbert-ja-30m and -130m: config.json and the table of their model cards
    "model_type": "modernbert",
    "vocab_size": 102_400,
    "max_position_embeddings": 8_192,
    "global_attn_every_n_layers": 3,
    "local_attention": 128,
    "hidden_activation": "gelu",
}
# hotchpotch/open_provence, modeling_open_provence_standalone.py: `max_length` of OpenProvenceConfig, defaults of process()
_OPEN_PROVENCE = {"max_length": 512, "batch_size": 32, "threshold": 0.1}
# microsoft/llmlingua, README and the defaults of PromptCompressor
_LLMLINGUA_2 = {"rate": 0.33, "force_tokens": ["\n", "?"]}

PEERS = (
    Peer(
        "ctxzip mini", "parse, split, score (hybrid, the default), select, write", "ctxzip", "this repository", "real"
    ),
    Peer(
        "ctxzip nano",
        "the same with half the layers",
        "ctxzip",
        "this repository",
        "real",
        options={"model": "nano"},
    ),
    Peer("ctxzip bm25", "the same without a model", "ctxzip", "this repository", "real", options={"scorer": "bm25"}),
    Peer(
        "cross-encoder MiniLM-L6",
        "sentence-transformers CrossEncoder.predict in fp32, one pair a sentence, batch 32, one call a record",
        "cross-encoder",
        "config.json of cross-encoder/ms-marco-MiniLM-L6-v2",
        "random",
        shape={
            "model_type": "bert",
            "vocab_size": 30_522,
            "hidden_size": 384,
            "num_hidden_layers": 6,
            "num_attention_heads": 12,
            "intermediate_size": 1_536,
        },
        options={"batch_size": 32},
    ),
    Peer(
        "LlamaIndex MiniLM-L6",
        "SentenceEmbeddingOptimizer(percentile_cutoff=0.5) with HuggingFaceEmbedding of all-MiniLM-L6-v2",
        "llama-index",
        "developers.llamaindex.ai, examples/node_postprocessor/optimizerdemo",
        "real",
        options={"percentile_cutoff": 0.5},
    ),
    Peer(
        "LangChain MiniLM-L6",
        "DocumentCompressorPipeline of CharacterTextSplitter, EmbeddingsRedundantFilter and EmbeddingsFilter "
        "with HuggingFaceEmbeddings of all-MiniLM-L6-v2",
        "langchain",
        "python.langchain.com, how_to/contextual_compression",
        "real",
        options={"chunk_size": 300, "separator": ". ", "similarity_threshold": 0.76},
    ),
    Peer(
        "OpenProvence xsmall 30M",
        "windows of question and passage in torch fp32, rebuilt: encoder, token head, mean over each sentence",
        "provence",
        "hotchpotch/open-provence-reranker-xsmall-v1; shape of its base model sbintuitions/modernbert-ja-30m",
        "random",
        shape={
            **_MODERNBERT_JA,
            "hidden_size": 256,
            "num_hidden_layers": 10,
            "num_attention_heads": 4,
            "intermediate_size": 1_024,
        },
        options=_OPEN_PROVENCE,
    ),
    Peer(
        "OpenProvence base 130M",
        "the same",
        "provence",
        "hotchpotch/open-provence-reranker-v1; shape of its base model sbintuitions/modernbert-ja-130m "
        "(heads of 64, as in the other sizes)",
        "random",
        shape={
            **_MODERNBERT_JA,
            "hidden_size": 512,
            "num_hidden_layers": 19,
            "num_attention_heads": 8,
            "intermediate_size": 2_048,
        },
        options=_OPEN_PROVENCE,
    ),
    Peer(
        "OpenProvence gte 149M",
        "the same",
        "provence",
        "hotchpotch/open-provence-reranker-v1-gte-modernbert-base; shape of answerdotai/ModernBERT-base",
        "random",
        shape={
            **_MODERNBERT_JA,
            "vocab_size": 50_368,
            "hidden_size": 768,
            "num_hidden_layers": 22,
            "num_attention_heads": 12,
            "intermediate_size": 1_152,
        },
        options=_OPEN_PROVENCE,
    ),
    Peer(
        "Provence 430M",
        "the same",
        "provence",
        "naver/provence-reranker-debertav3-v1: config.json and model card",
        "random",
        shape={
            "model_type": "deberta-v2",
            "vocab_size": 128_100,
            "hidden_size": 1_024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4_096,
            "max_position_embeddings": 512,
            "type_vocab_size": 0,
            "relative_attention": True,
            "position_buckets": 256,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
        },
        options=_OPEN_PROVENCE,
    ),
    Peer(
        "LLMLingua-2 mBERT",
        "llmlingua's PromptCompressor(use_llmlingua2=True).compress_prompt, one call a record",
        "llmlingua-2",
        "microsoft/llmlingua-2-bert-base-multilingual-cased-meetingbank; shape of bert-base-multilingual-cased",
        "random",
        shape={
            "model_type": "bert",
            "vocab_size": 119_547,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3_072,
        },
        options=_LLMLINGUA_2,
    ),
    Peer(
        "LLMLingua-2 XLM-R large",
        "the same",
        "llmlingua-2",
        "microsoft/llmlingua-2-xlm-roberta-large-meetingbank; shape of FacebookAI/xlm-roberta-large",
        "random",
        shape={
            "model_type": "xlm-roberta",
            "vocab_size": 250_002,
            "hidden_size": 1_024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4_096,
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
        },
        options=_LLMLINGUA_2,
    ),
)
