"""Tokenizers: token counts and token ends."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.model_store import models_folder
from ctxzip.tokens import load_tokenizer
from tests.strategies import texts

SHIPPED = str(models_folder() / "ctxzip-mini" / "tokenizer.json")

SPECS = ["model", "words"]


@pytest.mark.parametrize("spec", SPECS)
@given(text=texts)
def test_a_text_has_as_many_token_ends_as_tokens(spec, text):
    """They are inside the text, and do not decrease."""
    tokenizer = load_tokenizer(spec)
    (ends,) = tokenizer.ends([text])
    assert tokenizer.count([text]) == [len(ends)]
    assert all(0 < end <= len(text) for end in ends)
    assert sorted(ends) == list(ends)


def test_the_shipped_tokenizer_is_the_wordpiece_of_the_base_encoder():
    """A case by hand: lower case, punctuation by itself, word pieces, no special tokens."""
    encoding = Tokenizer.from_file(SHIPPED).encode("The lockkeeper's café.", add_special_tokens=False)
    assert encoding.tokens == ["the", "lock", "##keeper", "'", "s", "cafe", "."]
    assert load_tokenizer().count(["The lockkeeper's café."]) == [7]


def test_a_long_text_is_counted_to_its_end():
    """The tokenizer.json of the base encoder truncates at 128."""
    assert load_tokenizer().count(["one " * 5_000]) == [5_000]


@pytest.fixture(scope="module")
def library():
    tokenizer = Tokenizer.from_file(SHIPPED)
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def shipped():
    return load_tokenizer()


@pytest.fixture(scope="module")
def from_file():
    """The same as a file of the user: it cuts no words."""
    return load_tokenizer(SHIPPED)


pieces = st.text(
    st.sampled_from([*"aZ09 ,.!_-[]'#\n\t\r\u0301é\u00dfİ\x00\x1c\x7f\xa0\xad\u2028\u3000橋ก각क़ﬁ—\U0001f600\ufffd"])
)
marked = st.lists(pieces | st.sampled_from(["[SEP]", "[MASK]", "[SEP", "x" * 101]), max_size=6).map("".join)


@given(texts=st.lists(texts | pieces | marked, max_size=4))
def test_cached_words_are_counted_as_the_library_counts_the_text(from_file, library, texts):
    """With accents, control characters and the text of special tokens at the ends of words, too."""
    whole = [library.encode(text, add_special_tokens=False) for text in texts]
    assert [ends.tolist() for ends in from_file.ends(texts)] == [[end for _, end in one.offsets] for one in whole]
    assert from_file.count(texts) == list(map(len, whole))


@pytest.mark.parametrize(
    "word",
    [
        "QmFzZTY0" * 50,
        "x" * 101,
        "\U0001f600" * 40,
        "a" * 40 + "\U0001f600",
        "가" * 90,
        "x" * 300_000,
        "e" + "\u0301" * 50 + "f" * 200,
    ],
)
def test_a_word_that_is_too_long_for_the_vocabulary_is_counted_in_pieces(shipped, library, word):
    """Not as one unknown token: a ceiling would let a megabyte of base64 through."""
    before, after = "See ", " for more."
    parts = [word[at : at + 32] for at in range(0, len(word), 32)]
    expected = sum(len(library.encode(part, add_special_tokens=False)) for part in parts)
    (ends,) = shipped.ends([before + word + after])
    assert len(ends) == shipped.count([before + word + after])[0] == 1 + expected + 3
    assert (np.diff(ends) >= 0).all()
    assert ends[expected] == len(before + word)
    assert shipped.count([word]) == [expected]


def test_a_tokenizer_of_the_user_counts_a_long_word_as_its_model_does(from_file):
    """One unknown token."""
    assert from_file.count(["x" * 101 + " y"]) == [2]


def test_more_words_than_the_cache_holds_are_counted():
    """A word that is no longer in the cache is tokenized again."""
    tokenizer = load_tokenizer()
    text = " ".join(f"w{number}" for number in range(50_000))
    first, second = tokenizer.count([text]), tokenizer.count([text])
    assert first == second == [len(tokenizer.ends([text])[0])]


@pytest.mark.parametrize("word", ["bridge", "Éa\u0301", "don't", "橋", "\x1c", "x" * 300])
@pytest.mark.parametrize("space", [" ", "\n", " \t ", "\u00a0"])
def test_a_long_text_is_counted_as_the_library_counts_it(from_file, word, space):
    """It is tokenized in chunks, none of which ends inside a word."""
    text = space.join([word] * 30_000)[: 60_000 + len(word)]
    whole = Tokenizer.from_file(SHIPPED).encode(text, add_special_tokens=False)
    assert from_file.count([text]) == [len(whole)]
    assert from_file.ends([text])[0].tolist() == [end for _, end in whole.offsets]


def test_a_tokenizer_file_that_truncates_and_pads_counts_the_whole_text(tmp_path):
    """Both settings of the file are ignored."""
    tokenizer = Tokenizer.from_file(SHIPPED)
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(tmp_path / "mine.json"))
    mine = load_tokenizer(str(tmp_path / "mine.json"))
    assert mine.name == str(tmp_path / "mine.json")
    assert mine.count(["one two", "one " * 100]) == [2, 100]


def test_words_are_what_wc_counts():
    """Runs of characters other than white space."""
    assert load_tokenizer("words").count(["", " a  b\u00a0c\n", "橋は長い"]) == [0, 3, 1]


def test_a_file_that_is_not_a_tokenizer_is_a_model_error(tmp_path):
    """The message has its path and the option."""
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ModelError, match=r"x\.json: not a tokenizer.json: .*\(tokenizer\)"):
        load_tokenizer(str(tmp_path / "x.json"))


def test_an_unknown_tokenizer_is_a_usage_error():
    """The message lists the possible values."""
    with pytest.raises(UsageError, match=r"model, words, tiktoken:NAME or a tokenizer\.json"):
        load_tokenizer("gpt-9")


def test_tiktoken_without_a_cache_is_an_error_and_not_a_download(tmp_path, monkeypatch):
    """ctxzip never uses the network."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="does not download"):
        load_tokenizer("tiktoken:cl100k_base")


def test_an_unknown_tiktoken_encoding_is_a_usage_error():
    """The message lists the known ones."""
    with pytest.raises(UsageError, match=r"no tiktoken encoding 'x'.*o200k_base"):
        load_tokenizer("tiktoken:x")


def test_tiktoken_counts_with_an_installed_encoding(tmp_path, monkeypatch):
    """An encoding of a plugin of tiktoken: byte pairs, with the space before a word."""
    plugin = tmp_path / "tiktoken_ext"
    plugin.mkdir()
    (plugin / "ours.py").write_text(
        "def tiny():\n"
        "    ranks = {bytes([b]): b for b in range(256)} | {b' b': 256, b'ab': 257}\n"
        "    return dict(name='tiny', pat_str=r' ?\\w+|\\W', mergeable_ranks=ranks, special_tokens={})\n"
        "ENCODING_CONSTRUCTORS = {'tiny': tiny}\n"
    )
    import tiktoken.registry
    import tiktoken_ext

    monkeypatch.setattr(tiktoken_ext, "__path__", [*tiktoken_ext.__path__, str(plugin)])
    monkeypatch.setattr(tiktoken.registry, "ENCODING_CONSTRUCTORS", None)
    tiktoken.registry._available_plugin_modules.cache_clear()
    tokenizer = load_tokenizer("tiktoken:tiny")
    assert tokenizer.name == "tiktoken:tiny"
    assert tokenizer.count(["ab b é"]) == [5]
    assert tokenizer.ends(["ab b é", ""])[0].tolist()[:2] == [2, 4]
    assert len(tokenizer.ends([""])[0]) == 0
    sys.modules.pop("tiktoken_ext.ours", None)
