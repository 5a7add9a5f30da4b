"""The floor of the model's speed: the batches of a run through ONNX Runtime alone, with nothing around it."""

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
    """Stands in front of an ONNX Runtime session and keeps what it is fed."""

    session: Any
    fed: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)

    def run(self, outputs: list[str], feed: dict[str, Any]) -> Any:
        self.fed.append((outputs, feed))
        return self.session.run(outputs, feed)


def record_batches(requests: list[Request], model: str, file: Path) -> int:
    """Write every batch that the model is given for these requests to a file; return how many."""
    scorer: Any = load_scorer(Settings(scorer="hybrid", model=model, device="cpu"))
    joint = scorer._model._model  # words over what reads in parts over the model
    session = joint._session
    recorder = _Recorder(session.session)
    joint._session = replace(session, session=recorder)
    for _ in Compressor(Settings(scorer="hybrid", model=model), scorer=scorer).stream(requests):
        pass
    file.write_bytes(pickle.dumps(recorder.fed))
    return len(recorder.fed)


def main() -> None:
    """Run the batches of a file on a graph, as many at a time as there are cores: `FILE GRAPH`."""
    file, graph = sys.argv[1:]
    with open(file, "rb") as stream:
        fed = pickle.load(stream)  # noqa: S301  # written by `record_batches`
    session = open_session(Path(graph), threads=1)
    with ThreadPoolExecutor(available_cores()) as pool:
        for _ in pool.map(lambda batch: session.session.run(*batch), fed):
            pass


if __name__ == "__main__":
    main()
