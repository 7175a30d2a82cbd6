"""Slots, and the GPUs that CUDA_VISIBLE_DEVICES leaves."""

from __future__ import annotations

import pytest

from gradus.core.errors import InputError, UnavailableError
from gradus.core.job import JobKind
from gradus.jobs.gpus import Gpu, visible
from gradus.jobs.resources import BUILDING, CPU, PARSING, Resources

GPUS = [Gpu(f"cuda:{n}", f"card {n}", f"GPU-{n}{n}{n}a", 8 << 30) for n in range(3)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ["GPU-000a", "GPU-111a", "GPU-222a"]),
        ("", []),
        ("-1", []),
        ("2,0", ["GPU-222a", "GPU-000a"]),
        (" 1 ", ["GPU-111a"]),
        ("0,7,1", ["GPU-000a"]),  # what follows an invalid entry is hidden too
        ("0,-1,1", ["GPU-000a"]),
        ("1,1", ["GPU-111a"]),
        ("GPU-22", ["GPU-222a"]),
        ("GPU-", []),  # not one GPU but three
        ("nonsense", []),
    ],
)
def test_visible_gpus_are_chosen_and_numbered_as_cuda_does(choice, expected):
    found = visible(GPUS, choice)
    assert [gpu.uuid for gpu in found] == expected
    assert [gpu.device for gpu in found] == [f"cuda:{n}" for n in range(len(expected))]


def test_auto_takes_the_next_free_gpu_and_waits_when_none_is():
    resources = Resources(GPUS[:2], cores=2)
    first, second = resources.give(JobKind.MODEL, "auto"), resources.give(JobKind.MODEL, "auto")
    assert (first.device, second.device) == ("cuda:0", "cuda:1")
    assert resources.give(JobKind.MODEL, "auto") is None
    assert resources.give(JobKind.MODEL, "cuda:1") is None
    assert resources.give(JobKind.MODEL, "cpu").device == "cpu"
    resources.take_back(first)
    assert resources.give(JobKind.MODEL, "auto").device == "cuda:0"


def test_auto_is_the_processor_where_there_is_no_gpu():
    resources = Resources(cores=2)
    assert resources.give(JobKind.MODEL, "auto").device == "cpu"
    assert resources.give(JobKind.MODEL, "cpu") is None


def test_an_unknown_gpu_is_refused_naming_those_there_are():
    with pytest.raises(InputError, match=r"cuda:5.*cuda:0, cuda:1, cuda:2") as caught:
        Resources(GPUS, cores=2).give(JobKind.MODEL, "cuda:5")
    assert caught.value.problem.field == "device"
    with pytest.raises(InputError, match="none"):
        Resources(cores=2).check("cuda:0")


@pytest.mark.parametrize(("cores", "builders", "trainings", "threads"), [(1, 1, 1, 0), (2, 2, 1, 0), (32, 4, 4, 8)])
def test_what_the_processor_does_at_once_depends_on_its_cores(cores, builders, trainings, threads):
    resources = Resources(cores=cores)
    grants = [resources.give(JobKind.DATASET, "") for _ in range(builders)]
    assert None not in grants
    assert resources.give(JobKind.DATASET, "") is None
    models = [resources.give(JobKind.MODEL, "auto") for _ in range(trainings)]
    assert {grant.threads for grant in models} == {threads}
    assert resources.give(JobKind.MODEL, "auto") is None
    assert resources.usage()[BUILDING] == (builders, builders)


def test_what_runs_already_is_counted_even_beyond_the_slots():
    resources = Resources(GPUS[:1], cores=2)
    grants = [resources.restore(JobKind.MODEL, "cuda:0"), resources.restore(JobKind.MODEL, "cuda:9")]
    grants += [resources.restore(JobKind.MODEL, "cpu"), resources.restore(JobKind.MODEL, "cpu")]
    assert resources.give(JobKind.MODEL, "auto") is None
    for grant in grants:
        resources.take_back(grant)
    assert resources.usage()["cuda:0"] == (0, 1)
    assert resources.usage()[CPU] == (0, 1)


def test_a_slot_for_short_work_is_given_back_and_not_waited_for_forever():
    resources = Resources(cores=2)
    with resources.slot(PARSING), pytest.raises(UnavailableError), resources.slot(PARSING, timeout=0.01):
        pass
    with resources.slot(PARSING, timeout=0.01):
        assert resources.usage()[PARSING] == (1, 1)
    assert resources.usage()[PARSING] == (0, 1)
