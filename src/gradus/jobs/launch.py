"""Taking jobs from the queue: what must be there before one starts, and the start itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from gradus.core.errors import ConflictError, GradusError, InputError, NotFoundError, Problem, UnavailableError
from gradus.core.job import Job, JobKind
from gradus.core.state import JobState
from gradus.data.files import write_json
from gradus.jobs.claim import revoke
from gradus.jobs.events import EventReader, end_of_lines
from gradus.jobs.executors.executor import Executor
from gradus.jobs.listing import Waiting
from gradus.jobs.resources import CPU, Grant, Resources
from gradus.jobs.run import Clock, Run
from gradus.jobs.store import Store
from gradus.jobs.task import Task
from gradus.jobs.workers import WorkerRow

STARTS = 3  # how often a start that fails is tried


class Launcher:
    """Starts what can be started, in order of submission; a job that must wait does not hold up later ones."""

    def __init__(self, store: Store, executor: Executor, resources: Resources, clock: Clock) -> None:
        self._store, self._executor, self._resources, self._clock = store, executor, resources, clock
        self._failed: dict[str, int] = {}
        self.lease = 0

    def launch(self) -> Iterator[Run]:
        """Start jobs of the queue, one at a time, as they are taken from this iterator."""
        for waiting in self._store.waiting():
            try:
                run = self._start(waiting) if self._needs_are_done(waiting) else None
            except NotFoundError:  # deleted meanwhile
                continue
            except ConflictError as error:
                if error.problem.code != "wrong_state":  # else aborted meanwhile
                    raise
                continue
            if run is not None:
                yield run

    def _needs_are_done(self, waiting: Waiting) -> bool:
        job = waiting.job
        for needed in waiting.needs:
            if needed.state in (JobState.ERROR, JobState.ABORTED):
                problem = _failed_need(needed)
                note = problem.message
                self._store.transition(
                    job.id, JobState.WAITING, needed.state, note=note, problem=problem, lease=self.lease
                )
                return False
            if needed.state is not JobState.DONE:
                self._say(job, f"waits for the {needed.kind} {needed.name!r}")
                return False
        return True

    def _start(self, waiting: Waiting) -> Run | None:
        job = waiting.job
        if not self._executor.ready(job.kind):
            self._say(job, "waits for the engine to warm up")
            return None
        try:
            grant = self._resources.give(job.kind, waiting.wish)
        except InputError as error:  # the GPU that was asked for is not here any more
            self._fail(job, JobState.WAITING, error.problem)
            return None
        if grant is None:
            self._say(job, _what_is_short(job, waiting.wish, self._resources))
            return None
        run = None
        try:
            run = self._hand_over(job, grant)
        finally:
            if run is None:
                self._resources.take_back(grant)
        return run

    def _hand_over(self, job: Job, grant: Grant) -> Run | None:
        folder, nonce = self._store.home.job_folder(job.id), secrets.token_hex(16)
        reader = EventReader(folder / "events.jsonl", end_of_lines(folder / "events.jsonl"))
        worker = WorkerRow(job.id, nonce, offset=reader.offset)
        self._store.transition(
            job.id, JobState.WAITING, JobState.STARTING, device=grant.device, lease=self.lease, worker=worker
        )
        run = Run(job.id, folder, nonce, grant, reader, self._clock)
        try:
            task = self._task(job, grant, nonce)
            (folder / "worker.exit").unlink(missing_ok=True)
            write_json(folder / "task.json", task)
            run.identity = self._executor.start(folder, task)
        except (GradusError, OSError) as error:
            if revoke(folder):
                self._not_started(job, error)
                return None  # else it was started all the same, and will say so in its first event
        self._failed.pop(job.id, None)
        return run

    def _not_started(self, job: Job, error: GradusError | OSError) -> None:
        self._failed[job.id] = self._failed.get(job.id, 0) + 1
        state = self._store.get(job.id).state
        if state is JobState.ABORTING:
            self._store.transition(job.id, state, JobState.ABORTED, note="it had not started", lease=self.lease)
        elif isinstance(error, UnavailableError) and self._failed[job.id] < STARTS:
            self._store.transition(job.id, state, JobState.WAITING, note=str(error), lease=self.lease)
        else:
            self._failed.pop(job.id)
            self._fail(job, state, error.problem if isinstance(error, GradusError) else _not_writable(error))

    def _fail(self, job: Job, before: JobState, problem: Problem) -> None:
        self._store.transition(job.id, before, JobState.ERROR, note=problem.message, problem=problem, lease=self.lease)

    def _task(self, job: Job, grant: Grant, nonce: str) -> Task:
        return Task(
            job_id=job.id,
            kind=job.kind,
            type=job.type,
            options=self._store.record(job.id).options,
            nonce=nonce,
            device=grant.device,
            threads=grant.threads,
            resume=self._store.resumed(job.id),
            dataset=f"../{job.dataset_id}" if job.dataset_id else None,
        )

    def _say(self, job: Job, activity: str) -> None:
        if job.activity != activity:
            self._store.set_progress(job.id, None, activity)


def _failed_need(needed: Job) -> Problem:
    what = f"the {needed.kind} {needed.name!r}"
    if needed.state is JobState.ABORTED:
        message = f"{what} was aborted"
    else:
        message = f"{what} failed: {needed.problem.message}" if needed.problem else f"{what} failed"
    return Problem(code="need_failed", message=message, hint=f"resume {what}, then this job")


def _what_is_short(job: Job, wish: str, resources: Resources) -> str:
    if job.kind is JobKind.DATASET:
        return "waits until another dataset is built"
    if wish == CPU or not resources.gpus:
        return "waits until another training on the processor ends"
    return "waits for a free GPU" if wish in ("", "auto") else f"waits for {wish} to be free"


def _not_writable(error: OSError) -> Problem:
    message = f"the job's folder cannot be written: {error.strerror or error}"
    return Problem(code="path_error", message=message, hint="make the home folder writable, then resume the job")
