"""The tables. A change here is a new revision under `migrations/versions` and a new `HEAD`."""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0001"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows only by INTEGER

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),  # order of submission
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("group_name", sa.String(200), nullable=False, server_default=""),
    sa.Column("notes", sa.Text, nullable=False, server_default=""),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("finished", sa.Float),
    sa.Column("progress", sa.Float, nullable=False, server_default="0"),
    sa.Column("activity", sa.Text, nullable=False, server_default=""),
    sa.Column("dataset_id", sa.String(32)),
    sa.Column("device", sa.String(32), nullable=False, server_default=""),
    sa.Column("wish", sa.String(32), nullable=False, server_default=""),  # the device that was asked for
    sa.Column("resumed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("problem", sa.Text),
    sa.Index("ix_jobs_kind_number", "kind", "number"),
    sa.Index("ix_jobs_kind_state_number", "kind", "state", "number"),
    sa.Index("ix_jobs_kind_name_number", "kind", "name", "number"),
    sa.Index("ix_jobs_kind_group_name_number", "kind", "group_name", "number"),
    sa.Index("ix_jobs_state_number", "state", "number"),
    sa.Index("ix_jobs_dataset_id_number", "dataset_id", "number"),
    sqlite_autoincrement=True,
)


def _job_id(*, primary_key: bool = False) -> sa.Column[str]:
    goes_with_it = sa.ForeignKey("jobs.id", ondelete="CASCADE")
    return sa.Column("job_id", sa.String(32), goes_with_it, nullable=False, primary_key=primary_key)


job_options = sa.Table(
    "job_options", metadata, _job_id(primary_key=True), sa.Column("options", sa.Text, nullable=False)
)

transitions = sa.Table(
    "transitions",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    _job_id(),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("before", sa.String(16)),
    sa.Column("after", sa.String(16), nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_transitions_job_id_number", "job_id", "number"),
)

needs = sa.Table(
    "needs",
    metadata,
    _job_id(primary_key=True),
    sa.Column("needed_id", sa.String(32), sa.ForeignKey("jobs.id", ondelete="RESTRICT"), primary_key=True),
    sa.Index("ix_needs_needed_id", "needed_id"),
)

workers = sa.Table(  # the process that works on a job, and how far its events have been read
    "workers",
    metadata,
    _job_id(primary_key=True),
    sa.Column("nonce", sa.String(64), nullable=False),
    sa.Column("pid", sa.Integer),
    sa.Column("start_time", sa.BigInteger),
    sa.Column("offset", sa.BigInteger, nullable=False, server_default="0"),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.String(200), nullable=False),
    sa.Column("taken", sa.Float, nullable=False),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    _job_id(),
    sa.Column("created", sa.Float, nullable=False),
    sa.Index("ix_idempotency_created", "created"),
    sa.Index("ix_idempotency_job_id", "job_id"),
)

trash = sa.Table("trash", metadata, sa.Column("job_id", sa.String(32), primary_key=True))  # folders still to remove

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),  # SHA-256 of the secret, in hex
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("used", sa.Float),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("token", sa.String(64)),  # digest of the token it was opened with
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Index("ix_sessions_expires", "expires"),
)
