"""A model on one screen: what it is, its size, languages, licences, scores and limits."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxzip.model_store import ModelFolder

_WIDTH = 80  # columns
_LABEL = 12  # columns of a label
_KINDS = {
    "joint": "scores all sentences of a passage together",
    "cross_encoder": "cross-encoder, one sentence a pair",
}
_LANGUAGES = {"en": "English only"}
_SCORES = "% of questions that keep all evidence at 10, 20, 30% of the words"
_NOT_STATED = "not stated"


def screen(model: ModelFolder) -> Iterator[str]:
    """Yield the lines; the whole card has more."""
    card = model.card
    kind = str(card.get("kind", "?"))
    yield f"{model.name} {card.get('version', '')}".rstrip()
    window = card.get("window_length")
    base, graphs = _object(card, "base"), _object(card, "graphs")
    language = card.get("language")
    rows: dict[str, list[str]] = {
        "what": [f"{_KINDS.get(kind, kind)}; {window or '?'} tokens at once"],
        "based on": [f"{base.get('name', _NOT_STATED)}, {base.get('license') or 'licence not stated'}"],
        "size": [", ".join([f"{size_text(model.size)} of files", *(_graph(model, *one) for one in graphs.items())])],
        "languages": [_LANGUAGES.get(language, str(language)) if language else _NOT_STATED],
        "licences": [_licences(card.get("data"))],
        "scores": list(_scores(card.get("scores"))) or [_NOT_STATED],
        "limits": [str(one) for one in card.get("limits") or [_NOT_STATED]],
        "folder": [str(model.path)],
    }
    for label, paragraphs in rows.items():
        lines = [line for paragraph in paragraphs for line in _filled(paragraph, label)]
        yield f"{label:{_LABEL}}{lines[0]}"
        yield from (" " * _LABEL + line for line in lines[1:])
    yield f"The whole card: ctxzip models show {model.path.name} --json"


def _object(card: dict[str, Any], key: str) -> dict[str, Any]:
    found = card.get(key)
    return found if isinstance(found, dict) else {}


def size_text(n_bytes: int) -> str:
    """Return a size for people.

    >>> size_text(22_912_345), size_text(712_345), size_text(999)
    ('22.9 MB', '712.3 kB', '999 B')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.1f} {name}"
    return f"{n_bytes} B"


def _filled(paragraph: str, label: str) -> list[str]:
    if label in {"folder", "scores"}:
        return [paragraph]
    lines = wrap(paragraph, _WIDTH - _LABEL - 2, break_long_words=False, break_on_hyphens=False)
    return [
        ("- " if label == "limits" and not i else "  " if label == "limits" else "") + one
        for i, one in enumerate(lines)
    ]


def _graph(model: ModelFolder, device: str, file: Any) -> str:
    path = model.path / str(file)
    return f"{size_text(path.stat().st_size)} on {device}" if path.is_file() else f"{file} is missing"


def _licences(data: Any) -> str:
    """Return the licences of the training data: of the sets by name, or of a list of objects."""
    sets = data if isinstance(data, dict) else {}
    if isinstance(data, list):
        sets = {str(one.get("name")): one.get("license") for one in data if isinstance(one, dict)}
    if not sets:
        return f"training data {_NOT_STATED}"
    by_licence: dict[str, list[str]] = {}
    for name, licence in sets.items():
        by_licence.setdefault(str(licence or _NOT_STATED), []).append(str(name))
    return "training data: " + "; ".join(f"{licence} ({', '.join(names)})" for licence, names in by_licence.items())


def _scores(scores: Any) -> Iterator[str]:
    """Yield the mean of each method."""
    means = {
        name: one["mean"]
        for name, one in (scores if isinstance(scores, dict) else {}).items()
        if isinstance(one, dict) and isinstance(one.get("mean"), str)
    }
    if means:
        yield _SCORES
        yield from (f"{name:14}{mean}" for name, mean in means.items())
