"""Properties that hold for arbitrary text: exact spans, hard ceilings, order of records, no network, no lost warnings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from copy import deepcopy
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxzip import Compressor, Settings, compress
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import BadRecord
from ctxzip.reading.schemas import SHAPES
from ctxzip.rendering.record import record
from ctxzip.tokens import load_tokenizer
from tests.conftest import Run, jsonl
from tests.conftest import compress as run_compress
from tests.strategies import queries, texts

pytestmark = pytest.mark.usefixtures("models_read_once")

documents = st.lists(texts | st.fixed_dictionaries({"text": texts, "title": texts}), max_size=4)
limits = st.fixed_dictionaries(
    {},
    optional={
        "max_tokens": st.integers(0, 60),
        "ratio": st.floats(0, 1, exclude_min=True),
        "max_sentences": st.integers(1, 4),
        "threshold": st.floats(0, 1),
    },
)
renderings = st.fixed_dictionaries(
    {
        "to": st.sampled_from(["jsonl", "text", "markdown"]),
        "titles": st.booleans(),
        "mark_gaps": st.booleans(),
        "order": st.sampled_from(["source", "relevance"]),
        "drop_empty": st.booleans(),
    }
)


def text_of(document):
    return document if isinstance(document, str) else document["text"]


@settings(max_examples=50)
@given(queries, documents, limits)
def test_spans_are_exact_slices_disjoint_and_in_order(query, docs, limit):
    """The text of a document consists of its spans with white space between them."""
    result = compress(query, docs, **limit)
    written = json.loads(record(result))
    for document, shortened, own in zip(docs, written["docs"], written["ctxzip"]["docs"], strict=True):
        original, at, rest = text_of(document), 0, text_of(shortened)
        for start, end, probability in own["kept"]:
            assert at <= start < end <= len(original)
            assert 0 <= probability <= 1
            before, piece, rest = rest.partition(original[start:end])
            assert piece
            assert not before.strip()
            at = end
        assert not rest.strip()


@pytest.fixture(scope="module")
def own_tokenizers(tmp_path_factory):
    """Tokenizers that count white space: one over bytes, and one over pieces with the space before them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    found = {}
    for name, before in (
        ("bytes", pre_tokenizers.ByteLevel(add_prefix_space=False)),
        ("pieces", pre_tokenizers.Metaspace()),
    ):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = before
        trainer = trainers.BpeTrainer(
            vocab_size=300, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        )
        tokenizer.train_from_iterator(["The bridge was built in 1901 by Ada Holm."] * 3, trainer)
        path = tmp_path_factory.mktemp("tokenizers") / f"{name}.json"
        tokenizer.save(str(path))
        found[name] = str(path)
    return found


@settings(max_examples=50)
@given(queries, documents, limits, renderings, st.sampled_from(["model", "words", "bytes", "pieces"]))
def test_the_final_text_never_has_more_tokens_than_the_ceiling(
    own_tokenizers, query, docs, limit, rendering, tokenizer
):
    """Counted again on what is written: the documents' texts, or the whole context."""
    tokenizer = own_tokenizers.get(tokenizer, tokenizer)
    result = compress(query, docs, **{"max_tokens": 25, **limit}, **rendering, tokenizer=tokenizer)
    count = load_tokenizer(tokenizer).count
    if result.context is None:
        written = json.loads(record(result))
        measured = sum(count([text_of(document) for document in written["docs"]]))
    else:
        measured = count([result.context])[0]
    assert measured == result.tokens_out <= limit.get("max_tokens", 25)


@settings(max_examples=50)
@given(queries, documents, st.floats(0, 1, exclude_min=True))
def test_a_ratio_holds_where_more_than_the_best_unit_is_kept(query, docs, ratio):
    """The best unit and its headings are kept whatever the ratio is."""
    result = compress(query, docs, ratio=ratio)
    parents = {result.scored.units[i].parent for i in result.selection.kept}
    if len([i for i in result.selection.kept if i not in parents]) > 1:
        assert result.tokens_out <= ratio * result.tokens_in


@settings(max_examples=20)
@given(st.lists(st.tuples(queries, documents), max_size=4), limits)
def test_a_result_does_not_depend_on_other_records(pairs, limit):
    """Alone and in a stream it is the same."""
    lines = [json.dumps({"query": query, "docs": docs}).encode() for query, docs in pairs]
    compressor = Compressor(Settings(**limit))
    requests = [to_request(json.loads(line), SHAPES) for line in lines]
    together = [record(result) for result in compressor.stream(requests) if not isinstance(result, BadRecord)]
    alone = [record(Compressor(Settings(**limit)).compress(request)) for request in requests]
    assert together == alone


def test_the_command_line_writes_the_same_however_its_input_arrives(labelled, tmp_path):
    """One byte at a time or all at once, from a file or stdin, as lines or as an array, whole or in shards."""
    chosen = [request for request in labelled if request["kind"] in {"fact", "table", "german", "code"}][:5]
    data = jsonl(*chosen).encode()
    (tmp_path / "records.jsonl").write_bytes(data)
    (tmp_path / "records.json").write_text(json.dumps(chosen, indent=1))
    expected = run_compress("--quiet", stdin=data).out
    assert expected.count(b"\n") == 5
    assert run_compress("--quiet", tmp_path / "records.jsonl").out == expected
    assert run_compress("--quiet", tmp_path / "records.json").records == [
        json.loads(line) for line in expected.splitlines()
    ]
    shards = [run_compress("--quiet", stdin=line).out for line in data.splitlines(keepends=True)]
    assert b"".join(shards) == expected
    command = [sys.executable, "-m", "ctxzip", "compress", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin
        for at in range(0, len(data), 997):
            process.stdin.write(data[at : at + 997])
            time.sleep(0.001)
        assert process.communicate()[0] == expected


def test_batches_and_threads_do_not_change_the_output(labelled):
    """Nor does one record at a time."""
    data = jsonl(*[request for request in labelled if request["kind"] in {"fact", "table", "multi_hop"}][:6])
    expected = run_compress("--quiet", stdin=data).out
    for options in (
        ["--batch-tokens", "1000", "--threads", "1"],
        ["--batch-tokens", "64000", "--threads", "2"],
        ["--line-buffered", "--threads", "3"],
    ):
        assert run_compress("--quiet", *options, stdin=data).out == expected, options


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "de"])
def test_memory_does_not_grow_with_the_number_of_records(lang, tmp_path):
    """Three times the records, all with words of their own, in at most 10% more memory: caches are bounded."""
    script = (
        "import atexit, resource, sys\n"
        "atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr))\n"
        "from ctxzip.cli import main; main()"
    )

    def kilobytes(n_records):
        path = tmp_path / f"{n_records}.jsonl"
        with path.open("w") as file:
            for number in range(n_records):
                words = " ".join(f"w{number}x{word}" for word in range(150))
                file.write(jsonl({"query": "bridge", "docs": [f"The bridge {words}. The ferry."]}))
        done = subprocess.run(
            [sys.executable, "-c", script, "compress", "--scorer", "bm25", "--quiet", "--lang", lang, "-o", os.devnull, path],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        return int(done.stderr)

    assert kilobytes(1_500) <= 1.1 * kilobytes(500)


@settings(max_examples=30)
@given(st.lists(st.booleans(), max_size=20))
def test_as_many_results_as_requests_in_order(flags):
    """Bad records stay in their places."""
    good = to_request({"query": "x", "docs": ["x y"]}, SHAPES)
    stream = [good if flag else BadRecord("bad", n) for n, flag in enumerate(flags)]
    assert [not isinstance(item, BadRecord) for item in Compressor().stream(stream)] == flags


def test_results_come_as_soon_as_they_are_ready():
    """Also from an endless source."""

    def endless():
        while True:
            yield to_request({"query": "x", "docs": ["x y"]}, SHAPES)

    assert len(list(islice(Compressor().stream(endless()), 3))) == 3


def test_one_by_one_reads_a_record_when_the_result_before_it_was_used():
    """With a model, for which records are otherwise prefetched."""
    used = 0

    def source():
        for number in range(3):
            assert used == number
            yield to_request({"query": "x", "docs": ["x y"]}, SHAPES)

    for _ in Compressor().stream(source(), one_by_one=True):
        used += 1
    assert used == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(queries, documents, st.dictionaries(st.text(), json_values, max_size=3)), min_size=1, max_size=30
    )
)
def test_the_command_line_writes_one_json_line_a_record_and_keeps_unknown_keys(rows):
    """stdout has records only; messages for people are on stderr."""
    records = [
        {**{f"_{key}": value for key, value in extra.items()}, "query": query, "docs": docs}
        for query, docs, extra in rows
    ]
    run = run_compress(stdin=jsonl(*records))
    assert run.code == 0
    assert run.err.splitlines()[-1].startswith(f"ctxzip: {len(records)} record")
    for before, after in zip(records, run.records, strict=True):
        assert {**after, "docs": 0, "ctxzip": 0} == {**before, "docs": 0, "ctxzip": 0}


def test_no_socket_is_opened(labelled, monkeypatch):
    """In any language of the fixtures."""

    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    for request in labelled:
        compress(request["query"], request["docs"])


@pytest.mark.parametrize(
    ("settings", "docs", "warning"),
    [
        ({"max_tokens": 1}, ["The ferry leaves at ten."], "nothing kept: no unit fits under the token limit"),
        ({}, [], "no documents"),
        ({}, ["", " "], "no text in any document"),
        (
            {"scorer": "bm25"},
            ["Bread. Water."],
            "no content word of the query occurs in the documents: the kept units were not chosen by score",
        ),
        (
            {"lang": "th"},
            ["The ferry."],
            "no sentence rules for th are installed: split at punctuation common to all languages",
        ),
    ],
)
def test_an_empty_or_degraded_result_has_a_warning(settings, docs, warning):
    """In the record."""
    written = json.loads(record(compress("When does the ferry leave?", docs, **settings)))["ctxzip"]["warnings"]
    assert warning in [one["text"] for one in written]


def test_the_warning_is_on_stderr_too():
    """With the line number of the input."""
    run: Run = run_compress("--max-tokens", "1", stdin=jsonl({"query": "x", "docs": ["one two three"]}))
    assert "ctxzip: line 1: warning: nothing kept" in run.err


_WHOLE = [
    "1,901.5", "3.14", "10:30", "2024-03-06", "06.03.2024", "v1.2.3", "Python 3.11", "U.S.A.", "J. R. Holm", "ctxzip.cli.app",
    "/usr/lib/python3.11/site.py", "`a. b`", "http://a.b/c.d?e=f", "e.g. Askby", "-7.5", "192.168.0.1",
]  # fmt: skip
_AROUND = ["The bridge {} was closed. ", "{} is the name. ", "It was {}. ", "Was it ({})? ", "- item {} here\n", "{}\n"]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(_AROUND), st.sampled_from(_WHOLE)), min_size=1, max_size=8))
def test_no_unit_begins_or_ends_inside_a_number_a_path_or_a_name(parts):
    """Numbers, dates, versions, names with dots, paths, inline code; nor right after an opening mark."""
    text, inside = "", set()
    for around, whole in parts:
        before = around.index("{")
        start = len(text) + before
        inside |= set(range(start + 1, start + len(whole)))
        if around[:before].endswith("("):
            inside.add(start)
        text += around.format(whole)
    result = compress("bridge", [text], scorer="bm25", ratio=1)
    borders = {border for unit in result.scored.units for border in (unit.start, unit.end)}
    assert sorted(borders & inside) == []


@settings(max_examples=50)
@given(queries, documents, st.integers(1, 4))
def test_max_sentences_drops_no_unit_with_a_higher_score_than_one_it_keeps(query, docs, number):
    """But for headings, which are kept with the units under them."""
    result = compress(query, docs, scorer="bm25", max_sentences=number)
    kept, reasons = set(result.selection.kept), result.selection.dropped_because
    parents = {unit.parent for unit in result.scored.units}
    scores = [float(one) for one in result.scored.scores.probability]
    worst = min((scores[i] for i in kept - parents), default=1.0)
    assert all(scores[i] <= worst for i, why in enumerate(reasons) if i not in parents and why == "enough units kept")


@settings(max_examples=30)
@given(queries, documents, limits)
def test_arguments_are_not_changed(query, docs, limit):
    """Documents belong to the caller."""
    before = deepcopy(docs)
    compress(query, docs, scorer="bm25", **limit)
    assert docs == before


@settings(max_examples=30)
@given(queries, documents, limits)
def test_kept_fraction_is_the_fraction_of_the_tokens(query, docs, limit):
    """0 to 1, and 0 for a request without text."""
    result = compress(query, docs, scorer="bm25", **limit)
    assert 0 <= result.tokens_out <= result.tokens_in
    assert result.kept_fraction == (result.tokens_out / result.tokens_in if result.tokens_in else 0)


def test_compress_works_in_any_folder(tmp_path, monkeypatch):
    """It needs the files of the package only, and writes none."""
    monkeypatch.chdir(tmp_path)
    assert compress("x", ["x y"]).tokens_in == 2
    assert not list(Path(tmp_path).iterdir())
