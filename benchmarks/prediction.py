"""A picture sent to a warm model over REST: what the request costs beyond the network's own forward."""

from __future__ import annotations

import subprocess
import sys
import time

import cv2
import torch

from benchmarks.measure import Row, typical
from benchmarks.peers.plain_pytorch import lenet
from benchmarks.server import Served, served
from benchmarks.setting import Setting
from gradus.core.classification import ClassificationOptions
from gradus.core.model import TrainingOptions

REQUESTS = 200
FEW = 2_000  # pictures are enough: how well the model knows digits does not matter here
FRESH = "import torch; from benchmarks.peers.plain_pytorch import lenet; lenet()(torch.zeros(1, 1, 28, 28))"


def run(setting: Setting) -> list[Row]:
    images, _ = setting.digits.all
    picture = cv2.imencode(".png", images[0])[1].tobytes()
    with served(setting.work / "home") as server:
        model = _model(server, setting)
        server.client.models.predict(model, [("digit.png", picture)])
        request = typical(lambda: server.client.models.predict(model, [("digit.png", picture)]), REQUESTS)
    forward = _forward()
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", FRESH], check=True)
    fresh = time.perf_counter() - start
    return [
        Row(
            name="prediction", what="warm prediction over REST, beyond the forward itself", unit="ms", better="less",
            ours=(request - forward) * 1000, peer=fresh * 1000, peer_name="a process for each picture", bar=5.0,
            bar_kind="figure",
        )
    ]  # fmt: skip


def _model(server: Served, setting: Setting) -> str:
    options = ClassificationOptions(
        name="digits", train=str(setting.digits.write_folder()), channels=1, width=28, height=28,
        maximum_per_class=FEW // 10,
    )  # fmt: skip
    dataset = server.client.datasets.create(options)
    job = server.client.models.create(TrainingOptions(name="digits", dataset=dataset.id, epochs=1, seed=1))
    ended = server.client.jobs.wait(job.id)
    assert ended.state == "done", ended.problem
    return job.id


def _forward() -> float:
    """Seconds of the network alone, for one picture on one thread (a small network gains nothing from two)."""
    net, image = lenet().eval(), torch.zeros(1, 1, 28, 28)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        seconds = typical(lambda: net(image), REQUESTS)
    torch.set_num_threads(threads)
    return seconds
