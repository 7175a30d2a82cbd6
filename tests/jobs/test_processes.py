"""Processes are told apart, and a worker's family is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gradus.core.job import JobKind
from gradus.data.files import write_json
from gradus.jobs.claim import Claim, LateError, is_claimed, read_task, revoke
from gradus.jobs.processes import Identity, family, identify, is_alive, send, terminate_group
from gradus.jobs.task import Task


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    with process:
        yield process
        process.kill()


def test_a_process_lives_until_it_has_ended_even_if_nobody_collected_it(sleeper):
    identity = identify(sleeper.pid)
    assert is_alive(identity)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert identify(sleeper.pid) == identity
    assert not is_alive(identity)
    sleeper.wait()
    assert identify(sleeper.pid) is None
    assert not is_alive(identity)


def test_another_process_with_the_same_number_is_neither_taken_for_it_nor_signalled(sleeper):
    earlier = Identity(sleeper.pid, identify(sleeper.pid).start_time - 1)
    assert not is_alive(earlier)
    assert family(earlier, "nonce") == set()
    send(earlier, signal.SIGKILL)
    terminate_group(earlier)
    assert sleeper.poll() is None
    assert is_alive(identify(sleeper.pid))


def test_the_start_time_is_that_of_proc(sleeper):
    import psutil

    start = identify(sleeper.pid).start_time / os.sysconf("SC_CLK_TCK") + psutil.boot_time()
    assert start == pytest.approx(psutil.Process(sleeper.pid).create_time(), abs=1.5)


def test_the_family_is_found_by_session_and_by_nonce():
    script = """
import os, subprocess, sys, time
same = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(same.pid, own.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    environment = {**os.environ, "GRADUS_WORKER": "n0nce"}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    ) as leader:
        identity = identify(leader.pid)
        children = {int(number) for number in leader.stdout.readline().split()}
        leader.wait()
    found = family(identity, "n0nce")
    try:
        assert {member.pid for member in found} == children
        assert {member.pid for member in family(identity, "other")} < children
    finally:
        for member in found:
            send(member, signal.SIGKILL)


def _task(folder, nonce: str) -> None:
    write_json(folder / "task.json", Task(job_id="x", kind=JobKind.MODEL, type="t", options={}, nonce=nonce))


def test_a_job_has_one_worker(tmp_path):
    _task(tmp_path, "one")
    assert not is_claimed(tmp_path)
    claim = Claim(tmp_path, "one")
    assert is_claimed(tmp_path)
    assert claim.holds()
    with pytest.raises(LateError):
        Claim(tmp_path, "one")
    assert not revoke(tmp_path)
    assert claim.holds()
    _task(tmp_path, "two")
    assert not claim.holds()
    claim._let_go()


def test_a_worker_that_comes_late_finds_the_job_taken_away(tmp_path):
    _task(tmp_path, "one")
    assert revoke(tmp_path)
    assert read_task(tmp_path).nonce == ""
    with pytest.raises(LateError):
        Claim(tmp_path, "one")
    assert not is_claimed(tmp_path)


def test_what_a_worker_forks_does_not_hold_the_job(tmp_path):
    _task(tmp_path, "one")
    script = """
import os, sys, time
from pathlib import Path
from gradus.jobs.claim import Claim
claim = Claim(Path(sys.argv[1]), "one")
if os.fork() == 0:
    time.sleep(600)
print("forked", flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as worker:
        assert worker.stdout.readline() == "forked\n"
        identity = identify(worker.pid)
        assert is_claimed(tmp_path)
        worker.kill()
        worker.wait()
        children = family(identity, "")
        assert len(children) == 1
        assert not is_claimed(tmp_path)
        for child in children:
            send(child, signal.SIGKILL)
