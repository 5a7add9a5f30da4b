"""Where the model runs, which sequences are batched, and how much is prefetched."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip import Compressor, Settings
from ctxzip._internal.prefetch import prefetch
from ctxzip.errors import InputError, ModelError, UsageError
from ctxzip.evaluation.labelled import read_labelled
from ctxzip.model_store import models_folder
from ctxzip.rendering.result import Result
from ctxzip.scoring.batches import batches_by_length, padded
from ctxzip.scoring.onnx_sessions import check_device, cuda_unavailable_reason, open_session
from tests.benchmarks.cuda import same_decisions
from tests.conftest import FIXTURES
from tests.conftest import compress as run_compress

RECORD = '{"query":"When does the ferry leave?","docs":["The ferry leaves at seven. It is red."]}\n'
without_gpu = pytest.mark.skipif(cuda_unavailable_reason() is None, reason="this machine has a GPU with CUDA")


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(0, 2_000))
def test_batches_hold_every_sequence_once_and_at_most_so_many_tokens(lengths, max_tokens):
    """With padding; a sequence that is longer is a batch by itself."""
    batches = batches_by_length(lengths, max_tokens)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= max_tokens


def test_short_sequences_are_padded_with_0_at_the_end():
    """Worked by hand."""
    assert padded([[1, 2, 3], [4]]).tolist() == [[1, 2, 3], [4, 0, 0]]


def prefetched(source, work=list, weight=lambda _: 1, *, workers=2, batch=8, ahead=8):
    return prefetch(source, work, weight, workers=workers, batch=batch, ahead=ahead)


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 3), st.integers(1, 60), st.integers(1, 100))
def test_prefetching_keeps_every_item_in_order(weights, workers, batch, ahead):
    """In batches of at most the given weight, unless one item is heavier."""
    lists = []

    def work(items):
        lists.append(items)
        return items

    found = prefetched(enumerate(weights), work, lambda item: item[1], workers=workers, batch=batch, ahead=ahead)
    assert list(found) == list(enumerate(weights))
    assert all(len(items) == 1 or sum(weight for _, weight in items) <= batch for items in lists)


def test_an_error_of_the_source_comes_after_what_came_before_it():
    """Results of items that were read before are not lost."""

    def source():
        yield 1
        raise InputError("broken")

    found: list[int] = []
    with pytest.raises(InputError, match="broken"):
        found.extend(prefetched(source()))
    assert found == [1]


def test_an_error_of_the_work_comes_after_what_came_before_it():
    """Whichever of two workers is faster."""
    failed = threading.Event()

    def work(items):
        if items == [2]:
            failed.set()
            raise InputError("broken")
        assert failed.wait(30)
        return items

    found: list[int] = []
    with pytest.raises(InputError, match="broken"):
        found.extend(prefetched([1, 2], work, batch=1))
    assert found == [1]


def test_an_item_does_not_wait_for_a_batch_to_fill():
    """The first result is there before the second item."""
    second = threading.Event()

    def source():
        yield "first"
        assert second.wait(30)
        yield "second"

    found = prefetched(source(), batch=100, ahead=100)
    assert next(found) == "first"
    second.set()
    assert list(found) == ["second"]


def test_two_batches_are_worked_on_at_the_same_time():
    """While the model runs for one, windows of the other are made."""
    both = threading.Barrier(2)

    def work(items):
        both.wait(30)
        return items

    assert list(prefetched(range(4), work, batch=1)) == [0, 1, 2, 3]


def test_no_more_than_the_given_weight_is_read_ahead():
    """So memory does not grow with the size of a file."""
    read = []

    def source():
        for number in range(1_000):
            read.append(number)
            yield number

    found = prefetched(source(), batch=1, ahead=5)
    next(found)
    time.sleep(0.2)
    assert len(read) <= 8  # one yielded, five waiting, one in the reading thread, one in work
    assert isinstance(found, Generator)
    found.close()


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", ""])
def test_an_unknown_device_is_a_usage_error(name):
    """The message lists what is expected."""
    with pytest.raises(UsageError, match="expected auto, cpu, cuda or cuda:N"):
        check_device(name)


@without_gpu
def test_cuda_by_name_without_cuda_exits_3_and_names_what_is_missing():
    """Before any record is read; nothing is written."""
    run = run_compress("--device", "cuda", stdin=RECORD)
    assert (run.code, run.out) == (3, b"")
    assert "--device cuda: no NVIDIA driver" in run.err or "no CUDA provider" in run.err


@without_gpu
def test_auto_uses_the_cpu_without_a_gpu_and_reports_it():
    """In the record and on stderr."""
    run = run_compress(stdin=RECORD)
    own = json.loads(run.out)["ctxzip"]
    assert (own["scorer"], own["device"]) == ("ctxzip-mini+bm25", "cpu")
    assert "ctxzip-mini+bm25 on cpu" in run.err


def test_auto_falls_back_to_bm25_without_onnxruntime_and_reports_it():
    """In the record and on stderr."""
    code = "import sys; sys.modules['onnxruntime'] = None; from ctxzip.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "compress"], input=RECORD, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["ctxzip"]["scorer"] == "bm25"
    assert (
        "ctxzip: warning: BM25 scores in place of the model: onnxruntime is not installed: pip install" in done.stderr
    )


def test_the_model_by_name_without_onnxruntime_exits_3():
    """There is no fallback for a scorer that was named."""
    code = "import sys; sys.modules['onnxruntime'] = None; from ctxzip.cli import main; main()"
    call = [sys.executable, "-c", code, "compress", "--scorer", "model"]
    done = subprocess.run(call, input=RECORD, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("error", ["it has no InferenceSession", "libonnxruntime.so: cannot open shared object file"])
def test_a_damaged_onnxruntime_is_one_message_and_bm25_under_auto(damaged_onnxruntime, error):
    """Another package damaged it; a named scorer exits 3."""
    damaged_onnxruntime(error)
    run = run_compress(stdin=RECORD)
    assert run.code == 0
    assert run.records[0]["ctxzip"]["scorer"] == "bm25"
    warning = f"BM25 scores in place of the model: onnxruntime is damaged ({error}"
    assert run.err.startswith(f"ctxzip: warning: {warning}")
    assert "pip uninstall -y onnxruntime onnxruntime-gpu, then pip install --force-reinstall onnxruntime" in run.err
    run = run_compress("--scorer", "model", stdin=RECORD)
    assert (run.code, run.out) == (3, b"")
    assert run.err.startswith(f"ctxzip: onnxruntime is damaged ({error}")
    assert run.err.count("\n") == 1


@pytest.fixture(scope="module")
def requests():
    return [question.request for question in read_labelled(FIXTURES / "requests.jsonl")][:8]


def scored(requests, **settings):
    return list(Compressor(Settings(**settings)).stream(requests))


def assert_same(results, others):
    for one, other in zip(results, others, strict=True):
        np.testing.assert_array_equal(one.scored.scores.probability, other.scored.scores.probability)
        assert one.selection.kept == other.selection.kept


@pytest.mark.slow
def test_the_fp16_graph_scores_the_same_with_every_batch_size(requests):
    """On the CPU to the last bit, as every graph."""
    graph = str(models_folder() / "ctxzip-mini" / "model.fp16.onnx")
    small, large = (
        scored(requests, scorer="model", model=graph, device="cpu", batch_tokens=n, ratio=0.2) for n in (256, 8_192)
    )
    assert_same(small, large)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_int8_graph_scores_the_same_with_every_number_of_threads(requests, threads):
    """To the last bit: every window is a batch of its own, run by one thread."""
    assert_same(
        scored(requests, scorer="hybrid", device="cpu", threads=threads),
        [Compressor(Settings(scorer="hybrid", device="cpu", threads=2)).compress(request) for request in requests],
    )


@pytest.mark.skipif(cuda_unavailable_reason() is not None, reason="this machine has no GPU with CUDA")
def test_cuda_keeps_the_same_units_as_the_cpu():
    """Nearly always: the fp16 graph runs on the GPU, the int8 graph on the CPU."""
    all_requests = [question.request for question in read_labelled(FIXTURES / "requests.jsonl")]
    on_cuda, on_cpu = (
        [one for one in scored(all_requests, scorer="hybrid", device=name, ratio=0.2) if isinstance(one, Result)]
        for name in ("cuda", "cpu")
    )
    assert {one.scored.device for one in on_cuda} == {"cuda:0"}
    n_same, n_units = same_decisions(on_cuda, on_cpu)
    assert n_same >= 0.995 * n_units


@pytest.mark.slow
def test_fp16_and_int8_keep_mostly_the_same_units(requests):
    """They are two graphs of one model."""
    graph = str(models_folder() / "ctxzip-mini" / "model.fp16.onnx")
    int8, fp16 = (scored(requests, scorer="model", model=m, device="cpu", ratio=0.2) for m in ("mini", graph))
    kept = [(set(one.selection.kept), set(other.selection.kept)) for one, other in zip(int8, fp16, strict=True)]
    assert sum(len(a & b) for a, b in kept) >= 0.7 * sum(len(a | b) for a, b in kept)


@pytest.mark.parametrize("location", ["../secret.bin", "{folder}/secret.bin", "link.bin"])
def test_a_graph_reads_no_file_outside_its_folder(tmp_path, location):
    """As the weights that it names as external data: by a relative or absolute path, or through a link."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (folder / "link.bin").symlink_to("../secret.bin")
    weights = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", location.format(folder=tmp_path)), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    x, y = (onnx.helper.make_tensor_value_info(name, 1, [4]) for name in "xy")
    graph = onnx.helper.make_graph([node], "graph", [x], [y], [weights])
    opsets = [onnx.helper.make_opsetid("", 17)]
    (folder / "model.onnx").write_bytes(
        onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    )
    with pytest.raises(ModelError, match="External data path"):
        open_session(folder / "model.onnx")
