"""`ctxzip models`: what models there are, what their cards say, whether their files are whole, and new ones."""

from __future__ import annotations

import sys
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxzip.cli.command import PLAIN, Command
from ctxzip.cli.terminal import print_line
from ctxzip.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctxzip.model_store import ModelFolder

models_app = typer.Typer(
    name="models",
    no_args_is_help=True,
    add_completion=False,  # the whole command line has it
    **PLAIN,
    help="List, show, verify and import models.",
)

_EXAMPLES = """\b
Examples:
  ctxzip models import ./my-cross-encoder --as mine
  ctxzip models import cross-encoder/ms-marco-MiniLM-L6-v2 --as marco
  ctxzip compress --model mine records.jsonl
"""
_WIDTH = 100  # columns of a card
_LABEL = 14  # columns of a label of a card


@models_app.command(name="list", cls=Command)
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of lines.")] = False,
) -> None:
    """List the models: name, kind, size, tokens of a window, folder; those that ship first.

    One line a model, without a heading. The name is what --model takes.
    """
    import json

    from ctxzip.model_store import installed_folders, models_folder, read_model

    models, unreadable = [], []
    for path in installed_folders():
        try:
            models.append(read_model(path))
        except ModelError as error:
            unreadable.append(error)
            print_line(str(error))
    if as_json:
        rows = [
            {
                "name": model.path.name,
                "kind": model.card.get("kind"),
                "bytes": model.size,
                "window_length": model.card.get("window_length"),
                "path": str(model.path),
                "shipped": model.path.parent == models_folder(),
            }
            for model in models
        ]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for line in _aligned([_row(model) for model in models]):
            print(line)
    if unreadable:
        raise typer.Exit(ModelError.exit_code)


@models_app.command(cls=Command)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or folder of a model.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="The card as it is: model.json.")] = False,
) -> None:
    """Show the card of a model: what it is made of, what it scores, and what it is bad at."""
    from ctxzip.model_store import CARD, open_model

    model = open_model(name)
    if as_json:
        sys.stdout.write((model.path / CARD).read_text("utf-8"))
        return
    for line in _card(model):
        print(line)


@models_app.command(cls=Command)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names or folders of models; all without one.", show_default=False),
    ] = None,
) -> None:
    """Compare every file of the models with the SHA-256 on their cards.

    One line a file: ok, damaged or missing, the model, the file. Exits 3 if any is not ok.
    """
    from ctxzip.model_store import CARD, installed_folders, open_model, read_model

    found: list[tuple[str, ...]] = []
    if names:
        models = [open_model(name) for name in names]
    else:
        models = []
        for path in installed_folders():
            try:
                models.append(read_model(path))
            except ModelError as error:
                print_line(str(error))
                found.append(("damaged", path.name, CARD))
    found += [(model.state(file), model.path.name, file) for model in models for file in model.card["files"]]
    for line in _aligned(found):
        print(line)
    bad = sum(state != "ok" for state, *_ in found)
    if bad:
        raise ModelError(
            f"{bad} of {len(found)} files damaged or missing: install ctxzip again, or import the model again with --force"
        )


@models_app.command(name="import", cls=Command, epilog=_EXAMPLES)
def import_model(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of a sentence-transformers CrossEncoder with one label, or, where there is no such folder, "
            "owner/name of the Hugging Face Hub.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Name of the model: letters, digits, . _ -", show_default=False)
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a model of that name.")] = False,
) -> None:
    """Make a model for --model of a cross-encoder: export to ONNX, quantize, compare, write.

    Needs pip install 'ctxzip[train]'. Uses the network only where SOURCE is an id of the Hugging Face
    Hub. Code that comes with a model is never run. int8 runs on the CPU where it decides as fp32 does
    on a few pairs of English texts, fp32 where it does not.

    Models are written, whole or not at all, to the data folder of the user, or to $CTXZIP_MODELS.
    """
    from ctxzip.training.import_cross_encoder import INT8, import_cross_encoder

    done = import_cross_encoder(source, name, force=force, say=print_line)
    print_line(
        f"compared on {done.n_pairs} pairs: torch and fp32 differ by at most {done.fp32_difference:.1g} in probability, "
        f"fp32 and int8 by {done.int8_difference:.2g}, {'the same' if done.same_order else 'another'} order"
    )
    print_line(
        f"{'int8' if done.graph == INT8 else 'fp32, as int8 decides otherwise,'} runs on the CPU: --model {name}"
    )
    print(done.path)


def _row(model: ModelFolder) -> tuple[str, ...]:
    card = model.card
    return (
        model.path.name,
        str(card.get("kind", "?")),
        _size(model.size),
        f"{card.get('window_length', '?')} tokens",
        str(model.path),
    )


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the rows with two spaces between columns, the last as long as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _size(n_bytes: int) -> str:
    """Return a size for people.

    >>> _size(22_912_345), _size(712_345), _size(999)
    ('22.9 MB', '712.3 kB', '999 B')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.1f} {name}"
    return f"{n_bytes} B"


def _card(model: ModelFolder) -> Iterator[str]:
    """Yield the lines of a card: everything on it, what people ask for first."""
    card = dict(model.card)
    yield f"{model.name} {card.pop('version', '')} ({card.pop('kind', '?')})"
    card.pop("name", None)
    window = card.pop("window_length", None)
    rows = {
        "folder": str(model.path),
        "base": card.pop("base", None),
        "window": None if window is None else f"{window} tokens",
        "files": card.pop("files"),
        **{key: card.pop(key, None) for key in ("calibration", "data", "scores", "limits")},
        **card,
    }
    lines = {key: _lines(value, _WIDTH - _LABEL) or ["none"] for key, value in rows.items() if value is not None}
    lines["files"] = list(_aligned([_file(model.path / file, hash_) for file, hash_ in rows["files"].items()]))
    for key, (first, *rest) in lines.items():
        yield f"{key.replace('_', ' '):<{_LABEL - 1}} {first}"
        yield from (" " * _LABEL + line for line in rest)


def _file(path: Path, hash_: str) -> tuple[str, ...]:
    size = _size(path.stat().st_size) if path.is_file() else "missing"
    return path.name, size, f"sha256 {hash_[:12]}..."


def _lines(value: Any, width: int) -> list[str]:
    """Return a JSON value in lines: what is short on one, a sentence or an object a line where it is not."""
    if isinstance(value, dict):
        if not any(isinstance(item, dict | list) for item in value.values()):
            short = ", ".join(f"{key} {_scalar(item)}" for key, item in value.items())
            if len(short) <= width:
                return [short] if short else []
        return [line for key, item in value.items() for line in _labelled(str(key), item, width)]
    if isinstance(value, list):
        if all(isinstance(item, str) and " " not in item for item in value):
            return wrap(", ".join(value), width)
        return [line for item in value for line in _lines(item, width)]
    return wrap(_scalar(value), width, break_long_words=False, break_on_hyphens=False)


def _labelled(key: str, value: Any, width: int) -> list[str]:
    lines = _lines(value, width - 2)
    if len(lines) == 1 and len(key) + len(lines[0]) + 1 <= width:
        return [f"{key} {lines[0]}"]
    return [key, *(f"  {line}" for line in lines)]


def _scalar(value: Any) -> str:
    import json

    if isinstance(value, str):
        return value
    return "not stated" if value is None else json.dumps(value, ensure_ascii=False)
