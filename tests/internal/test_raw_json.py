"""Lossless JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip._internal.raw_json import Raw, decoded, encode, json_type, parse
from ctxzip.errors import InputError

NUMBERS = ["1.0", "1e5", "1E+05", "-0.0", "0.1000", "12345678901234567890123", "-1", "2.50e-3"]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_literal_is_written_unchanged(number):
    """It is copied, never parsed and printed."""
    line = f'{{"a":{number},"b":[{number}],"c":{{"d":{number}}}}}'
    assert encode(parse(line.encode())) == line.encode()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_literal_is_unchanged_beside_values_that_msgspec_refuses(number):
    """The parser for such JSON keeps literals, too."""
    line = f'{{"a":{number},"n":NaN,"i":-Infinity,"s":"\\ud800"}}'
    assert encode(parse(line.encode())) == line.encode()


@given(values)
def test_any_value_has_the_same_meaning_after_parse_and_encode(value):
    """Lone surrogates in strings and keys included."""
    assert json.loads(encode(parse(json.dumps({"v": value}).encode()))) == {"v": value}


@given(values)
def test_encoded_json_is_one_line(value):
    """Raw values of an indented document lose their line breaks."""
    indented = json.dumps({"v": value}, indent=2).encode()
    encoded = encode(parse(indented))
    assert b"\n" not in encoded
    assert json.loads(encoded) == {"v": value}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1', "cut off"),
        (b'{"a": "x', "cut off"),
        (b"", "cut off"),
        (b'{"a" 1}', "invalid JSON at character 6"),
        (b'{"a": "\xff"}', "invalid UTF-8 at byte 8"),
        (b'{"a": "\x00"}', "invalid JSON at character 8"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_invalid_json_is_an_input_error_with_the_position(data, message):
    """One exception type for all causes."""
    with pytest.raises(InputError, match=message):
        parse(data)


def test_decoding_goes_one_level_deep():
    """Inner values stay raw."""
    value = decoded(Raw(b'{"a":{"b":[1,2]}}'))
    assert isinstance(value["a"], Raw)
    assert [type(item) for item in decoded(decoded(value["a"])["b"])] == [Raw, Raw]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (math.inf, "a number"),
        (Raw(b"1.5"), "a number"),
        ("x", "a string"),
        (Raw(b'["x"]'), "an array"),
        ({}, "an object"),
    ],
)
def test_error_messages_name_types_of_json(value, name):
    """Not those of Python."""
    assert json_type(value) == name
