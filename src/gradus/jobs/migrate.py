"""The schema: made at once in a fresh home, brought up to date in an older one, refused if newer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gradus.core.errors import ConflictError
from gradus.jobs.database import Database
from gradus.jobs.tables import HEAD, metadata

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"


def prepare(database: Database) -> None:
    """Bring the schema to what this version works with. Alembic is loaded only when there is something to do."""
    version = _version(database)
    if version is None:
        _create(database)
    elif version != HEAD:
        _upgrade(database, version)


def alembic_config() -> Config:
    """Alembic's settings, without a file."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return settings


def _version(database: Database) -> str | None:
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _create(database: Database) -> None:
    with database.write() as connection:
        metadata.create_all(connection)
        connection.execute(
            sa.text(
                "CREATE TABLE alembic_version "
                "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
        )
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _upgrade(database: Database, version: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    settings = alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    if version not in known:
        raise ConflictError(
            f"the database was made by a newer Gradus (schema {version}; this version knows up to {HEAD})",
            hint="use the newer version, or another home with --home",
            code="newer_schema",
        )
    if database.path is not None:
        database.copy_to(database.path.with_name(f"{database.path.name}.before-{HEAD}-{int(time.time())}"))
    with database.write() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
