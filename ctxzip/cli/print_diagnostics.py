"""`ctxzip doctor`: prints the results of the checks in `ctxzip.diagnostics`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ctxzip.errors import BackendError


def doctor(
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="Where the model runs: auto, cpu, cuda or cuda:N.")
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check what is installed and where the model runs, and compress one record.

    The exit code is 3 if that record could not be compressed.
    """
    import json

    from ctxzip.cli.option_names import error_text
    from ctxzip.diagnostics import diagnose

    found = diagnose(device, error_text)
    print(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))
    if not found["ok"]:
        raise BackendError(f"a record cannot be compressed: {found['inference']['error']}")


def _lines(found: dict[str, Any]) -> list[str]:
    versions, machine, cuda, folders, inference = (
        found[key] for key in ("versions", "machine", "cuda", "folders", "inference")
    )
    lines = [f"{name:22} {version}" for name, version in versions.items() if version is not None]
    lines += [
        "",
        f"{'machine':22} {machine['platform']}, {machine['cores_allowed']} of {machine['cores']} cores",
        f"{'cpu features':22} {' '.join(machine['cpu_features'] or ['unknown'])}",
        f"{'cuda':22} {'driver found' if cuda['usable'] else cuda['missing']}",
        f"{'your own models':22} {folders['own_models']}",
    ]
    if found["onnxruntime"]["error"]:
        lines.append(f"{'onnxruntime':22} {found['onnxruntime']['error']}")
        lines.append(f"{'to repair it':22} {found['onnxruntime']['repair']}")
    for model in found["models"]:
        lines += ["", f"{model['name']:22} {model['error'] or model['path']}"]
        lines += [f"  {file:32} {state}" for file, state in model["files"].items()]
    lines.append("")
    if inference["error"]:
        lines.append(f"{'inference':22} {inference['error']}")
    else:
        lines.append(
            f"{'inference':22} {inference['scorer']} on {inference['device']}: "
            f"{inference['load_ms']} ms to load and compress one record, {inference['record_ms']} ms for the next"
        )
    return lines
