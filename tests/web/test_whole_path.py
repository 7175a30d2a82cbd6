"""The whole path over REST with the real engine: a dataset, a training, predictions, an evaluation, a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradus.client import ClassificationOptions, Client, TrainingOptions
from gradus.core.dataset import Split
from gradus.core.errors import NetworkError
from gradus.core.network import NetworkInput
from gradus.services.house import House
from gradus.services.settings import Settings
from gradus.web.app import create_app
from gradus.web.serve import address_of, listen, make_server

pytestmark = pytest.mark.slow


@contextmanager
def served(settings: Settings) -> Iterator[Client]:
    with House(settings).open("command") as house:
        listener = listen("127.0.0.1", 0)
        server = make_server(create_app(house))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        with Client(address_of(listener), house.keys.start_token, timeout=120) as client:
            yield client
        server.should_exit = True
        thread.join()
        listener.close()


def light_and_dark(folder: Path) -> Path:
    """Two classes that a network cannot fail to tell apart."""
    random = np.random.default_rng(7)
    for label, level in (("dark", 40), ("light", 200)):
        (folder / label).mkdir(parents=True)
        for number in range(60):
            pixels = random.normal(level, 15, (28, 28)).clip(0, 255).astype(np.uint8)
            assert cv2.imwrite(str(folder / label / f"{number}.png"), pixels)
    return folder


def test_from_pictures_to_predictions(settings: Settings) -> None:
    folder = light_and_dark(settings.data_roots[0] / "light")
    with served(settings) as client:
        dataset = client.datasets.create(
            ClassificationOptions(name="light", train=str(folder), width=28, height=28, channels=1)
        )
        model = client.models.create(  # its dataset is still being built
            TrainingOptions(name="m", dataset=dataset.id, epochs=8, batch_size=16, seed=1, device="cpu")
        )
        assert client.jobs.wait(dataset.id).state == "done"
        ended = client.jobs.wait(model.id)
        assert ended.state == "done", ended.problem
        facts = client.datasets.get(dataset.id).facts
        assert facts is not None
        assert facts.labels == ["dark", "light"]
        assert client.datasets.picture(dataset.id, Split.TRAIN, 0).startswith(b"\x89PNG")

        view = client.models.get(model.id)
        assert [snapshot.epoch for snapshot in view.snapshots] == [float(n) for n in range(1, 9)]
        assert {"train/loss", "val/accuracy", "learning_rate"} <= {s.name for s in client.models.series(model.id)}
        pictures = [folder / "dark" / "0.png", folder / "light" / "0.png", ("broken.png", b"no picture")]
        dark, light, broken = client.models.predict(model.id, pictures, top=1)
        assert dark.prediction is not None
        assert dark.prediction.classes[0].label == "dark"
        assert light.prediction is not None
        assert light.prediction.classes[0].label == "light"
        assert broken.problem is not None
        assert client.models.evaluate(model.id).top1 == 1.0

        text = client.networks.get("lenet").text
        given = NetworkInput(width=28, height=28, channels=1, classes=2)
        assert client.networks.draw(text, given).parameters > 400_000
        with pytest.raises(NetworkError) as caught:
            client.networks.draw(text.replace("Convolution", "Convultion", 1), given)
        line = 1 + text[: text.index("Convolution")].count("\n")
        assert caught.value.problem.line is not None
        assert abs(caught.value.problem.line - line) <= 3

    started = time.monotonic()
    with served(settings) as client:  # another server on the same home
        assert time.monotonic() - started < 30
        (again,) = client.models.predict(model.id, [folder / "light" / "1.png"], top=1)
        assert again.prediction is not None
        assert again.prediction.classes[0].label == "light"
