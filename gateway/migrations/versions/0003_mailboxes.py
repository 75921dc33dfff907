"""Mailboxes are watched: how far each folder was read, and which mails lay in a folder of sent ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite gives out ids by itself only to a column of exactly the type INTEGER.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mailbox_cursors",
        sa.Column("id", Id, nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("backlog_uid", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_cursors")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_mailbox_cursors_folder", "mailbox_cursors", ["mailbox", "folder"], unique=True)
    op.add_column("intake", sa.Column("from_sent", sa.Boolean(), server_default=sa.false(), nullable=False))
