"""The first schema: people, logins, tickets, answers, the ledger with its raw mails, attachments, the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives out ids by itself only to a column of exactly the type INTEGER.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", Id, nullable=False),
        sa.Column("username", sa.String(length=320), nullable=False),
        sa.Column("username_key", sa.String(length=640), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=640), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=True),
        sa.Column("is_account", sa.Boolean(), nullable=False),
        sa.Column("owns_address", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["people.id"], name=op.f("fk_people_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_people_is_staff",
        "people",
        ["is_staff"],
        unique=False,
        sqlite_where=sa.text("is_staff"),
        postgresql_where=sa.text("is_staff"),
    )
    op.create_index(
        "uq_people_account_email",
        "people",
        ["email_key"],
        unique=True,
        sqlite_where=sa.text("is_account"),
        postgresql_where=sa.text("is_account"),
    )
    op.create_index(
        "uq_people_account_name",
        "people",
        ["username_key"],
        unique=True,
        sqlite_where=sa.text("is_account"),
        postgresql_where=sa.text("is_account"),
    )
    op.create_index(
        "uq_people_address_owner",
        "people",
        ["email_key"],
        unique=True,
        sqlite_where=sa.text("owns_address"),
        postgresql_where=sa.text("owns_address"),
    )
    op.create_table(
        "logins",
        sa.Column("id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("refresh_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_logins_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logins")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tickets",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=1), nullable=False),
        sa.Column("changed_status", Id, nullable=True),
        sa.Column("via", sa.String(length=8), nullable=False),
        sa.Column("trust", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["changed_status"], ["people.id"], name=op.f("fk_tickets_changed_status")),
        sa.ForeignKeyConstraint(["customer_id"], ["people.id"], name=op.f("fk_tickets_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tickets_customer_id_id"), "tickets", ["customer_id", "id"], unique=False)
    op.create_index(op.f("ix_tickets_status_id"), "tickets", ["status", "id"], unique=False)
    op.create_table(
        "answers",
        sa.Column("id", Id, nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("author_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("quoted", sa.Text(), nullable=False),
        sa.Column("via", sa.String(length=8), nullable=False),
        sa.Column("trust", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["people.id"], name=op.f("fk_answers_author_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_answers_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_answers_author_id"), "answers", ["author_id"], unique=False)
    op.create_index(op.f("ix_answers_ticket_id_id"), "answers", ["ticket_id", "id"], unique=False)
    op.create_table(
        "intake",
        sa.Column("id", Id, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("envelope_from", sa.Text(), nullable=False),
        sa.Column("envelope_to", sa.JSON(), nullable=False),
        sa.Column("null_sender", sa.Boolean(), nullable=False),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("from_text", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("trust", sa.String(length=16), nullable=False),
        sa.Column("ticket_id", Id, nullable=True),
        sa.Column("answer_id", Id, nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("duplicate_of", Id, nullable=True),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name=op.f("fk_intake_answer_id")),
        sa.ForeignKeyConstraint(["duplicate_of"], ["intake.id"], name=op.f("fk_intake_duplicate_of")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_intake_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_intake_fingerprint")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_intake_answer_id"), "intake", ["answer_id"], unique=False)
    op.create_index(op.f("ix_intake_envelope_from_id"), "intake", ["envelope_from", "id"], unique=False)
    op.create_index(op.f("ix_intake_message_id"), "intake", ["message_id"], unique=False)
    op.create_index(op.f("ix_intake_outcome_id"), "intake", ["outcome", "id"], unique=False)
    op.create_index(op.f("ix_intake_ticket_id"), "intake", ["ticket_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("ticket_id", Id, nullable=True),
        sa.Column("answer_id", Id, nullable=True),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("in_reply_to", sa.Text(), nullable=False),
        sa.Column("reference_ids", sa.JSON(), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("last_reply", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name=op.f("fk_outbox_answer_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_outbox_person_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_outbox_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("name", name=op.f("uq_outbox_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_kind_created_at"), "outbox", ["kind", "created_at"], unique=False)
    op.create_index(
        op.f("ix_outbox_person_id_kind_created_at"), "outbox", ["person_id", "kind", "created_at"], unique=False
    )
    op.create_index(op.f("ix_outbox_state_due_at"), "outbox", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_outbox_ticket_id"), "outbox", ["ticket_id"], unique=False)
    op.create_table(
        "attachments",
        sa.Column("id", Id, nullable=False),
        sa.Column("intake_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("inline", sa.Boolean(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_attachments_intake_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attachments_intake_id"), "attachments", ["intake_id"], unique=False)
    op.create_table(
        "raw_mails",
        sa.Column("intake_id", Id, autoincrement=False, nullable=False),
        sa.Column("compression", sa.String(length=8), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_raw_mails_intake_id")),
        sa.PrimaryKeyConstraint("intake_id", name=op.f("pk_raw_mails")),
    )
