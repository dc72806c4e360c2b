"""How Alembic runs here: on the connection it is handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from core.store.models import Base
from core.store.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
