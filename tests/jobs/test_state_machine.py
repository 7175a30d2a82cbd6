"""Everything that can happen to jobs, in any order, against what must always be true.

The store, the files, the claims and the scheduler are real; workers are played, so that each can be held
at any point of its life, and the server can be dropped at any point of its own.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from gradus.core.errors import ConflictError, NotFoundError, Problem, UnavailableError
from gradus.core.event import Finished, Metrics, Progress, Started
from gradus.core.job import Job, JobKind, JobRecord, new_job_id
from gradus.core.state import ACTIVE, ENDED, TRANSITIONS, JobState
from gradus.jobs import run as run_module
from gradus.jobs.claim import Claim, LateError
from gradus.jobs.events import EventReader, EventWriter
from gradus.jobs.gpus import Gpu
from gradus.jobs.home import Home
from gradus.jobs.processes import Identity
from gradus.jobs.resources import Resources
from gradus.jobs.scheduler import Scheduler
from gradus.jobs.store import IdempotencyKey, Store
from gradus.jobs.task import Task
from gradus.jobs.worker_exit import EXIT_LATE, write_exit

TROUBLES = (
    "refuses", "not ready", "dies before the fork", "dies after the fork", "answers too late", "answers much too late",
)  # fmt: skip


class Crash(BaseException):
    """The server dies here."""


class Worker:
    """A played worker: born by a fork, it must still take the job before it may speak."""

    def __init__(self, identity: Identity, folder: Path, nonce: str) -> None:
        self.identity, self.folder, self.nonce = identity, folder, nonce
        self.claim: Claim | None = None
        self.alive, self.told_to_stop, self.step = True, False, 0

    def begin(self) -> None:
        try:
            self.claim = Claim(self.folder, self.nonce)
        except LateError:
            self.die(EXIT_LATE)
        else:
            self.say(Started(pid=self.identity.pid, start_time=self.identity.start_time, nonce=self.nonce))

    def say(self, *events) -> None:
        writer = EventWriter(self.folder / "events.jsonl", sync_seconds=3600)
        for event in events:
            writer.write(event)
        writer.close()

    def die(self, code: int) -> None:
        self.alive = False
        if self.claim is not None:
            self.claim._let_go()
        write_exit(self.folder, self.identity.pid, code)


class World:
    """The machine on which workers live: it outlives every server."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self.pids = itertools.count(2**22 + 1)  # beyond what Linux gives
        self.now = 0.0
        self.trouble: str | None = None

    def ready(self, kind: JobKind) -> bool:
        return self.trouble != "not ready"

    def watch(self, wake) -> None: ...

    def collect(self) -> None: ...

    def start(self, folder: Path, task: Task) -> Identity:
        trouble, self.trouble = self.trouble, None
        if trouble == "refuses":
            raise UnavailableError("no process can be started")
        if trouble == "dies before the fork":
            raise Crash
        worker = Worker(Identity(next(self.pids), 1), folder, task.nonce)
        self.workers.append(worker)
        if trouble == "dies after the fork":
            raise Crash
        if trouble in ("answers too late", "answers much too late"):
            if trouble == "answers much too late":
                worker.begin()
            raise UnavailableError("the engine host does not answer")
        return worker.identity

    def find(self, identity: Identity) -> Worker | None:
        return next((worker for worker in self.workers if worker.identity == identity), None)

    def is_alive(self, identity: Identity) -> bool:
        worker = self.find(identity)
        return worker is not None and worker.alive

    def family(self, identity: Identity, nonce: str) -> set[Identity]:
        return {identity} if self.is_alive(identity) else set()

    def send(self, identity: Identity, number: int) -> None:
        if (worker := self.find(identity)) and worker.alive:
            worker.die(-number)

    def terminate_group(self, identity: Identity) -> None:
        if worker := self.find(identity):
            worker.told_to_stop = True


class Jobs(RuleBasedStateMachine):
    jobs = Bundle("jobs")

    @initialize()
    def begin(self) -> None:
        memory = Path("/dev/shm")  # no test of disks: what fsync waits for is of no interest here
        self.folder = Path(tempfile.mkdtemp(prefix="gradus-states-", dir=memory if memory.is_dir() else None))
        self.world = World()
        self.patch = pytest.MonkeyPatch()
        for name in ("is_alive", "family", "send", "terminate_group"):
            self.patch.setattr(run_module, name, getattr(self.world, name))
        self.known: dict[str, str] = {}  # jobs that were acknowledged, and their names
        self.deleted: set[str] = set()
        self.keys: dict[str, str] = {}
        self.serve()

    def serve(self) -> None:
        self.store = Store(Home(self.folder))
        gpus = [Gpu(f"cuda:{n}", "", f"GPU-{n}", 0) for n in range(2)]
        self.resources = Resources(gpus, cores=2)
        self.scheduler = Scheduler(self.store, self.world, self.resources, clock=lambda: self.world.now)
        self.scheduler.adopt()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.bring_everything_to_an_end()
        finally:
            for worker in self.world.workers:
                if worker.claim is not None:
                    worker.claim._let_go()
            self.store.close()
            self.patch.undo()
            shutil.rmtree(self.folder)

    def bring_everything_to_an_end(self) -> None:
        """Whatever happened: when workers do their work, every job ends, and nobody has to help."""
        self.world.trouble = None
        for _ in range(40 + 20 * len(self.known)):
            self.look(1.0)
            for worker in self.world.workers:
                if worker.alive and worker.claim is None:
                    worker.begin()
                elif worker.alive:
                    worker.say(Finished(outcome="done"))
                    worker.die(0)
            if all(self.store.get(job_id).state in ENDED for job_id in self.known):
                break
        for job_id in self.known:
            assert self.store.get(job_id).state in ENDED, self.store.history(job_id)
        assert all(used == 0 for used, _ in self.resources.usage().values())
        assert not any(worker.alive for worker in self.world.workers)

    # -- what users do

    @rule(target=jobs, device=st.sampled_from(["auto", "cpu", "cuda:1", "cuda:9"]), data=st.data())
    def create(self, device: str, data) -> str:
        known = sorted((self.store.get(job_id) for job_id in self.known), key=lambda job: job.created)
        datasets = [job.id for job in known if job.kind is JobKind.DATASET]
        needed = data.draw(st.sampled_from([*datasets, None]))
        return self.add(needed, device)

    @rule(target=jobs, key=st.sampled_from("ab"))
    def create_with_key(self, key: str):
        before = self.keys.get(key)
        job_id = self.add(None, "auto", IdempotencyKey(key, "0" * 64))
        if before in self.known:
            assert job_id == before
            return multiple()
        self.keys[key] = job_id
        return job_id

    def add(self, needed: str | None, device: str, key: IdempotencyKey | None = None) -> str:
        kind = JobKind.MODEL if needed else JobKind.DATASET
        name = f"job {len(self.known) + len(self.deleted)}"
        job = Job(
            id=new_job_id(), kind=kind, type="t", name=name, state=JobState.WAITING, created=time.time(),
            dataset_id=needed,
        )  # fmt: skip
        record = JobRecord(job=job, options={"device": device}, history=[])
        made = self.store.create(record, [needed] if needed else [], key)
        self.known.setdefault(made.id, made.name)
        return made.id

    @rule(job_id=jobs)
    def rename(self, job_id: str) -> None:
        if job_id in self.known:
            self.known[job_id] = f"renamed {self.known[job_id]}"[:200]
            self.store.edit(job_id, name=self.known[job_id])

    @rule(job_id=jobs)
    def abort(self, job_id: str) -> None:
        if job_id in self.deleted:
            with pytest.raises(NotFoundError):
                self.scheduler.abort(job_id)
        elif self.store.get(job_id).state in ENDED:
            with pytest.raises(ConflictError):
                self.scheduler.abort(job_id)
        else:
            assert self.scheduler.abort(job_id).state in (JobState.ABORTING, JobState.ABORTED)

    @rule(job_id=jobs)
    def resume(self, job_id: str) -> None:
        if job_id in self.known:
            if self.store.get(job_id).state in (JobState.ERROR, JobState.ABORTED):
                assert self.store.resume(job_id).state is JobState.WAITING
            else:
                with pytest.raises(ConflictError):
                    self.store.resume(job_id)

    @rule(job_id=jobs)
    def delete(self, job_id: str) -> None:
        if job_id in self.deleted:
            with pytest.raises(NotFoundError):
                self.store.delete(job_id)
        elif self.store.get(job_id).state in ACTIVE or self.store.users_of(job_id):
            with pytest.raises(ConflictError):
                self.store.delete(job_id)
        else:
            self.store.delete(job_id)
            self.deleted.add(job_id)
            del self.known[job_id]

    # -- what time, workers and misfortune do

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0]))
    def look(self, seconds: float) -> None:
        self.world.now += seconds
        try:
            self.scheduler.step()
        except Crash:
            self.crash()

    @rule(trouble=st.sampled_from(TROUBLES))
    def trouble_ahead(self, trouble: str) -> None:
        self.world.trouble = trouble

    @rule()
    def trouble_over(self) -> None:
        self.world.trouble = None
        self.scheduler.wake()

    @rule()
    def crash(self) -> None:
        """The process is gone: nothing is flushed, closed or said."""
        self.store.close()
        self.serve()

    @rule(data=st.data(), deed=st.sampled_from(["begin", "talk", "finish", "fail", "stop", "vanish"]))
    def work(self, data, deed: str) -> None:
        living = [worker for worker in self.world.workers if worker.alive]
        if not living:
            return
        worker = data.draw(st.sampled_from(living))
        if deed == "vanish":
            worker.die(-9)
        elif worker.claim is None:
            worker.begin()
        elif deed == "talk":
            worker.step += 1
            worker.say(Metrics(step=worker.step, epoch=0, values={"a": 1.0}), Progress(fraction=0.5, activity="at it"))
        elif deed in ("finish", "fail") or worker.told_to_stop:
            outcome = "aborted" if worker.told_to_stop and deed == "stop" else "error" if deed == "fail" else "done"
            problem = Problem(code="x", message="it failed") if outcome == "error" else None
            worker.say(Finished(outcome=outcome, problem=problem))
            worker.die(0)

    # -- what must always be true

    @invariant()
    def what_was_acknowledged_is_there_and_what_was_deleted_is_not(self) -> None:
        if not hasattr(self, "store"):
            return
        assert {job_id: self.store.get(job_id).name for job_id in self.known} == self.known
        folders = {folder.name for folder in self.store.home.jobs.iterdir()}
        assert folders == set(self.known)
        for job_id in self.known:
            for needed in self.store.needed_by(job_id):
                assert needed.id in self.known

    @invariant()
    def histories_are_legal_and_lead_to_the_state(self) -> None:
        for job_id in getattr(self, "known", ()):
            history = self.store.history(job_id)
            assert history[0].before is None
            for before, after in itertools.pairwise(history):
                assert after.before is before.after
                assert after.after in TRANSITIONS[before.after]
            assert history[-1].after is self.store.get(job_id).state

    @invariant()
    def no_job_is_worked_on_twice_or_before_its_time(self) -> None:
        for job_id in getattr(self, "known", ()):
            job = self.store.get(job_id)
            folder = self.store.home.job_folder(job_id)
            holding = [w for w in self.world.workers if w.alive and w.claim is not None and w.folder == folder]
            assert len(holding) <= 1
            if job.state in ENDED:
                assert not holding
                assert self.store.workers.get(job_id) is None
            if job.state in ACTIVE | {JobState.DONE}:
                assert all(needed.state is JobState.DONE for needed in self.store.needed_by(job_id))

    @invariant()
    def events_are_numbered_without_gaps(self) -> None:
        for job_id in getattr(self, "known", ()):
            reader = EventReader(self.store.home.job_folder(job_id) / "events.jsonl")
            numbers = [event.seq for event in reader.read()]
            assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def the_last_word_of_a_worker_is_what_becomes_of_its_job(self) -> None:
        outcomes = {"done": JobState.DONE, "error": JobState.ERROR, "aborted": JobState.ABORTED}
        for job_id in getattr(self, "known", ()):
            last = self.store.history(job_id)[-1]
            if last.after in ENDED and last.before in (JobState.RUNNING, JobState.ABORTING):
                events = EventReader(self.store.home.job_folder(job_id) / "events.jsonl").read()
                if events and isinstance(events[-1], Finished):
                    assert last.after is outcomes[events[-1].outcome]
                else:
                    assert last.after is not JobState.DONE

    @invariant()
    def slots_are_counted_right(self) -> None:
        if not hasattr(self, "store"):
            return
        used = sum(used for used, _ in self.resources.usage().values())
        assert used == len(self.scheduler._runs)
        assert len(self.store.in_states(ACTIVE)) == used
        assert all(used <= total for used, total in self.resources.usage().values())


Jobs.TestCase.settings = settings(
    max_examples=30, stateful_step_count=50, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
TestJobs = Jobs.TestCase
