"""Series: means over the steps between two points, and the step at which a loss was lost."""

import math

import pytest
import torch

from gradus.engine import series
from gradus.engine.series import Average, Recorder
from gradus.nets.network import Outputs

CPU = torch.device("cpu")


def outputs(loss: float, accuracy: float = 0.5) -> Outputs:
    values = {"loss": torch.tensor(loss), "accuracy": torch.tensor([accuracy]), "scores": torch.zeros(4, 3)}
    return Outputs(values, torch.tensor(loss))


def add(recorder: Recorder, step: int, given: Outputs) -> bool:
    assert given.loss is not None
    return recorder.add(step, given, given.loss)


def test_means_since_the_last_reading() -> None:
    recorder = Recorder("train/", CPU)
    assert not any(add(recorder, step, outputs(loss)) for step, loss in enumerate([3.0, 2.0, 1.0], 1))
    assert recorder.read().values == {"train/loss": 2.0, "train/accuracy": 0.5}
    add(recorder, 4, outputs(10.0, 1.0))
    assert recorder.read() == series.Reading({"train/loss": 10.0, "train/accuracy": 1.0}, None)
    assert recorder.read() == series.Reading({}, None)


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_the_first_lost_step_is_named(lost: float) -> None:
    recorder = Recorder("train/", CPU)
    assert not add(recorder, 11, outputs(1.0))
    assert add(recorder, 12, outputs(lost))
    assert add(recorder, 13, outputs(lost))
    reading = recorder.read()
    assert reading.diverged == 12
    assert reading.values["train/loss"] is None
    assert reading.values["train/accuracy"] == 0.5


def test_several_batches_may_make_up_a_step() -> None:
    recorder = Recorder("train/", CPU)
    for step, loss in [(4, 1.0), (4, 3.0), (5, 2.0), (5, math.nan)]:
        add(recorder, step, outputs(loss))
    assert recorder.read().diverged == 5


def test_a_full_table_asks_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "ROWS", 3)
    recorder = Recorder("train/", CPU)
    assert [add(recorder, step, outputs(1.0)) for step in (1, 2, 3)] == [False, False, True]
    assert recorder.read().values["train/loss"] == 1.0


def test_each_batch_weighs_what_it_holds() -> None:
    average = Average("val/")
    average.add(outputs(1.0, 0.0), 30)
    average.add(outputs(4.0, 1.0), 10)
    assert average.read() == {"val/loss": 1.75, "val/accuracy": 0.25}
