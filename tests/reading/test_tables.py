"""CSV and Parquet files: one record a row, and one row a record."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import json
import sys
from io import BytesIO, StringIO

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from ctxzip.datamodels import Request
from ctxzip.errors import InputError, MissingDependencyError
from ctxzip.reading.origin import BadRecord
from ctxzip.reading.tables import csv_rows, parse_cell
from tests.conftest import FIXTURES, compress, ctxzip, jsonl
from tests.reading.test_requests import items

TABLES = FIXTURES / "tables"
BM25 = ("--scorer", "bm25", "--tokenizer", "words", "--quiet")
ROW = {"question": "When does the ferry leave?", "context": "The ferry leaves at seven. Bread is baked."}


def rows(data, delimiter=","):
    """Return the rows of CSV, and the parsed cells of the column `ctxzip`."""
    other_columns = list(csv.DictReader(StringIO(data.decode()), delimiter=delimiter))
    return other_columns, [json.loads(row.pop("ctxzip")) for row in other_columns]


@pytest.mark.parametrize(("name", "delimiter"), [("ragas.csv", ","), ("notes.tsv", "\t")])
def test_a_written_table_has_shorter_texts_and_one_more_column(name, delimiter):
    """All other cells are unchanged; a list in a cell keeps its notation."""
    before = list(csv.DictReader(StringIO((TABLES / name).read_text("utf-8")), delimiter=delimiter))
    run = compress(*BM25, "--ratio", "0.4", TABLES / name)
    assert run.code == 0
    after, reports = rows(run.out, delimiter)
    assert len(after) == len(before) == len(reports)
    for old, new, report in zip(before, after, reports, strict=True):
        assert list(old) == list(new)
        (changed,) = [column for column in old if old[column] != new[column]]
        assert changed in {"retrieved_contexts", "context"}
        assert report["tokens_out"] < report["tokens_in"]
        was, now = parse_cell(old[changed]), parse_cell(new[changed])
        assert (was is None) == (now is None)
        if was is not None and now is not None:
            assert was[1] == now[1]
            assert len(was[0]) == len(now[0])
    assert (
        ctxzip("compress", *BM25, "--ratio", "1", "--to", "haystack", TABLES / name).records[0]["query"].endswith("?")
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["a", "b"]', (["a", "b"], "json")),
        ("['a', \"it's\"]", (["a", "it's"], "python")),
        ("['a' 'b']", (["a", "b"], "numpy")),
        ("['a'\n \"it's\"]", (["a", "it's"], "numpy")),
        ("['a' b]", None),
        ("['a' 'b", None),
        ("['a',\n 'b']", None),
        ("[not] a list", None),
        ("[1, open('x')]", None),
        ("[" * 5000, None),
        ("plain", None),
        ("", None),
        (5, None),
    ],
)
def test_a_list_in_a_cell_is_parsed_if_it_can_be_written_again(text, value):
    """JSON, a list as pandas writes it, or an array of strings as numpy does; anything else is a text."""
    found = parse_cell(text)
    assert (found and ([str(v) if isinstance(v, str) else json.loads(bytes(v)) for v in found[0]], found[1])) == value


@given(st.lists(st.text(max_size=20).map(lambda text: text.replace("\x00", "")), min_size=1, max_size=3))
def test_any_list_in_python_notation_is_parsed(texts):
    """With any quotes and escapes."""
    found = parse_cell(repr(texts))
    assert found is not None
    assert [v if isinstance(v, str) else json.loads(bytes(v)) for v in found[0]] == texts


def test_semicolons_and_quotes_are_read():
    """The most frequent of the possible delimiters in the first line is that of input and output."""
    data = 'question;context;n\n"When; exactly?";"The ""ferry"" leaves at ten. Bread is baked.";1,0\n'
    (request,) = items(data, "x.csv")
    piped = compress(*BM25, "-n", "1", "--input-format", "csv", stdin=data)
    assert piped.out.startswith(b'question;context;n;ctxzip\n"When; exactly?";"The ""ferry"" leaves at ten.";1,0;')
    assert (request.query, request.passages[0].text) == ("When; exactly?", 'The "ferry" leaves at ten. Bread is baked.')


def test_a_row_of_another_length_is_a_bad_record_in_its_place(tmp_path):
    """The message has its number of cells; the rows around it are read."""
    file = tmp_path / "x.csv"
    file.write_text(
        f"question,context\n{ROW['question']},{ROW['context']}\na,b,c\n\n{ROW['question']},{ROW['context']}\n"
    )
    run = compress(*BM25, "-n", "1", file)
    assert run.code == 1
    assert "x.csv: line 3: 3 cells in a table of 2 columns" in run.err
    written, reports = rows(run.out)
    assert [row["context"] for row in written] == ["The ferry leaves at seven.", "", "The ferry leaves at seven."]
    assert reports[1]["line"] == 3
    assert reports[1]["input"] == '["a","b","c"]'


@pytest.mark.parametrize(
    "row", ['2,When?,"The ferry leaves at ten. Bread.', '2,When?,"Anna" is a ferry.', '2,"When" is it?,"One.']
)
def test_rows_after_a_row_with_a_stray_quote_are_read(row):
    """A CSV reader takes all text up to the next quote as one cell."""
    good = "1,When does it leave?,The ferry leaves."
    run = compress(*BM25, "--input-format", "csv", stdin=f"id,question,context\n{good}\n{row}\n{good}\n{good}\n")
    assert run.code == 1
    written, reports = rows(run.out)
    assert [report.get("line") for report in reports] == [None, 3, None, None]
    assert reports[1]["input"] == row
    assert [one["context"] for one in written] == ["The ferry leaves.", "", "The ferry leaves.", "The ferry leaves."]


def test_a_lone_carriage_return_stays_in_its_cell():
    """Without quotes, readers take it as the end of a row."""
    data = 'question,context,note\nWhen?,"The ferry leaves.","one\rtwo"\n'
    out = compress(*BM25, "--input-format", "csv", "--ratio", "1", stdin=data).out
    (row,), _ = rows(out)
    assert row["note"] == "one\rtwo"
    assert out.endswith(b"\n")
    assert not out.endswith(b"\r\n")


def test_a_run_that_stops_at_a_bad_row_prints_one_line():
    """The unfinished reader of the table prints no error of its own."""
    data = "question,context\n,Rye.\nWhen?,Rye.\nWhen?,Rye.\n"
    run = compress(*BM25, "--input-format", "csv", "--on-error", "fail", stdin=data)
    assert run.code == 1
    assert run.err.count("\n") == 1


def test_rows_around_a_row_that_is_not_utf_8_are_read():
    """However many bytes are decoded at once."""
    good = f"{ROW['question']},{ROW['context']}\n".encode()
    found = items(b"question,context\n" + good * 40 + b"x,caf\xe9\n" + good * 400, "x.csv")
    assert [isinstance(item, Request) for item in found] == [True] * 40 + [False] + [True] * 400
    assert found[40].message == "x.csv: line 42: not UTF-8: convert it with iconv -t UTF-8"
    assert found[40].content == '["x","caf\ufffd"]'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"question,question\na,b\n", "two columns have the name 'question'"),
        (b"question,\xff\na,b\n", "not UTF-8: convert it"),
        (b"a,b\n1,2\n", "line 2: no question: expected one of query"),
    ],
)
def test_the_message_for_a_table_without_questions_has_the_problem(data, message):
    """And the line, if there is one."""
    (bad,) = items(data, "x.csv")
    assert isinstance(bad, BadRecord)
    assert message in bad.message


def test_records_and_tables_do_not_mix_in_one_table(tmp_path):
    """A table has one set of columns; JSON Lines can hold both."""
    (tmp_path / "a.jsonl").write_text(jsonl(ROW))
    (tmp_path / "b.csv").write_text(f"question,context\n{ROW['question']},{ROW['context']}\n")
    for files in (("a.jsonl", "b.csv"), ("b.csv", "a.jsonl"), ("b.csv", TABLES / "ragas.csv")):
        run = compress(*BM25, *files, cwd=tmp_path)
        assert run.code == 1
        assert "write jsonl (--to)" in run.err
    mixed = compress(*BM25, "--to", "jsonl", "b.csv", "a.jsonl", cwd=tmp_path)
    assert [list(record) for record in mixed.records] == [["question", "context", "ctxzip"]] * 2


def test_select_takes_a_scored_table():
    """Scored records are JSON Lines, with lists in cells as lists."""
    scored = ctxzip("score", *BM25, TABLES / "ragas.csv")
    selected = ctxzip("select", "--tokenizer", "words", "--ratio", "0.4", "--quiet", stdin=scored.out)
    assert selected.code == 0
    after, _ = rows(compress(*BM25, "--ratio", "0.4", TABLES / "ragas.csv").out)
    assert [repr(record["retrieved_contexts"]) for record in selected.records] == [
        row["retrieved_contexts"] for row in after
    ]


@pytest.mark.parametrize("bad_at", [1, 2, 3])
def test_a_bad_row_of_a_scored_table_is_an_error_record_in_its_place(tmp_path, bad_at):
    """The rows around it are scored."""
    lines = ["question,context", *[f"{ROW['question']},{ROW['context']}"] * 3]
    lines[bad_at] = f",{ROW['context']}"
    file = tmp_path / "x.csv"
    file.write_text("\n".join(lines) + "\n")
    run = ctxzip("score", *BM25, file)
    assert run.code == 1
    assert ["error" in record["ctxzip"] for record in run.records] == [n == bad_at for n in (1, 2, 3)]


@pytest.fixture
def parquet_file(tmp_path):
    """Rows with types that JSON lacks; more than one row group."""
    table = pa.table(
        {
            "question": pa.array([ROW["question"], "Who bakes?"] * 501),
            "contexts": pa.array([[ROW["context"], "It rains."], ["Ada bakes. It snows."]] * 501),
            "price": pa.array([decimal.Decimal("1.50"), None] * 501, pa.decimal128(10, 2)),
            "seen": pa.array(
                [dt.datetime(2024, 3, 6, 10, 0, 0, 123456, tzinfo=dt.UTC), None] * 501, pa.timestamp("us", "UTC")
            ),
            "small": pa.array([1, 2] * 501, pa.int8()),
        }
    ).replace_schema_metadata({"made by": "hand"})
    parquet.write_table(table, tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_written_parquet_has_the_types_of_the_input(parquet_file, tmp_path):
    """Columns other than the documents are equal in values and types."""
    run = compress(*BM25, "-n", "1", "-o", "out.parquet", parquet_file, cwd=tmp_path)
    assert run.code == 0, run.err
    before, after = parquet.read_table(parquet_file), parquet.read_table(tmp_path / "out.parquet")
    assert after.schema.remove(after.schema.names.index("ctxzip")) == before.schema
    assert after.schema.metadata == before.schema.metadata
    assert after.drop(["ctxzip", "contexts"]) == before.drop(["contexts"])
    assert after["contexts"].to_pylist()[:2] == [["The ferry leaves at seven.", ""], ["Ada bakes."]]
    assert json.loads(after["ctxzip"][0].as_py())["tokens_out"] > 0
    piped = compress(*BM25, "-n", "1", "--input-format", "parquet", stdin=parquet_file.read_bytes())
    assert parquet.read_table(pa.BufferReader(piped.out)) == after


def test_times_in_nanoseconds_are_unchanged(tmp_path):
    """Pandas writes them; the times of Python have microseconds."""
    types = {"at": pa.timestamp("ns"), "took": pa.duration("ns"), "of_day": pa.time64("ns")}
    before = pa.table(
        {
            "question": ["When?"],
            "context": ["Rye."],
            **{name: pa.array([1_700_000_001], kind) for name, kind in types.items()},
        }
    )
    parquet.write_table(before, tmp_path / "in.parquet")
    assert compress(*BM25, tmp_path / "in.parquet", "-o", tmp_path / "out.parquet").code == 0
    after = parquet.read_table(tmp_path / "out.parquet")
    assert all(after[name].equals(before[name]) for name in types)


def test_parquet_is_written_as_json_lines_with_to(parquet_file):
    """Dates and decimals become text."""
    run = compress(*BM25, "-n", "1", "--to", "jsonl", parquet_file)
    assert run.records[0]["price"] == "1.50"
    assert run.records[0]["seen"].startswith("2024-03-06T10:00:00")


def test_a_file_that_is_not_parquet_or_has_another_name_is_an_error(tmp_path):
    """The message for Parquet with another name has the remedy."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    run = compress(tmp_path / "x.parquet")
    assert run.code == 1
    assert "x.parquet: cannot read: not Parquet" in run.err
    with pytest.raises(InputError, match=r"give it a name that ends in \.parquet"):
        raise InputError(items(b"PAR1 no", "x")[0].message)


def test_the_error_without_pyarrow_names_the_extra_to_install(monkeypatch):
    """Parquet is an optional extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ctxzip\[parquet\]'"):
        items(b"PAR1", "x.parquet")


def test_a_long_cell_is_read_where_a_c_long_has_32_bits(monkeypatch):
    """As on Windows, where csv refuses a larger limit; the limit of the caller is restored after each row."""
    real, limits = csv.field_size_limit, []

    def windows(*limit):
        if any(one > 2**31 - 1 for one in limit):
            raise OverflowError("Python int too large to convert to C long")
        limits.append(limit)
        return real(*limit)

    monkeypatch.setattr(csv, "field_size_limit", windows)
    before = real()
    text = 300_000 * "x"
    read = []
    for _, _, values, error in csv_rows(BytesIO(f"query,text\nwhen,{text}\n\nwho,y\n".encode())):
        read.append((values, error))
        assert real() == before
    assert read == [({"query": "when", "text": text}, None), ({"query": "who", "text": "y"}, None)]
    assert limits
