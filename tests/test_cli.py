"""The command line as its users run it."""

from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.conftest import FIXTURES, compress, ctxzip, jsonl

RECORD: dict[str, Any] = {
    "id": 1,
    "query": "When does the ferry leave?",
    "docs": ["Bread is baked. The ferry leaves at seven. Water is wet."],
}
LINE = jsonl(RECORD)
COMMAND = [sys.executable, "-m", "ctxzip", "compress"]


def shortened(*arguments, stdin=LINE):
    return compress("--max-sentences", "1", "--scorer", "bm25", *arguments, stdin=stdin)


def test_a_record_goes_in_and_comes_out_shorter():
    """On stdout the record alone, on stderr one line for a person."""
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
    """Text and markdown files are one document each; the context says where it came from."""
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
    assert run.records[9]["id"] == "bad-text-number"
    assert run.records[15]["ctxzip"]["input"].startswith('{"id":"bad-cut"')
    assert ", 10 failed, " in run.err


def test_broken_lines_can_be_skipped():
    """The good ones come out, the exit code still says that some failed."""
    run = compress("--on-error", "skip", FIXTURES / "broken.jsonl")
    assert run.code == 1
    assert [record["id"] for record in run.records] == [f"good-{n}" for n in range(1, 7)]


def test_a_broken_line_can_stop_the_run(tmp_path):
    """What stood before it is on stdout; a file is not half written."""
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
    """One line a problem, and every record accounted for."""
    run = compress("--to", to, stdin=data)
    assert run.code == code
    assert "Traceback" not in run.err
    assert run.err.count("\n") <= (records or 100) + 2
    if to == "jsonl" and records is not None:
        assert len(run.records) == records


def test_a_line_of_50_megabytes_is_a_record_like_any_other():
    """It takes its time and loses nothing around it."""
    big = {**RECORD, "docs": ["Bread is baked in the town. " * 300_000, *RECORD["docs"]], "page": "x" * 42_000_000}
    run = shortened(stdin=LINE + jsonl(big) + LINE)
    assert run.code == 0
    assert [record["docs"][-1] for record in run.records] == ["The ferry leaves at seven."] * 3
    assert len(run.records[1]["page"]) == 42_000_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.jsonl"], "nope.jsonl: no such file"),
        ([FIXTURES], "is a folder: name the files in it"),
        (["--ratio", "2"], "--ratio 2.0: expected a number from 0 to 1"),
        (["--max-sentences", "0"], "--max-sentences 0: expected a number of at least 1"),
        (["--top-docs", "0"], "--top-docs 0: expected a number of at least 1"),
        (["--budget", "limits"], "--budget limits needs a limit"),
        (["--lang", "qq"], "no language 'qq'"),
        (["--splitter", "nltk"], "no splitter 'nltk'"),
        (["--tokenizer", "nope.json"], "no tokenizer 'nope.json'"),
        (["-q", FIXTURES / "broken.jsonl"], "this is a file, not a question"),
        (["-o", "out.jsonl.gz"], "out.jsonl.gz: the output is not compressed"),
        (["-0"], "-0 ends contexts"),
        (["--stats", "-"], "--stats -: name a file of its own"),
        (["-o", "same", "--stats", "same"], "--stats same: name a file of its own"),
        (["--stats", "/nonexistent/s.json"], "/nonexistent/s.json: cannot write"),
        (["--lang", "../x"], "no language '../x'"),
        (["-o", "/nonexistent/out.jsonl"], "/nonexistent/out.jsonl: cannot write: No such file or directory"),
        ([FIXTURES / "notes" / "README.md"], "no such file"),
    ],
)
def test_a_wrong_call_is_said_in_one_line_and_exits_2(arguments, message):
    """Before any input is read or output written."""
    run = compress(*arguments, stdin=LINE)
    assert run.code == 2
    assert run.out == b""
    assert message in run.err
    assert run.err.count("\n") == 1


def test_a_text_file_without_a_question_exits_2():
    """With the option that it needs."""
    run = compress(next((FIXTURES / "notes").glob("*.md")))
    assert run.code == 2
    assert "add --query TEXT" in run.err


def test_a_missing_backend_exits_3():
    """With the command that installs it."""
    run = compress("--splitter", "spacy:xx_none_sm", stdin=LINE)
    assert run.code == 3
    assert "python -m spacy download xx_none_sm" in run.err


def test_an_unknown_option_exits_2():
    """As typer says it."""
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


@pytest.mark.parametrize(
    ("redirection", "code", "out", "err"),
    [
        ("2>&-", 0, 1, ""),
        (">&-", 2, 0, "ctxzip: stdout is closed: name a file with -o FILE\n"),
        ("<&-", 2, 0, "ctxzip: stdin is closed: name a file\n"),
    ],
)
def test_a_closed_stream_is_said_and_nothing_goes_where_it_does_not_belong(redirection, code, out, err):
    """Python prints to stdout where stderr is closed."""
    done = subprocess.run(
        f"{' '.join(COMMAND)} {redirection}",
        shell=True,
        input=LINE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code
    assert done.stdout.count("\n") == out
    assert done.stderr == err


@pytest.mark.parametrize("target", [">(cat)", "/dev/stdout"])
def test_a_pipe_is_written_to_directly(target):
    """Process substitution and /dev/stdout are pipes without a folder to rename in."""
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} --quiet -o {target} | cat"],
        input=LINE, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout)["id"] == 1


def test_a_closed_stderr_leaves_no_temporary_file(tmp_path):
    """The reader of the messages may go before the file is done."""
    subprocess.run(
        ["bash", "-c", f"yes '{{' | head -5000 | {' '.join(COMMAND)} -o out.jsonl 2>&1 | head -1"],
        cwd=tmp_path, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_a_signal_that_is_ignored_stays_ignored():
    """nohup and background jobs rely on it."""
    with subprocess.Popen(
        ["bash", "-c", f"trap '' INT; exec {' '.join(COMMAND)}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(LINE.encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(signal.SIGINT)
        process.stdin.write(LINE.encode())
        process.stdin.close()
        assert json.loads(process.stdout.readline())["id"] == 1
    assert process.returncode == 0


def test_a_terminal_on_stdin_shows_help_and_exits_2():
    """Nobody is left in front of a silent cursor."""
    controller, terminal = pty.openpty()
    done = subprocess.run(COMMAND, stdin=terminal, capture_output=True, check=False, timeout=60)
    os.close(controller)
    os.close(terminal)
    assert done.returncode == 2
    assert b"Usage:" in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["compress", "--help"]])
def test_what_needs_no_model_loads_nothing_heavy(arguments):
    """Asked of the interpreter, not of a clock."""
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


def test_english_records_scored_by_words_load_neither_spacy_nor_a_model_runtime():
    """A second of start-up for what is not used would be a second too much."""
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


def test_head_ends_it_at_once_without_noise():
    """141, as for any filter whose reader went away."""
    done = subprocess.run(
        f"yes '{LINE.strip()}' | ({' '.join(COMMAND)}; echo $? >&2) | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["id"] == 1
    assert done.stderr == "141\n"


@pytest.mark.parametrize("option", [[], ["--line-buffered"], ["--scorer", "bm25"]])
def test_a_record_is_written_as_soon_as_it_is_ready(option):
    """For `tail -f` and slow producers."""
    command = [*COMMAND, *option]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(2):
            process.stdin.write(LINE.encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == 1
        process.stdin.close()
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_what_was_finished_and_no_half_file(number, code, tmp_path):
    """On stdout the finished records; of a file nothing."""
    target = tmp_path / "out.jsonl"
    target.write_text("older\n")
    for output, expected in (([], LINE), (["-o", str(target)], "")):
        with subprocess.Popen(
            [*COMMAND, *output], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(LINE.encode())
            process.stdin.flush()
            if expected:
                assert json.loads(process.stdout.readline())["id"] == 1
            else:
                while not list(tmp_path.glob(".out.jsonl.*")):
                    time.sleep(0.01)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        assert process.returncode == code, (output, err)
        assert b"Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert target.read_text() == "older\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_of_the_work_leaves_whole_records(number, code):
    """With records read ahead, under work, and finished."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(LINE.encode() * 300)
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert all(json.loads(line)["id"] == 1 for line in (first + out).splitlines())
    assert (first + out).endswith(b"\n")
    assert err == b""


def test_a_file_is_written_whole_with_its_old_permissions(tmp_path):
    """A link stays a link."""
    target, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    target.write_text("older\n")
    target.chmod(0o640)
    link.symlink_to(target)
    run = compress("-o", link, stdin=LINE)
    assert (run.code, run.out) == (0, b"")
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert json.loads(target.read_text())["id"] == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_may_be_its_own_input(tmp_path):
    """It is read to its end before it is replaced."""
    path = tmp_path / "records.jsonl"
    path.write_text(LINE * 3)
    assert compress("-n", "1", "-o", path, path).code == 0
    assert [json.loads(line)["docs"] for line in path.read_text().splitlines()] == [["The ferry leaves at seven."]] * 3


def test_a_device_is_written_to_and_not_replaced():
    """Renaming over /dev/null would be the last thing that machine forgives."""
    assert compress("-o", os.devnull, stdin=LINE).code == 0
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said():
    """And is no success."""
    run = compress("-o", "/dev/full", stdin=LINE)
    assert run.code == 1
    assert run.err == "ctxzip: /dev/full: cannot write: No space left on device\n"


def test_gzip_is_read(tmp_path):
    """As the labelled data of this field comes."""
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress(LINE.encode() * 2))
    assert len(compress(path).records) == 2


def test_a_damaged_gzip_is_said_in_one_line(tmp_path):
    """What was read before the damage is written."""
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress(LINE.encode())[:-10])
    run = compress(path)
    assert run.code == 1
    assert "Traceback" not in run.err
    assert f"{path}: cannot read" in run.err


def test_statistics_are_json(tmp_path):
    """For a dashboard or a Makefile."""
    path = tmp_path / "stats.json"
    compress("--stats", path, FIXTURES / "broken.jsonl")
    stats = json.loads(path.read_text())
    assert (stats["records"], stats["failed"], stats["scorer"], stats["tokenizer"]) == (
        6,
        10,
        stats["scorer"],
        "ctxzip-mini",
    )
    assert stats["kept_fraction"] == stats["tokens_out"] / stats["tokens_in"]
    assert stats["errors"][0]["line"] == 2


def test_statistics_are_written_when_a_record_stops_the_run(tmp_path):
    """That is when they are wanted most."""
    path = tmp_path / "stats.json"
    run = compress("--stats", path, "--on-error", "fail", FIXTURES / "broken.jsonl")
    assert run.code == 1
    assert (json.loads(path.read_text())["records"], json.loads(path.read_text())["failed"]) == (1, 1)
    assert ", 1 failed" in run.err


def test_quiet_says_errors_only():
    """No summary, no warnings; a bad record is still said."""
    assert shortened("--quiet").err == ""
    assert compress("--quiet", "--max-tokens", "1", stdin=LINE).err == ""
    assert compress("--quiet", stdin="{}\n").err.count("\n") == 1


def test_many_warnings_do_not_flood_the_terminal():
    """Ten are said, the rest stand in the records."""
    run = compress("--max-tokens", "1", stdin=LINE * 30)
    assert run.err.count("warning:") == 10
    assert "more warnings: they stand in the records" in run.err
    assert ", 30 warnings" in run.err
    assert all(record["ctxzip"]["warnings"] for record in run.records)
    assert compress("--max-tokens", "1", "--to", "text", stdin=LINE * 30).err.count("warning:") == 30


def test_contexts_of_many_records_can_be_told_apart():
    """A line of --- between them, or NUL behind each for xargs -0."""
    context = b"The ferry leaves at seven.\n"
    assert shortened("--to", "text", stdin=LINE * 2).out == context + b"\n---\n\n" + context
    assert shortened("--to", "text", "-0", stdin=LINE * 2).out == (context + b"\0") * 2


def test_compressing_twice_replaces_the_key_and_says_so():
    """The offsets of the first run refer to a text that is gone."""
    once = shortened().out
    (record,) = compress(stdin=once).records
    assert record["docs"] == ["The ferry leaves at seven."]
    assert record["ctxzip"]["tokens_in"] == 6
    assert "the key ctxzip of an earlier run was replaced" in record["ctxzip"]["warnings"]


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
    assert done.stdout.encode() == ctxzip("--version").out
