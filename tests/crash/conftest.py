from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw

from gradus.core.classification import ClassificationOptions
from gradus.core.job import Job
from gradus.core.model import Precision, TrainingOptions
from gradus.core.state import ENDED, JobState
from gradus.engine.snapshot_files import list_snapshots
from gradus.jobs.events import EventReader

SECONDS = 120  # far beyond what anything here takes


class Server:
    """The real server on a home of its own, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gradus.cli.main", "serve", "--port", "0", "--auth", "none"]
        command += ["--home", str(self.home), "--data-root", str(self.folder)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.until(lambda: self._url() is not None)
        self.rest = httpx.Client(base_url=f"{self._url()}/api/v1", timeout=SECONDS)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.rest.close()

    def create(self, kind: str, options: ClassificationOptions | TrainingOptions) -> Job:
        answer = self.rest.post(f"/{kind}", json=options.model_dump(mode="json"))
        assert answer.is_success, answer.text
        return Job.model_validate(answer.json())

    def job(self, job_id: str) -> Job:
        return Job.model_validate(self.rest.get(f"/jobs/{job_id}").json()["job"])

    def until_ended(self, job_id: str) -> Job:
        self.until(lambda: self.job(job_id).state in ENDED)
        return self.job(job_id)

    def until(self, condition) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()[-2000:]
            time.sleep(0.05)

    def series(self, job_id: str, prefix: str) -> dict[int, dict[str, float | None]]:
        """The values by step of the series so called; of a step that was done twice the later, as charts show it."""
        found: dict[int, dict[str, float | None]] = {}
        reader = EventReader(self.home / "jobs" / job_id / "events.jsonl")
        while events := reader.read():
            assert reader.garbled == []
            for event in events:
                values = {
                    name: value for name, value in getattr(event, "values", {}).items() if name.startswith(prefix)
                }
                if values:
                    found[event.step] = values
        return found

    def total_loss(self, job_id: str) -> tuple[int, float]:
        """The last step, and the loss summed over all steps.

        A point is the mean since the point before, and when points are made depends on the clock; but
        their sum does not, unless one is missing.
        """
        total, before = 0.0, 0
        for step, values in self.series(job_id, "train/loss").items():
            total += (step - before) * values["train/loss"]
            before = step
        return before, total

    def weights(self, job_id: str) -> dict[str, bytes]:
        """The files of the last snapshot that say what was learned."""
        folder = self.home / "jobs" / job_id
        last = list_snapshots(folder)[-1]
        return {last.name: (folder / "snapshots" / last.name / "weights.safetensors").read_bytes()}

    def _url(self) -> str | None:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
        try:
            announced = json.loads((self.home / "server.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return announced["url"] or None if announced["pid"] == self.process.pid else None


def _draw(folder: Path) -> None:
    """Three classes of pictures that differ enough to be learned and not so much that nothing is to learn."""
    for number in range(3 * 24):
        picture = Image.new("L", (28, 28), 40 + number % 7)
        box = (3 + number % 5, 4 + number % 3, 20 + number % 4, 21 + number % 5)
        draw = ImageDraw.Draw(picture)
        (draw.ellipse, draw.rectangle, draw.line)[number % 3](box, fill=150 + number)
        target = folder / ("disc", "square", "line")[number % 3] / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("crash"))
    _draw(made.folder / "pictures")
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def options(server: Server) -> TrainingOptions:
    """What all the trainings here are asked for."""
    dataset = server.create(
        "datasets",
        ClassificationOptions(
            name="shapes", train=str(server.folder / "pictures"), width=28, height=28, channels=1, validation_percent=25
        ),
    )
    assert server.until_ended(dataset.id).state is JobState.DONE
    return TrainingOptions(
        name="training", dataset=dataset.id, network="lenet", epochs=60, seed=7, device="cpu", snapshot_interval=3,
        validation_interval=3, precision=Precision.FLOAT32, batch_size=4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(server: Server, options: TrainingOptions) -> str:
    """The id of a training that ran through."""
    job = server.create("models", options)
    ended = server.until_ended(job.id)
    assert ended.state is JobState.DONE, ended
    return job.id


@pytest.fixture
def seed() -> int:
    """Of the moments at which things are killed; GRADUS_CRASH_SEED repeats those of an earlier run."""
    return int(os.environ.get("GRADUS_CRASH_SEED", "0")) or int.from_bytes(os.urandom(4))
