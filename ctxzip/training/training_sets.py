"""The training sets: licence, how often each is shown, and how its evidence becomes labels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """One set of labelled questions.

    Attributes:
        licence: of the data.
        times: copies of each question, each varied differently; a fraction is a share of the questions.
        second_passes: the same for second passes of multi-hop questions.
        smoothing: subtracted from the labels of evidence, 0..1 (Szegedy et al. 2016), where not every unit that is marked
            answers: labels found by matching the answer, or whole sections.
        weight: of the units in the loss; multi-hop questions are few.
        is_prose: whether its passages are plain paragraphs, which are shown in other layouts, too.
    """

    licence: str = "not stated"
    times: float = 1.0
    second_passes: float = 0.0
    smoothing: float = 0.0
    weight: float = 1.0
    is_prose: bool = False


# Multi-hop sets are small and hard, sets of one paragraph a question large and easy; half of the tokens are of documentation,
# tables, logs, mails and meetings.
SETS = {
    "squad": TrainingSet("CC BY-SA 4.0", times=0.25, is_prose=True),
    "qed": TrainingSet("CC BY-SA 3.0", times=0.25, is_prose=True),
    "nq_oracle": TrainingSet("CC BY-SA 3.0 / MIT", times=0.3, smoothing=0.1, is_prose=True),
    "multispanqa": TrainingSet("CC BY-SA 3.0", times=1.0, smoothing=0.1, is_prose=True),
    "hotpotqa": TrainingSet("CC BY-SA 4.0", times=0.7, second_passes=0.5, weight=2.0, is_prose=True),
    "2wiki": TrainingSet("Apache-2.0", times=1.2, second_passes=0.8, weight=2.0, is_prose=True),
    "musique": TrainingSet("CC BY 4.0", times=1.0, second_passes=0.7, smoothing=0.1, weight=2.0, is_prose=True),
    "fever": TrainingSet("CC BY-SA 3.0", times=0.04, is_prose=True),
    "timeqa": TrainingSet("BSD-3-Clause", times=0.6, is_prose=True),
    "selqa": TrainingSet("Apache-2.0", times=0.1, is_prose=True),
    "bioasq": TrainingSet("CC BY 2.5", times=0.2, is_prose=True),
    "evidence_inference": TrainingSet("MIT", times=0.4, is_prose=True),
    "doc2dial": TrainingSet("Apache-2.0 / CC BY 3.0", times=0.4, is_prose=True),
    "docs": TrainingSet("documents CC0, CC BY, CC BY-SA, MIT, Apache-2.0, BSD, Unlicense; questions ours", times=1.0),
    "own": TrainingSet("ours", times=2.0),
    "faq": TrainingSet("CC0, CC BY, CC BY-SA, MIT, Apache-2.0, BSD", times=1.5, smoothing=0.15),
    "faq_docs": TrainingSet("CC BY 4.0, CC BY-SA 4.0, MIT, Apache-2.0, CC0", times=0.7, smoothing=0.15),
    "faq_government": TrainingSet("CC BY 4.0, CC BY-SA 4.0, MIT, Apache-2.0, CC0", times=1.0, smoothing=0.15),
    "headings": TrainingSet("CC0, CC BY, CC BY-SA, MIT, Apache-2.0, BSD, Unlicense", times=0.3, smoothing=0.15),
    "lookups": TrainingSet("CC BY 4.0, ODC-PDDL, MIT", times=0.5),
    "wikitablequestions": TrainingSet("CC BY-SA 4.0", times=0.8),
    "fetaqa": TrainingSet("CC BY-SA 4.0", times=0.6),
    "hybridqa_ottqa": TrainingSet("MIT", times=0.5, weight=2.0),
    "aitqa": TrainingSet("CDLA-Sharing-1.0", times=1.5),
    "medquad": TrainingSet("CC BY 4.0", times=0.3, smoothing=0.15),
    "fairytaleqa": TrainingSet("Apache-2.0", times=0.7, smoothing=0.15),
    "or_sharc": TrainingSet("CC BY-SA 3.0", times=0.8),
    "dstc11_reviews": TrainingSet("CDLA-Sharing-1.0", times=0.6),
    "dstc9_faq": TrainingSet("Apache-2.0", times=0.5),
    "qmsum": TrainingSet("MIT", times=0.7),
    "pubmedqa": TrainingSet("MIT", times=0.5),
    "chemlit_qa": TrainingSet("MIT", times=0.6),
    "expertqa": TrainingSet("MIT", times=1.0),
    "quotesum": TrainingSet("CC BY-SA 4.0", times=1.0),
    "molweni": TrainingSet("Apache-2.0", times=1.0),
}
