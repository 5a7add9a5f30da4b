"""Questions, documents and a ranking in three files, as BEIR and TREC keep them -> records that hold all three."""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from ctxzip._internal.raw_json import Raw, kind, opened, parse
from ctxzip.datamodels import RecordWarning
from ctxzip.errors import InputError
from ctxzip.reading.documents import identifier
from ctxzip.reading.json_paths import find, get

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ctxzip.reading.sources import Source

DOCS = "docs"  # the key that a question gets
_IDS = ("_id", "id", "qid", "query_id", "docid", "doc_id", "pid")
_HEADER = ("query-id", "corpus-id", "score")


@dataclass(frozen=True, slots=True)
class Join:
    """What was retrieved for each question.

    Attributes:
        ranking: ids of documents by id of question, best first.
        corpus: the documents of the ranking by id, as JSON.
    """

    ranking: Mapping[str, tuple[str, ...]]
    corpus: Mapping[str, Raw]

    def record(self, question: Any) -> tuple[Any, tuple[RecordWarning, ...]]:
        """Return a question with its documents under `docs`, and warnings.

        Raises:
            InputError: it has no id, or documents of its own.
        """
        if not isinstance(question, dict):
            raise InputError(f"expected an object with an id and a question, got {kind(question)}")
        if DOCS in question:
            raise InputError(
                f"documents @ $.{DOCS}, and a corpus beside them: leave it out", option=("corpus", "run_file")
            )
        path = find(question, _IDS)
        name = identifier(get(question, path)) if path else None
        if name is None:
            raise InputError(
                f"no id of the question: expected one of {', '.join(_IDS[:4])}, as in the run", option="run_file"
            )
        ids = self.ranking.get(name, ())
        docs = [self.corpus[i] for i in ids if i in self.corpus]
        warnings = []
        if not ids:
            text = f"no document of the run is for the question {name!r}"
            warnings.append(RecordWarning("no_run_documents", text))
        elif len(docs) < len(ids):
            text = f"{len(ids) - len(docs)} of {len(ids)} documents of the run are not in the corpus"
            warnings.append(RecordWarning("missing_documents", text))
        return {**question, DOCS: docs}, tuple(warnings)


def load(corpus: Source, run: Source) -> Join:
    """Read a ranking and the documents in it; those that nothing ranks are passed over.

    Args:
        corpus: one JSON object a line, with `_id` (or `id`), `title` and `text`.
        run: a TREC run (`qid Q0 docid rank score tag`) or judgements: `qid 0 docid relevance`, or BEIR's
            three columns with a header. Of judgements those above 0 count.

    Raises:
        InputError: a line is not of its form; says which.
    """
    with _opened(run) as lines:
        ranking = {name: tuple(ids) for name, ids in _ranking(lines, run).items()}
    wanted = {i for ids in ranking.values() for i in ids}
    found: dict[str, Raw] = {}
    with _opened(corpus) as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip().removeprefix(BOM_UTF8)
            if not text:
                continue
            try:
                name = _id_of(parse(text))
            except InputError as error:
                raise InputError(f"{corpus.at(f'line {number}')}: {error.message}", option="corpus") from error
            if name in wanted:
                found[name] = Raw(text)
    return Join(ranking, found)


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    try:
        with source.open() as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source.at('cannot read')}: {getattr(error, 'strerror', None) or error}") from error


def _id_of(document: Any) -> str:
    path = find(document, _IDS) if isinstance(document, dict) else None
    name = identifier(opened(get(document, path))) if path else None
    if name is None:
        raise InputError(f"expected an object with _id or id, got {kind(document)}")
    return name


def _ranking(lines: Iterable[bytes], run: Source) -> dict[str, list[str]]:
    scored: dict[str, list[tuple[float, str]]] = {}
    for number, raw in enumerate(lines, 1):
        line = raw.decode("utf-8", "replace").strip("\ufeff\r\n")
        fields = tuple(line.split())
        if not fields or (number == 1 and fields == _HEADER):
            continue
        try:
            question, document, score = _columns(fields)
        except ValueError:
            raise InputError(
                f"{run.at(f'line {number}')}: expected `qid Q0 docid rank score tag`, `qid 0 docid relevance` or "
                f"`qid docid relevance`, got {line[:80]!r}",
                option="run_file",
            ) from None
        if len(fields) == len(_RUN) or score > 0:
            scored.setdefault(question, []).append((score, document))
    # As trec_eval does: by score, whatever the rank says. Sorting leaves equals as they came.
    return {
        question: list(dict.fromkeys(document for _, document in sorted(found, key=lambda pair: -pair[0])))
        for question, found in scored.items()
    }


_RUN = ("qid", "Q0", "docid", "rank", "score", "tag")


def _columns(fields: tuple[str, ...]) -> tuple[str, str, float]:
    """Return the ids of question and document and the score, or raise ValueError."""
    if len(fields) == len(_RUN):
        return fields[0], fields[2], float(fields[4])
    question, *between, document, score = fields
    if len(between) > 1:
        raise ValueError(fields)
    return question, document, float(score)
