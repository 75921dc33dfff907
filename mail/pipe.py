"""The pipe door: one mail on standard input, for `.forward`, aliases and pipe transports (`helpdesk deliver`).

Goes the same way as every mail, through the mailroom, into the same database that a gateway may be serving.
Answers with sysexits codes, which Postfix, Exim and sendmail understand: 0 only after the commit, 75 for any trouble
of ours, so that the mail server keeps the mail and tries again.
"""

from __future__ import annotations

import logging
import re
from typing import BinaryIO

from gateway.config import Settings
from gateway.database import Database
from gateway.migrate import check_version, migrate
from gateway.model import Delivery, Source
from mail.intake import Mailroom
from mail.threads import is_ours
from mail.worker import reading

_STORED, _REFUSED, _NO_SUCH_ADDRESS, _TRY_AGAIN = 0, 65, 67, 75
# The line that mbox-minded mail servers put before the mail: envelope, not content.
_MBOX_LINE = re.compile(rb"\A>?From ([^ \r\n]*)[^\r\n]*\r?\n")
_log = logging.getLogger("helpdesk.deliver")


async def deliver(settings: Settings, stream: BinaryIO, *, recipient: str | None, sender: str | None) -> int:
    """Take the mail on `stream`; returns the exit code."""
    recipient = recipient.removeprefix("<").removesuffix(">") if recipient is not None else None
    if recipient is not None and not is_ours(settings, recipient):
        _log.warning("no such address: %r", recipient)
        return _NO_SUCH_ADDRESS
    try:
        raw = stream.read(settings.max_message_bytes + 4096)
    except (OSError, ValueError) as error:
        _log.error("the mail cannot be read (%s)", type(error).__name__)
        return _TRY_AGAIN
    if found := _MBOX_LINE.match(raw):
        raw = raw[found.end() :]
        sender = found[1].decode("utf-8", "replace") if sender is None else sender
    if not raw or len(raw) > settings.max_message_bytes:
        _log.warning("the mail is %s", "too large" if raw else "empty")
        return _REFUSED
    try:
        return await _take(settings, raw, recipient=recipient, sender=sender)
    except Exception as error:
        # One neutral line: a mail server quotes what we print in its own log, and in what it tells the sender.
        _log.error("the mail cannot be taken now (%s), try again later", type(error).__name__)
        return _TRY_AGAIN


async def _take(settings: Settings, raw: bytes, *, recipient: str | None, sender: str | None) -> int:
    database = Database(settings.database_url, owner=False)
    try:
        if settings.is_embedded:
            await migrate(database)
        else:
            await check_version(database)
        envelope_from = (sender or "").removeprefix("<").removesuffix(">")
        async with reading() as reader:
            await Mailroom(settings, database, reader).take(
                Delivery(
                    raw=raw,
                    source=Source.PIPE,
                    envelope_from="" if envelope_from == "MAILER-DAEMON" else envelope_from,
                    envelope_to=(recipient,) if recipient else (),
                    null_sender=sender in {"<>", "", "MAILER-DAEMON"},
                )
            )
    finally:
        await database.close()
    return _STORED
