"""`ctxzip models`: list, show, verify and import models."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ctxzip.cli.command import PLAIN, Command
from ctxzip.cli.terminal import print_line
from ctxzip.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_HEADER = ("name", "kind", "size", "window", "folder")


@models_app.command(name="list", cls=Command)
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the models, one line each: the shipped ones, then your own.

    The name is a value of --model; * marks the default.
    """
    import json

    from ctxzip.model_store import installed_folders, models_folder, read_model
    from ctxzip.settings import DEFAULT_MODEL

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
                "default": model.path == models_folder() / DEFAULT_MODEL,
            }
            for model in models
        ]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        default = models_folder() / DEFAULT_MODEL
        for line in _aligned(
            [("", *_HEADER), *(("*" if model.path == default else "", *_row(model)) for model in models)]
        ):
            print(line)
    if unreadable:
        raise typer.Exit(ModelError.exit_code)


@models_app.command(cls=Command)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or folder of a model.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole card: model.json as it is.")] = False,
) -> None:
    """Show a model on one screen: what it is, size, languages, licences, scores, limits."""
    from ctxzip.cli.model_screen import screen
    from ctxzip.model_store import CARD, open_model

    model = open_model(name)
    if as_json:
        sys.stdout.write((model.path / CARD).read_text("utf-8"))
        return
    for line in screen(model):
        print(line)


@models_app.command(cls=Command)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names or folders of models; all without one.", show_default=False),
    ] = None,
) -> None:
    """Compare the files of models with the SHA-256 on their cards.

    One line per file: ok, damaged or missing; the model; the file. The exit code is 3 if a file is not ok.
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
            help="A folder of a sentence-transformers CrossEncoder with one label, or, if there is no such folder, "
            "owner/name of the Hugging Face Hub.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Name of the model: letters, digits, . _ -", show_default=False)
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a model of that name.")] = False,
) -> None:
    """Import a cross-encoder: export it to ONNX, quantize and compare it.

    Needs pip install 'ctxzip[train]'. Uses the network only if SOURCE is a name on the Hugging Face
    Hub. Code that comes with a model is never run. On the CPU int8 runs if it ranks a few pairs of
    English texts as fp32 does, else fp32.

    Models are written atomically to your data folder, or to $CTXZIP_MODELS.
    """
    from ctxzip.training.import_cross_encoder import INT8, import_cross_encoder

    done = import_cross_encoder(source, name, force=force, say=print_line)
    print_line(
        f"compared on {done.n_pairs} pairs: torch and fp32 differ by at most {done.fp32_difference:.1g} in probability, "
        f"fp32 and int8 by {done.int8_difference:.2g}, {'the same' if done.same_order else 'another'} order"
    )
    print_line(
        f"{'int8' if done.graph == INT8 else 'fp32, because int8 ranks otherwise,'} runs on the CPU: --model {name}"
    )
    print(done.path)


def _row(model: ModelFolder) -> tuple[str, ...]:
    from ctxzip.cli.model_screen import size_text

    card = model.card
    return (
        model.path.name,
        str(card.get("kind", "?")),
        size_text(model.size),
        f"{card.get('window_length', '?')} tokens",
        str(model.path),
    )


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the rows with two spaces between columns, the last as long as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
