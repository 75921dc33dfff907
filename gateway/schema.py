"""The tables, the same on SQLite and on PostgreSQL.

SQLAlchemy Core only: rows become the frozen values of `gateway.model` by hand. Instants are whole microseconds since
1970 in UTC, which sort, compare and index alike on both databases. Ids are never given out twice. The history of
this schema stands in `gateway/migrations`; a test holds the two together.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as whole microseconds since 1970 in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# SQLite gives out ids by itself only to a column of exactly the type INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, metadata, Column("id", Id, primary_key=True), *columns, sqlite_autoincrement=True)


def _link(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{target}.id"), nullable=nullable)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# An account (with a password) and the owner of an address are two things: an account may claim an address that it
# has not proven, while the address itself is a person who writes by mail. Each is unique for itself.
people = _table(
    "people",
    Column("username", String(320), nullable=False),
    Column("username_key", String(640), nullable=False),
    Column("email", String(320), nullable=False),
    Column("email_key", String(640), nullable=False),
    Column("password_hash", String(256)),
    Column("is_account", Boolean, nullable=False),
    Column("owns_address", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("is_staff", Boolean, nullable=False),
    Column("is_admin", Boolean, nullable=False),
    _link("merged_into", "people", nullable=True),
    Column("created_at", Instant, nullable=False),
)
Index(
    "uq_people_account_name",
    people.c.username_key,
    unique=True,
    sqlite_where=people.c.is_account,
    postgresql_where=people.c.is_account,
)
Index(
    "uq_people_account_email",
    people.c.email_key,
    unique=True,
    sqlite_where=people.c.is_account,
    postgresql_where=people.c.is_account,
)
Index(
    "uq_people_address_owner",
    people.c.email_key,
    unique=True,
    sqlite_where=people.c.owns_address,
    postgresql_where=people.c.owns_address,
)
Index("ix_people_is_staff", people.c.is_staff, sqlite_where=people.c.is_staff, postgresql_where=people.c.is_staff)

# One row is one login: the family of all refresh tokens that came from it. Only the newest of them is valid.
logins = _table(
    "logins",
    _link("person_id", "people"),
    Column("refresh_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

tickets = _table(
    "tickets",
    _link("customer_id", "people"),
    Column("subject", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("status", String(1), nullable=False),
    _link("changed_status", "people", nullable=True),
    Column("via", String(8), nullable=False),
    Column("trust", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
)
Index(None, tickets.c.customer_id, tickets.c.id)
Index(None, tickets.c.status, tickets.c.id)

answers = _table(
    "answers",
    _link("ticket_id", "tickets"),
    _link("author_id", "people"),
    Column("kind", String(8), nullable=False),
    Column("subject", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("quoted", Text, nullable=False),
    Column("via", String(8), nullable=False),
    Column("trust", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
)
Index(None, answers.c.ticket_id, answers.c.id)
Index(None, answers.c.author_id)

# The ledger: one row for each mail that was ever taken. `fingerprint` is null on the row of a duplicate, whose
# bytes are those of the row it names in `duplicate_of`. `sender_key` is the folded address of a sender without doubt,
# else empty; `forwarded_message_id` is that of a customer's mail that staff passed on, so that what he answers to it
# comes to the ticket.
intake = _table(
    "intake",
    Column("received_at", Instant, nullable=False),
    Column("source", String(8), nullable=False),
    Column("envelope_from", Text, nullable=False),
    Column("envelope_to", JSON, nullable=False),
    Column("null_sender", Boolean, nullable=False),
    Column("trusted", Boolean, nullable=False),
    Column("message_id", Text),
    Column("forwarded_message_id", Text),
    Column("sender_key", Text, nullable=False, server_default=""),
    Column("from_text", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("trust", String(16), nullable=False),
    _link("ticket_id", "tickets", nullable=True),
    _link("answer_id", "answers", nullable=True),
    Column("fingerprint", String(64), unique=True),
    _link("duplicate_of", "intake", nullable=True),
)
Index(None, intake.c.outcome, intake.c.id)
Index(None, intake.c.message_id)
Index(None, intake.c.forwarded_message_id)
Index(None, intake.c.envelope_from, intake.c.id)
Index(None, intake.c.ticket_id)
Index(None, intake.c.answer_id)

raw_mails = Table(
    "raw_mails",
    metadata,
    Column("intake_id", Id, ForeignKey("intake.id"), primary_key=True, autoincrement=False),
    Column("compression", String(8), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# `folded` is an image of a signature that its sender has sent before: kept, but no part of the conversation. What is
# `for_staff` came with a mail that staff passed on, and its customer does not see it.
attachments = _table(
    "attachments",
    _link("intake_id", "intake"),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("inline", Boolean, nullable=False),
    Column("content_id", Text, nullable=False),
    Column("folded", Boolean, nullable=False, server_default=false()),
    Column("for_staff", Boolean, nullable=False, server_default=false()),
)
Index(None, attachments.c.intake_id)
Index(None, attachments.c.sha256)

# What the desk owes by mail. `name` is the random name in the signed token, `message_id` (without brackets) holds
# the whole token; `lease_until` is when a row in `sending` may be taken by another courier.
outbox = _table(
    "outbox",
    Column("name", String(16), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    _link("person_id", "people"),
    Column("recipient", Text, nullable=False),
    _link("ticket_id", "tickets", nullable=True),
    _link("answer_id", "answers", nullable=True),
    Column("audience", String(16), nullable=False),
    Column("message_id", Text, nullable=False),
    Column("in_reply_to", Text, nullable=False),
    Column("reference_ids", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("settled_at", Instant),
    Column("last_reply", Text, nullable=False),
)
Index(None, outbox.c.state, outbox.c.due_at)
Index(None, outbox.c.kind, outbox.c.created_at)
Index(None, outbox.c.person_id, outbox.c.kind, outbox.c.created_at)
Index(None, outbox.c.ticket_id)


def insert_or_skip(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that does nothing, and returns no row, where a unique value is there already."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()
