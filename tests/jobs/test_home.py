"""The home folder: one holder, job ids as names, and everything relative."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from gradus.core.errors import ConflictError, NotFoundError, PathError
from gradus.core.job import JobKind
from gradus.core.state import JobState
from gradus.jobs.home import Home
from gradus.jobs.store import Store

HOLD = """
import sys
from pathlib import Path
from gradus.jobs.home import Home
lock = Home(Path(sys.argv[1])).lock("server")
lock.announce("http://127.0.0.1:5000")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_refused_and_told_who_the_first_is(tmp_path):
    home = Home(tmp_path / "home")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConflictError) as caught:
            home.lock("command")
        for part in ("server", "http://127.0.0.1:5000", str(holder.pid), str(home.path)):
            assert part in str(caught.value)
        assert home.holder().url == "http://127.0.0.1:5000"
        holder.kill()
    assert home.holder() is None  # although the announcement is still there
    assert home.server_file.exists()
    with home.lock("command") as lock:
        assert home.holder() == lock.holder
        assert lock.holder.pid == os.getpid()
    assert home.holder() is None
    assert not home.server_file.exists()


@pytest.mark.parametrize(
    "job_id", ["", ".", "..", "../x", "/etc", "20260101-000000-0123456789/..", "20260101-000000-0123456789\n", "a\0b"]
)
def test_nothing_but_a_job_id_names_a_folder(tmp_path, job_id):
    with pytest.raises(NotFoundError):
        Home(tmp_path).job_folder(job_id)


def test_the_folder_for_secrets_is_for_its_owner_only(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    assert stat.S_IMODE(home.auth.stat().st_mode) == 0o700


def test_a_home_that_cannot_be_made_is_told_in_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PathError, match="cannot be used") as caught:
        Home(tmp_path / "file" / "home").prepare()
    assert "--home" in caught.value.problem.hint


def test_a_moved_home_works_on(tmp_path, record_of):
    store = Store(Home(tmp_path / "old"))
    dataset = store.create(record_of("d"))
    store.close()
    (tmp_path / "old").rename(tmp_path / "new")
    store = Store(Home(tmp_path / "new"))
    assert store.get(dataset.id).name == "d"
    model = store.create(record_of("m", JobKind.MODEL, dataset.id), [dataset.id])
    store.transition(model.id, JobState.WAITING, JobState.ABORTED)
    store.delete(model.id)
    assert [folder.name for folder in (tmp_path / "new" / "jobs").iterdir()] == [dataset.id]
    assert str(tmp_path).encode() not in (tmp_path / "new" / "gradus.db").read_bytes()
    store.close()
