"""Predictions: prepared as the dataset was, the same alone and in company, and patient with bad pictures."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from gradus.core.dataset import Split
from gradus.core.errors import ConflictError, NotFoundError, Problem, UnavailableError
from gradus.core.model import Prediction
from gradus.data.batches import open_split
from gradus.data.facts import read_facts
from gradus.data.mean import read_mean
from gradus.engine import snapshot_files as files
from gradus.engine.evaluate import Stopped, evaluate
from gradus.engine.predict import Predictor


@pytest.fixture(scope="module")
def predictor(trained: Path) -> Predictor:
    return Predictor(trained)


def by_hand(model: Path, pixels: np.ndarray) -> np.ndarray:
    """The tiny network in numpy, in double precision: probabilities of one gray picture (12, 12)."""
    w = {k: v.astype(np.float64) for k, v in load_file(_newest(model) / files.WEIGHTS).items()}
    x = (pixels.astype(np.float64) - read_mean(model / "mean.binaryproto")[0]) * np.float64(np.float32(0.0125))
    maps = np.empty((6, 10, 10))
    for o in range(6):
        for y in range(10):
            for z in range(10):
                maps[o, y, z] = (x[y : y + 3, z : z + 3] * w["conv1.weight"][o, 0]).sum() + w["conv1.bias"][o]
    pooled = np.maximum(maps.reshape(6, 5, 2, 5, 2).max(axis=(2, 4)), 0)
    scores = w["ip1.weight"] @ pooled.ravel() + w["ip1.bias"]
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def _newest(model: Path) -> Path:
    return files.snapshot_folder(model, files.list_snapshots(model)[-1].name)


@pytest.mark.parametrize("kind", ["across", "down", "plain"])
def test_probabilities_are_those_of_the_network_written_out(
    predictor: Predictor, trained: Path, pictures: Path, kind: str
) -> None:
    path = pictures / kind / "03.png"
    (answer,) = predictor.predict([path], top=3)
    assert isinstance(answer, Prediction)
    expected = by_hand(trained, np.asarray(Image.open(path)))
    assert {c.index: c.probability for c in answer.classes} == pytest.approx(dict(enumerate(expected)), abs=1e-5)
    assert answer.classes[0].label == kind
    assert [c.probability for c in answer.classes] == sorted((c.probability for c in answer.classes), reverse=True)
    assert (answer.input, answer.snapshot, answer.epoch) == (str(path), "epoch-00012.00", 12.0)


def test_many_at_once_are_what_each_is_alone(predictor: Predictor, pictures: Path) -> None:
    paths = sorted(pictures.rglob("*.png"))[::7]
    together = predictor.predict(paths, top=3)
    for path, answer in zip(paths, together, strict=True):
        (alone,) = predictor.predict([path.read_bytes()], top=3)
        assert isinstance(answer, Prediction)
        assert isinstance(alone, Prediction)
        assert [(c.index, pytest.approx(c.probability, abs=1e-6)) for c in answer.classes] == [
            (c.index, c.probability) for c in alone.classes
        ]


def test_bad_pictures_beside_good_ones(predictor: Predictor, pictures: Path, tmp_path: Path) -> None:
    good = pictures / "down" / "00.png"
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.read_bytes()[:60])
    answers = predictor.predict([cut, good, b"", b"no picture at all", good], top=1)
    assert [isinstance(a, Problem) for a in answers] == [True, False, True, True, False]
    assert answers[1].classes[0].label == answers[4].classes[0].label == "down"
    assert {a.code for a in answers if isinstance(a, Problem)} == {"image_error"}
    assert all(isinstance(a, Problem) for a in predictor.predict([cut], top=1))
    assert predictor.predict([], top=1) == []


def test_other_sizes_and_colours_are_brought_to_the_datasets(predictor: Predictor, pictures: Path) -> None:
    image = Image.open(pictures / "across" / "05.png")
    large = io.BytesIO()
    image.resize((120, 120), Image.Resampling.NEAREST).convert("RGB").save(large, "PNG")
    (answer,) = predictor.predict([large.getvalue()], top=1)
    assert isinstance(answer, Prediction)
    assert answer.classes[0].label == "across"
    assert answer.input == "picture 1"


@pytest.mark.parametrize(("top", "expected"), [(1, 1), (2, 2), (99, 3), (0, 1)])
def test_how_many_classes(predictor: Predictor, pictures: Path, top: int, expected: int) -> None:
    (answer,) = predictor.predict([pictures / "down" / "00.png"], top=top)
    assert isinstance(answer, Prediction)
    assert len(answer.classes) == expected


def test_snapshots_by_name(trained: Path) -> None:
    assert Predictor(trained, "epoch-00003.00").snapshot.step == 39
    with pytest.raises(NotFoundError):
        Predictor(trained, "epoch-00099.00")
    with pytest.raises(UnavailableError):
        Predictor(trained, None, "cuda:77")


def test_a_folder_that_is_no_model_yet(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no snapshot yet"):
        Predictor(tmp_path)


def test_threads_are_as_many_after_as_before(predictor: Predictor, pictures: Path) -> None:
    before = torch.get_num_threads()
    predictor.predict([pictures / "down" / "00.png"])
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("split", "count"), [(Split.VAL, 30), (Split.TRAIN, 90)])
def test_evaluation_counts_what_predictions_say(
    trained: Path, dataset: Path, report, split: Split, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradus.engine.memory.EVALUATION_BATCH", 7)
    said = report()
    found = evaluate(trained, dataset, split, None, "cpu", said)
    samples = open_split(dataset, read_facts(dataset), split)
    truth, pixels = samples.labels, samples.all()[..., 0]
    probabilities = np.stack([by_hand(trained, picture) for picture in pixels])
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (truth, probabilities.argmax(1)), 1)
    assert (found.count, found.snapshot, found.split) == (count, "epoch-00012.00", split)
    assert found.confusion == confusion.tolist()
    assert found.top1 == pytest.approx(confusion.trace() / count)
    assert found.top5 == 1.0  # there are three classes
    assert found.loss == pytest.approx(-np.log(probabilities[np.arange(count), truth]).mean(), rel=1e-4)
    assert said.told[-1][0] == 1
    samples.close()


def test_evaluating_what_cannot_be(trained: Path, dataset: Path, tmp_path: Path, report) -> None:
    with pytest.raises(NotFoundError, match="no test pictures") as error:
        evaluate(trained, dataset, Split.TEST, None, "cpu", report())
    assert error.value.problem.hint == "It has: train, val."
    other = tmp_path / "other"
    other.mkdir()
    facts = read_facts(dataset).model_copy(update={"labels": ["a", "b", "c"]})
    (other / "dataset.json").write_text(facts.model_dump_json())
    with pytest.raises(ConflictError, match="other classes"):
        evaluate(trained, other, Split.VAL, None, "cpu", report())
    with pytest.raises(Stopped):
        evaluate(trained, dataset, Split.VAL, None, "cpu", report(until=lambda _: True))
