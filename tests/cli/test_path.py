"""The whole path from a shell, with no server and then with one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gradus.core.job import JOB_ID

Run = Callable[..., subprocess.CompletedProcess[str]]

NETWORK = """
name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 8 } }
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" exclude { stage: "deploy" } }
layer { name: "accuracy" type: "Accuracy" bottom: "score" bottom: "label" top: "accuracy" include { stage: "val" } }
layer { name: "softmax" type: "Softmax" bottom: "score" top: "softmax" include { stage: "deploy" } }
"""


WITH_PYTHON = NETWORK.replace('bottom: "data"', 'bottom: "halved"').replace(
    'layer { name: "score"',
    'layer { name: "halved" type: "Python" bottom: "data" top: "halved"'
    ' python_param { module: "digits_python_layers" layer: "Halved" } }\nlayer { name: "score"',
)
HALVED = """
import caffe

class Halved(caffe.Layer):
    def setup(self, bottom, top):
        self.side = 2
        assert self.side == 2

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data / 2

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = top[0].diff / 2
"""


@pytest.fixture(scope="module")
def made(gradus: Run, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A dataset and a model, each made by one command that hosts all it needs by itself."""
    built = gradus(
        "dataset", "create", "classification", "--name", "two", "--train", pictures, "--width", 12, "--height", 12,
        "--channels", 1,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    network = tmp_path_factory.mktemp("network") / "small.prototxt"
    network.write_text(NETWORK)
    trained = gradus(
        "train", "two", "--network", network, "--epochs", 15, "--learning-rate", "1e-5", "--seed", 1,
        "--precision", "float32", "--policy", "fixed",
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    return built.stdout.strip(), trained.stdout.strip()


@pytest.fixture(scope="module")
def served(made: tuple[str, str], start: Callable[..., subprocess.Popen[str]]) -> tuple[str, str]:
    """The same two, with a server that holds the home: commands are quicker and go to it."""
    server = start("serve", "--port", 0, "--json")
    for line in server.stdout:
        if line.startswith("}"):
            break
    return made


def test_commands_print_the_id_and_nothing_else(made: tuple[str, str]) -> None:
    assert all(JOB_ID.fullmatch(job_id) for job_id in made)


def test_the_home_is_free_afterwards(made: tuple[str, str], home: Path) -> None:
    assert not (home / "server.json").exists()


def test_the_model_is_named_after_its_network_and_found_by_name(gradus: Run, served: tuple[str, str]) -> None:
    shown = json.loads(gradus("jobs", "show", "small", "--json").stdout)
    assert shown["job"]["id"] == served[1]
    assert shown["options"]["network"] == "custom"
    assert shown["latest"]["val/accuracy"] == 1.0


def test_jobs_are_listed_newest_first(gradus: Run, served: tuple[str, str]) -> None:
    listed = json.loads(gradus("jobs", "list", "--json").stdout)
    assert [job["id"] for job in listed] == [served[1], served[0]]
    assert {job["state"] for job in listed} == {"done"}
    table = gradus("jobs", "list", "--kind", "model").stdout
    assert served[1] in table
    assert served[0] not in table


def test_pictures_are_told_apart(gradus: Run, served: tuple[str, str], pictures: Path) -> None:
    files = [pictures / "dark" / "00.png", pictures / "bright" / "00.png"]
    answers = json.loads(gradus("predict", "small", *files, "--top", 1, "--json").stdout)
    assert [answer["prediction"]["classes"][0]["label"] for answer in answers] == ["dark", "bright"]
    assert [answer["input"] for answer in answers] == [str(file) for file in files]


def test_a_picture_that_is_none_does_not_hide_the_others(
    gradus: Run, served: tuple[str, str], pictures: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "notes.png"
    bad.write_text("not a picture")
    ran = gradus("predict", served[1], bad, pictures / "dark" / "01.png")
    assert ran.returncode == 2
    assert "notes.png" in ran.stderr
    assert "dark" in ran.stdout


def test_a_model_is_measured_on_its_validation_pictures(gradus: Run, served: tuple[str, str]) -> None:
    measured = json.loads(gradus("evaluate", "small", "--split", "val", "--json").stdout)
    assert measured["count"] == 10  # a quarter of twenty, twice
    assert measured["top1"] == 1.0
    assert measured["confusion"] == [[5, 0], [0, 5]]


def test_a_dataset_in_use_is_kept(gradus: Run, served: tuple[str, str]) -> None:
    ran = gradus("jobs", "delete", "two")
    assert ran.returncode == 2
    assert "small" in ran.stderr


def test_what_is_wrong_with_a_network_is_said_of_its_file(gradus: Run, served: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine.prototxt").write_text(NETWORK.replace("InnerProduct", "InnerProdct", 1))
    ran = gradus("train", "two", "--network", tmp_path / "mine.prototxt")
    assert ran.returncode == 2
    assert "mine.prototxt: line 4:" in ran.stderr
    assert "Hint: " in ran.stderr


def test_a_network_with_a_layer_in_python_is_trained_and_asked(
    gradus: Run, served: tuple[str, str], tmp_path: Path, pictures: Path
) -> None:
    (tmp_path / "halved.py").write_text(HALVED)
    (tmp_path / "mine.prototxt").write_text(WITH_PYTHON)
    given = ["--network", tmp_path / "mine.prototxt", "--python-layers", tmp_path / "halved.py", "--epochs", "1"]
    ran = gradus("train", "two", *given, "--name", "with python")
    assert ran.returncode == 0, ran.stderr
    picture = next(pictures.rglob("*.png"))
    answer = gradus("predict", "with python", picture)
    assert answer.returncode == 0, answer.stderr
    broken = tmp_path / "broken.py"
    broken.write_text(HALVED.replace("self.side", "self.nothing", 1))
    ran = gradus("train", "two", *given[:2], "--python-layers", broken)
    assert ran.returncode == 2
    assert "line 7 of module" in ran.stderr  # where it is asserted
    assert "AttributeError" in ran.stderr


def test_a_training_that_fails_says_why_and_exits_with_one(
    gradus: Run, served: tuple[str, str], tmp_path: Path
) -> None:
    network = tmp_path / "wild.prototxt"
    network.write_text(NETWORK)
    ran = gradus("train", "two", "--network", network, "--learning-rate", "1e25", "--precision", "float32")
    assert ran.returncode == 1
    assert "learning rate" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_folder_without_pictures_exits_with_one_or_two(gradus: Run, tmp_path: Path) -> None:
    ran = gradus("dataset", "create", "classification", "--name", "none", "--train", tmp_path)
    assert ran.returncode in (1, 2)
    assert ran.stdout == ""
    assert "Error: " in ran.stderr


def test_a_layer_that_nobody_knows_is_named_with_its_line(gradus: Run, served: tuple[str, str]) -> None:
    ran = gradus("train", "two", "--network", "-", stdin=NETWORK.replace('"InnerProduct"', '"InnerProdukt"'))
    assert ran.returncode == 2
    assert "--network" in ran.stderr
    assert "line 4" in ran.stderr
    assert "InnerProdukt" in ran.stderr


def test_names_that_are_none_list_what_there_is(gradus: Run, served: tuple[str, str]) -> None:
    ran = gradus("predict", "smal", __file__)
    assert ran.returncode == 2
    assert "small" in ran.stderr


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A home that nobody holds."""
    return tmp_path / "other"


def test_detached_work_goes_on_without_the_command(gradus: Run, other: Path, pictures: Path) -> None:
    begun = gradus(
        "dataset", "create", "classification", "--name", "later", "--train", pictures, "--width", 8, "--height", 8,
        "--detach", home=other,
    )  # fmt: skip
    assert begun.returncode == 0, begun.stderr
    followed = gradus("jobs", "follow", begun.stdout.strip(), "--json", home=other)
    assert followed.returncode == 0, followed.stderr
    assert json.loads(followed.stdout)["state"] == "done"
