"""The ledger as it is read: every mail that was taken, what became of it, and its bytes.

Rows are written by `gateway.intake` alone. Who may read is the caller's matter: staff.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversations import StoredAttachment, stored_attachment
from gateway.errors import NotFound
from gateway.model import Delivery, Outcome, Source
from gateway.schema import attachments, intake, raw_mails


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A row of the ledger as staff read it."""

    id: int
    received_at: datetime
    source: Source
    envelope_from: str
    envelope_to: tuple[str, ...]
    message_id: str | None
    from_text: str
    subject: str
    size_bytes: int
    outcome: Outcome
    reason: str
    trust: str
    ticket_id: int | None
    answer_id: int | None
    duplicate_of: int | None


def pack(raw: bytes) -> tuple[str, bytes]:
    """The raw mail as it is stored: compressed, unless that would not make it smaller."""
    packed = zlib.compress(raw, 6)
    return ("zlib", packed) if len(packed) < len(raw) else ("none", raw)


def unpack(compression: str, body: bytes) -> bytes:
    """The raw mail, byte for byte."""
    return zlib.decompress(body) if compression == "zlib" else body


def _ledger_row(row: Any) -> LedgerRow:
    return LedgerRow(
        id=row.id,
        received_at=row.received_at,
        source=Source(row.source),
        envelope_from=row.envelope_from,
        envelope_to=tuple(row.envelope_to),
        message_id=row.message_id,
        from_text=row.from_text,
        subject=row.subject,
        size_bytes=row.size_bytes,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        trust=row.trust,
        ticket_id=row.ticket_id,
        answer_id=row.answer_id,
        duplicate_of=row.duplicate_of,
    )


async def list_intake(
    connection: AsyncConnection,
    *,
    outcome: Outcome | None,
    envelope_from: str | None,
    message_id: str | None,
    before_id: int | None,
    count: int,
) -> list[LedgerRow]:
    """Rows of the ledger, newest first, from below `before_id`. Who may ask is the caller's matter: staff."""
    query = select(intake).order_by(intake.c.id.desc()).limit(count)
    if outcome is not None:
        query = query.where(intake.c.outcome == outcome)
    if envelope_from is not None:
        query = query.where(intake.c.envelope_from == envelope_from)
    if message_id is not None:
        query = query.where(intake.c.message_id == message_id)
    if before_id is not None:
        query = query.where(intake.c.id < before_id)
    return [_ledger_row(row) for row in await connection.execute(query)]


async def get_intake(connection: AsyncConnection, intake_id: int) -> LedgerRow:
    """One row of the ledger. Raises NotFound."""
    row = (await connection.execute(select(intake).where(intake.c.id == intake_id))).first()
    if row is None:
        raise NotFound
    return _ledger_row(row)


async def get_raw(connection: AsyncConnection, intake_id: int) -> bytes:
    """The mail's bytes exactly as they came. Raises NotFound, also for a duplicate, whose bytes are the first one's."""
    row = (await connection.execute(select(raw_mails).where(raw_mails.c.intake_id == intake_id))).first()
    if row is None:
        raise NotFound
    return unpack(row.compression, row.body)


async def get_delivery(connection: AsyncConnection, intake_id: int) -> Delivery:
    """A stored mail as it was delivered, to run it again. Raises NotFound."""
    row = (await connection.execute(select(intake).where(intake.c.id == intake_id))).first()
    if row is None:
        raise NotFound
    return Delivery(
        raw=await get_raw(connection, intake_id),
        source=Source(row.source),
        envelope_from=row.envelope_from,
        envelope_to=tuple(row.envelope_to),
        null_sender=row.null_sender,
        trusted=row.trusted,
        from_sent=row.from_sent,
    )


async def list_attachments(connection: AsyncConnection, intake_id: int) -> list[StoredAttachment]:
    """The attachments of one mail, in their order."""
    rows = await connection.execute(
        select(attachments).where(attachments.c.intake_id == intake_id).order_by(attachments.c.id)
    )
    return [stored_attachment(row) for row in rows]
