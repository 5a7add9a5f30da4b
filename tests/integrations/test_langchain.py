"""The compressor inside LangChain."""

from __future__ import annotations

import asyncio

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever

import ctxzip
from ctxzip.errors import InputError, UsageError
from ctxzip.integrations.langchain import CtxzipCompressor
from tests.integrations.conftest import BREAD, FERRY, QUERY, SETTINGS


class Fixed(BaseRetriever):
    """Returns the same documents for every question."""

    documents: list[Document]

    def _get_relevant_documents(self, query, *, run_manager):  # noqa: ARG002
        return self.documents


def documents():
    return [Document(BREAD, id="1", metadata={"n": 1}), Document(FERRY, id="2", metadata={"title": "Ferry"})]


def test_documents_are_shortened_and_described():
    """Exact slices, with their offsets and probabilities; the given ones are not changed."""
    given = documents()
    compressor = CtxzipCompressor(**SETTINGS)
    assert isinstance(compressor, BaseDocumentCompressor)
    (found,) = compressor.compress_documents(given, QUERY)
    assert (found.page_content, found.id, found.metadata["title"]) == ("The ferry leaves at seven.", "2", "Ferry")
    ((start, end, probability),) = found.metadata["ctxzip"]["kept"]
    assert FERRY[start:end] == found.page_content
    assert 0 < probability <= 1
    assert found.metadata["ctxzip"]["scorer"] == "bm25"
    assert given == documents()


def test_it_keeps_what_compress_keeps():
    """With the model, which is the default."""
    found = CtxzipCompressor(ratio=0.5, drop_empty=False).compress_documents(documents(), QUERY)
    passages = [ctxzip.Passage(BREAD), ctxzip.Passage(FERRY, title="Ferry")]
    assert tuple(one.page_content for one in found) == ctxzip.compress(QUERY, passages, ratio=0.5).texts


def test_it_works_behind_a_retriever():
    """Sync and async give the same."""
    retriever = ContextualCompressionRetriever(
        base_compressor=CtxzipCompressor(**SETTINGS), base_retriever=Fixed(documents=documents())
    )
    found = retriever.invoke(QUERY)
    assert [one.page_content for one in found] == ["The ferry leaves at seven."]
    assert asyncio.run(retriever.ainvoke(QUERY)) == found


def test_concurrent_calls_give_the_same_as_sequential_ones():
    """Threads share one compressor."""
    compressor = CtxzipCompressor(ratio=0.5)
    questions = [QUERY, "Where is bread baked?", "What is wet?"] * 4

    async def together():
        return await asyncio.gather(*(compressor.acompress_documents(documents(), query) for query in questions))

    assert asyncio.run(together()) == [compressor.compress_documents(documents(), query) for query in questions]


def test_no_text_is_no_error():
    """No documents, and documents without text."""
    compressor = CtxzipCompressor(**SETTINGS)
    assert compressor.compress_documents([], QUERY) == []
    assert compressor.compress_documents([Document("")], QUERY) == [Document("")]


def test_settings_are_dumped_and_checked():
    """By pydantic, and with the errors of ctxzip."""
    assert CtxzipCompressor(**SETTINGS).model_dump() == SETTINGS
    with pytest.raises(UsageError, match="ratio=2"):
        CtxzipCompressor(ratio=2)
    with pytest.raises(UsageError, match="no setting 'max_token'; did you mean 'max_tokens'"):
        CtxzipCompressor(max_token=2)
    with pytest.raises(UsageError, match="to=text"):
        CtxzipCompressor(to="text")
    with pytest.raises(InputError, match="empty question"):
        CtxzipCompressor(**SETTINGS).compress_documents(documents(), " ")
