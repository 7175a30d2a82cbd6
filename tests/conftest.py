"""What all tests share: how hypothesis draws, stand-ins for what a house starts, a report that remembers.

Web servers on this machine that count who connects, and a store that speaks S3. And Caffe's messages as the
protobuf runtime has them, to read what Gradus writes.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import settings

from gradus.core.errors import NetworkError, UnavailableError
from gradus.core.network import Graph
from gradus.jobs.orders import NetworkQuestion

Field = descriptor_pb2.FieldDescriptorProto

# A commit passes or fails, whatever the day and however busy the machine: the examples are drawn from the tests
# themselves, and none has a deadline. `--hypothesis-profile=default` searches anew.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


class StubHost:
    """In place of the engine host: no process, no torch. Text with `broken` in it does not compile."""

    ready = True
    hopeless = False

    def __init__(self) -> None:
        self.asked: list[NetworkQuestion] = []

    def start(self) -> None: ...
    def close(self) -> None: ...
    def wait(self, timeout: float) -> bool:
        return True

    def watch(self, watcher: Callable[[], None]) -> None: ...
    def ask(self, question: NetworkQuestion, timeout: float = 60) -> Graph:
        self.asked.append(question)
        if not self.ready:
            raise UnavailableError("the engine is starting")
        if "broken" in question.text:
            raise NetworkError("there is no layer type `Broken`", line=1 + question.text.split("broken")[0].count("\n"))
        return Graph(
            name="net", phase=question.phase, nodes=[], edges=[], inputs=["data"], outputs=["loss"], parameters=0,
            multiply_adds=0, batch_size=question.given.batch_size or 1,
        )  # fmt: skip


class Idle:
    """An executor that never starts anything."""

    def ready(self, kind: object) -> bool:
        return False

    def start(self, folder: Path, task: object) -> object:
        raise UnavailableError("nothing is started here")

    def collect(self) -> None: ...
    def watch(self, wake: Callable[[], None]) -> None: ...


@pytest.fixture
def host() -> StubHost:
    return StubHost()


@pytest.fixture
def executor() -> Idle:
    return Idle()


@pytest.fixture
def make_pictures() -> Callable[..., Path]:
    """Draws a folder of classes: `make_pictures(folder, ("cat", "dog"), count=6, side=16)`."""

    def make(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 6, side: int = 16) -> Path:
        random = np.random.default_rng(0)
        for label in classes:
            (folder / label).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = random.integers(0, 255, (side, side, 3), np.uint8)
                assert cv2.imwrite(str(folder / label / f"{number}.png"), pixels)
        return folder

    return make


class Memory:
    """A report that remembers what it was told; `stop_after` ends the work at that many looks."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.told: list[tuple[float, str, float | None]] = []
        self.warnings: list[str] = []
        self.counted: dict[str, list[int]] = {}
        self.looks = 0
        self.stop_after = stop_after

    def progress(self, fraction, activity, rate=None):
        self.told.append((fraction, activity, rate))

    def metrics(self, step, epoch, values):
        raise AssertionError("a dataset has no metrics")

    def snapshot(self, snapshot):
        raise AssertionError("a dataset has no snapshots")

    def counts(self, split, labels, counts):
        assert len(labels) == len(counts)
        self.counted[split] = list(counts)

    def warning(self, message):
        self.warnings.append(message)

    def stopping(self):
        self.looks += 1
        return self.stop_after is not None and self.looks > self.stop_after


@pytest.fixture
def memory():
    return Memory


@pytest.fixture(scope="session")
def caffe():
    """`Datum` and `BlobProto` as caffe.proto declares them."""
    file = descriptor_pb2.FileDescriptorProto(name="test_caffe.proto", package="test", syntax="proto2")
    messages = {
        "Datum": [
            ("channels", 1, Field.TYPE_INT32, False),
            ("height", 2, Field.TYPE_INT32, False),
            ("width", 3, Field.TYPE_INT32, False),
            ("data", 4, Field.TYPE_BYTES, False),
            ("label", 5, Field.TYPE_INT32, False),
            ("float_data", 6, Field.TYPE_FLOAT, True),
            ("encoded", 7, Field.TYPE_BOOL, False),
        ],
        "BlobShape": [("dim", 1, Field.TYPE_INT64, True)],
        "BlobProto": [
            ("num", 1, Field.TYPE_INT32, False),
            ("channels", 2, Field.TYPE_INT32, False),
            ("height", 3, Field.TYPE_INT32, False),
            ("width", 4, Field.TYPE_INT32, False),
            ("data", 5, Field.TYPE_FLOAT, True),
            ("shape", 7, Field.TYPE_MESSAGE, False),
        ],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, type=kind, label=label)
            if kind == Field.TYPE_MESSAGE:
                added.type_name = ".test.BlobShape"
            if (repeated and name == "BlobProto") or field == "dim":
                added.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return SimpleNamespace(
        **{name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}")) for name in messages}
    )


class Listener:
    """Accepts connections, counts them, and lets `talk` answer each after its request has come."""

    def __init__(self, talk: Callable[[socket.socket], None] = lambda _: None) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._talk = talk
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._one, args=(taken,), daemon=True).start()

    def _one(self, taken: socket.socket) -> None:
        with taken, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request and (more := taken.recv(65536)):
                request += more
            self.requests.append(request)
            self._talk(taken)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Site:
    """A web server with the pages of a dictionary: path -> content, or (status, headers, content)."""

    def __init__(self) -> None:
        self.pages: dict[str, object] = {}
        self.asked: list[str] = []
        self.agents: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append(self.path)
                site.agents.append(self.headers["User-Agent"])
                page = site.pages.get(self.path, (404, {}, b"no such page"))
                page = page() if callable(page) else page
                status, headers, content = page if isinstance(page, tuple) else (200, {}, page)
                content = content.encode() if isinstance(content, str) else content
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://pictures.test:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def listener() -> Iterator[Callable[..., Listener]]:
    with contextlib.ExitStack() as stack:

        def make(talk: Callable[[socket.socket], None] = lambda _: None) -> Listener:
            made = Listener(talk)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture(scope="session")
def store() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket_of_pets(store: str):
    """A client of the store, with an empty bucket `pets`."""
    import boto3

    made = boto3.client(
        "s3", endpoint_url=store, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    made.create_bucket(Bucket="pets")
    yield made
    for each in made.get_paginator("list_objects_v2").paginate(Bucket="pets"):
        for one in each.get("Contents", ()):
            made.delete_object(Bucket="pets", Key=one["Key"])
    made.delete_bucket(Bucket="pets")
    made.close()
