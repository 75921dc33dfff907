"""Mailboxes and relays may be entered by OAuth2: what their owners granted is kept, sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# SQLite gives out ids by itself only to a column of exactly the type INTEGER.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mailbox_tokens",
        sa.Column("id", Id, nullable=False),
        sa.Column("account", sa.String(length=640), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_tokens")),
        sa.UniqueConstraint("account", name=op.f("uq_mailbox_tokens_account")),
        sqlite_autoincrement=True,
    )
