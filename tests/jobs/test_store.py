"""The store: what it promises of each call."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from gradus.core.errors import ConflictError, InputError, NotFoundError, Problem
from gradus.core.job import JobKind, JobRecord
from gradus.core.state import ENDED, TRANSITIONS, JobState
from gradus.jobs import listing, tables
from gradus.jobs.query import JobQuery
from gradus.jobs.store import IdempotencyKey, Store
from gradus.jobs.workers import WorkerRow


def _bring(store: Store, job_id: str, state: JobState) -> None:
    ways = {
        JobState.WAITING: (),
        JobState.STARTING: (JobState.STARTING,),
        JobState.RUNNING: (JobState.STARTING, JobState.RUNNING),
        JobState.ABORTING: (JobState.STARTING, JobState.ABORTING),
        JobState.DONE: (JobState.STARTING, JobState.DONE),
        JobState.ABORTED: (JobState.ABORTED,),
        JobState.ERROR: (JobState.ERROR,),
    }
    for step in ways[state]:
        store.transition(job_id, list(JobState), step)


@pytest.mark.parametrize("before", JobState)
@pytest.mark.parametrize("after", JobState)
def test_a_change_of_state_is_made_exactly_when_the_table_allows_it(store, record_of, before, after):
    job = store.create(record_of())
    _bring(store, job.id, before)
    steps = len(store.history(job.id))
    if after in TRANSITIONS[before]:
        assert store.transition(job.id, before, after).state is after
        last = store.history(job.id)[-1]
        assert (last.before, last.after) == (before, after)
    else:
        with pytest.raises(ConflictError):
            store.transition(job.id, before, after)
        assert store.get(job.id).state is before
        assert len(store.history(job.id)) == steps


def test_a_change_from_another_state_than_the_job_is_in_is_refused(store, record_of):
    job = store.create(record_of())
    with pytest.raises(ConflictError, match="is waiting"):
        store.transition(job.id, JobState.STARTING, JobState.RUNNING)


def test_only_one_of_many_who_ask_at_once_gets_the_change(store, record_of):
    job = store.create(record_of())
    won, lost = [], []

    def ask() -> None:
        try:
            won.append(store.transition(job.id, JobState.WAITING, JobState.STARTING))
        except ConflictError as error:
            lost.append(error)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 15)


def test_a_scheduler_that_lost_its_lease_changes_nothing(store, record_of):
    job = store.create(record_of())
    old = store.workers.take_lease("one")
    new = store.workers.take_lease("two")
    assert new > old
    with pytest.raises(ConflictError, match="another scheduler"):
        store.transition(job.id, JobState.WAITING, JobState.STARTING, lease=old)
    assert store.get(job.id).state is JobState.WAITING
    assert store.transition(job.id, JobState.WAITING, JobState.STARTING, lease=new).state is JobState.STARTING


def test_create_keeps_what_was_asked_for_in_the_database_and_in_the_folder(store, record_of):
    record = record_of("Zahlen ü 数", epochs=3, text="x")
    job = store.create(record)
    kept = store.record(job.id)
    assert kept.options == {"epochs": 3, "text": "x"}
    assert kept.job == record.job
    assert [step.after for step in kept.history] == [JobState.WAITING]
    assert JobRecord.model_validate_json((store.home.job_folder(job.id) / "job.json").read_bytes()) == kept


def test_job_json_follows_changes(store, record_of):
    job = store.create(record_of())
    store.edit(job.id, name="new", notes="a note", group="g")
    store.transition(job.id, JobState.WAITING, JobState.ERROR, problem=Problem(code="x", message="why"))
    kept = JobRecord.model_validate_json((store.home.job_folder(job.id) / "job.json").read_bytes())
    assert kept == store.record(job.id)
    assert (kept.job.name, kept.job.notes, kept.job.group) == ("new", "a note", "g")
    assert kept.job.problem.message == "why"


def test_create_leaves_nothing_when_what_it_needs_is_missing(store, record_of):
    record = record_of()
    with pytest.raises(NotFoundError) as caught:
        store.create(record, ["20260101-000000-0123456789"])
    assert caught.value.problem.field == "dataset"
    assert list(store.home.jobs.iterdir()) == []
    assert store.list(JobQuery()).total == 0


def test_the_same_key_and_request_make_one_job(store, record_of):
    key = IdempotencyKey("k1", "d" * 64)
    first = store.create(record_of(), key=key)
    again = store.create(record_of(), key=key)
    assert again.id == first.id
    assert store.list(JobQuery()).total == 1
    assert [folder.name for folder in store.home.jobs.iterdir()] == [first.id]
    with pytest.raises(ConflictError, match="another request"):
        store.create(record_of(), key=IdempotencyKey("k1", "e" * 64))


def test_a_key_is_forgotten_after_a_day(store, record_of):
    key = IdempotencyKey("k1", "d" * 64)
    first = store.create(record_of(), key=key)
    with store.database.write() as connection:
        connection.execute(tables.idempotency.update().values(created=time.time() - 25 * 3600))
    assert store.create(record_of(), key=key).id != first.id


def test_a_dataset_in_use_is_not_deleted_and_its_models_are_named(store, record_of):
    dataset = store.create(record_of("digits"))
    model = store.create(record_of("my lenet", JobKind.MODEL, dataset.id), [dataset.id])
    with pytest.raises(ConflictError, match="'my lenet'"):
        store.delete(dataset.id)
    assert [user.id for user in store.users_of(dataset.id)] == [model.id]
    assert [needed.id for needed in store.needed_by(model.id)] == [dataset.id]
    store.delete(model.id)
    store.delete(dataset.id)
    with pytest.raises(NotFoundError):
        store.delete(dataset.id)
    assert list(store.home.jobs.iterdir()) == list(store.home.trash.iterdir()) == []


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING, JobState.ABORTING])
def test_a_job_at_work_is_not_deleted(store, record_of, state):
    job = store.create(record_of())
    _bring(store, job.id, state)
    with pytest.raises(ConflictError, match="is "):
        store.delete(job.id)
    assert store.home.job_folder(job.id).is_dir()


def test_a_delete_that_was_cut_off_is_finished_later(store, record_of, monkeypatch):
    job = store.create(record_of())

    def cut_off(job_id: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store.home, "discard", cut_off)
        store.delete(job.id)
    assert store.home.job_folder(job.id).is_dir()
    store.empty_trash()
    assert not store.home.job_folder(job.id).exists()


def test_resume_clears_the_problem_and_marks_the_job(store, record_of):
    job = store.create(record_of())
    assert not store.resumed(job.id)
    store.transition(job.id, JobState.WAITING, JobState.ERROR, problem=Problem(code="x", message="why"))
    again = store.resume(job.id)
    assert (again.state, again.problem, again.finished) == (JobState.WAITING, None, None)
    assert store.resumed(job.id)


def test_a_job_that_ended_has_no_worker(store, record_of):
    job = store.create(record_of())
    row = WorkerRow(job.id, "n", 1, 2, 3)
    store.transition(job.id, JobState.WAITING, JobState.STARTING, worker=row)
    assert store.workers.get(job.id) == row
    store.set_progress(job.id, 0.5, "half", offset=77)
    assert store.workers.get(job.id).offset == 77
    store.transition(job.id, JobState.STARTING, JobState.ERROR)
    assert store.workers.get(job.id) is None


def test_watchers_hear_of_every_change(store, record_of):
    heard = []
    stop = store.watch(lambda job_id, job: heard.append((job_id, job.state if job else None)))
    job = store.create(record_of())
    store.edit(job.id, notes="n")
    store.transition(job.id, JobState.WAITING, JobState.ABORTED)
    store.delete(job.id)
    stop()
    store.create(record_of())
    expected = [JobState.WAITING, JobState.WAITING, JobState.ABORTED, None]
    assert heard == [(job.id, state) for state in expected]


def _fill(store: Store, record_of, count: int) -> list[str]:
    ids = []
    with store.database.write() as connection:
        for number in range(count):
            kind, state = list(JobKind)[number % 2], list(JobState)[number % len(JobState)]
            record = record_of(f"job {number % 13:02} 100%_x" if number % 5 else f"Other {number}", kind)
            job = record.job.model_copy(update={"state": state, "group": f"g{number % 3}"})
            listing.insert(connection, record.model_copy(update={"job": job}), [])
            ids.append(job.id)
    return ids


@pytest.mark.parametrize("sort", ["created", "name", "state", "group"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_hold_every_job_once_in_order(store, record_of, sort, descending):
    ids = _fill(store, record_of, 57)
    query = JobQuery(sort=sort, descending=descending, limit=10)
    seen, pages = [], 0
    while True:
        page = store.list(query)
        assert page.total == 57
        seen += page.items
        pages += 1
        if page.next is None:
            break
        query = replace(query, cursor=page.next)
    assert pages == 6
    assert sorted(job.id for job in seen) == sorted(ids)
    order = {job_id: number for number, job_id in enumerate(ids)}
    keys = [(getattr(job, sort) if sort != "created" else "", order[job.id]) for job in seen]
    assert keys == sorted(keys, reverse=descending)


def test_filters(store, record_of):
    _fill(store, record_of, 40)
    everything = store.list(JobQuery(limit=500)).items

    def ids(**conditions: object) -> set[str]:
        return {job.id for job in store.list(JobQuery(limit=500, **conditions)).items}

    assert ids(kind=JobKind.MODEL) == {job.id for job in everything if job.kind is JobKind.MODEL}
    assert ids(states=ENDED) == {job.id for job in everything if job.state in ENDED}
    assert ids(text="other") == {job.id for job in everything if "other" in job.name.lower()}
    assert ids(text="%_") == {job.id for job in everything if "%_" in job.name}
    assert ids(group="g1") == {job.id for job in everything if job.group == "g1"}
    counts = store.counts()
    for kind in JobKind:
        for state in JobState:
            expected = sum(job.kind is kind and job.state is state for job in everything)
            assert counts[kind].get(state, 0) == expected
    assert store.groups() == {f"g{n}": sum(job.group == f"g{n}" for job in everything) for n in range(3)}


@pytest.mark.parametrize("cursor", ["", "x", "eyJ9", "W10", "WyJjcmVhdGVkIiwgdHJ1ZSwgIiIsIDFlOTld", "ü"])
def test_a_cursor_that_is_none_of_ours_is_an_input_error(store, cursor):
    with pytest.raises(InputError) as caught:
        store.list(JobQuery(cursor=cursor))
    assert caught.value.problem.field == "cursor"


def test_a_cursor_of_another_order_is_refused(store, record_of):
    _fill(store, record_of, 5)
    cursor = store.list(JobQuery(limit=2)).next
    with pytest.raises(InputError):
        store.list(JobQuery(limit=2, cursor=cursor, sort="name"))


def test_lists_are_answered_from_indexes(store):
    """Without them the home page with 10,000 jobs sorts them all (reliability reference, section 4)."""
    for condition in ("kind = 'model'", "dataset_id = 'x'", "kind = 'model' AND state = 'done'", "state = 'waiting'"):
        with store.database.read() as connection:
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN SELECT * FROM jobs WHERE {condition} ORDER BY number DESC LIMIT 50"
            ).fetchall()
        text = " ".join(str(step) for step in plan)
        assert "USING INDEX" in text
        assert "TEMP B-TREE" not in text


def test_sqlite_syncs_every_commit_and_checks_references(store):
    with store.database.read() as connection:
        ask = lambda name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # noqa: E731
        assert (ask("journal_mode"), ask("synchronous"), ask("foreign_keys")) == ("wal", 2, 1)  # 2 is FULL


def test_tokens_and_sessions(store):
    token = store.access.add_token("cli", "secret")
    assert store.access.token("secret") == token
    assert store.access.token("other") is None
    session = store.access.open_session("cookie", "csrf", 60, token.digest)
    assert store.access.session("cookie") == session
    assert store.access.open_session("late", "csrf", -1).expires < time.time()
    assert store.access.session("late") is None
    with store.database.read() as connection:
        dump = str(connection.exec_driver_sql("SELECT * FROM tokens").fetchall())
    assert "secret" not in dump
    assert store.access.remove_token(token.digest)
    assert not store.access.remove_token(token.digest)
    assert store.access.session("cookie") is None
