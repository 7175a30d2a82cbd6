"""A worker's log and last words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradus.core.event import Finished
from gradus.core.job import JobKind
from gradus.data.files import write_json
from gradus.jobs.environment import worker_environment
from gradus.jobs.events import EventReader
from gradus.jobs.task import TASKS, Task, find
from gradus.jobs.worker_exit import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_LATE,
    EXIT_STORAGE_FULL,
    WorkerExit,
    explain,
    write_exit,
)

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def _work(folder: Path, do: str, nonce: str = "n", **more: object) -> int:
    task = Task(job_id="x", kind=JobKind.MODEL, type="classification", options={"do": do}, nonce="n")
    write_json(folder / "task.json", task)
    command = [sys.executable, "-P", str(FAKE_WORKER), str(folder), nonce]
    return subprocess.run(command, env=worker_environment(), check=False, **more).returncode


def _last(folder: Path) -> Finished:
    return EventReader(folder / "events.jsonl").read()[-1]


def test_the_last_word_and_the_exit_code_agree(tmp_path):
    assert _work(tmp_path, "finish") == EXIT_DONE
    assert _last(tmp_path).outcome == "done"
    assert _work(tmp_path, "crash") == EXIT_FAILED
    assert _last(tmp_path).problem.code == "internal_error"


def test_the_traceback_is_in_the_log_only(tmp_path):
    _work(tmp_path, "crash")
    log = (tmp_path / "worker.log").read_text()
    assert "something odd" in log
    assert "ZeroDivisionError: a secret path" in log
    assert "secret" not in (tmp_path / "events.jsonl").read_text()


def test_a_late_worker_leaves_the_job_alone(tmp_path):
    assert _work(tmp_path, "finish", nonce="old") == EXIT_LATE
    assert not (tmp_path / "events.jsonl").exists()


def test_a_disk_so_full_that_nothing_can_be_said_is_told_by_the_exit_code(tmp_path):
    import resource

    def small() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    assert _work(tmp_path, "finish", preexec_fn=small) == EXIT_STORAGE_FULL
    assert not (tmp_path / "events.jsonl").read_text()
    assert explain(tmp_path, WorkerExit(pid=1, code=EXIT_STORAGE_FULL)).code == "storage_full"


def test_a_log_beyond_its_limit_is_cut_and_the_work_goes_on(tmp_path):
    script = """
import os, sys, time
from pathlib import Path
from gradus.jobs.worker_log import LogKeeper
log = Path(sys.argv[1])
keeper = LogKeeper(log, limit=100_000)
for number in range(2_000):
    os.write(1, b"%d " % number + b"x" * 500 + b"\\n")
keeper.cut()
print("after the cut", flush=True)
keeper.close()
"""
    log = tmp_path / "worker.log"
    subprocess.run([sys.executable, "-c", script, str(log)], check=True)
    assert "after the cut" in log.read_text()
    kept = (tmp_path / "worker.log.1").read_bytes()
    assert log.stat().st_size <= 100_000
    assert len(kept) <= 100_000
    assert kept.rstrip().rsplit(b"\n", 1)[-1].startswith(b"1999 ") or b"\n1999 " in log.read_bytes()


@pytest.mark.parametrize(
    ("status", "words"), [(-9, "SIGKILL"), (-11, "SIGSEGV"), (-40, "40"), (3, "code 3"), (None, "is gone")]
)
def test_the_end_of_a_process_is_told_in_words_with_the_last_lines(tmp_path, status, words):
    (tmp_path / "worker.log").write_text("one\n\ntwo\n")
    ended = None
    if status is not None:
        write_exit(tmp_path, os.getpid(), status)
        ended = WorkerExit.model_validate_json((tmp_path / "worker.exit").read_bytes())
    problem = explain(tmp_path, ended)
    assert words in problem.message
    assert "one | two" in problem.message


def test_every_kind_of_job_has_a_task_that_can_be_called():
    for kind, name in TASKS:
        assert callable(find(Task(job_id="x", kind=kind, type=name, options={}, nonce="n"), TASKS))


def test_a_worker_for_no_known_task_says_which_there_are(tmp_path):
    from gradus.core.errors import InputError

    with pytest.raises(InputError, match="dataset classification"):
        find(Task(job_id="x", kind=JobKind.MODEL, type="alchemy", options={}, nonce="n"), TASKS)
