"""Questions of one passage each -> the questions with the most similar passages, which become negative examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.evaluation.labelled import Labelled

_FEW_PASSAGES = 200  # with fewer passages, words in more than a fifth of them are not ignored as common


def nearest_passages(questions: Sequence[Labelled], chosen: Sequence[int], nearest: int = 10) -> list[list[int]]:
    """Return, for each chosen question of a one-passage set, the questions with the most similar passages (TF-IDF).

    Passages with the text of its evidence, and copies of its own passage, are left out; where no other is left, the next
    question is taken.

    Args:
        questions: of the whole set.
        chosen: indices of the chosen questions.
        nearest: the most questions to return for each.

    Returns:
        Indices of questions for each chosen question, most similar first.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [question.request.passages[0].text for question in questions]
    # A few passages may be from one page, and share every word.
    vectorizer = TfidfVectorizer(
        sublinear_tf=True, stop_words="english", max_df=0.2 if len(texts) > _FEW_PASSAGES else 1.0
    )
    passages: Any = vectorizer.fit_transform(texts)
    queries: Any = vectorizer.transform([questions[index].request.query for index in chosen])
    found: list[list[int]] = []
    for start in range(0, len(chosen), 500):
        scores = (queries[start : start + 500] @ passages.T).toarray()
        ranked = np.argpartition(-scores, min(3 * nearest, len(texts) - 1), axis=1)[:, : 3 * nearest]
        for row, candidates in enumerate(ranked):
            own = chosen[start + row]
            answers = {
                questions[own].request.passages[passage].text[first:last].lower()
                for passage, first, last in questions[own].evidence
            }
            near: dict[str, int] = {}
            for other in candidates[np.argsort(-scores[row, candidates], kind="stable")].tolist():
                text = texts[other]
                if text != texts[own] and text not in near and not any(answer in text.lower() for answer in answers):
                    near[text] = other
            found.append(list(near.values())[:nearest] or [(own + 1) % len(texts)])
    return found
