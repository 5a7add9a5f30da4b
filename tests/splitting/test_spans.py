"""Splitting of passages: blocks, sentences, parents, languages."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctxzip.errors import MissingDependencyError, UsageError
from ctxzip.splitting.language import detect_language
from ctxzip.splitting.sentences import sentence_spans, splitter_for
from ctxzip.splitting.spans import split_into_spans
from tests.strategies import any_text, texts


def pieces(text, lang="en"):
    """Return the kind and the text of each span."""
    return [(span.kind, text[span.start : span.end]) for span in split_into_spans(text, splitter_for(lang)[0])]


def sentences(text, lang="en"):
    """Return the text of each span."""
    return [piece for _, piece in pieces(text, lang)]


@given(texts, st.sampled_from(["en", "ja", "und"]))
def test_every_character_that_is_not_white_space_is_in_exactly_one_span(text, lang):
    """Spans are increasing, disjoint and not empty; only white space is between them."""
    spans = split_into_spans(text, splitter_for(lang)[0])
    at = 0
    for span in spans:
        assert at <= span.start < span.end <= len(text)
        assert not text[at : span.start].strip()
        assert text[span.start : span.end].strip()
        at = span.end
    assert not text[at:].strip()


@given(texts, st.sampled_from(["de", "ru", "xx"]))
def test_spans_cover_the_text_with_spacy(text, lang):
    """The property holds for the output of other splitters."""
    spans = split_into_spans(text, splitter_for("und", f"spacy:{lang}")[0])
    assert "".join("".join(text[span.start : span.end] for span in spans).split()) == "".join(text.split())


@given(texts)
@example("- 0\n\n\x0c0")
def test_a_parent_comes_before_its_span(text):
    """Therefore a chain of parents has no cycle. It is a heading, a header, or what an item, a method or a cause belongs to."""
    spans = split_into_spans(text, splitter_for("en")[0])
    for index, span in enumerate(spans):
        if span.parent is not None:
            assert span.parent < index
            assert spans[span.parent].kind in {
                "heading",
                "table_header",
                "table_row",
                "list_item",
                "line",
                "code",
                "rule",
            }


@given(any_text)
def test_language_identification_returns_a_code_for_any_text(text):
    """It raises no error."""
    assert detect_language(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Holm met J. R. Smith at 5 p.m. on Jan. 5. They left.", ["Dr. Holm met J. R. Smith at 5 p.m. on Jan. 5.", "They left."]),
        ("It rose by 3.14 percent (see Fig. 2). Then it fell!", ["It rose by 3.14 percent (see Fig. 2).", "Then it fell!"]),
        ("One line\nwrapped here. Next.", ["One line\nwrapped here.", "Next."]),
        ("First paragraph\n\nSecond one", ["First paragraph", "Second one"]),
        ("It is kept at the bank. Adeyo runs it.", ["It is kept at the bank.", "Adeyo runs it."]),
        ('It opens at ten. "Bread" is old.\nThey came in. Ada left.', ["It opens at ten.", '"Bread" is old.', "They came in.", "Ada left."]),
        ("Holm et al. Bread is var. Alba of it, approx. Five.", ["Holm et al. Bread is var. Alba of it, approx. Five."]),
        ("", []),
        (" \n\t ", []),
    ],
)  # fmt: skip
def test_english_prose_is_split_into_sentences(text, expected):
    """Abbreviations, initials and numbers do not end a sentence; a blank line does."""
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("de", "Am 3. Oktober kam Dr. Brandt. Er blieb z. B. drei Tage.", ["Am 3. Oktober kam Dr. Brandt.", "Er blieb z. B. drei Tage."]),
        ("fr", "Le pont est fermé. Il ouvre à midi !", ["Le pont est fermé.", "Il ouvre à midi !"]),
        ("ru", "Мост закрыт. Он старый.", ["Мост закрыт.", "Он старый."]),
        ("ja", "橋は古い。「渡るな。」と言った。次の文！", ["橋は古い。", "「渡るな。」と言った。", "次の文！"]),
        ("ja", "「渡るな。」と言った。橋は古い。次の文！", ["「渡るな。」と言った。", "橋は古い。", "次の文！"]),
        ("ja", "Dr. 田中は来た。橋は古い。", ["Dr. 田中は来た。", "橋は古い。"]),
        ("zh", "“星期天休息。”老板说。他走了。", ["“星期天休息。”老板说。", "他走了。"]),
        ("zh", "桥很长。有三百米！真的吗？是的。", ["桥很长。", "有三百米！", "真的吗？", "是的。"]),
        ("ko", "다리는 낡았다. 길이는 3.5미터이다. 끝!", ["다리는 낡았다.", "길이는 3.5미터이다.", "끝!"]),
        ("hi", "पुल बंद है। वह पुराना है।", ["पुल बंद है।", "वह पुराना है।"]),
    ],
)  # fmt: skip
def test_other_languages_are_split_at_their_own_sentence_marks(lang, text, expected):
    """Most by rules; Chinese, Japanese and Korean at full-width marks."""
    assert sentences(text, lang) == expected


def test_the_kinds_of_spans():
    """Front matter, code, table rows and headings are one span each; list items and quotes are split into sentences."""
    text = (
        "---\ntitle: Guide. Part 1\n---\n# Guide\nIntro. More.\n\n```sh\nmake. all\n\nrun. it\n```\n\n    indented. code\n\n"
        "- first. again\n- second\n\n> quoted. Twice.\n\n| a. b | c |\n|---|---|\n| 1. 2 | 3 |\n"
    )
    assert pieces(text) == [
        ("front_matter", "---\ntitle: Guide. Part 1\n---"),
        ("heading", "# Guide"),
        ("sentence", "Intro."),
        ("sentence", "More."),
        ("code", "```sh\nmake. all\n\nrun. it\n```"),
        ("code", "    indented. code"),
        ("list_item", "- first."),
        ("list_item", "again"),
        ("list_item", "- second"),
        ("quote", "> quoted."),
        ("quote", "Twice."),
        ("table_header", "| a. b | c |\n|---|---|"),
        ("table_row", "| 1. 2 | 3 |"),
    ]


def test_a_heading_is_the_parent_of_its_section_and_a_table_header_of_its_rows():
    """Headings nest by level; a heading ends the section of the previous one of its level."""
    text = "# A\none\n\n## B\n| h | i |\n|---|---|\n| 1 | 2 |\n\n## C\ntwo\n\n# D\nthree\n"
    spans = split_into_spans(text, splitter_for("en")[0])
    tree = {text[span.start : span.end].partition("\n")[0]: span.parent for span in spans}
    names = list(tree)
    assert {name: None if parent is None else names[parent] for name, parent in tree.items()} == {
        "# A": None,
        "one": "# A",
        "## B": "# A",
        "| h | i |": "## B",
        "| 1 | 2 |": "| h | i |",
        "## C": "# A",
        "two": "## C",
        "# D": None,
        "three": "# D",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He was a physicist.[1][2] He died in Ulm.[3]", ["He was a physicist.[1][2]", "He died in Ulm.[3]"]),
        ('"It does not play dice."[4] He left.', ['"It does not play dice."[4]', "He left."]),
        ("See ![plan](a.png) for the house. It is old.", ["See ![plan](a.png) for the house.", "It is old."]),
        ("1. First they came. 2. Then they left.", ["1. First they came.", "2. Then they left."]),
    ],
)
def test_marks_around_a_sentence_belong_to_it(text, expected):
    """Citation marks, closing quotes and images to the sentence before them, enumerators to the one after them."""
    assert sentences(text) == expected


def test_log_entries_and_chat_turns_are_split():
    """They begin with a time or a name, and are split although they have no full stops."""
    log = "2024-03-01T12:00:05Z WARN pool is full\n    at Foo.bar\n2024-03-01T12:00:07Z INFO pool is fine"
    assert sentences(log) == [
        "2024-03-01T12:00:05Z WARN pool is full\n    at Foo.bar",
        "2024-03-01T12:00:07Z INFO pool is fine",
    ]
    chat = "Ada: when is it closed\nBen Holm: on Mondays\nand at night\nAda: thanks"
    assert sentences(chat) == ["Ada: when is it closed", "Ben Holm: on Mondays\nand at night", "Ada: thanks"]


def test_a_text_without_punctuation_and_line_breaks_is_split_at_spaces():
    """Otherwise it would be one unit, which can only be kept or dropped as a whole."""
    assert max(map(len, sentences("ferry word " * 2_000))) <= 1_500
    assert len(sentences("เรือออกตอนเช้า " * 300, "th")) > 2


@pytest.mark.parametrize("mark", "-•●○■□·✓\uf0b7")
def test_every_bullet_starts_a_list_item(mark):
    """Including bullets of word processors and PDF files."""
    text = f"Shopping:\n{mark} Milk and bread\n{mark} The ferry leaves at 7\n"
    assert [kind for kind, _ in pieces(text)] == ["heading", "list_item", "list_item"]


def test_the_header_of_a_grid_table():
    """It ends with the rule `+===+`."""
    text = "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n| 3 | 4 |\n+---+---+\n"
    spans = split_into_spans(text, splitter_for("en")[0])
    assert [(span.kind, span.parent) for span in spans] == [("table_header", None), ("table_row", 0), ("table_row", 0)]
    assert text[: spans[0].end].endswith("+===+===+")


def test_a_second_grid_table_has_a_header_of_its_own():
    """The rules above it are those of the first."""
    table = "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n"
    text = f"{table}\nThe second table is new.\n\n{table.replace('1', '7')}"
    spans = split_into_spans(text, splitter_for("en")[0])
    assert [(span.kind, span.parent) for span in spans] == [
        ("table_header", None),
        ("table_row", 0),
        ("sentence", None),
        ("table_header", None),
        ("table_row", 3),
    ]


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("Title\n=====\nText.", "Title\n====="),
        ("Title\n-----\nText.", "Title\n-----"),
        ("Title\n~~~~~\nText.", "Title\n~~~~~"),
        ("== Wiki ==\nText.", "== Wiki =="),
        ("### Closed ###\nText.", "### Closed ###"),
    ],
)
def test_headings_of_several_markup_languages(text, heading):
    """Setext, reStructuredText, wiki and closed ATX headings."""
    assert pieces(text) == [("heading", heading), ("sentence", "Text.")]


@pytest.mark.parametrize(
    "text",
    [
        "#hashtag is no heading.",
        "1990. That was the year.",
        "a - b is a difference.",
        "The pipe | is a sign.",
        "He said -- no.",
        "A. Smith went home.",
    ],
)
def test_prose_that_resembles_a_block_is_prose(text):
    """A marker is recognised only at the start of a line and before a space."""
    assert {kind for kind, _ in pieces(text)} == {"sentence"}


@pytest.mark.parametrize("mark", ["***", "###"])
def test_an_underline_shorter_than_the_line_above_is_a_rule(mark):
    """reStructuredText requires underlines as long as the title."""
    assert [kind for kind, _ in pieces(f"The ferry leaves at seven.\n{mark}\nBread.")] == [
        "sentence",
        "rule",
        "sentence",
    ]


def test_indented_prose_is_not_code():
    """Code is recognised by its punctuation or its few words per line."""
    prose = "Chapter one.\n\n    The old ferry left the harbour late in the evening.\n    Nobody saw her again until the spring.\n"
    assert {kind for kind, _ in pieces(prose)} == {"sentence"}


def test_prose_after_an_unpaired_fence_is_prose():
    """Chunks are often cut inside code: a bare fence closes code, one with a language opens it."""
    assert pieces("x = 1\n```\nThe text goes on. And on.")[-1] == ("sentence", "And on.")
    assert pieces("Text.\n```python\nx = 1\ny = 2") == [("sentence", "Text."), ("code", "```python\nx = 1\ny = 2")]


def test_a_long_text_without_punctuation_is_split_at_line_breaks():
    """Such as a log or a poem."""
    text = "\n".join(f"entry {number} of the log without any stop at its end" for number in range(40))
    assert sentences(text) == text.split("\n")


@pytest.mark.parametrize(
    "mark",
    [
        "!?",
        ".)",
        "?",
        '."',
        "..[111 ",
        "a.",
        ". ",
        "> ",
        "- ",
        "|",
        "#",
        "```\n",
        "\t",
        "a\n",
        "a|b\n ",
        "~",
        "    Some prose that is set in from the margin.\n\n",
        "![",
        "x: y\n",
        "a. ",
        "2. ",
        "a.[1] ",
        "> a\r",
        "> a\r\n",
        "a.)",
        ".).).).).).).)a",
        '{"a":"b.c","d":["e!","f?"]},',
    ],
)
def test_the_spans_of_an_adversarial_text_cover_it(mark):
    """Splitting takes seconds. nupunkt alone takes minutes or longer on such texts."""
    text = mark * 100_000
    spans = split_into_spans(text, splitter_for("en")[0])
    assert "".join("".join(text[span.start : span.end] for span in spans).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("The bridge was closed in the spring of that year.", "en"),
        ("Die Brücke wurde von der Stadt gebaut und ist nicht mehr in Betrieb.", "de"),
        ("Le pont a été construit par la ville et il est dans un parc.", "fr"),
        ("El puente fue construido por la ciudad y es el más largo de la región.", "es"),
        ("橋は市によって建てられた。", "ja"),
        ("这座桥是市政府建造的。", "zh"),
        ("이 다리는 시에서 지었다.", "ko"),
        ("Мост был построен городом.", "ru"),
        ("Міст був побудований містом у 1901 році.", "uk"),
        ("Η γέφυρα είναι κλειστή.", "el"),
        ("Կամուրջը փակ է։", "hy"),
        ("XK-40 / 17.5", "und"),
        ("", "und"),
    ],
)
def test_a_language_is_detected_by_script_and_common_words(text, lang):
    """One sentence is enough."""
    assert detect_language(text) == lang


def test_a_language_without_rules_is_split_with_a_warning():
    """Thai separates sentences with spaces, not punctuation."""
    splitter, warning = splitter_for("th")
    assert splitter("hello. world.")
    assert "th" in (warning or "")


@pytest.mark.parametrize("lang", ["de-DE", "DE", "de_AT"])
def test_a_language_code_may_include_a_country(lang):
    """As in the names of locales."""
    assert sentences("Am 3. Oktober kam Dr. Brandt. Er blieb.", lang)[1:] == ["Er blieb."]


@pytest.mark.parametrize("splitter", ["nltk", "spacy:", ""])
def test_an_unknown_splitter_is_a_usage_error(splitter):
    """The message names the accepted values."""
    with pytest.raises(UsageError, match="spacy:NAME"):
        splitter_for("en", splitter)


def test_an_unknown_language_is_a_usage_error():
    """It is not an import error from spaCy."""
    with pytest.raises(UsageError, match="unknown language 'qq'"):
        splitter_for("qq")


def test_the_error_for_a_missing_pipeline_has_the_command_that_installs_it():
    """Users can paste the command."""
    with pytest.raises(MissingDependencyError, match="python -m spacy download de_core_news_sm"):
        splitter_for("de", "spacy:de_core_news_sm")


def test_an_installed_pipeline_splits(tmp_path):
    """The pipeline is given by name or path; here by the path of one that the test saves."""
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer", config={"punct_chars": ["|"]})
    nlp.to_disk(tmp_path / "pipe")
    splitter, _ = splitter_for("en", f"spacy:{tmp_path / 'pipe'}")
    assert [span.end for span in split_into_spans("a b | c d.", splitter)] == [5, 10]


def test_a_long_chinese_paragraph_is_split_at_its_sentence_marks():
    """It has no white space, and is split although it is long."""
    paragraph = [f"第{n}座桥很长。" for n in range(200)]
    assert sentences("".join(paragraph), "zh") == paragraph
    assert splitter_for("zh")[1] is None


@pytest.mark.parametrize("offset", range(8))
def test_a_punctuation_run_is_masked_at_any_offset(offset):
    """All marks but the last are masked, so that the splitter never gets a long run."""
    seen = []

    def splitter(text):
        seen.append(text)
        return [(0, len(text))]

    sentence_spans("a" * offset + "." * 16 + " b", splitter)
    assert seen == ["a" * offset + "x" * 15 + ". b"]
