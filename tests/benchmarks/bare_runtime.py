"""The speed of ONNX Runtime alone: records the batches of a run, and runs them without the rest of ctxzip.

`floors` uses it as the lower bound of the time of a model.
"""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxzip._internal.cores import available_cores
from ctxzip.compressor import Compressor
from ctxzip.scoring.loading import load_scorer
from ctxzip.scoring.onnx_sessions import open_session
from ctxzip.settings import Settings

if TYPE_CHECKING:
    from ctxzip.datamodels import Request


@dataclass(slots=True)
class _Recorder:
    """Wraps an ONNX Runtime session and records its inputs."""

    session: Any
    batches: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)

    def run(self, outputs: list[str], feed: dict[str, Any]) -> Any:
        self.batches.append((outputs, feed))
        return self.session.run(outputs, feed)


def record_batches(requests: list[Request], model: str, file: Path) -> int:
    """Write the batches of the model for these requests to a file; return their number."""
    scorer: Any = load_scorer(Settings(scorer="hybrid", model=model, device="cpu"))
    joint = scorer._model._model  # the hybrid scorer wraps the limited scorer, which wraps the model
    session = joint._session
    recorder = _Recorder(session.session)
    joint._session = replace(session, session=recorder)
    for _ in Compressor(Settings(scorer="hybrid", model=model), scorer=scorer).stream(requests):
        pass
    file.write_bytes(pickle.dumps(recorder.batches))
    return len(recorder.batches)


def main() -> None:
    """Run the batches of a file on a graph, one thread for each core: `FILE GRAPH`."""
    file, graph = sys.argv[1:]
    with open(file, "rb") as stream:
        batches = pickle.load(stream)  # noqa: S301  # written by `record_batches`
    session = open_session(Path(graph), threads=1)
    with ThreadPoolExecutor(available_cores()) as pool:
        for _ in pool.map(lambda batch: session.session.run(*batch), batches):
            pass


if __name__ == "__main__":
    main()
