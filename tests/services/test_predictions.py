from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.errors import ConflictError, InputError, NotFoundError, Problem
from gradus.core.job import Job
from gradus.core.model import ClassScore, Prediction, TrainingOptions
from gradus.engine.snapshot_files import writing
from gradus.services import datasets, models, predictions
from gradus.services.house import House
from gradus.services.predictions import Upload


class Oracle:
    """In place of the warm models: says of every picture how many bytes it has."""

    def predict(
        self, folder: Path, snapshot: str | None, pictures: Sequence[bytes], top: int
    ) -> list[Prediction | Problem]:
        assert snapshot in (None, "epoch-00001.00")
        return [
            Prediction(
                input="", snapshot="epoch-00001.00", epoch=1, milliseconds=0.1,
                classes=[ClassScore(label=str(len(picture)), index=0, probability=1.0)][:top],
            )
            if picture != b"bad" else Problem(code="image_error", message="not a picture")
            for picture in pictures
        ]  # fmt: skip

    def close(self) -> None: ...


@pytest.fixture
def model(house: House, pictures: Path) -> Job:
    dataset = datasets.create(house, ClassificationOptions(name="pets", train=str(pictures)))
    return models.create(house, TrainingOptions(name="m", dataset=dataset.id))


@pytest.fixture
def snapshot(house: House, model: Job) -> None:
    with writing(house.home.job_folder(model.id), epoch=1, step=10, metrics={}) as draft:
        draft.add("weights.safetensors", b"weights")


def test_without_a_snapshot_there_is_nothing_to_ask(house: House, model: Job) -> None:
    with pytest.raises(ConflictError, match="snapshot") as caught:
        predictions.predict(house, model.id, [Upload("a.png", b"x")])
    assert caught.value.problem.code == "no_snapshot"


@pytest.mark.usefixtures("snapshot")
def test_answers_keep_the_order_of_uploads_and_paths(house: House, model: Job, pictures: Path) -> None:
    house.predictors = Oracle()  # type: ignore[assignment]
    path = pictures / "cat" / "0.png"
    asked = [Upload("first.png", b"12345"), str(path), Upload("bad.png", b"bad"), "/etc/shadow", str(pictures / "none")]
    found = predictions.predict(house, model.id, asked)
    labels = [r.prediction.classes[0].label if r.prediction else r.problem and r.problem.code for r in found]
    assert labels == ["5", str(path.stat().st_size), "image_error", "outside_data_roots", "path_error"]
    assert [r.input for r in found] == ["first.png", "0.png", "bad.png", "/etc/shadow", str(pictures / "none")]
    assert found[1].picture.startswith("data:image/png;base64,")
    assert found[0].picture == ""


@pytest.mark.usefixtures("snapshot")
def test_nothing_and_too_much_are_refused(house: House, model: Job) -> None:
    for pictures, top, field in (
        ([], 5, "image"),
        ([Upload("a", b"")] * 101, 5, "image"),
        ([Upload("a", b"")], 0, "top"),
    ):
        with pytest.raises(InputError) as caught:
            predictions.predict(house, model.id, pictures, top=top)
        assert caught.value.problem.field == field


@pytest.mark.usefixtures("snapshot")
@pytest.mark.parametrize("name", ["epoch-00002.00", "../../../etc", "..", ".writing-x", "epoch-00001.00/../x"])
def test_a_snapshot_that_is_not_there_is_not_found(house: House, model: Job, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        predictions.predict(house, model.id, [Upload("a.png", b"x")], snapshot=name)
    assert caught.value.problem.field == "snapshot"
    assert "epoch-00001.00" in (caught.value.problem.hint or "")
