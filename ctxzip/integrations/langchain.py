"""A document compressor for LangChain: `pip install 'ctxzip[langchain]'`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip.datamodels import OWN_KEY, Passage
from ctxzip.errors import MissingDependencyError
from ctxzip.integrations.shortening import compressor_for, shorten

try:
    from langchain_core.documents.compressor import BaseDocumentCompressor
    from pydantic import ConfigDict, PrivateAttr
except ImportError as error:
    raise MissingDependencyError(f"LangChain is not installed ({error}): pip install 'ctxzip[langchain]'") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.callbacks import Callbacks
    from langchain_core.documents import Document

    from ctxzip.compressor import Compressor


class CtxzipCompressor(BaseDocumentCompressor):
    """Keeps the sentences of each document that carry the evidence, word for word.

    The arguments are the fields of `ctxzip.Settings`: `CtxzipCompressor(max_tokens=500)`. Documents of
    which nothing is kept are dropped, unless `drop_empty=False`. `metadata["ctxzip"]` of each
    result describes what was kept (see `ctxzip.integrations.shortening.ShortenedDocument`).

    Raises:
        UsageError: a setting is unknown or out of range.
        BackendError: a scorer, splitter or tokenizer cannot run here.
    """

    model_config = ConfigDict(extra="allow")  # the settings, so that `model_dump` has them
    _compressor: Compressor = PrivateAttr()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._compressor = compressor_for(settings)

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002  # of the base class
    ) -> list[Document]:
        """Return the shortened documents; the given ones are not changed.

        Raises:
            InputError: the question is empty.
        """
        passages = [Passage(document.page_content, _title(document)) for document in documents]
        return [
            documents[one.index].model_copy(
                update={
                    "page_content": one.text,
                    "metadata": {**documents[one.index].metadata, OWN_KEY: one.metadata},
                }
            )
            if one.metadata is not None
            else documents[one.index]
            for one in shorten(self._compressor, query, passages)
        ]


def _title(document: Document) -> str:
    title = document.metadata.get("title")
    return title if isinstance(title, str) else ""
