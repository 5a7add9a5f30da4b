"""Records that were made to break or to deceive: each is a record or an error record, with nothing for the terminal in messages."""

from __future__ import annotations

import gzip
import json
import unicodedata

import pytest

from tests.conftest import compress, jsonl

QUERY = "When does the ferry leave?"
ANSWER = "The ferry leaves at seven."
ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\u200f\x00\x08"


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


# JSON values of the other keys, of documents and of the question, as text of a record.
RECORDS: dict[str, str] = {
    "escapes everywhere": json.dumps(
        {
            ESCAPE: ESCAPE,
            "query": QUERY + ESCAPE,
            "docs": [{"id": ESCAPE, "title": ESCAPE, "text": f"{ANSWER} {ESCAPE}"}],
        }
    ),
    "escapes in keys without documents": json.dumps({"query": QUERY, ESCAPE: [ANSWER], "dcos" + ESCAPE: [ANSWER]}),
    "escapes in a document that is no text": json.dumps({"query": QUERY, "docs": [{ESCAPE: ESCAPE}]}),
    "paths in ids": json.dumps(
        {"id": "../../etc/passwd", "query": QUERY, "docs": [{"id": "/dev/null", "text": ANSWER}]}
    ),
    "markup": json.dumps({"query": "<script>x</script>", "docs": [f"</document><script>x</script> {ANSWER}"]}),
    "markers of ctxzip": json.dumps(
        {"query": f"[SEP] {QUERY}", "docs": [f"[...] [CLS] {ANSWER} [SEP] [...] [PAD][MASK]"]}
    ),
    "combining marks": json.dumps({"query": f"e{chr(0x301) * 3_000}?", "docs": [f"{ANSWER} Z{chr(0x351) * 20_000}."]}),
    "bidirectional controls": json.dumps(
        {"query": QUERY, "docs": [f"{chr(0x202E) * 5_000} {ANSWER} {chr(0x2067) * 5_000}"]}
    ),
    "lone surrogates": f'{{"query": "\\ud800 ferry", "docs": ["\\udfff{ANSWER} \\ud83d"], "\\ud800": 1}}',
    "a question of a million characters": json.dumps({"query": "ferry " * 170_000, "docs": [ANSWER, "It is red."]}),
    "a question of one word": json.dumps({"query": "f" * 1_000_000, "docs": [ANSWER, "It is red."]}),
    "a title of a million characters": json.dumps(
        {"query": QUERY, "docs": [{"title": "x y " * 250_000, "text": ANSWER}]}
    ),
    "a word of a million characters": json.dumps({"query": QUERY, "docs": [f"{ANSWER} {'QmFzZTY0' * 125_000}"]}),
    "100,000 empty documents": json.dumps({"query": QUERY, "docs": [""] * 99_999 + [ANSWER]}),
    "too many documents": json.dumps({"query": QUERY, "docs": [""] * 100_001}),
    "100,000 keys": json.dumps({f"key{i}": i for i in range(100_000)} | {"query": QUERY, "docs": [ANSWER]}),
    "depth below the limit": f'{{"x": {nested(150)}, "query": "{QUERY}", "docs": ["{ANSWER}"]}}',
    "depth of 100,000": f'{{"x": {nested(100_000)}, "query": "{QUERY}", "docs": ["{ANSWER}"]}}',
    "JSON as a document": json.dumps({"query": QUERY, "docs": [nested(50_000), ANSWER]}),
    "numbers": f'{{"x": [1e400, -0.0, {"9" * 100_000}], "query": "{QUERY}", "docs": [{"7" * 10_000}, "{ANSWER}"]}}',
    "duplicate keys": f'{{"query": "x", "query": "{QUERY}", "docs": [], "docs": ["{ANSWER}"], "docs": ["{ANSWER}"]}}',
    "keys of ctxzip": json.dumps({"query": QUERY, "docs": [ANSWER], "ctxzip": {"scored": [[]], "kept": ESCAPE}}),
}


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["bm25", "hybrid"])
@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("to", ["jsonl", "text"])
def test_it_costs_at_most_itself(name, scorer, to):
    """The records around it are as they are without it, and no message has a control character."""
    good = json.dumps({"query": QUERY, "docs": [f"It is red. {ANSWER}"]})
    call = ("--scorer", scorer, "--model", "nano", "--to", to, "-n", "1")
    alone = compress(*call, stdin=f"{good}\n")
    run = compress(*call, stdin=f"{good}\n{RECORDS[name]}\n{good}\n")
    assert run.code in {0, 1}
    assert run.out.startswith(alone.out)
    assert run.out.endswith(alone.out)
    if to == "jsonl":
        assert len(run.out.splitlines()) == 3
    assert "Traceback" not in run.err
    assert not {unicodedata.category(char) for char in run.err.replace("\n", "")} & {"Cc", "Cf", "Cs", "Co"}


def test_what_is_kept_of_it_is_word_for_word():
    record = json.loads(RECORDS["escapes everywhere"])
    (found,) = compress("--scorer", "bm25", "-n", "1", stdin=jsonl(record)).records
    text = record["docs"][0]["text"]
    assert found["docs"][0]["text"] == text[slice(*found["ctxzip"]["docs"][0]["kept"][0][:2])]
    assert found[ESCAPE] == ESCAPE


@pytest.mark.parametrize(
    "data", [b"x" * 50_000_000, b"[" * 50_000_000, b'{"query": "' + b"a" * 50_000_000, b"\n" * 5_000_000]
)
def test_a_gzip_bomb_is_an_error_record_or_none(data):
    run = compress("--scorer", "bm25", "--max-line-bytes", "100000", stdin=gzip.compress(data))
    assert run.code in {0, 1}
    assert len(run.out) < 2_000
    assert len(run.err) < 2_000
