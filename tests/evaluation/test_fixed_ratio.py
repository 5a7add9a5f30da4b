"""Evidence found at every ratio, from one scan over the ranking."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctxzip.compressor import Compressor
from ctxzip.evaluation.fixed_ratio import RATIOS, found_at_ratios
from ctxzip.evaluation.methods import LeadScorer, RandomScorer
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.settings import Settings
from tests.evaluation.labelled_examples import answerable


@pytest.mark.parametrize("scorer", [Bm25Scorer(), LeadScorer(), RandomScorer()], ids=lambda scorer: scorer.name)
def test_the_scan_over_ratios_agrees_with_the_compressor(scorer):
    """Except for what is added in the tokens that are left. The questions include headings, tables, units that do not fit."""
    for question in answerable():
        result = Compressor(Settings(tokenizer="words"), scorer).compress(question.request)
        found = found_at_ratios(question, result.scored)
        for ratio in (0.01, 0.05, 0.1, 0.2, 0.3, 0.57, 1.0):
            at_ratio = Compressor(Settings(ratio=ratio, tokenizer="words"), scorer).compress(question.request)
            companions = {i for i, why in enumerate(at_ratio.selection.kept_because) if why}
            best = replace(at_ratio.selection, kept=tuple(i for i in at_ratio.selection.kept if i not in companions))
            expected = question.found(replace(at_ratio, selection=best))
            assert found[round(ratio * 100)] == expected, (question.request.id, ratio)
    assert RATIOS[57] == 0.57
