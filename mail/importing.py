"""The way of an archive into the desk (`helpdesk import`): two passes, many mails at a time, nothing sent.

The first pass reads every header and so learns what hangs together and in which order (`mail.chronology`). The second
takes the mails in that order, oldest first: they are read in the worker processes of `mail.worker`, and stored by
`gateway.importing`, a batch in a transaction. Meanwhile the next batches are being read.

A batch that the database does not take is halved until the one bad mail stands alone; that one is stored as `failed`,
its bytes intact. Trouble that is not of one mail (no space, no database) comes out. Whatever is committed stays,
whenever this is broken off; run again it goes on, because what is known already is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from gateway import importing
from gateway.config import Settings
from gateway.database import Database
from gateway.errors import DeskError
from gateway.import_plan import ANYBODY, OldMail
from gateway.importing import Imported
from gateway.intake import Reading
from gateway.ledger import pack
from gateway.migrate import check_version, migrate
from gateway.model import InboundMessage, Outcome
from mail.archive import HEAD_BYTES, Archive, Entry, Place
from mail.chronology import Chronology
from mail.fingerprint import fingerprint
from mail.parse import Unreadable, parse_message
from mail.threads import read_clues
from mail.worker import LONGEST_BATCH_BYTES, Reader, reading

BATCH_MAILS = 200
# So many batches are being read while one is being stored.
_AHEAD = 4
_LOOK_EVERY = 500
_NOT_READ = Reading(message=None)
_log = logging.getLogger("helpdesk.import")

# Tells how far it is: what is being done, how much of it is done, how much there is (0: not known yet).
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Tally:
    """How many mails became what; `skipped` were drafts and deleted ones, and not looked at."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    known: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        return self.outcomes.total() + self.known

    def words(self) -> str:
        """One line for people: `1,234 mails: 400 tickets, 800 answers, 30 known already, 4 failed`."""
        named = (
            (self.outcomes[Outcome.TICKET], "ticket"),
            (self.outcomes[Outcome.ANSWER], "answer"),
        )
        parts = [f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in named]
        others = (
            (self.outcomes[Outcome.AUTOMATIC], "automatic"),
            (self.outcomes[Outcome.BOUNCE], "delivery reports"),
            (self.known, "known already"),
            (self.outcomes[Outcome.REFUSED], "too large"),
            (self.outcomes[Outcome.FAILED], "failed"),
            (self.skipped, "drafts and deleted mails left out"),
        )
        parts += [f"{count:,} {words}" for count, words in others if count]
        return f"{self.total:,} mail{'' if self.total == 1 else 's'}: {', '.join(parts)}"


async def import_archive(
    settings: Settings, path: Path, *, progress: Progress, clock: Callable[[], datetime], tally: Tally
) -> None:
    """Take every mail at `path`. `tally` counts what is committed, also where this is broken off. Raises NoArchive."""
    with Archive(path) as archive:
        database = Database(settings.database_url, owner=False)
        try:
            if settings.is_embedded:
                await migrate(database)
            else:
                await check_version(database)
            async with reading() as reader:
                await _Import(settings, database, reader, archive, clock(), tally).run(progress)
        finally:
            await database.close()


class _Import:
    """One run over one archive."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        reader: Reader,
        archive: Archive,
        now: datetime,
        tally: Tally,
    ) -> None:
        self._settings = settings
        self._database = database
        self._reader = reader
        self._archive = archive
        self._now = now
        self._tally = tally
        self._places: list[Place] = []
        self._chronology = Chronology(now)
        self._conversations: dict[tuple[int, str], int] = {}

    async def run(self, progress: Progress) -> None:
        entries = self._archive.entries()
        while some := await asyncio.to_thread(partial(self._look, entries)):
            progress("looking through", len(self._places), 0)
            if some < _LOOK_EVERY:
                break
        self._tally.skipped = self._archive.skipped
        order = self._chronology.order()
        await self._recall()
        under_way: deque[asyncio.Task[list[OldMail]]] = deque()
        batches = self._batches(order)
        done = 0
        try:
            while True:
                while len(under_way) < _AHEAD and (batch := next(batches, None)):
                    under_way.append(asyncio.create_task(self._understand(batch)))
                if not under_way:
                    return
                mails = await under_way[0]
                under_way.popleft()
                await self._store(mails)
                done += len(mails)
                progress("importing", done, len(order))
        finally:
            for task in under_way:
                task.cancel()
            for task in under_way:
                with suppress(asyncio.CancelledError, Exception):
                    await task

    def _look(self, entries: Iterator[Entry]) -> int:
        """Learn of the next mails; returns how many."""
        count = 0
        for entry in entries:
            self._places.append(entry.place)
            self._chronology.add(entry.head, entry.filed_at)
            count += 1
            if count == _LOOK_EVERY:
                break
        return count

    async def _recall(self) -> None:
        """What the desk knows of these conversations already."""
        numbers = dict(self._chronology.conversations())
        found = await self._database.read(lambda connection: importing.find_conversations(connection, list(numbers)))
        for message_id, tickets in found.items():
            for key, ticket_id in tickets.items():
                self._conversations[numbers[message_id], key] = ticket_id
                self._conversations[numbers[message_id], ANYBODY] = ticket_id

    def _batches(self, order: list[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        size_bytes = 0
        for position in order:
            length = min(self._places[position].length_bytes, self._settings.max_message_bytes)
            if batch and (len(batch) == BATCH_MAILS or size_bytes + length > LONGEST_BATCH_BYTES):
                yield batch
                batch, size_bytes = [], 0
            batch.append(position)
            size_bytes += length
        if batch:
            yield batch

    async def _understand(self, positions: list[int]) -> list[OldMail]:
        """Read the mails of a batch. Raises NoWorker, which passes, and OSError where the archive does."""
        taken = [at for at in positions if self._places[at].length_bytes <= self._settings.max_message_bytes]
        contents = await asyncio.to_thread(self._contents, taken)
        known = await self._database.read(
            lambda connection: importing.known_fingerprints(connection, [digest for _, digest in contents])
        )
        # What is known need not be read again; whether it still is, is seen when the batch is stored.
        new = [raw for raw, digest in contents if digest not in known]
        readings = iter(await self._reader.read_many(new, authserv_id="", trusted=False))
        mails = {
            at: self._mail(at, raw, digest, _NOT_READ if digest in known else self._reading(next(readings)))
            for at, (raw, digest) in zip(taken, contents, strict=True)
        }
        for position in set(positions) - set(taken):
            mails[position] = await asyncio.to_thread(self._refused, position)
        return [mails[at] for at in positions]

    def _contents(self, positions: list[int]) -> list[tuple[bytes, str]]:
        raws = [self._archive.read(self._places[at]) for at in positions]
        return [(raw, fingerprint(raw)) for raw in raws]

    def _mail(self, position: int, raw: bytes, digest: str, found: Reading) -> OldMail:
        return OldMail(
            reading=found,
            fingerprint=digest,
            size_bytes=len(raw),
            packed=None if found is _NOT_READ else pack(raw),
            written_at=self._chronology.written_at(position),
            conversation=self._chronology.conversation(position),
        )

    def _reading(self, found: InboundMessage | Unreadable) -> Reading:
        if isinstance(found, Unreadable):
            return Reading(message=None, failure=f"cannot be understood: {found}")
        try:
            return Reading(message=found, clues=read_clues(self._settings, found, ()))
        except Exception as error:
            return Reading(message=None, failure=f"cannot be understood: {type(error).__name__} in its clues")

    def _refused(self, position: int) -> OldMail:
        """A mail above the limit: its header alone is kept, in the ledger."""
        place = self._places[position]
        head = self._archive.read(replace(place, length_bytes=HEAD_BYTES))
        try:
            message: InboundMessage | None = replace(parse_message(head), attachments=(), remarks=())
        except Unreadable:
            message = None
        return OldMail(
            reading=Reading(message=message),
            fingerprint=fingerprint(head + f"\n{place.length_bytes} bytes".encode()),
            size_bytes=place.length_bytes,
            packed=None,
            written_at=self._chronology.written_at(position),
            conversation=self._chronology.conversation(position),
            refusal=f"too large: {place.length_bytes:,} bytes, HELPDESK_MAX_MESSAGE_BYTES says at most "
            f"{self._settings.max_message_bytes:,}",
        )

    async def _store(self, mails: list[OldMail], *, is_repeated: bool = False) -> None:
        """Store a batch; one that the database does not take is halved, until the bad mail stands alone."""
        try:
            done = await self._write(mails)
        except Exception as error:
            if not _is_of_a_mail(error):
                raise
            if len(mails) > 1:
                await self._store(mails[: len(mails) // 2])
                await self._store(mails[len(mails) // 2 :])
                return
            if isinstance(error, IntegrityError) and not is_repeated:
                # Somebody else has just stored the same mail, or made the same person: then it is known now.
                await self._store(mails, is_repeated=True)
                return
            _log.warning("a mail's content does not fit into the database: %s", type(error).__name__)
            failure = f"cannot be stored as a message: {type(error).__name__}"
            done = await self._write([replace(mails[0], reading=Reading(message=None, failure=failure))])
        for one in done:
            self._conversations.update(one.conversations)
            if one.outcome is None:
                self._tally.known += 1
            else:
                self._tally.outcomes[one.outcome] += 1

    async def _write(self, mails: list[OldMail]) -> list[Imported]:
        return await self._database.write(
            lambda connection: importing.import_mails(
                connection,
                self._settings,
                mails=mails,
                conversations=self._conversations,
                now=self._now,
            )
        )


def _is_of_a_mail(error: Exception) -> bool:
    """Whether it may be the content of a mail that makes trouble, and not the database, the disk or the space."""
    return isinstance(error, DataError | IntegrityError) or not isinstance(error, SQLAlchemyError | OSError | DeskError)
