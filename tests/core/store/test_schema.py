"""Migrations: they build what the models say, up and down, and keep the rows of older databases."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from core.alerts import AlertState
from core.errors import StoreError
from core.store import open_store
from core.store.database import open_database
from core.store.models import Base
from core.store.schema import VERSION_TABLE, migrate, move_schema, newest_schema, schema_of


def move(database, revision):
    with database.connect(writes=True) as connection, connection.begin():
        move_schema(connection, revision)


def tables(database):
    with database.connect(writes=False) as connection:
        return set(inspect(connection).get_table_names())


def test_models_and_migrations_say_the_same(database_url):
    database = open_database(database_url)
    migrate(database)

    with database.connect(writes=False) as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)

    assert differences == []
    database.engine.dispose()


def test_every_migration_goes_up_and_down(database_url):
    database = open_database(database_url)
    states = []
    for revision in ("0001", "head", "0001", "base", "head"):
        move(database, revision)
        states.append(tables(database) - {VERSION_TABLE})

    assert states[0] == states[2] == {"runs", "alerts", "evidence"}
    assert states[1] == states[4] == set(Base.metadata.tables)
    assert states[3] == set()
    database.engine.dispose()


def test_old_database_is_brought_up_to_date_and_keeps_its_rows(database_url, tmp_path):
    database = open_database(database_url)
    move(database, "0001")
    with database.write() as session:
        session.execute(
            text(
                "INSERT INTO runs VALUES ('r', 'watch', 'surveillance', 'door', :json, :json,"
                " NULL, 'gone', 1, 1.5, 1.5, NULL, 'done', :json)"
            ),
            {"json": "{}"},
        )
        session.execute(
            text(
                "INSERT INTO alerts VALUES (:id, 'r', 'surveillance', 'door', 'fall', 'rule', 'closed',"
                " 1, 2, 3, 4, 0.5, 'why', :json, :boxes, :json, 3, 5, 5)"
            ),
            {"id": "a" * 32, "json": "{}", "boxes": "[]"},
        )
    database.engine.dispose()

    store = open_store(database_url, tmp_path / "evidence")

    assert store.schema_version == newest_schema()
    assert (store.alert("a").alert.reason, store.alert("a").alert.state) == ("why", AlertState.CLOSED)
    assert store.mutes(0.0) == []
    store.close()


def test_newer_database_is_refused_and_left_as_it_is(database_url, tmp_path):
    open_store(database_url, tmp_path / "evidence").close()
    database = open_database(database_url)
    with database.write() as session:
        session.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))

    with pytest.raises(StoreError, match="schema 9999, newer than this program's"):
        open_store(database_url, tmp_path / "evidence")

    with database.connect(writes=False) as connection:
        assert schema_of(connection) == "9999"
    database.engine.dispose()


def test_migration_that_fails_half_way_leaves_the_old_schema(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/t.db")
    with database.write() as session:
        session.execute(text("CREATE TABLE evidence (mine INTEGER)"))  # the third table of the first migration collides

    with pytest.raises(StoreError):
        migrate(database)

    assert tables(database) == {"evidence"}
    database.engine.dispose()
