"""Every peer of the benchmark with a tiny model, on the fixtures. Needs the extra `bench`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks.peers import PEERS
from tests.benchmarks.peers.__main__ import main
from tests.benchmarks.peers.measuring import first_lines
from tests.benchmarks.peers.peer_adapters import load
from tests.conftest import FIXTURES

REQUESTS = FIXTURES / "requests.jsonl"
_TINY = {
    "vocab_size": 30_600, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
}  # fmt: skip
_PACKAGES = {
    "cross-encoder": ("sentence_transformers",),
    "provence": ("transformers",),
    "llmlingua-2": ("llmlingua", "llama_index.core"),
    "llama-index": ("llama_index.core", "llama_index.embeddings.huggingface"),
    "langchain": ("langchain_classic", "langchain_community", "langchain_huggingface"),
}


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.kind != "ctxzip"], ids=lambda peer: peer.name)
def test_a_peer_runs_on_the_fixtures(peer):
    """With its configuration, except for the size of a random model."""
    for package in _PACKAGES[peer.kind]:
        pytest.importorskip(package)
    tiny = replace(peer, shape={**peer.shape, **_TINY} if peer.shape else {})
    load(tiny, 1)(first_lines([REQUESTS], 2))


def test_a_peer_is_measured_beside_mini(capsys):
    """One row, over the same records."""
    pytest.importorskip("sentence_transformers")
    main([str(REQUESTS), "--records", "2", "--seconds", "0.1", "--rounds", "1", "--peer", "cross-encoder"])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cross-encoder")]
    name, n_records = row.partition("random")[0].strip(), int(row.partition("random")[2].split()[0])
    assert (name, n_records in {1, 2}) == ("cross-encoder MiniLM-L6", True)
