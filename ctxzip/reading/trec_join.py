"""Queries, a corpus and a run in three files, as in BEIR and TREC: joined into records of a query and its documents."""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import Raw, json_type, parse
from ctxzip.datamodels import RecordWarning
from ctxzip.errors import InputError
from ctxzip.reading.documents import identifier
from ctxzip.reading.json_paths import find_path, value_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ctxzip.reading.sources import Source

_DOCS = "docs"  # key of the documents in a joined record
_IDS = ("_id", "id", "qid", "query_id", "docid", "doc_id", "pid")  # keys of the id of a query or document
_RUN_COLUMNS = ("qid", "Q0", "docid", "rank", "score", "tag")
_QRELS_HEADER = ("query-id", "corpus-id", "score")  # of BEIR


@dataclass(frozen=True, slots=True)
class Join:
    """The documents retrieved for each query.

    Attributes:
        ranking: by id of a query the ids of its documents, best first.
        corpus: by id of a document its JSON value; only documents of the ranking.
    """

    ranking: Mapping[str, tuple[str, ...]]
    corpus: Mapping[str, Raw]

    def record(self, query: Any) -> tuple[Any, tuple[RecordWarning, ...]]:
        """Return the record of a query with its documents under `docs`, and warnings.

        Raises:
            InputError: the record has no id, or documents already.
        """
        if not isinstance(query, dict):
            raise InputError(f"expected an object with an id and a question, got {json_type(query)}")
        if _DOCS in query:
            raise InputError(
                f"the record has documents @ $.{_DOCS} already: leave out corpus and run", option=("corpus", "run_file")
            )
        query_id = _id_of(query)
        if query_id is None:
            raise InputError(
                f"the question has no id: expected one of {', '.join(_IDS[:4])}, as in the run", option="run_file"
            )
        ids = self.ranking.get(query_id, ())
        docs = [self.corpus[i] for i in ids if i in self.corpus]
        warnings = []
        if not ids:
            text = f"the run has no documents for the question {query_id!r}"
            warnings.append(RecordWarning("no_run_documents", text))
        elif len(docs) < len(ids):
            text = f"{len(ids) - len(docs)} of {len(ids)} documents of the run are not in the corpus"
            warnings.append(RecordWarning("missing_documents", text))
        return {**query, _DOCS: docs}, tuple(warnings)


def load(corpus: Source, run: Source) -> Join:
    """Read a run, and of the corpus the documents that it ranks.

    Args:
        corpus: one JSON object a line, with `_id` (or `id`), `title` and `text`.
        run: a TREC run (`qid Q0 docid rank score tag`), or relevance judgements: `qid 0 docid relevance`, or the three
            columns of BEIR with or without their header. Of judgements, those above 0 are used.

    Raises:
        InputError: a file cannot be read, or a line is not of its form, with file and line.
    """
    with _open(run) as lines:
        ranking = {name: tuple(ids) for name, ids in _ranking(lines, run).items()}
    ranked = {i for ids in ranking.values() for i in ids}
    documents: dict[str, Raw] = {}
    with _open(corpus) as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip().removeprefix(BOM_UTF8)
            if not text:
                continue
            try:
                document_id = _document_id(text)
            except InputError as error:
                raise InputError(f"{corpus.prefixed(f'line {number}')}: {error.message}", option="corpus") from error
            if document_id in ranked:
                documents[document_id] = Raw(text)
    return Join(ranking, documents)


@contextmanager
def _open(source: Source) -> Iterator[BinaryIO]:
    try:
        with source.open() as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source.prefixed('cannot read')}: {getattr(error, 'strerror', None) or error}") from error


def _document_id(line: bytes) -> str:
    document = parse(line)
    document_id = _id_of(document)
    if document_id is None:
        raise InputError(f"expected an object with _id or id, got {json_type(document)}")
    return document_id


def _id_of(record: Any) -> str | None:
    """Return the id of a query or document; None where it has none."""
    path = find_path(record, _IDS) if isinstance(record, dict) else None
    return identifier(value_at(record, path)) if path else None


def _ranking(lines: Iterable[bytes], run: Source) -> dict[str, list[str]]:
    """Return by id of a query the ids of its documents, by falling score; equal scores stay in the order of the file.

    The rank in the file is ignored, as trec_eval does.
    """
    scored: dict[str, list[tuple[float, str]]] = {}
    for number, raw in enumerate(lines, 1):
        line = raw.decode("utf-8", "replace").strip("\ufeff\r\n")
        fields = tuple(line.split())
        if not fields or (number == 1 and fields == _QRELS_HEADER):
            continue
        try:
            query_id, document_id, score = _columns(fields)
        except ValueError:
            raise InputError(
                f"{run.prefixed(f'line {number}')}: expected `qid Q0 docid rank score tag`, `qid 0 docid relevance` or "
                f"`qid docid relevance`, got {line[:80]!r}",
                option="run_file",
            ) from None
        if len(fields) == len(_RUN_COLUMNS) or score > 0:
            scored.setdefault(query_id, []).append((score, document_id))
    return {
        query_id: list(dict.fromkeys(document_id for _, document_id in sorted(pairs, key=lambda pair: -pair[0])))
        for query_id, pairs in scored.items()
    }


def _columns(fields: tuple[str, ...]) -> tuple[str, str, float]:
    """Return the id of the query, the id of the document, and the score or relevance.

    Raises:
        ValueError: it is neither a line of a run nor one of judgements.
    """
    if len(fields) == len(_RUN_COLUMNS):
        return fields[0], fields[2], float(fields[4])
    query_id, *iteration, document_id, score = fields
    if len(iteration) > 1:
        raise ValueError(fields)
    return query_id, document_id, float(score)
