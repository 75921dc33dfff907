"""The single path of a mail, whichever door it came by: read it, then one transaction that stores it and what follows.

Reading is pure and never a reason to refuse: what cannot be read, or not within the limits of `mail.worker`, is stored
as `failed`, its bytes intact. Trouble of ours comes out as the exception it is, and the door says "later". When `take`
returns, everything is committed.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import DataError

from gateway import intake, ledger
from gateway.config import Settings
from gateway.database import Database
from gateway.errors import TooManyHops, TryAgainLater
from gateway.intake import Reading
from gateway.ledger import pack
from gateway.model import Delivery, InboundMessage, Outcome, Source, Taken, clean_line
from gateway.reply_token import random_name
from mail.fingerprint import fingerprint
from mail.hops import is_in_loop
from mail.parse import Unreadable
from mail.threads import read_clues, sent_token
from mail.worker import NoWorker, Reader

T = TypeVar("T")
# Packing a larger mail takes long enough to be done in a thread.
_IN_PLACE_BYTES = 64 * 1024
_LONGEST_ADDRESS = 1000
# Roads on which whoever brings a mail tells its sender that it was refused.
_REFUSING = frozenset({Source.SMTP, Source.LMTP, Source.PIPE})
_log = logging.getLogger("helpdesk.intake")


def new_name() -> str:
    """A random name for an outgoing mail."""
    return random_name(os.urandom(7))


def utc_now() -> datetime:
    """The time of the wall clock."""
    return datetime.now(UTC)


def _short(address: str) -> str:
    """An address of the envelope, cleaned and cut to what an index takes."""
    return clean_line(address, _LONGEST_ADDRESS).encode()[:_LONGEST_ADDRESS].decode("utf-8", "ignore")


class Mailroom:
    """Takes mails and reads them. Safe to use from many doors at once."""

    def __init__(
        self, settings: Settings, database: Database, reader: Reader, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._settings = settings
        self._database = database
        self._reader = reader
        self._clock = clock

    async def take(self, delivery: Delivery) -> Taken:
        """Store one mail and do what follows from it, exactly once however often it comes.

        Raises for trouble of ours; then nothing is stored, or (when the trouble came with the commit's answer)
        everything is, and the same mail sent again finds itself. And TooManyHops, where somebody is there to be told;
        on a road where nobody is, such a mail is `refused` in the ledger.
        """
        delivery = replace(
            delivery,
            envelope_from=_short(delivery.envelope_from),
            envelope_to=tuple(_short(address) for address in delivery.envelope_to),
        )
        if await _off_loop(len(delivery.raw), partial(is_in_loop, delivery.raw)):
            return await self._refuse(delivery)
        reading = await self._understand(delivery)
        digest, packed = await _off_loop(len(delivery.raw), partial(_prepare, delivery.raw))
        if delivery.from_sent:
            # The mail and the copy that its writer keeps are two things, and each has consequences of its own.
            digest = _digest("sent", digest)
        try:
            return await self._receive(delivery, reading, digest, packed)
        except (DataError, UnicodeError, OverflowError) as error:
            # Something in the mail that the database does not take: it must not come back for ever, so it is kept
            # as bytes. Any other exception is trouble of ours and comes out.
            _log.exception("a mail's content does not fit into the database")
            unreadable = Reading(message=None, failure=f"cannot be stored as a message: {type(error).__name__}")
            return await self._receive(delivery, unreadable, digest, packed)

    async def list_refused(
        self, delivery: Delivery, *, outcome: Outcome, key: tuple[str, ...], size_bytes: int, reason: str
    ) -> Taken:
        """A row in the ledger for a mail that stays where it lies; `delivery.raw` is its header, as far as known.

        `key` is what tells the mail from others: the same one is listed once.
        """
        reading = await self._understand(delivery) if delivery.raw else Reading(message=None)
        now = self._clock()
        return await self._database.write(
            lambda connection: intake.list_refused(
                connection,
                delivery=delivery,
                reading=reading,
                fingerprint=_digest(outcome, *key),
                packed=pack(delivery.raw),
                outcome=outcome,
                size_bytes=size_bytes,
                reason=reason,
                now=now,
            )
        )

    async def _refuse(self, delivery: Delivery) -> Taken:
        if delivery.source in _REFUSING:
            raise TooManyHops
        if delivery.place is not None:
            digest, _ = await _off_loop(len(delivery.raw), partial(_prepare, delivery.raw))
            return await self.list_refused(
                delivery,
                outcome=Outcome.REFUSED,
                key=("hops", digest),
                size_bytes=len(delivery.raw),
                reason=str(TooManyHops()),
            )
        reading = await self._understand(delivery)
        _, packed = await _off_loop(len(delivery.raw), partial(_prepare, delivery.raw))
        now, reason = self._clock(), str(TooManyHops())
        return await self._database.write(
            lambda connection: intake.refuse_mail(
                connection, delivery=delivery, message=reading.message, packed=packed, reason=reason, now=now
            )
        )

    async def _receive(self, delivery: Delivery, reading: Reading, digest: str, packed: tuple[str, bytes]) -> Taken:
        now = self._clock()
        taken = await self._database.write(
            lambda connection: intake.receive_mail(
                connection,
                self._settings,
                delivery=delivery,
                reading=reading,
                fingerprint=digest,
                packed=packed,
                now=now,
                new_name=new_name,
            )
        )
        _log.info("taken intake=%d outcome=%s source=%s", taken.intake_id, taken.outcome, delivery.source)
        return taken

    async def rerun(self, intake_id: int, *, accept: bool) -> Taken:
        """Run a failed or held mail again, as it is understood now; with `accept` a held one is let in.

        Raises NotFound, Conflict or TryAgainLater.
        """
        delivery = await self._database.read(lambda connection: ledger.get_delivery(connection, intake_id))
        reading = await self._understand_again(delivery)
        now = self._clock()
        return await self._database.write(
            lambda connection: intake.rerun_mail(
                connection,
                self._settings,
                intake_id=intake_id,
                reading=reading,
                accept=accept,
                now=now,
                new_name=new_name,
            )
        )

    async def read(self, raw: bytes) -> InboundMessage | None:
        """What is understood of a mail; None where nothing is. Raises TryAgainLater."""
        reading = await self._understand_again(Delivery(raw=raw, source=Source.HTTP))
        return reading.message

    async def attachment(self, raw: bytes, position: int) -> bytes:
        """The bytes of the attachment at `position`. Raises TryAgainLater where no reader gets them out."""
        try:
            return await self._reader.attachment(raw, position)
        except (Unreadable, NoWorker) as error:
            raise TryAgainLater("The file cannot be taken out of its mail at the moment.") from error

    async def _understand_again(self, delivery: Delivery) -> Reading:
        """As `_understand`, for somebody who waits for the answer. Raises TryAgainLater."""
        try:
            return await self._understand(delivery)
        except NoWorker as error:
            raise TryAgainLater("The mail cannot be read at the moment, try again later.") from error

    async def _understand(self, delivery: Delivery) -> Reading:
        """Whatever a mail makes our code do, the mail is kept, shown as failed, and can run again. Raises NoWorker."""
        try:
            message = await self._reader.read(
                delivery.raw, authserv_id=self._settings.trusted_authserv_id, trusted=delivery.trusted
            )
        except Unreadable as unreadable:
            failure = f"cannot be understood: {unreadable}"
        else:
            try:
                clues = read_clues(self._settings, message, delivery.envelope_to)
                if delivery.from_sent and not clues.own_token:
                    clues = replace(clues, own_token=sent_token(self._settings, delivery.raw))
                return Reading(message=message, clues=clues)
            except Exception as error:
                failure = f"cannot be understood: {type(error).__name__} in its clues"
        _log.warning("a mail of %d bytes %s", len(delivery.raw), failure)
        return Reading(message=None, failure=failure)


async def _off_loop(size_bytes: int, work: Callable[[], T]) -> T:
    return work() if size_bytes <= _IN_PLACE_BYTES else await asyncio.to_thread(work)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()


def _prepare(raw: bytes) -> tuple[str, tuple[str, bytes]]:
    """The mail's fingerprint, and the mail as it is stored."""
    return fingerprint(raw), pack(raw)
