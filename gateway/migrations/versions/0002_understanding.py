"""What is understood of more mails: who sent each, which mail staff passed on, which images are a signature's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("intake", sa.Column("forwarded_message_id", sa.Text(), nullable=True))
    op.add_column("intake", sa.Column("sender_key", sa.Text(), server_default="", nullable=False))
    op.create_index(op.f("ix_intake_forwarded_message_id"), "intake", ["forwarded_message_id"], unique=False)
    op.add_column("attachments", sa.Column("folded", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("attachments", sa.Column("for_staff", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(op.f("ix_attachments_sha256"), "attachments", ["sha256"], unique=False)
