"""The postprocessor inside LlamaIndex."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import (
    Document,
    ImageNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)

from ctxzip.errors import InputError
from ctxzip.integrations.llamaindex import CtxzipPostprocessor
from tests.integrations.conftest import BREAD, FERRY, QUERY, SETTINGS


class Fixed(BaseRetriever):
    """Returns the same nodes for every question."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:  # noqa: ARG002
        return nodes()


def nodes():
    return [
        NodeWithScore(node=TextNode(text=BREAD, id_="1"), score=0.9),
        NodeWithScore(node=TextNode(text=FERRY, id_="2", metadata={"title": "Ferry"}), score=None),
    ]


def test_nodes_are_shortened_and_described():
    """Exact slices, with their offsets and probabilities; the given ones are not changed."""
    given = nodes()
    postprocessor = CtxzipPostprocessor(**SETTINGS)
    assert isinstance(postprocessor, BaseNodePostprocessor)
    (found,) = postprocessor.postprocess_nodes(given, query_str=QUERY)
    assert (found.text, found.node_id, found.score) == ("The ferry leaves at seven.", "2", None)
    ((start, end, probability),) = found.metadata["ctxzip"]["kept"]
    assert FERRY[start:end] == found.text
    assert 0 < probability <= 1
    assert [node.node.model_dump() for node in given] == [node.node.model_dump() for node in nodes()]


def test_the_added_metadata_is_in_no_prompt_and_no_embedding():
    """LlamaIndex adds other metadata to both."""
    (found,) = CtxzipPostprocessor(**SETTINGS).postprocess_nodes(nodes(), query_str=QUERY)
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        assert found.get_content(mode) == "title: Ferry\n\nThe ferry leaves at seven."


@pytest.mark.parametrize(
    "node", [TextNode(text=FERRY), Document(text=FERRY), Node(text_resource=MediaResource(text=FERRY))]
)
def test_every_kind_of_node_with_text_is_shortened(node):
    """Their texts are in different fields."""
    (found,) = CtxzipPostprocessor(**SETTINGS).postprocess_nodes([NodeWithScore(node=node)], query_str=QUERY)
    assert type(found.node) is type(node)
    assert found.get_content() == "The ferry leaves at seven."


def test_a_query_engine_gets_the_shortened_nodes():
    """Sync and async."""
    engine = RetrieverQueryEngine.from_args(
        Fixed(), llm=MockLLM(), node_postprocessors=[CtxzipPostprocessor(**SETTINGS)]
    )
    for response in (engine.query(QUERY), asyncio.run(engine.aquery(QUERY))):
        assert [node.text for node in response.source_nodes] == ["The ferry leaves at seven."]
        assert "The ferry leaves at seven." in str(response)  # the mock answers with its prompt
        assert "Bread" not in str(response)


def test_no_text_is_no_error():
    """No nodes, and pictures."""
    postprocessor = CtxzipPostprocessor(**SETTINGS)
    assert postprocessor.postprocess_nodes([], query_str=QUERY) == []
    picture = NodeWithScore(node=ImageNode(image_url="x.png"), score=0.5)
    assert postprocessor.postprocess_nodes([picture], query_str=QUERY) == [picture]


def test_a_question_is_needed():
    """As a bundle or as a string."""
    with pytest.raises(InputError, match="no question"):
        CtxzipPostprocessor(**SETTINGS).postprocess_nodes(nodes())


def test_settings_are_dumped_and_loaded():
    """As LlamaIndex stores components in files."""
    dumped = CtxzipPostprocessor(**SETTINGS).to_dict()
    again = CtxzipPostprocessor.from_dict(dumped)
    assert [node.text for node in again.postprocess_nodes(nodes(), query_str=QUERY)] == ["The ferry leaves at seven."]
