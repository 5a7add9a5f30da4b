"""A node postprocessor for LlamaIndex: `pip install 'ctxzip[llamaindex]'`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip.datamodels import OWN_KEY, Passage
from ctxzip.errors import InputError, MissingDependencyError
from ctxzip.integrations.shortening import compressor_for, shorten

try:
    from llama_index.core.bridge.pydantic import ConfigDict, PrivateAttr
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
except ImportError as error:
    raise MissingDependencyError(f"LlamaIndex is not installed ({error}): pip install 'ctxzip[llamaindex]'") from error

if TYPE_CHECKING:
    from llama_index.core.schema import BaseNode

    from ctxzip.compressor import Compressor


class CtxzipPostprocessor(BaseNodePostprocessor):
    """Keeps the sentences of each node that carry the evidence, word for word.

    The arguments are the fields of `ctxzip.Settings`: `CtxzipPostprocessor(max_tokens=500)`. Nodes of
    which nothing is kept are dropped, unless `drop_empty=False`. `metadata["ctxzip"]` of each
    result describes what was kept (see `ctxzip.integrations.shortening.ShortenedDocument`); it is left out of prompts
    and embeddings. Scores stay those of the retriever.

    Raises:
        UsageError: a setting is unknown or out of range.
        BackendError: a scorer, splitter or tokenizer cannot run here.
    """

    # The settings are extra fields, so that `to_dict` has them.
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    _compressor: Compressor = PrivateAttr()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._compressor = compressor_for(dict(self.model_extra or {}))

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the component in its dumped form."""
        return "CtxzipPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise InputError("no question: pass query_bundle or query_str")
        passages = [Passage(node.get_content(MetadataMode.NONE), _title(node.node)) for node in nodes]
        return [
            NodeWithScore(node=_shortened(nodes[one.index].node, one.text, one.metadata), score=nodes[one.index].score)
            if one.metadata is not None
            else nodes[one.index]
            for one in shorten(self._compressor, query_bundle.query_str, passages)
        ]


def _shortened(node: BaseNode, text: str, metadata: dict[str, Any]) -> BaseNode:
    """Return a copy of the node with this text; its new metadata is excluded from prompts and embeddings."""
    copy = node.model_copy(
        update={
            "metadata": {**node.metadata, OWN_KEY: metadata},
            "excluded_llm_metadata_keys": [*node.excluded_llm_metadata_keys, OWN_KEY],
            "excluded_embed_metadata_keys": [*node.excluded_embed_metadata_keys, OWN_KEY],
        }
    )
    copy.set_content(text)
    return copy


def _title(node: BaseNode) -> str:
    title = node.metadata.get("title")
    return title if isinstance(title, str) else ""
