"""What the outbox has to know of the roads out: domains, the relay's ids, tries without an answer; and whom a notice
is unwelcome."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("notify", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("outbox", sa.Column("domain", sa.Text(), server_default="", nullable=False))
    op.add_column("outbox", sa.Column("relay_id", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("unanswered", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("outbox", sa.Column("requeued_at", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_outbox_relay_id"), "outbox", ["relay_id"], unique=False)
    # What is still to be sent is sent side by side by its domain; of what has been sent nobody asks any more.
    outbox = sa.table("outbox", sa.column("id"), sa.column("state"), sa.column("recipient"), sa.column("domain"))
    connection = op.get_bind()
    owed = sa.select(outbox.c.id, outbox.c.recipient).where(outbox.c.state.in_(["queued", "sending"]))
    for row in connection.execute(owed).all():
        domain = row.recipient.rpartition("@")[2].lower()
        connection.execute(outbox.update().where(outbox.c.id == row.id).values(domain=domain))
