"""The home folder: what lies where, and who holds it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from gradus.core.errors import ConflictError, NotFoundError, PathError
from gradus.core.job import JOB_ID
from gradus.core.view.system import ServerInfo
from gradus.data.files import write_json

HolderKind = Literal["server", "command"]


class HomeLock:
    """The held lock; releasing it twice is harmless. The kernel releases it when the process dies."""

    def __init__(self, home: Home, descriptor: int, holder: ServerInfo) -> None:
        self._home = home
        self._descriptor = descriptor
        self.holder = holder

    def announce(self, url: str) -> None:
        """Write to `server.json` where this process now listens."""
        self.holder = self.holder.model_copy(update={"url": url})
        write_json(self._home.server_file, self.holder)

    def release(self) -> None:
        """Take back the announcement and let another process hold the home."""
        if self._descriptor < 0:
            return
        self._home.server_file.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> HomeLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Home:
    """A home folder. Nothing inside names an absolute path, so it can be moved while nobody holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.jobs = self.path / "jobs"
        self.trash = self.path / "trash"
        self.uploads = self.path / "uploads"
        self.auth = self.path / "auth"
        self.database = self.path / "gradus.db"
        self.server_file = self.path / "server.json"

    def prepare(self) -> None:
        """Make the folders that are missing; `auth` is for its owner only."""
        try:
            for folder in (self.path, self.jobs, self.trash):
                folder.mkdir(parents=True, exist_ok=True)
            self.auth.mkdir(mode=0o700, exist_ok=True)
            self.auth.chmod(0o700)
        except OSError as error:
            raise PathError(
                f"the home folder {self.path} cannot be used: {error.strerror or error}",
                file=str(self.path),
                hint="choose another with --home or GRADUS_HOME, or make it writable",
            ) from error

    def lock(self, kind: HolderKind, url: str = "") -> HomeLock:
        """Hold the home for this process, or say at once who does."""
        self.prepare()
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise self._held() from None
        holder = ServerInfo(pid=os.getpid(), kind=kind, url=url, started=time.time())
        lock = HomeLock(self, descriptor, holder)
        write_json(self.server_file, holder)
        return lock

    def holder(self) -> ServerInfo | None:
        """Who holds the home now. None if nobody does, also where a dead holder left its announcement."""
        try:
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._announced()
        finally:
            os.close(descriptor)
        return None

    def job_folder(self, job_id: str) -> Path:
        """The folder of a job; anything but a job id is refused, so that no id can lead elsewhere."""
        if not JOB_ID.fullmatch(job_id):
            raise NotFoundError(f"there is no job {job_id!r}")
        return self.jobs / job_id

    def discard(self, job_id: str) -> None:
        """Remove a job's folder: renamed out of the way first, so that nobody ever sees half of it."""
        folder, trash = self.job_folder(job_id), self.trash / job_id
        self.trash.mkdir(exist_ok=True)
        if folder.exists():
            shutil.rmtree(trash, ignore_errors=True)
            folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)

    def _announced(self) -> ServerInfo | None:
        try:
            return ServerInfo.model_validate_json(self.server_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _held(self) -> ConflictError:
        holder = self._announced()
        if holder is None:
            who = "another Gradus process that is just starting"
        else:
            where = f" at {holder.url}" if holder.url else ""
            who = f"a Gradus {holder.kind}{where} (process {holder.pid})"
        return ConflictError(
            f"the home folder {self.path} is held by {who}",
            file=str(self.path),
            hint="use that one, stop it, or choose another home with --home",
            code="home_held",
        )
