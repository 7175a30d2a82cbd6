"""Which precision is chosen depends on the hardware and the switch alone."""

import pytest
import torch

from gradus.core.errors import InputError, UnavailableError
from gradus.core.model import Precision
from gradus.engine import precision
from gradus.engine.accelerator import fabric_for, torch_device

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "avx512_f": True}, Precision.BFLOAT16),
        ({"amx_bf16": True}, Precision.BFLOAT16),
        ({"avx512_bf16": False, "avx512_f": True}, Precision.FLOAT32),
        ({}, Precision.FLOAT32),
    ],
)
def test_auto_follows_the_processor(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: Precision
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert precision.choose(Precision.AUTO, CPU) is expected


def test_the_switch_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert precision.choose(Precision.FLOAT32, CPU) is Precision.FLOAT32
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert precision.choose(Precision.BFLOAT16, CPU) is Precision.BFLOAT16  # slow, but it was asked for


def test_a_device_that_cannot_compute_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> torch.Tensor:
        raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'BFloat16'")

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(torch, "ones", refuse)
    assert precision.choose(Precision.AUTO, CPU) is Precision.FLOAT32
    with pytest.raises(InputError, match="bfloat16") as error:
        precision.choose(Precision.BFLOAT16, CPU)
    assert error.value.problem.field == "precision"


@pytest.mark.parametrize(
    ("wanted", "dtype"), [(Precision.BFLOAT16, torch.bfloat16), (Precision.FLOAT32, torch.float32)]
)
def test_products_run_in_the_chosen_precision_and_nothing_is_said(
    capfd: pytest.CaptureFixture[str], wanted: Precision, dtype: torch.dtype
) -> None:
    fabric, chosen = fabric_for("cpu", wanted)
    assert chosen is wanted
    with fabric.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is dtype
    assert capfd.readouterr() == ("", "")


def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(UnavailableError, match="no GPU cuda:99") as error:
        torch_device("cuda:99")
    assert error.value.problem.field == "device"
