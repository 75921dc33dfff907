"""The ledger over HTTP, for staff: rows, what was understood, the bytes, another run; and mail that comes by HTTP."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from api.attachments import attachment_object
from api.calls import BadQuery, Call, Reply, WrongMediaType, paged, read_bytes
from api.payloads import (
    Address,
    AttachmentObject,
    BounceObject,
    IntakeDetail,
    IntakeRow,
    Parsed,
    Rerun,
    instant,
)
from gateway import ledger
from gateway.errors import DeskError, NotFound, TryAgainLater
from gateway.keys import MAILROOM
from gateway.model import Delivery, InboundMessage, Outcome, Source

_TAKE_SECONDS = 60
_log = logging.getLogger("helpdesk.api")


class EmptyMail(DeskError):
    """A mail without a single byte."""

    message = "The mail is empty."


def _row(row: ledger.LedgerRow) -> IntakeRow:
    return IntakeRow(**_fields(row))  # type: ignore[arg-type]


def _fields(row: ledger.LedgerRow) -> dict[str, object]:
    return {
        "id": row.id,
        "received_at": instant(row.received_at),
        "source": row.source.value,
        "envelope_from": row.envelope_from,
        "envelope_to": list(row.envelope_to),
        "message_id": row.message_id,
        "from_": row.from_text,
        "subject": row.subject,
        "size_bytes": row.size_bytes,
        "outcome": row.outcome.value,
        "reason": row.reason,
        "trust": row.trust,
        "ticket": row.ticket_id,
        "comment": row.answer_id,
    }


async def list_intake(call: Call[None]) -> Reply:
    outcome, message_id, page = call.query("outcome"), call.query("message_id"), call.page()
    if outcome is not None and outcome not in set(Outcome):
        raise BadQuery(f"outcome must be one of {', '.join(Outcome)}.")
    found = await call.database.read(
        lambda connection: ledger.list_intake(
            connection,
            outcome=Outcome(outcome) if outcome else None,
            envelope_from=_plain(call.query("envelope_from")),
            message_id=_plain(message_id.strip().removeprefix("<").removesuffix(">")) if message_id else message_id,
            before_id=page.before_id,
            count=page.count + 1,
        )
    )
    rows, headers = paged(call, page, found)
    return Reply([_row(row) for row in rows], headers=headers)


def _plain(text: str | None) -> str | None:
    """A filter's text; one with a character that no stored text has is a mistake, not a question."""
    if text is not None and ("\x00" in text or not _is_unicode(text)):
        raise BadQuery("The filter holds a character that no mail has.")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


async def get_intake(call: Call[None]) -> Reply:
    intake_id = call.path_id()
    row = await call.database.read(lambda connection: ledger.get_intake(connection, intake_id))
    # A duplicate's bytes are those of the first of its kind.
    stored_at = row.duplicate_of or row.id
    parts = await call.database.read(lambda connection: ledger.list_attachments(connection, stored_at))
    message = None
    if row.outcome is not Outcome.FAILED:
        raw = await call.database.read(lambda connection: ledger.get_raw(connection, stored_at))
        message = await call.request.app[MAILROOM].read(raw)
    url = call.settings.public_url
    attachments = [attachment_object(url, part) for part in parts]
    return Reply(
        IntakeDetail(**_fields(row), parsed=_parsed(message, attachments) if message else None)  # type: ignore[arg-type]
    )


def _parsed(message: InboundMessage, attachments: list[AttachmentObject]) -> Parsed:
    bounce = message.bounce
    return Parsed(
        from_=Address(name=message.sender.name, address=message.sender.address),
        subject=message.subject,
        text=message.text,
        visible=message.visible,
        quoted=message.quoted,
        signature=message.signature,
        automatic=message.automatic or bounce is not None,
        auto_reply=message.auto_reply,
        bounce=BounceObject(addresses=list(bounce.addresses), permanent=bounce.permanent) if bounce else None,
        attachments=attachments,
    )


async def get_raw(call: Call[None]) -> web.Response:
    intake_id = call.path_id()
    row = await call.database.read(lambda connection: ledger.get_intake(connection, intake_id))
    if row.duplicate_of:
        raise NotFound(f"This mail is stored once, as intake {row.duplicate_of}.")
    raw = await call.database.read(lambda connection: ledger.get_raw(connection, intake_id))
    return web.Response(
        body=raw,
        content_type="message/rfc822",
        headers={
            "Content-Disposition": f'attachment; filename="{intake_id}.eml"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


async def rerun(call: Call[Rerun]) -> Reply:
    intake_id = call.path_id()
    await call.request.app[MAILROOM].rerun(intake_id, accept=call.body.accept)
    return Reply(_row(await call.database.read(lambda connection: ledger.get_intake(connection, intake_id))))


async def take_mail(call: Call[None]) -> Reply:
    request = call.request
    if request.content_type != "message/rfc822":
        raise WrongMediaType("message/rfc822")
    raw = await read_bytes(request, call.settings.max_message_bytes)
    if not raw:
        raise EmptyMail
    try:
        async with asyncio.timeout(_TAKE_SECONDS):
            # The mail is taken to its end even if its client goes away meanwhile.
            taken = await asyncio.shield(
                asyncio.ensure_future(request.app[MAILROOM].take(Delivery(raw=raw, source=Source.HTTP)))
            )
    except Exception as error:
        _log.exception("a mail by HTTP cannot be taken")
        raise TryAgainLater("The mail cannot be taken at the moment, try again later.") from error
    row = await call.database.read(lambda connection: ledger.get_intake(connection, taken.intake_id))
    return Reply(_row(row), status=200 if taken.outcome is Outcome.DUPLICATE else 201)
