"""Alembic runs this for each command; the connection comes from `infra.postgres.migrate`."""

from alembic import context

from infra.postgres.tables.catalogue import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
