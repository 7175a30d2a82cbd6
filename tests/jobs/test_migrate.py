"""The schema: what a fresh home gets is what the revisions build up to."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gradus.core.errors import ConflictError
from gradus.jobs.database import Database, sqlite_url
from gradus.jobs.home import Home
from gradus.jobs.migrate import alembic_config, prepare
from gradus.jobs.store import Store
from gradus.jobs.tables import HEAD, metadata


def _schema(path) -> dict[str, set[tuple]]:
    with sqlite3.connect(path) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        schema = {name: set(connection.execute(f"PRAGMA table_xinfo({name})")) for name in names}
        for name in names:
            schema[f"{name} references"] = {row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({name})")}
        indexes = connection.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'").fetchall()
        for index, table in indexes:
            columns = tuple(row[2] for row in connection.execute(f"PRAGMA index_info({index})"))
            schema.setdefault(f"{table} indexes", set()).add((index, columns))
    connection.close()
    return schema


def test_the_last_revision_is_the_one_the_tables_are_for():
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


def test_a_fresh_home_has_the_schema_that_the_revisions_make(tmp_path):
    fresh, grown = Database(sqlite_url(tmp_path / "fresh.db")), Database(sqlite_url(tmp_path / "grown.db"))
    prepare(fresh)
    with grown.write() as connection:
        settings = alembic_config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    fresh.close()
    grown.close()
    assert _schema(tmp_path / "fresh.db") == _schema(tmp_path / "grown.db")


def test_an_older_home_is_brought_up_to_date_after_a_copy(tmp_path, monkeypatch):
    path = tmp_path / "gradus.db"
    old = Database(sqlite_url(path))
    prepare(old)
    monkeypatch.setattr("gradus.jobs.migrate.HEAD", "0002")  # as if this version had one more revision
    prepare(old)
    old.close()
    (copy,) = tmp_path.glob("gradus.db.before-*")
    assert _schema(copy) == _schema(path)


def test_a_home_of_a_newer_version_is_refused(tmp_path):
    database = Database(sqlite_url(tmp_path / "gradus.db"))
    prepare(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConflictError, match="newer Gradus"):
        prepare(database)
    database.close()


def test_a_start_on_an_existing_home_does_not_load_alembic(tmp_path):
    Store(Home(tmp_path)).close()
    check = (
        "import sys, pathlib; from gradus.jobs.store import Store; from gradus.jobs.home import Home;"
        "Store(Home(pathlib.Path(sys.argv[1]))).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check, str(tmp_path)], check=False).returncode == 0
