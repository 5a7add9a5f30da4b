"""A component for Haystack: `pip install 'ctxzip[haystack]'`."""

import asyncio
from dataclasses import replace
from typing import Any

from ctxzip.datamodels import OWN_KEY, Passage
from ctxzip.errors import MissingDependencyError
from ctxzip.integrations.shortening import compressor_for, shorten

try:
    from haystack import Document, component, default_from_dict, default_to_dict
except ImportError as error:
    raise MissingDependencyError(f"Haystack is not installed ({error}): pip install 'ctxzip[haystack]'") from error


@component
class CtxzipCompressor:
    """Keeps the sentences of each document that carry the evidence, word for word.

    The arguments are the fields of `ctxzip.Settings`: `CtxzipCompressor(max_tokens=500)`. Documents of
    which nothing is kept are dropped, unless `drop_empty=False`. `meta["ctxzip"]` of each
    result describes what was kept (see `ctxzip.integrations.shortening.ShortenedDocument`); ids and scores stay.

    Raises:
        UsageError: a setting is unknown or out of range.
        BackendError: a scorer, splitter or tokenizer cannot run here.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._compressor = compressor_for(settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the component in the form of a pipeline file."""
        return default_to_dict(self, **self._settings)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "CtxzipCompressor":
        """Return the component that `to_dict` wrote."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(self, query: str, documents: list[Document]) -> dict[str, list[Document]]:
        """Return the shortened documents; the given ones are not changed.

        Raises:
            InputError: the question is empty.
        """
        passages = [Passage(document.content or "", _title(document)) for document in documents]
        return {
            "documents": [
                replace(
                    documents[one.index],
                    content=one.text,
                    meta={**documents[one.index].meta, OWN_KEY: one.metadata},
                )
                if one.metadata is not None
                else documents[one.index]
                for one in shorten(self._compressor, query, passages)
            ]
        }

    @component.output_types(documents=list[Document])
    async def run_async(self, query: str, documents: list[Document]) -> dict[str, list[Document]]:
        """Run `run` in a thread, so that the event loop is not blocked."""
        return await asyncio.to_thread(self.run, query, documents)


def _title(document: Document) -> str:
    title = document.meta.get("title")
    return title if isinstance(title, str) else ""
