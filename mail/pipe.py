"""The pipe door: one mail on standard input, for `.forward`, aliases and pipe transports (`helpdesk deliver`).

The mail goes to the gateway that serves the data folder (`mail.local_door`), which sends at once what is owed for it;
where none is serving, or it is just starting or ending, the mail is written down here, by the same mailroom into the
same database. Answers with sysexits codes, which Postfix, Exim and sendmail understand: 0 only after the commit, 67
and 65 for what is refused by name, and 75 for everything else, so that the mail server keeps the mail and tries again.
A mail whose fate is not known is 75 too: if it was stored, it will be known when it comes again.

A recipient that is named on the command line must be the desk's. One that the mail server tells in the environment is
only noted: behind an alias or a `.forward` it is often another address, and whoever wrote that line meant the desk.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import BinaryIO

from gateway.config import Settings
from gateway.database import Database
from gateway.errors import TooManyHops
from gateway.migrate import check_version, migrate
from gateway.model import Delivery, Source
from mail import replies
from mail.intake import Mailroom
from mail.local_door import NoGateway, hand_over
from mail.threads import is_ours
from mail.worker import reading

_STORED, _REFUSED, _NO_SUCH_ADDRESS, _TRY_AGAIN = 0, 65, 67, 75
# The line that mbox-minded mail servers put before the mail: envelope, not content.
_MBOX_LINE = re.compile(rb"\A>?From ([^ \r\n]*)[^\r\n]*\r?\n")
_log = logging.getLogger("helpdesk.deliver")


async def deliver(
    settings: Settings, stream: BinaryIO, *, recipient: str | None, sender: str | None, told: Sequence[str] = ()
) -> int:
    """Take the mail on `stream`; returns the exit code.

    `recipient` must be the desk's; `told` are the addresses that the mail server says it is for, where none is named.
    """
    try:
        raw, mbox_sender = _read(stream, settings.max_message_bytes)
    except (OSError, ValueError) as error:
        _log.error("the mail cannot be read (%s)", type(error).__name__)
        return _TRY_AGAIN
    if not raw or len(raw) > settings.max_message_bytes:
        _log.warning("the mail is %s", "too large" if raw else "empty")
        return _REFUSED
    envelope_from = mbox_sender if sender is None else sender
    delivery = Delivery(
        raw=raw,
        source=Source.PIPE,
        envelope_from="" if envelope_from in {None, "MAILER-DAEMON"} else _bare(str(envelope_from)),
        envelope_to=tuple(dict.fromkeys(map(_bare, told if recipient is None else (recipient,)))),
        null_sender=envelope_from in {"<>", "", "MAILER-DAEMON"},
    )
    try:
        return await _hand_over_or_store(settings, delivery, must_be_ours=recipient is not None)
    except Exception as error:
        # One neutral line: a mail server quotes what we print in its own log, and in what it tells the sender.
        _log.error("the mail cannot be taken now (%s), try again later", type(error).__name__)
        return _TRY_AGAIN


def _read(stream: BinaryIO, limit_bytes: int) -> tuple[bytes, str | None]:
    """The mail, and the sender in the line before it, if there is one. One byte more than the limit is enough."""
    raw = stream.read(limit_bytes + 1)
    if found := _MBOX_LINE.match(raw):
        rest = stream.read(found.end()) if len(raw) > limit_bytes else b""
        return raw[found.end() :] + rest, found[1].decode("utf-8", "replace")
    return raw, None


def _bare(address: str) -> str:
    return address.removeprefix("<").removesuffix(">")


async def _hand_over_or_store(settings: Settings, delivery: Delivery, *, must_be_ours: bool) -> int:
    try:
        reply = await hand_over(settings.data_dir, delivery, must_be_ours=must_be_ours)
    except NoGateway:
        if must_be_ours and not all(is_ours(settings, address) for address in delivery.envelope_to):
            reply = replies.NO_SUCH_ADDRESS
        else:
            return await _store(settings, delivery)
    if reply.startswith("2"):
        return _STORED
    _log.warning("the gateway says: %s", reply)
    if reply == replies.NO_SUCH_ADDRESS:
        return _NO_SUCH_ADDRESS
    return _REFUSED if reply.startswith("5") else _TRY_AGAIN


async def _store(settings: Settings, delivery: Delivery) -> int:
    database = Database(settings.database_url, owner=False)
    try:
        if settings.is_embedded:
            await migrate(database)
        else:
            await check_version(database)
        async with reading() as reader:
            await Mailroom(settings, database, reader).take(delivery)
    except TooManyHops as error:
        _log.warning("%s", error)
        return _REFUSED
    finally:
        await database.close()
    return _STORED
