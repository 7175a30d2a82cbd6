"""The engine host: what it forks is clean, what it forks may die, and it may die itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gradus.core.errors import MemoryLimitError, NetworkError, UnavailableError
from gradus.core.job import JobKind
from gradus.core.network import NetworkInput
from gradus.data.files import write_json
from gradus.jobs.engine_host import EngineHost
from gradus.jobs.executors.local import LocalExecutor
from gradus.jobs.orders import NetworkQuestion
from gradus.jobs.processes import identify, is_alive
from gradus.jobs.task import Task
from gradus.jobs.worker_exit import read_exit

FAKE_HOST = Path(__file__).with_name("fake_host.py")
GIVEN = NetworkInput(width=28, height=28, channels=1, classes=10)


@pytest.fixture
def host():
    made = EngineHost((sys.executable, "-P", str(FAKE_HOST)))
    made.start()
    assert made.wait(30)
    yield made
    made.close()


def _question(text: str) -> NetworkQuestion:
    return NetworkQuestion(text=text, given=GIVEN)


def test_questions_are_answered_each_in_a_process_of_its_own(host):
    with ThreadPoolExecutor(8) as pool:
        texts = ["x" * n * 50_000 for n in range(1, 9)]  # longer than a socket's buffer
        graphs = list(pool.map(lambda text: host.ask(_question(text)), texts))
    assert [int(graph.outputs[0]) for graph in graphs] == [len(text) for text in texts]
    assert len({graph.name for graph in graphs}) == 8
    assert str(host.pid) not in {graph.name for graph in graphs}


def test_a_child_inherits_no_descriptor_but_its_own(host):
    first, second = host.ask(_question("a")), host.ask(_question("b"))
    descriptors = first.inputs[0].split(",")
    assert len(descriptors) == 5  # the three streams, its socket, and the one that lists the folder
    assert second.inputs == first.inputs


def test_the_problem_of_a_network_is_told_with_its_line(host):
    with pytest.raises(NetworkError, match="no such layer") as caught:
        host.ask(_question("wrong"))
    assert caught.value.problem.line == 7


def test_a_question_that_crashes_or_hangs_harms_nobody(host):
    pid = host.pid
    with pytest.raises(UnavailableError, match="crash"):
        host.ask(_question("crash"))
    with pytest.raises(UnavailableError, match="within 1 seconds"):
        host.ask(_question("hang"), timeout=1)
    with pytest.raises(MemoryLimitError, match="1,024 MiB"):
        host.ask(_question("greedy"))
    children = Path(f"/proc/{pid}/task/{pid}/children")
    assert host.ask(_question("fine")).outputs == ["4"]
    assert host.pid == pid
    _until(lambda: children.read_text() == "")


def test_a_host_that_is_killed_is_started_again(host):
    first = host.pid
    told = []
    host.watch(lambda: told.append(host.ready))
    os.kill(first, signal.SIGKILL)
    _until(lambda: host.ready and host.pid != first)
    assert host.ask(_question("fine")).outputs == ["4"]
    assert told[0] is False
    assert told[-1] is True


@pytest.mark.parametrize("command", [(sys.executable, "-c", "raise SystemExit(1)"), ("/nowhere/python",)])
def test_a_host_that_cannot_start_is_given_up_and_trainings_do_without(monkeypatch, command):
    monkeypatch.setattr("gradus.jobs.engine_host.PAUSES", (0.01,))
    host = EngineHost(command)
    executor = LocalExecutor(host)
    host.start()
    assert executor.ready(JobKind.DATASET)
    assert not host.ready
    _until(lambda: host.hopeless)
    assert executor.ready(JobKind.MODEL)
    with pytest.raises(UnavailableError):
        host.ask(_question("fine"), timeout=0.1)
    host.close()


def test_the_end_of_a_worker_is_recorded(host, tmp_path):
    identity = host.fork_worker(tmp_path, "nonce")  # there is no task: it is late
    _until(lambda: read_exit(tmp_path, identity.pid))
    assert read_exit(tmp_path, identity.pid).code == 75
    assert not is_alive(identity)


def test_workers_outlive_the_host_and_the_host_does_not_outlive_the_server(tmp_path):
    """The server is killed: the host ends at once, the worker goes on with the session that it leads."""
    task = Task(job_id="x", kind=JobKind.MODEL, type="classification", options={}, nonce="n")
    write_json(tmp_path / "task.json", task)
    script = """
import sys, time
from pathlib import Path
from gradus.jobs.engine_host import EngineHost
host = EngineHost((sys.executable, "-c", sys.argv[1]))
host.start()
host.wait(30)
worker = host.fork_worker(Path(sys.argv[2]), "n")
print(host.pid, worker.pid, flush=True)
time.sleep(600)
"""
    sleepy_host = """
import os, socket, sys, time
from gradus.jobs import host, worker
worker.run = lambda folder, nonce: time.sleep(600)
sys.modules["torch"] = None
host._WORK["worker"] = lambda order, passed: worker.run(order.folder, order.nonce)
host.Host(socket.socket(fileno=int(sys.argv[-1]))).serve()
os._exit(0)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, sleepy_host, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as server:
        host, worker = (identify(int(pid)) for pid in server.stdout.readline().split())
        server.kill()
        server.wait()
        _until(lambda: not is_alive(host))
        assert is_alive(worker)
        assert os.getsid(worker.pid) == worker.pid
        os.kill(worker.pid, signal.SIGKILL)


def test_the_server_side_loads_neither_torch_nor_what_reads_pictures():
    check = (
        "import sys; import gradus.jobs.scheduler, gradus.jobs.executors.local, gradus.jobs.predictors,"
        "gradus.jobs.store; print({'torch', 'cv2', 'numpy', 'lmdb', 'alembic'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "set()\n"


def _until(condition) -> None:
    import time

    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
