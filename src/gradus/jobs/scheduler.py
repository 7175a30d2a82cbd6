"""The scheduler: takes jobs from the queue, follows those at work, and brings each to its end."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from gradus.core.errors import ConflictError, GradusError
from gradus.core.job import Job
from gradus.core.state import ACTIVE, ENDED, JobState
from gradus.jobs import adoption, ending
from gradus.jobs.executors.executor import Executor
from gradus.jobs.hub import Hub, Listener
from gradus.jobs.launch import Launcher
from gradus.jobs.resources import Resources
from gradus.jobs.run import Clock, Run
from gradus.jobs.store import Store
from gradus.jobs.workers import WorkerRow

POLL_SECONDS = 0.1  # how often event files and processes are looked at, while anything runs
EAGER_POLL_SECONDS = 0.02  # as long as a job that has just started has told of no progress
FLUSH_SECONDS = 1.0  # how often progress goes into the store
RETRY_SECONDS = 1.0  # after a database or disk that refused
STOP_SECONDS = 10.0

log = logging.getLogger(__name__)


class Scheduler:
    """One thread that owns every change of state between WAITING and the end.

    The queue is the store, so nothing is forgotten when the process dies: the next scheduler of the home
    takes over the lease, finds the workers that live on and reads on in their events. It sleeps unless
    something runs or the store changes.
    """

    def __init__(
        self, store: Store, executor: Executor, resources: Resources, *, clock: Clock = time.monotonic
    ) -> None:
        self._store, self._executor, self._resources, self._clock = store, executor, resources, clock
        self._hub = Hub()
        self._launcher = Launcher(store, executor, resources, clock)
        self._runs: dict[str, Run] = {}
        self._aborting: set[str] = set()
        self._complete = True  # every active job is followed
        self._queue_changed = True
        self._awake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._lease = 0
        store.watch(self._job_changed)
        executor.watch(self.wake)

    def start(self) -> None:
        """Take the lease, adopt the workers that live, and go to work in a thread."""
        self.adopt()
        self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self, *, workers: bool = False) -> None:
        """Stop scheduling. Workers go on and are adopted by the next scheduler, unless they shall be aborted."""
        if workers:
            self._abort_all()
        self._stopping = True
        self._awake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Look at the queue now. Any thread may call it; changes of the store do by themselves."""
        self._queue_changed = True
        self._awake.set()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear of every changed job and every event: `listener(job_id, Job | Event | None)`, None for a deleted
        job. It is called in the thread where it happens and must return at once; returns how to stop it."""
        return self._hub.subscribe(listener)

    @property
    def hub(self) -> Hub:
        """Where changes and events pass, for whoever has some of his own to tell."""
        return self._hub

    def abort(self, job_id: str) -> Job:
        """Abort a job. One at work is ABORTING until its whole process group is gone, within ten seconds."""
        while True:
            job = self._store.get(job_id)
            if job.state is JobState.ABORTING:
                return job
            if job.state in ENDED:
                raise ConflictError(f"{job.name!r} is {job.state} already", code="job_ended")
            after = JobState.ABORTED if job.state is JobState.WAITING else JobState.ABORTING
            try:
                return self._store.transition(job_id, job.state, after, note="aborted by the user")
            except ConflictError as error:
                if error.problem.code != "wrong_state":  # else it went on meanwhile: look again
                    raise

    def adopt(self) -> None:
        """Become the scheduler of this home: `start` does it."""
        self._lease = self._store.workers.take_lease(f"process {os.getpid()}")
        self._launcher.lease = self._lease
        self._store.empty_trash()
        self._find_lost()
        self.wake()

    def step(self) -> float | None:
        """Look at everything once; return after how many seconds to look again, None for when woken."""
        self._executor.collect()
        if not self._complete:
            self._find_lost()
        for run in tuple(self._runs.values()):
            self._follow(run)
        if self._queue_changed:
            self._queue_changed = False
            for run in self._launcher.launch():
                self._runs[run.job_id] = run
                self._record(run)
        if not self._runs:
            return None
        return EAGER_POLL_SECONDS if any(run.is_young for run in self._runs.values()) else POLL_SECONDS

    def _loop(self) -> None:
        while not self._stopping:
            self._awake.clear()
            try:
                delay = self.step()
            except Exception as error:  # the boundary of the thread: it must outlive a full disk, and our mistakes
                if isinstance(error, GradusError) and error.problem.code == "lease_lost":
                    log.warning("another scheduler has taken over this home: this one stops")
                    return
                log.exception("the scheduler could not go on; it tries again")
                self._complete, self._queue_changed = False, True
                time.sleep(RETRY_SECONDS)
                continue
            if not self._queue_changed:
                self._awake.wait(delay)

    def _find_lost(self) -> None:
        """Follow every active job that is not followed: all of them after a restart."""
        for job in self._store.in_states(ACTIVE):
            if job.id not in self._runs:
                self._runs[job.id] = adoption.adopt(self._store, self._resources, job, self._clock)
            if job.state is JobState.ABORTING:
                self._aborting.add(job.id)
        self._complete = True

    def _follow(self, run: Run) -> None:
        over = run.over()
        for event in run.read():
            self._hub.publish(run.job_id, event)
        self._record(run)
        if run.job_id in self._aborting and not over:
            run.abort()
        now = self._clock()
        if over or (run.reader.offset != run.flushed_offset and now - run.flushed >= FLUSH_SECONDS):
            self._flush(run, now)
        if over:
            ending.end(self._store, run, self._lease)
            del self._runs[run.job_id]
            self._aborting.discard(run.job_id)
            self._resources.take_back(run.grant)
            if not self._runs:
                self._store.database.checkpoint()  # while all is quiet, or the log would grow with readers about
            self.wake()

    def _record(self, run: Run) -> None:
        if run.identity is not None and not run.recorded:
            self._store.workers.put(WorkerRow(run.job_id, run.nonce, *run.identity, offset=run.flushed_offset))
            run.recorded = True
        if run.spoke and not run.running:
            ending.mark_running(self._store, run.job_id, self._lease)
            run.running = True

    def _flush(self, run: Run, now: float) -> None:
        job = self._store.get(run.job_id)
        progress = run.progress
        fraction, activity = (progress.fraction, progress.activity) if progress else (None, job.activity)
        self._store.set_progress(run.job_id, fraction, activity, offset=run.reader.offset)
        run.progress, run.flushed, run.flushed_offset = None, now, run.reader.offset

    def _job_changed(self, job_id: str, job: Job | None) -> None:
        if job is not None and job.state is JobState.ABORTING:
            self._aborting.add(job_id)
            self._awake.set()
        elif job is None or job.state is JobState.WAITING or job.state in ENDED:
            self.wake()
        self._hub.publish(job_id, job)

    def _abort_all(self) -> None:
        for job in self._store.in_states(ACTIVE):
            self.abort(job.id)
        deadline = time.monotonic() + STOP_SECONDS
        while self._runs and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
