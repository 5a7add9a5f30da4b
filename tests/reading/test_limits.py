"""Limits of the input: what is too large is one error, and what is around it is read."""

from __future__ import annotations

import gzip
import json
from contextlib import nullcontext
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.datamodels import Request
from ctxzip.errors import InputError
from ctxzip.reading.limits import LongLine, bounded_lines, check_nesting
from ctxzip.reading.requests import read
from ctxzip.reading.sources import Source
from tests.conftest import LINE, RECORD, compress, jsonl

BM25 = ("--scorer", "bm25", "--quiet")
LONG = jsonl({**RECORD, "docs": ["The ferry leaves at seven. " * 40]})


@given(lines=st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=9))
def test_lines_up_to_the_limit_are_as_they_are_and_others_are_marked(lines):
    """With and without a line end after the last one."""
    for data in (b"\n".join(lines), b"".join(line + b"\n" for line in lines)):
        expected = BytesIO(data).readlines()
        found = list(bounded_lines(BytesIO(data), 6))
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            is_long = len(other.rstrip(b"\n")) > 6
            assert isinstance(one, LongLine) == is_long
            assert one == other or is_long


def test_a_line_that_is_too_long_costs_only_itself():
    """The records around it are read, and its number is said."""
    run = compress(*BM25, "--max-line-bytes", "500", stdin=LINE + LONG + LINE)
    assert run.code == 1
    assert run.err == "ctxzip: line 2: longer than 500 bytes (--max-line-bytes)\n"
    assert ["error" in record["ctxzip"] for record in run.records] == [False, True, False]
    assert len(run.records[1]["ctxzip"]["input"]) == 200


def test_an_object_on_many_lines_is_bounded_as_one():
    """An object that is never closed would hold the whole input otherwise."""
    pretty = json.dumps(json.loads(LONG), indent=1) + "\n"
    run = compress(*BM25, "--max-line-bytes", "500", stdin=LINE + pretty + LINE)
    assert ["error" in record["ctxzip"] for record in run.records] == [False, True, False]


def test_one_element_of_an_array_may_be_too_long():
    """Where each is on a line of its own."""
    run = compress(*BM25, "--max-line-bytes", "500", stdin=f"[{LINE.strip()},\n{LONG.strip()},\n{LINE.strip()}]\n")
    assert ["error" in record["ctxzip"] for record in run.records] == [False, True, False]
    assert "line 2: longer than 500 bytes" in run.err


def test_a_compressed_line_is_measured_as_it_is_read(tmp_path):
    """A small file of gzip may hold a very long line."""
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b"[" * 3_000_000 + b"\n" + LINE.encode()))
    run = compress(*BM25, "--max-line-bytes", "100000", tmp_path / "in.jsonl.gz")
    assert "line 1: longer than 100,000 bytes (--max-line-bytes)" in run.err
    assert ["error" in record["ctxzip"] for record in run.records] == [True, False]


@pytest.mark.parametrize("name", ["notes.txt", "notes.md", "notes"])
def test_a_text_file_that_is_too_long_is_left_out(tmp_path, name):
    """The other documents of the question are read."""
    (tmp_path / name).write_text("The ferry leaves at seven. " * 40)
    (tmp_path / "short.txt").write_text("The ferry leaves at eight.")
    run = compress(
        *BM25, "--max-line-bytes", "500", "-q", "When does the ferry leave?", name, "short.txt", cwd=tmp_path
    )
    assert run.code == 1
    assert f"{name}: cannot read: longer than 500 bytes (--max-line-bytes)" in run.err
    assert [doc["text"] for doc in run.records[0]["docs"]] == ["The ferry leaves at eight."]


@pytest.mark.parametrize("cell", ["At eight. " * 90, '"' + "At eight.\n" * 90 + '"', '"' + "open " * 90])
def test_a_row_that_is_too_long_costs_only_its_line(tmp_path, cell):
    """On one line, on many lines of one cell, or in a quote that is never closed; the rows after it are read."""
    (tmp_path / "in.csv").write_text(f"question,context\nWhen?,At seven.\nWhen?,{cell}\nWhen?,At nine.\n")
    run = compress(*BM25, "--max-line-bytes", "300", "in.csv", cwd=tmp_path)
    assert run.code == 1
    assert run.err.startswith("ctxzip: in.csv: line 3: ")
    assert run.out.decode().splitlines()[1].startswith("When?,At seven.")
    assert run.out.decode().splitlines()[-1].startswith("When?,At nine.")


def test_a_row_that_is_too_long_is_never_cut_to_one_that_is_not(tmp_path):
    """Also where it was read as the rest of a quote that is never closed."""
    long_row = f"When?,{'At eight. ' * 90}"
    (tmp_path / "in.csv").write_text(f'question,context\nWhen?,"open\n{long_row}\nWhen?,At nine.\n')
    run = compress(*BM25, "--on-error", "skip", "--max-line-bytes", "300", "in.csv", cwd=tmp_path)
    assert [line.split(",")[1] for line in run.out.decode().splitlines()] == ["context", "At nine."]
    assert "in.csv: line 2: " in run.err
    assert "in.csv: line 3: longer than 300 bytes (--max-line-bytes)" in run.err


def test_a_record_with_too_many_documents_is_an_error():
    """As many as allowed are read."""
    many = jsonl({**RECORD, "docs": ["At seven."] * 4}, {**RECORD, "docs": ["At seven."] * 3})
    run = compress(*BM25, "--max-documents", "3", stdin=many)
    assert run.err == "ctxzip: line 1: 4 documents: at most 3 are read (--max-documents)\n"
    assert ["error" in record["ctxzip"] for record in run.records] == [True, False]


def test_a_question_with_too_many_documents_ends_the_call(tmp_path):
    """It is the only record."""
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("At seven.")
    run = compress(*BM25, "--max-documents", "2", "-q", "When?", "a.txt", "b.txt", "c.txt", cwd=tmp_path)
    assert (run.code, run.out) == (2, b"")
    assert run.err == "ctxzip: 3 documents: at most 2 are read (--max-documents)\n"


@given(json_value=st.recursive(st.text('a["]{}\\', max_size=4), lambda inner: st.lists(inner, max_size=3)))
def test_the_depth_of_json_is_that_of_its_value(json_value):
    """Brackets in strings do not count."""

    def depth(value):
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    data = json.dumps(json_value).encode()
    check_nesting(data, depth(json_value))
    if depth(json_value):
        with pytest.raises(InputError, match="nested more than"):
            check_nesting(data, depth(json_value) - 1)


def test_a_record_that_is_nested_too_deeply_is_an_error():
    """Whatever key it is under, and however deep."""
    for levels in (250, 100_000):
        deep = LINE.replace('"id": 1', '"id": ' + "[" * levels + "]" * levels)
        run = compress(*BM25, stdin=deep + LINE)
        assert ["error" in record["ctxzip"] for record in run.records] == [True, False]
        assert run.err == "ctxzip: line 1: nested more than 200 levels deep (--max-nesting)\n"


@given(at=st.integers(4, 3_000), new=st.binary(min_size=1, max_size=6))
def test_a_parquet_file_that_lies_is_one_message(parquet_bytes, at, new):
    """Its footer has the sizes and places of everything; any byte of it may be another."""
    source = Source(
        "in", lambda: nullcontext(BytesIO(parquet_bytes[:at] + new + parquet_bytes[at + len(new) :])), "parquet"
    )
    for item in read([source]):
        assert isinstance(item, Request) or "\n" not in item.message


@pytest.fixture(scope="module")
def parquet_bytes():
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    out = BytesIO()
    parquet.write_table(pa.Table.from_pylist([RECORD] * 20), out)
    return out.getvalue()


def test_depth_is_bounded_in_an_element_of_an_array():
    """Which is parsed with the whole array."""
    deep = "[" * 250 + "]" * 250
    run = compress(*BM25, stdin=f'[{{"query": "When?", "docs": ["At seven."], "x": {deep}}}]')
    assert (run.code, "nested more than 200 levels deep" in run.err) == (1, True)
