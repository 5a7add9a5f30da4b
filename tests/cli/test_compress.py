"""`ctxzip compress`: inputs, outputs, errors and exit codes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import pytest

from tests.conftest import FIXTURES, LINE, RECORD, compress, ctxzip, jsonl, process, shortened


def test_a_record_goes_in_and_comes_out_shorter():
    """stdout has the record alone, stderr one line of summary."""
    run = shortened()
    assert run.code == 0
    assert [record["docs"] for record in run.records] == [["The ferry leaves at seven."]]
    assert run.records[0]["id"] == 1
    assert run.err.startswith("ctxzip: 1 record, 14 -> 6 tokens (42.9% kept), ")
    assert run.err.count("\n") == 1


def test_every_shape_comes_out_in_its_shape():
    """Keys, their order and number literals as they were; only the documents' text is shorter."""
    for name in (
        "query_docs_strings",
        "question_ctxs",
        "input_documents_page_content",
        "question_contexts",
        "question_context",
    ):
        path = FIXTURES / "shapes" / f"{name}.jsonl"
        run = compress("--ratio", "1", path)
        assert run.code == 0
        for before, after in zip(path.read_bytes().splitlines(), run.out.splitlines(), strict=True):
            # Everything kept: the record is the input and the key.
            assert json_without_spaces(after).startswith(json_without_spaces(before)[:-1] + b',"ctxzip":{')


def json_without_spaces(line: bytes) -> bytes:
    """Drop the white space between values; escapes and number literals stay."""
    import msgspec

    return msgspec.json.format(line, indent=-1)


def test_arrays_and_indented_records_come_out_as_lines():
    """One record a line, whatever came in."""
    run = compress("--quiet", FIXTURES / "shapes" / "array.json", FIXTURES / "shapes" / "pretty.json")
    assert run.code == 0
    assert len(run.records) == 3


def test_field_names_of_the_users_own():
    """Dotted paths for the question, the documents, and text and title in them."""
    fields = ["--query-field", "request.question", "--docs-field", "response.hits", "--text-field", "_source.body"]
    run = compress(*fields, "--title-field", "_source.name", "--to", "markdown", FIXTURES / "shapes" / "dotted.jsonl")
    assert run.code == 0
    assert run.out.startswith(b"## [")
    assert compress(FIXTURES / "shapes" / "dotted.jsonl").code == 1


def test_one_question_over_a_folder_of_notes():
    """Text and markdown files are one document each; each part of the context names its file."""
    notes = sorted((FIXTURES / "notes").iterdir())
    run = compress("-q", "How do I back up the NAS?", "--to", "markdown", "--max-tokens", "120", *notes)
    assert run.code == 0
    assert b"notes/" in run.out
    assert "1 record" in run.err


def test_documents_a_line_with_a_question_are_one_record():
    """The documents keep their keys."""
    run = compress("-q", "When does the ferry leave?", FIXTURES / "shapes" / "documents.jsonl")
    (record,) = run.records
    assert record["query"] == "When does the ferry leave?"
    assert len(record["docs"]) == 5
    assert {"id", "title", "text"} <= set(record["docs"][0])


def test_broken_lines_become_error_records_in_their_places():
    """Sixteen lines in, sixteen out; one line on stderr each; exit 1."""
    run = compress(FIXTURES / "broken.jsonl")
    assert run.code == 1
    assert len(run.records) == 16
    errors = {
        number: record["ctxzip"]["error"] for number, record in enumerate(run.records, 1) if "error" in record["ctxzip"]
    }
    assert list(errors) == [2, 3, 5, 6, 7, 9, 10, 12, 14, 16]
    assert all(f"ctxzip: {message}\n" in run.err for message in errors.values())
    assert "$.docs[2].text" in errors[10]
    assert run.records[9]["id"] == "bad-text-object"
    assert run.records[15]["ctxzip"]["input"].startswith('{"id":"bad-cut"')
    assert ", 10 failed, " in run.err


def test_broken_lines_can_be_skipped():
    """The good ones are written; exit code 1 reports that some failed."""
    run = compress("--on-error", "skip", FIXTURES / "broken.jsonl")
    assert run.code == 1
    assert [record["id"] for record in run.records] == [f"good-{n}" for n in range(1, 7)]


def test_a_broken_line_can_stop_the_run(tmp_path):
    """The records before it are on stdout; an output file is not half written."""
    run = compress("--on-error", "fail", FIXTURES / "broken.jsonl")
    assert run.code == 1
    assert [record["id"] for record in run.records] == ["good-1"]
    target = tmp_path / "out.jsonl"
    assert compress("--on-error", "fail", "-o", target, FIXTURES / "broken.jsonl").code == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "code", "records"),
    [
        (b"", 0, 0),
        (b"\n \r\n", 0, 0),
        (b"[]", 0, 0),
        (b"\xef\xbb\xbf" + LINE.encode(), 0, 1),
        (LINE.replace("\n", "\r\n").encode() * 2, 0, 2),
        (LINE.rstrip().encode(), 0, 1),
        (LINE.encode() + LINE[:40].encode(), 1, 2),
        (LINE.encode("utf-16"), 1, 0),
        (b"\x89PNG\r\n\x1a\n\x00\n\n", 1, 0),
        (gzip.compress(LINE.encode() * 2), 0, 2),
        (jsonl({"query": "a\ud800?", "docs": ["b \udfff c. A\u2028d.", "\x00 a"]}).encode(), 0, 1),
        (b'{"query":"x","docs":["x"],"n":NaN,"s":"\\ud800"}\n', 0, 1),
        (b'{"query":"x","docs":' + b"[" * 100_000 + b"\n", 1, 1),
        (b'{"query":"x","docs":["x y"],"n":NaN,"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n" + LINE.encode(), 1, 2),
        (b'{"query":"x","query":"y","docs":["y"]}\n', 0, 1),
    ],
    ids=[
        "empty", "blank", "empty array", "bom", "crlf", "no newline", "truncated", "utf-16", "image", "gzip", "surrogates",
        "nan", "deep", "deep and nan", "twice",
    ],
)  # fmt: skip
@pytest.mark.parametrize("to", ["jsonl", "text"])
def test_no_input_gives_a_traceback(data, code, records, to):
    """One line for the only error or warning, one for the summary, and every record accounted for."""
    run = compress("--to", to, stdin=data)
    assert run.code == code
    assert "Traceback" not in run.err
    warns = to == "text" and b"\\ud800" in data and b"NaN" not in data  # in JSON the escape stays as it is
    assert run.err.count("\n") == 1 + code + warns
    if to == "jsonl":
        assert len(run.records) == records
    else:
        assert run.out.count(b"\n---\n") == max(records - 1, 0)


@pytest.mark.slow
def test_a_line_of_50_megabytes_is_a_record_like_any_other():
    """The records around it are compressed too."""
    big = {**RECORD, "docs": ["Bread is baked in the town. " * 300_000, *RECORD["docs"]], "page": "x" * 42_000_000}
    run = shortened(stdin=LINE + jsonl(big) + LINE)
    assert run.code == 0
    assert [record["docs"][-1] for record in run.records] == ["The ferry leaves at seven."] * 3
    assert len(run.records[1]["page"]) == 42_000_000


@pytest.mark.parametrize("written", ["0.3", "30%", ".3", "30.0%"])
def test_a_ratio_is_a_fraction_or_a_percentage(written):
    """The record has the fraction."""
    (record,) = compress("--scorer", "bm25", "--ratio", written, stdin=LINE).records
    assert record["ctxzip"]["budget"]["ratio"] == 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.jsonl"], "nope.jsonl: no such file"),
        (["--corpus", FIXTURES, "--run", FIXTURES], "is a folder: name the files in it"),
        (["--ratio", "2"], "--ratio 2: expected a number above 0 and at most 1"),
        (["--ratio", "0"], "--ratio 0: expected a number above 0 and at most 1, or a percentage such as 20%"),
        (["--ratio", "0%"], "--ratio 0%: expected a number above 0"),
        (["--ratio", "120%"], "--ratio 120%: expected a number above 0"),
        (["--ratio", "-20%"], "--ratio -20%: expected a number above 0"),
        (["--ratio", "half"], "--ratio half: expected a number above 0"),
        (["--ratio", "nan"], "--ratio nan: expected a number above 0"),
        (["--after", "-1"], "--after -1: expected a number of at least 0"),
        (["-B", "-1"], "--before -1: expected a number of at least 0"),
        (["-C", "-1"], "--around -1: expected a number of at least 0"),
        (["--max-sentences", "0"], "--max-sentences 0: expected a number of at least 1"),
        (["--top-docs", "0"], "--top-docs 0: expected a number of at least 1"),
        (["--budget", "limits"], "--budget limits: needs a limit"),
        (["--lang", "qq"], "unknown language 'qq'"),
        (["--splitter", "nltk"], "unknown splitter 'nltk'"),
        (["--tokenizer", "nope.json"], "no tokenizer 'nope.json'"),
        (["-q", FIXTURES / "broken.jsonl"], "a file, not a question"),
        (["-o", "out.jsonl.gz"], "out.jsonl.gz: the output is not compressed"),
        (["-0"], "NUL ends contexts only"),
        (["--stats", "-"], "--stats -: name a file of its own"),
        (["-o", "same", "--stats", "same"], "--stats same: name a file of its own"),
        (["--stats", "/nonexistent/s.json"], "/nonexistent/s.json: cannot write"),
        (["--lang", "../x"], "unknown language '../x'"),
        (["-o", "/nonexistent/out.jsonl"], "/nonexistent/out.jsonl: cannot write: No such file or directory"),
        ([FIXTURES / "notes" / "README.md"], "no such file"),
    ],
)
def test_a_wrong_call_is_reported_in_one_line_and_exits_2(arguments, message):
    """Before any input is read or output written."""
    run = compress(*arguments, stdin=LINE)
    assert run.code == 2
    assert run.out == b""
    assert message in run.err
    assert run.err.count("\n") == 1


def test_a_text_file_without_a_question_exits_2():
    """The message names the option that is missing."""
    run = compress(next((FIXTURES / "notes").glob("*.md")))
    assert run.code == 2
    assert "a text file needs a question (--query)" in run.err


def test_a_missing_backend_exits_3():
    """The message has the command that installs it."""
    run = compress("--splitter", "spacy:xx_none_sm", stdin=LINE)
    assert run.code == 3
    assert "python -m spacy download xx_none_sm" in run.err


def test_an_unknown_option_exits_2():
    """In the words of typer."""
    run = compress("--ratoi", "0.3")
    assert run.code == 2
    assert "No such option" in run.err


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["compress", "-h"], ["compress", "--help"]])
def test_help_is_on_stdout(arguments):
    """So that it can be piped into a pager."""
    run = ctxzip(*arguments)
    assert run.code == 0
    assert b"Usage:" in run.out
    assert run.err == ""


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["compress", "--help"]])
def test_what_needs_no_model_loads_nothing_heavy(arguments):
    """Checked by the loaded modules, not by a clock."""
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); from ctxzip.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert not loaded & {
        "numpy",
        "onnxruntime",
        "spacy",
        "torch",
        "tokenizers",
        "msgspec",
        "nupunkt",
        "rank_bm25",
        "rich",
    }


def test_english_records_scored_by_bm25_load_neither_spacy_nor_a_model_runtime():
    """Each would add to the start-up time without being used."""
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); from ctxzip.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "compress", "--quiet", "--scorer", "bm25"],
        input=LINE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not set(done.stderr.split()) & {"spacy", "torch", "onnxruntime", "rich"}


def test_quiet_reports_errors_only():
    """No summary, no warnings; a bad record is still said."""
    assert shortened("--quiet").err == ""
    assert compress("--quiet", "--max-tokens", "1", stdin=LINE).err == ""
    assert compress("--quiet", stdin="{}\n").err.count("\n") == 1


def test_warnings_of_one_kind_are_one_line():
    """That of the first record, with the number and the next places, at the end; each is in its record."""
    line = (
        "line 1: warning: nothing kept: no unit fits under the token limit (similar in 29 more records: line 2, 3, ...)"
    )
    run = compress("--max-tokens", "1", stdin=LINE * 30)
    assert run.err.splitlines()[0] == f"ctxzip: {line}"
    assert run.err.count("warning:") == 1
    assert ", 30 warnings" in run.err
    assert all(record["ctxzip"]["warnings"] for record in run.records)
    assert line in compress("--max-tokens", "1", "--to", "text", stdin=LINE * 30).err


def test_errors_with_the_same_text_are_counted_after_the_first_five():
    """Such as those of all rows of a table without documents; each is in its error record, and others are not held back."""
    run = compress("--quiet", stdin="{}\n" * 40 + "[]\n" + "{}\n" * 40)
    lines = run.err.splitlines()
    assert [line.split(":")[1] for line in lines[:6]] == [*(f" line {n}" for n in range(1, 6)), " line 41"]
    assert lines[6].startswith("ctxzip: 75 more errors like this: no question")
    assert len(lines) == 7
    assert [record["ctxzip"]["line"] for record in run.records] == list(range(1, 82))


def test_every_scorer_is_named_with_its_records(tmp_path):
    """Not that of the last record only: a question that is not English is scored by BM25."""
    german = jsonl({"query": "Wann fährt die Fähre nach Orrin ab?", "docs": ["Die Fähre fährt um sieben Uhr."]})
    run = compress("--model", "nano", "--stats", tmp_path / "stats.json", stdin=LINE * 2 + german)
    assert "ctxzip-nano+bm25 on cpu (2), bm25 on cpu (1)" in run.err
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert [(one["scorer"], one["records"]) for one in stats["scorers"]] == [("ctxzip-nano+bm25", 2), ("bm25", 1)]


def test_contexts_of_many_records_can_be_told_apart():
    """A line of --- between them, or NUL behind each for xargs -0."""
    context = b"The ferry leaves at seven.\n"
    assert shortened("--to", "text", stdin=LINE * 2).out == context + b"\n---\n\n" + context
    assert shortened("--to", "text", "-0", stdin=LINE * 2).out == (context + b"\0") * 2


def test_compressing_twice_replaces_the_key_with_a_warning():
    """The offsets of the first run refer to a text that is gone."""
    once = shortened().out
    (record,) = compress(stdin=once).records
    assert record["docs"] == ["The ferry leaves at seven."]
    assert record["ctxzip"]["tokens_in"] == 6
    assert "ctxzip_key_replaced" in [warning["code"] for warning in record["ctxzip"]["warnings"]]


def test_order_and_top_docs():
    """The most relevant first, the others emptied or dropped."""
    docs = ["Bread is baked.", "The ferry is red.", "The ferry leaves, the ferry comes."]
    line = jsonl({**RECORD, "docs": docs})
    (record,) = compress("--ratio", "1", "--order", "relevance", "--top-docs", "2", "--drop-empty", stdin=line).records
    assert record["docs"] == [docs[2], docs[1]]
    assert record["ctxzip"]["order"] == [2, 1]


def test_python_m_and_the_script_are_the_same():
    """The console script is what is installed."""
    script = os.path.join(os.path.dirname(sys.executable), "ctxzip")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.encode() == process("--version").out


def test_the_options_offer_what_the_settings_allow():
    """The command line names the formats itself, so that --help need not load the settings; the defaults agree too."""
    from dataclasses import fields
    from typing import get_args, get_type_hints

    from ctxzip.cli.budget_options import BudgetOptions
    from ctxzip.cli.options import OutputOptions, ScoringOptions
    from ctxzip.settings import Settings, To

    of_option, _ = get_args(get_type_hints(OutputOptions)["to"])
    assert get_args(of_option) == get_args(To)
    settings = {field.name for field in fields(Settings)}
    named = {field.name for group in (BudgetOptions, ScoringOptions, OutputOptions) for field in fields(group)}
    assert settings <= named
    assert named - settings == {"output", "null"}
