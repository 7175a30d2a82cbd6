"""Batch sizes from the memory there is, and words for too little of it."""

from types import SimpleNamespace

import pytest
import torch

from gradus.core.errors import MemoryLimitError
from gradus.core.network import Graph, NetworkInput
from gradus.engine import memory
from gradus.engine.draw import draw_network

CPU = torch.device("cpu")


@pytest.fixture
def graph(text) -> Graph:
    return draw_network(text(), NetworkInput(width=12, height=12, channels=1, classes=3), "val")


def test_the_graph_is_that_of_the_text(graph: Graph) -> None:
    assert graph.outputs == ["accuracy", "loss"]
    assert graph.parameters == 6 * 9 + 6 + 3 * 150 + 3
    assert graph.multiply_adds == 6 * 100 * 9 + 3 * 150
    assert next(n for n in graph.nodes if n.name == "pool1").shapes == [[4, 6, 5, 5]]


@pytest.mark.parametrize(("gibibytes", "expected"), [(16, 250), (1e-4, 2), (0, 1)])
def test_evaluation_batch(graph: Graph, monkeypatch: pytest.MonkeyPatch, gibibytes: float, expected: int) -> None:
    """One picture passes 144 + 1 + 600 + 150 * 3 + 3 + 1 + 1 values at most: about 5 KB in an eighth of 107 KB."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=int(gibibytes * 2**30)))
    assert memory.evaluation_batch(graph, CPU) == expected


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_words_for_too_little(error: Exception) -> None:
    with pytest.raises(MemoryLimitError, match="at a batch size of 64") as told, memory.within_memory("cpu", 64):
        raise error
    assert told.value.problem.hint == "Try a batch size of 32."
    assert told.value.problem.field == "batch_size"


def test_nothing_smaller_than_one() -> None:
    with pytest.raises(MemoryLimitError) as told, memory.within_memory("cpu", 1):
        raise MemoryError
    assert "smaller pictures" in (told.value.problem.hint or "")


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="something else"), memory.within_memory("cpu", 64):
        raise RuntimeError("something else")
