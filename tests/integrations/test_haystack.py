"""The component inside Haystack."""

from __future__ import annotations

import asyncio

from haystack import Document, Pipeline
from haystack.components.builders import PromptBuilder
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ctxzip.integrations.haystack import CtxzipCompressor
from tests.integrations.conftest import BREAD, FERRY, QUERY, SETTINGS


def documents():
    return [Document(content=BREAD, id="1", score=0.2), Document(content=FERRY, id="2", meta={"title": "Ferry"})]


def pipeline():
    store = InMemoryDocumentStore()
    store.write_documents(documents())
    built = Pipeline()
    built.add_component("retriever", InMemoryBM25Retriever(store))
    built.add_component("compressor", CtxzipCompressor(**SETTINGS))
    built.add_component("prompt", PromptBuilder("{% for d in documents %}[{{ d.content }}]{% endfor %}", "*"))
    built.connect("retriever.documents", "compressor.documents")
    built.connect("compressor.documents", "prompt.documents")
    return built


INPUT = {"retriever": {"query": QUERY}, "compressor": {"query": QUERY}}


def test_documents_are_shortened_and_described():
    """Exact slices, with their offsets and probabilities; the given ones are not changed."""
    given = documents()
    (found,) = CtxzipCompressor(**SETTINGS).run(query=QUERY, documents=given)["documents"]
    assert (found.content, found.id, found.meta["title"]) == ("The ferry leaves at seven.", "2", "Ferry")
    ((start, end, probability),) = found.meta["ctxzip"]["kept"]
    assert FERRY[start:end] == found.content
    assert 0 < probability <= 1
    assert given == documents()


def test_it_works_in_a_pipeline():
    """Sync and async."""
    assert pipeline().run(INPUT) == {"prompt": {"prompt": "[The ferry leaves at seven.]"}}
    assert asyncio.run(pipeline().run_async(INPUT)) == {"prompt": {"prompt": "[The ferry leaves at seven.]"}}


def test_a_pipeline_can_be_saved_and_loaded():
    """With the settings of the component."""
    dumped = pipeline().to_dict()["components"]["compressor"]
    assert dumped["init_parameters"] == SETTINGS
    loaded = Pipeline.loads(pipeline().dumps(), allowed_modules=["ctxzip.integrations.haystack"])
    assert loaded.run(INPUT) == pipeline().run(INPUT)


def test_no_text_is_no_error():
    """No documents, and documents without content."""
    component = CtxzipCompressor(**SETTINGS)
    assert component.run(query=QUERY, documents=[]) == {"documents": []}
    bare = Document(content=None, meta={"image": "x.png"})
    assert component.run(query=QUERY, documents=[bare]) == {"documents": [bare]}
