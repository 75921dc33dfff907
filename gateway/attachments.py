"""The list of a mail's attachments: which of its parts are kept for a conversation, and who may see them.

Their bytes stay in the raw mail. The image of a signature comes with every mail of its sender; the second time the
same bytes are folded: they stay in the ledger and can be fetched, and the conversation is not cluttered with them. That
goes for small images in a mail that says something: one that is all there is, is never folded.

Of a mail that staff pass on, only what was inside the enclosed mail is for the customer. What stands beside it may be
meant for colleagues, and in one that was passed on inline nobody can tell, so both are for staff alone.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.matching import Decision, Deed
from gateway.model import AttachmentInfo, InboundMessage, fold_key
from gateway.schema import attachments, intake

# A larger picture is more likely shown on purpose, even twice.
_LARGEST_LOGO_BYTES = 65_536


async def store_attachments(
    connection: AsyncConnection, intake_id: int, message: InboundMessage, decision: Decision
) -> None:
    """List the attachments of the mail in the ledger row `intake_id`, anew where there is a list already."""
    await connection.execute(attachments.delete().where(attachments.c.intake_id == intake_id))
    forwarded = message.forwarded if decision.deed is Deed.FORWARD else None
    parts = [*((part, forwarded is not None) for part in message.attachments)]
    parts += [(part, False) for part in (forwarded.attachments if forwarded else ())]
    if not parts:
        return
    logos = {part.sha256 for part, _ in parts if message.text.strip() and _may_be_logo(part)}
    known = await _seen_before(connection, intake_id, fold_key(message.sender.address), logos)
    await connection.execute(
        attachments.insert(),
        [
            {
                "intake_id": intake_id,
                "position": part.position,
                "name": part.name,
                "content_type": part.content_type,
                "size_bytes": part.size_bytes,
                "sha256": part.sha256,
                "inline": part.inline,
                "content_id": part.content_id,
                "folded": part.sha256 in known and _may_be_logo(part),
                "for_staff": for_staff,
            }
            for part, for_staff in parts
        ],
    )


def _may_be_logo(part: AttachmentInfo) -> bool:
    return part.inline and part.content_type.startswith("image/") and 0 < part.size_bytes <= _LARGEST_LOGO_BYTES


async def _seen_before(connection: AsyncConnection, intake_id: int, sender_key: str, logos: set[str]) -> set[str]:
    """Which of these images (by SHA-256) an earlier mail of this sender brought, too."""
    if not logos or not sender_key:
        return set()
    rows = await connection.execute(
        select(attachments.c.sha256)
        .join(intake, intake.c.id == attachments.c.intake_id)
        .where(
            attachments.c.sha256.in_(logos),
            attachments.c.inline,
            intake.c.sender_key == sender_key,
            intake.c.id < intake_id,
        )
        .distinct()
    )
    return set(rows.scalars())
