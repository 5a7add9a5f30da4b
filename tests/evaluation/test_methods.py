"""The methods that `ctxzip eval` compares: the scorers, with their models, and the baselines."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

from ctxzip.compressor import Compressor
from ctxzip.datamodels import Scored
from ctxzip.evaluation.labelled import Labelled
from ctxzip.evaluation.methods import METHODS, OracleScorer, RandomScorer, load_methods
from ctxzip.reading.detection import to_request
from ctxzip.reading.origin import Origin
from ctxzip.reading.schemas import SHAPES
from ctxzip.settings import Settings
from tests.conftest import ctxzip
from tests.evaluation.labelled_examples import REQUESTS, answerable


def test_the_oracle_keeps_all_evidence_at_a_ratio_with_room_for_it():
    """The ratio allows exactly the words of the evidence and of the headings above it."""
    questions = answerable()
    oracle = OracleScorer(questions)
    for question in questions:
        result = Compressor(Settings(ratio=1.0, tokenizer="words"), oracle).compress(question.request)
        needed: set[int | None] = set(np.flatnonzero(question.are_evidence(result.scored.units)).tolist())
        for i in reversed(range(len(result.scored.units))):  # a heading comes before the units under it
            if i in needed:
                needed.add(result.scored.units[i].parent)
        ratio = (
            math.ceil(1e6 * sum(result.scored.units[i].n_tokens for i in needed if i is not None) / result.tokens_in)
            / 1e6
        )
        assert question.found(
            Compressor(Settings(ratio=ratio, tokenizer="words"), oracle).compress(question.request)
        ), question.request.id


def test_the_oracle_keeps_a_heading_that_is_evidence():
    """It is kept with a unit under it."""
    (question,) = answerable()[:1]
    text = "Intro.\n\n# Opening hours\n\nSee the door.\n\n# Other\n\nNothing."
    passages = [type(question.request.passages[0])(text)]
    request = type(question.request)(query="When?", passages=tuple(passages), origin=Origin(place="here"))
    labelled = Labelled(request, ((0, text.index("Opening"), text.index("\n\nSee")),), "any")
    result = Compressor(Settings(ratio=0.01, tokenizer="words"), OracleScorer([labelled])).compress(request)
    assert labelled.found(result)
    assert "See the door." in result.texts[0]


def test_random_scores_are_the_same_in_every_run():
    """The seed is the text of the question."""
    question = answerable()[0]
    once, twice = (
        Compressor(Settings(), RandomScorer()).compress(question.request).scored.scores.probability.tolist()
        for _ in range(2)
    )
    assert once == twice
    assert len(set(once)) > 1


def test_methods_with_a_model_run_once_for_each_model():
    """Methods without a model run once. Duplicates are removed."""
    methods = load_methods(["model", "bm25", "model"], ["ctxzip-mini", "ctxzip-mini"])
    assert [method.label for method in methods] == ["model ctxzip-mini", "bm25"]


def test_a_method_compresses_as_compress_does_with_its_model():
    """It uses the policy of that model, and BM25 for a language that the model does not support."""
    mini, nano, bm25, lead = load_methods(["auto", "bm25", "lead"], ["mini", "nano"])
    assert [method.compressor().settings.model for method in (mini, nano)] == ["mini", "nano"]
    assert mini.compressor().policy is not None
    assert mini.compressor().policy != nano.compressor().policy
    german = to_request({"query": "Wann wurde die Brücke gesperrt?", "docs": ["Die Brücke ist gesperrt."]}, SHAPES)
    scored = [next(method.compressor().scoring.score([german])) for method in (mini, bm25, lead)]
    assert [one.scorer for one in scored if isinstance(one, Scored)] == ["bm25", "bm25", "lead"]


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is not None, reason="training is installed")
def test_a_missing_bi_encoder_names_the_extra_to_install():
    """The exit code is 3."""
    run = ctxzip("eval", "--method", "biencoder", REQUESTS)
    assert run.code == 3
    assert run.err.strip().endswith("is not installed: pip install 'ctxzip[train]'")


def test_every_method_is_named_in_the_help():
    """The option has no list of choices, so the help text must have them all."""
    assert set(METHODS) <= set(ctxzip("eval", "--help").out.decode().replace(",", " ").split())
