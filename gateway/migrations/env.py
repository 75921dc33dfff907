"""What alembic runs for each migration: on the connection it is given, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from gateway.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
